/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "vmm/watch_kernel.h"

/* Messages of Linux as they were seen, of versions from 4.9 to 6.18. */
static const char *const reports[] = {
	/* both architectures */
	"Kernel panic - not syncing: VFS: Unable to mount root fs on "
	"unknown-block(0,0)",
	"Kernel panic - not syncing: Attempted to kill init! "
	"exitcode=0x0000000b",
	"Kernel panic - not syncing: Fatal exception in interrupt",
	"Kernel panic - not syncing: sysrq triggered crash",
	"Kernel panic - not syncing: hung_task: blocked tasks",
	"---[ end Kernel panic - not syncing: No working init found. ]---",
	"kernel BUG at mm/slub.c:448!",
	"BUG: kernel NULL pointer dereference, address: 0000000000000000",
	"BUG: unable to handle page fault for address: ffffc90000a3f000",
	"BUG: unable to handle kernel paging request at ffffffffa0123456",
	"BUG: sleeping function called from invalid context at "
	"kernel/locking/mutex.c:283",
	"BUG: scheduling while atomic: swapper/0/0/0x00000100",
	"BUG: Bad page state in process kworker/0:1  pfn:12345",
	"BUG: Bad rss-counter state mm:00000000c5a1c1b5 idx:1 val:1",
	"BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck "
	"for 34s!",
	"BUG: KASAN: slab-out-of-bounds in kmalloc_oob_right+0xa8/0xbc "
	"[test_kasan]",
	"BUG: KASAN: use-after-free in ip6_send_skb+0x2f5/0x330",
	"BUG: KFENCE: out-of-bounds read in test_out_of_bounds_read+0xa6/0x234",
	"BUG: KCSAN: data-race in test_kernel_read / test_kernel_write",
	"BUG: KMSAN: uninit-value in test_uninit_kmsan_check_memory+0x1be",
	"BUG kmalloc-64 (Not tainted): Redzone overwritten",
	"BUG dentry (Tainted: G    B  ): Object already free",
	"watchdog: BUG: soft lockup - CPU#1 stuck for 45s! [rtcwake:72543]",
	"BUG: soft lockup - CPU#0 stuck for 22s! [insmod:123]",
	"watchdog: Watchdog detected hard LOCKUP on cpu 3",
	"NMI watchdog: Watchdog detected hard LOCKUP on cpu 0",
	"INFO: task kworker/u8:0:7 blocked for more than 120 seconds.",
	"INFO: task jbd2/vda1-8:168 blocked for more than 241 seconds.",
	"rcu: INFO: rcu_preempt self-detected stall on CPU",
	"rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
	"rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { "
	"0-... } 6 jiffies s: 85 root: 0x1/.",
	"INFO: rcu_sched self-detected stall on CPU",
	"INFO: rcu_sched detected stalls on CPUs/tasks: { 2} (detected by 7)",
	"INFO: rcu_tasks detected stalls on tasks:",
	"UBSAN: array-index-out-of-bounds in drivers/net/foo.c:12:3",
	"UBSAN: shift-out-of-bounds in ./include/linux/log2.h:57:13",
	"WARNING: possible circular locking dependency detected",
	"WARNING: possible recursive locking detected",
	"WARNING: possible irq lock inversion dependency detected",
	"WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
	"WARNING: inconsistent lock state",
	"WARNING: suspicious RCU usage",
	/* x86_64 */
	"Oops: 0002 [#1] SMP PTI",
	"Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI",
	"Oops: general protection fault, probably for non-canonical address "
	"0xdffffc0000000000: 0000 [#1] SMP KASAN",
	"general protection fault, probably for non-canonical address "
	"0xdead000000000100: 0000 [#1] SMP NOPTI",
	"general protection fault: 0000 [#1] SMP",
	"invalid opcode: 0000 [#1] SMP PTI",
	"divide error: 0000 [#1] PREEMPT SMP",
	"stack segment: 0000 [#1] SMP",
	"int3: 0000 [#1] SMP",
	"double fault: 0000 [#1] SMP",
	"traps: PANIC: double fault, error_code: 0x0",
	"PANIC: double fault, error_code: 0x0",
	"PANIC: early exception 0x0e IP 10:ffffffff81a2b3c4 error 0 cr2 0x8",
	"BUG: stack guard page was hit at 00000000f2a0b5c4 (stack is "
	"00000000aabbccdd..00000000eeff0011)",
	/* aarch64 */
	"Unable to handle kernel NULL pointer dereference at virtual address "
	"0000000000000000",
	"Unable to handle kernel paging request at virtual address "
	"ffff80001000f000",
	"Unable to handle kernel read from unreadable memory at virtual "
	"address 0000000000000010",
	"Internal error: Oops: 96000004 [#1] PREEMPT SMP",
	"Internal error: Oops: 0000000096000044 [#1] SMP",
	"Internal error: Oops - BUG: 00000000f2000800 [#1] SMP",
	"Internal error: Oops - Undefined instruction: 0000000002000000 [#1]",
	"Internal error: synchronous external abort: 96000210 [#1] SMP",
	"Insufficient stack space to handle exception!",
	"SError Interrupt on CPU2, code 0x00000000be000011 -- SError",
	"Bad mode in Synchronous Abort handler detected on CPU1, code "
	"0x86000006",
	"Unhandled 64-bit el1h sync exception on CPU0, ESR 0x0000000002000000",
	"Unexpected kernel BRK exception at EL1",
};

/* What is said of a guest in which nothing is wrong with the kernel. */
static const char *const harmless[] = {
	"",
	" ",
	"[",
	"[    1.0",
	"[    0.000000] ",
	"[    0.000000] Linux version 6.1.0-18-cloud-amd64",
	"[    0.000000] Command line: panic=-1 oops=panic console=ttyS0",
	"[    0.000000] Kernel command line: panic=-1 oops=panic "
	"hung_task_panic=1",
	"[    0.000000] [Firmware Bug]: TSC doesn't count with P0 frequency!",
	"[    0.000000] Spectre V2 : Mitigation: Retpolines",
	"[    0.012000] rcu: Hierarchical RCU implementation.",
	"[    0.012000] rcu: \tRCU calculated value of scheduler-enlistment "
	"delay is 25 jiffies.",
	"[    0.100000] NMI watchdog: Enabled. Permanently consumes one hw-PMU "
	"counter.",
	"[    0.100000] watchdog: Delayed init of the lockup detector failed",
	"[    0.200000] ACPI BIOS Error (bug): Could not resolve symbol "
	"[\\_SB.PCI0], AE_NOT_FOUND",
	"[    0.300000] pvpanic-mmio QEMU0001:00: registered",
	"[    0.400000] kfence: initialized - using 2097152 bytes for 255 "
	"objects",
	"[    0.400000] Lockdep is turned off",
	"[    0.400000] KASLR disabled due to lack of seed",
	"[    1.000000] WARNING: CPU: 0 PID: 1 at kernel/foo.c:12 "
	"foo+0x12/0x34",
	"[    1.000000] WARNING! power/level is deprecated",
	"[    1.000000] printk: 12 messages suppressed",
	"[    2.000000] traps: a.out[123] general protection fault ip:401136 "
	"sp:7ffd5f2a error:0 in a.out[401000+1000]",
	"[    2.000000] traps: a.out[7] trap invalid opcode ip:401 sp:7f "
	"error:0",
	"[    2.000000] a.out[124]: segfault at 0 ip 0000000000401136 sp "
	"00007ffd error 6 in a.out",
	"[    2.000000] a.out[124]: unhandled exception: DABT (lower EL), ESR "
	"0x92000046",
	"[    2.000000] Out of memory: Killed process 99 (stress) "
	"total-vm:1234kB",
	"[    2.000000] oom-kill:constraint=CONSTRAINT_NONE,task=stress",
	"[    2.000000] stress invoked oom-killer: gfp_mask=0x140cca",
	"[    2.000000] INFO: task started",
	"[    3.000000] reboot: Power down",
	"Testing: Kernel panic - not syncing is what we wait for",
	"grep 'BUG: ' dmesg",
	"+ dmesg | grep -q 'Oops: '",
	"not ok 1 - no BUG: in the log",
	"DEBUG: BUG: not one",
	"Oops: I typed the wrong thing",
	"BUG report at https://bugs.debian.org/",
	"BUGS: none",
	"general protection fault is what GP stands for",
	"kernel panic is handled by panic=1",
	"[1.5] BUG",
	"[foo] BUG: x",
	"[ 12] BUG: x",
	"[ 1.2]BUG: x",
	"[T12] x",
	"[    1.0] [   T1] all is well",
};

/* Each as printk would send it to a console. */
static void reports_are_found(void **state)
{
	static const char *const before[] = {
		"",
		"[    0.000000] ",
		"[12345.678901] ",
		"[    1.234567][    T1] ",
		"[    1.234567] [ T123] ",
		"[   T42] ",
		"<2>[    1.0] ",
		"** 12 printk messages dropped ** [    9.5] ",
		"debian login: [    9.512345] ",
		"[  OK  ] Started [    9.512345][   C3] ",
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		for (size_t j = 0; j < sizeof(before) / sizeof(before[0]);
		     j++) {
			snprintf(line, sizeof(line), "%s%s", before[j],
				 reports[i]);
			if (!watch_kernel_report(line))
				fail_msg("missed: %s", line);
		}
	}
}

static void others_are_not(void **state)
{
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (watch_kernel_report(harmless[i]))
			fail_msg("taken for a report: %s", harmless[i]);
	}
	/* Somebody's words about a report, be they behind a stamp. */
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		snprintf(line, sizeof(line), "[    1.5] init: no %s",
			 reports[i]);
		if (watch_kernel_report(line))
			fail_msg("taken for a report: %s", line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_are_found),
		cmocka_unit_test(others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
