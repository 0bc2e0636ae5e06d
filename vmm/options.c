/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/options.h"

#include <string.h>

#include "core/plan.h"
#include "devices/virtio_blk.h"
#include "vmm/conf.h"

#define AT(member)	  offsetof(struct conf, member)
#define VFIO_AT(member)	  offsetof(struct conf_vfio, member)
#define MODULE_AT(member) offsetof(struct conf_module, member)
#define DISK_AT(member)	  offsetof(struct conf_disk, member)

#define VSOCK_AT(member)  offsetof(struct conf_vsock, member)
#define NET_AT(member)	  offsetof(struct conf_net, member)

#define SHARE_AT(member)  offsetof(struct conf_share, member)

#define BOOT		  "Boot"
#define MACHINE		  "Machine"
#define DEVICES		  "Devices"
#define CONTRACT	  "Boot test"
#define PLAN		  "Plan"
#define TEST		  "Test"
#define OTHER		  "Other"

#define FOR(command)	  (1u << (command))

/* clang-format off */
static const struct option_def options[] = {
	{ "kernel", 'k', true, VALUE_PATH, AT(kernel), "FILE", BOOT,
	  "kernel image to boot", "image vmlinux bzimage" },
	{ "kernel-format", 0, true, VALUE_KERNEL_FORMAT, AT(kernel_format),
	  "auto|flat", BOOT, "aarch64: flat is code without a header (auto)",
	  "format bare-metal raw" },
	{ "initrd", 'i', true, VALUE_PATH, AT(initrd), "FILE", BOOT,
	  "initial RAM disk", "initramfs ramdisk" },
	{ "module", 0, false, VALUE_MODULE, AT(module), "FILE[,args=TEXT]",
	  BOOT, "x86_64: a multiboot kernel's; repeatable", "multiboot mod" },
	{ "cmdline", 0, true, VALUE_TEXT, AT(cmdline), "TEXT", BOOT,
	  "kernel command line", "append params args" },
	{ "init", 0, false, VALUE_TEXT, AT(init), "COMMAND", BOOT,
	  "run this in an initramfs of its own", "exec script" },
	{ "root", 0, false, VALUE_PATH, AT(root), "DIR", BOOT,
	  "folder to be packed as initramfs", "rootfs" },
	{ "dump-fdt", 0, false, VALUE_PATH, AT(dump_fdt), "FILE", BOOT,
	  "aarch64: keep a copy of the device tree", "dumpdtb dtb" },
	{ "cpus", 'c', true, VALUE_NUMBER, AT(cpus), "COUNT", MACHINE,
	  "virtual processors (1)", "smp vcpus cores" },
	{ "cpu-off", 0, true, VALUE_CPU_OFF, AT(cpu_off), "pmu,sve,pauth",
	  MACHINE, "CPU features kept from the guest (none)",
	  "pmu sve pauth cpu-features" },
	{ "cpu-affinity", 0, true, VALUE_AFFINITY, AT(cpu_affinity), "LIST",
	  MACHINE, "host CPUs of the vCPUs: 2-5, or 2-3/4-5",
	  "affinity cpuset pin taskset vcpupin" },
	{ "rt-priority", 0, true, VALUE_NUMBER, AT(rt_priority), "NUMBER",
	  MACHINE, "real-time priority of vCPUs: 1 to 99 (none)",
	  "realtime fifo rtprio sched" },
	{ "memory", 'm', true, VALUE_SIZE, AT(memory), "SIZE", MACHINE,
	  "guest RAM, such as 512M or 4G (512M)", "ram" },
	{ "hugepages", 0, true, VALUE_HUGEPAGES, AT(hugepages), "SIZE|no",
	  MACHINE, "reserved huge pages for RAM, such as 2M (no)",
	  "hugetlb hugetlbfs mem-path" },
	{ "prefault", 0, true, VALUE_BOOL, AT(prefault), "yes|no", MACHINE,
	  "take all RAM before the guest starts (no)", "prealloc mlock" },
	{ "slot-zap-all", 0, true, VALUE_BOOL, AT(slot_zap_all), "yes|no",
	  MACHINE, "KVM drops page tables when a BAR goes (no)",
	  "quirk quirks" },
	{ "console", 0, true, VALUE_CONSOLE, AT(console), "WHERE", DEVICES,
	  "serial port: stdio, none, file:, pty, socket:", "serial tty" },
	{ "hvc", 0, true, VALUE_CONSOLE, AT(hvc), "WHERE", DEVICES,
	  "virtio console hvc0: as for --console (none)", "virtio-console" },
	{ "port", 0, false, VALUE_PORT, AT(port), "NAME[,KEY=VALUE]", DEVICES,
	  "a named port of the virtio console",
	  "virtserialport serial-port" },
	{ "timestamps", 0, true, VALUE_BOOL, AT(timestamps), "yes|no", DEVICES,
	  "each console line begins with its time (no)", "timestamp times" },
	{ "vfio", 0, false, VALUE_VFIO, AT(vfio), "ADDRESS[,KEY=VALUE]",
	  DEVICES, "give the guest a PCI device; repeatable",
	  "device vfio-pci passthrough pci" },
	{ "disk", 0, false, VALUE_DISK, AT(disk), "FILE[,KEY=VALUE]",
	  DEVICES, "disk image or block device; repeatable",
	  "drive hda blockdev virtio-blk image" },
	{ "net", 0, false, VALUE_NET, AT(net), "KIND[,KEY=VALUE]", DEVICES,
	  "network card: tap:NAME or passt; repeatable",
	  "netdev network nic tap virtio-net" },
	{ "rng", 0, true, VALUE_BOOL, AT(rng), "yes|no", DEVICES,
	  "entropy from the host (no)", "entropy random virtio-rng" },
	{ "balloon", 0, true, VALUE_BALLOON, AT(balloon), "SIZE|no", DEVICES,
	  "memory the guest gives back; 0: if free (no)",
	  "virtio-balloon ballooning" },
	{ "watchdog", 0, true, VALUE_WATCHDOG, AT(watchdog), "off|reset|fail",
	  DEVICES, "i6300esb: what a hung guest comes to (off)",
	  "i6300esb watchdog-action" },
	{ "vsock", 0, false, VALUE_VSOCK, AT(vsock), "CID[,KEY=VALUE]", DEVICES,
	  "sockets between host and guest", "virtio-vsock vhost-vsock" },
	{ "guest-notify", 0, true, VALUE_BOOL, AT(guest_notify), "yes|no",
	  DEVICES, "hear what systemd in the guest reports (no)",
	  "notify-socket vmm.notify_socket" },
	{ "share", 0, false, VALUE_SHARE, AT(share), "TAG[,KEY=VALUE]", DEVICES,
	  "a directory for the guest; repeatable",
	  "virtio-fs virtiofs virtiofsd fs 9p folder" },
	{ "iommu", 0, true, VALUE_BACKEND, AT(iommu), "auto|type1|iommufd",
	  DEVICES, "how devices are given DMA (auto)", "backend" },
	{ "p2p", 0, true, VALUE_P2P, AT(p2p), "auto|on|off", DEVICES,
	  "DMA from device to device (auto: with two)",
	  "peer-to-peer" },
	{ "timeout", 0, true, VALUE_SECONDS, AT(timeout_ms), "SECONDS",
	  CONTRACT, "how long the guest may run (0: no limit)",
	  "time-limit" },
	{ "expect", 0, true, VALUE_REGEX, AT(expect), "REGEX", CONTRACT,
	  "a line the console has to show; repeatable", "match" },
	{ "fail-on", 0, true, VALUE_REGEX, AT(fail_on), "REGEX", CONTRACT,
	  "a line that ends the VM; repeatable", "forbid reject" },
	{ "fail-on-oops", 0, true, VALUE_BOOL, AT(fail_on_oops), "yes|no",
	  CONTRACT, "the same for trouble that Linux reports (no)",
	  "oops panic" },
	{ "until", 0, true, VALUE_REGEX, AT(until), "REGEX", CONTRACT,
	  "a line that ends the VM well; repeatable", "stop-on" },
	{ "on-reboot", 0, true, VALUE_ON_REBOOT, AT(on_reboot),
	  "exit|restart", CONTRACT, "what the guest's reboot does (exit)",
	  "no-reboot reboot" },
	{ "svg", 0, false, VALUE_PATH, AT(svg), "FILE", PLAN,
	  "draw the plan, too, as a picture", "picture draw" },
	{ "what-if", 0, false, VALUE_PATH, AT(what_if), "FILE", PLAN,
	  "plan the BARs described there, no hardware", "whatif" },
	{ "jobs", 'j', false, VALUE_NUMBER, AT(suite.jobs), "COUNT", TEST,
	  "tests at a time (one per processor)", "parallel" },
	{ "memory-budget", 0, false, VALUE_SIZE, AT(suite.memory), "SIZE",
	  TEST, "of guests at a time (3/4 of what is free)", NULL },
	{ "cpu-budget", 0, false, VALUE_NUMBER, AT(suite.cpus), "COUNT", TEST,
	  "of guests at a time (one per processor)", NULL },
	{ "retries", 0, false, VALUE_NUMBER, AT(suite.retries), "COUNT", TEST,
	  "try a failed test so many times more (0)", "rerun" },
	{ "filter", 0, false, VALUE_TEXT, AT(suite.filter), "GLOB", TEST,
	  "only tests whose name is like that", "match only" },
	{ "logs", 0, false, VALUE_PATH, AT(suite.logs), "DIR", TEST,
	  "where consoles are kept (barge-logs)", "log-dir" },
	{ "junit", 0, false, VALUE_PATH, AT(suite.junit), "FILE", TEST,
	  "write a report in JUnit XML", "xml" },
	{ "tap", 0, false, VALUE_BOOL, AT(suite.tap), "yes|no", TEST,
	  "print TAP version 14", NULL },
	{ "json", 0, false, VALUE_BOOL, AT(json), "yes|no", OTHER,
	  "plan, devices, doctor: print for programs", NULL },
	{ "force", 0, false, VALUE_BOOL, AT(force), "yes|no", OTHER,
	  "bind, unbind: although the device is in use", NULL },
	{ "pidfile", 0, true, VALUE_PATH, AT(pidfile), "FILE", OTHER,
	  "process id, while the guest runs", "pid-file" },
	{ "ready", 0, true, VALUE_READY, AT(ready), "start|guest", OTHER,
	  "who tells systemd that it is up (start)", "notify sd-notify" },
	{ "verbose", 'v', true, VALUE_BOOL, AT(verbose), "yes|no", OTHER,
	  "tell on standard error what is being done", "debug" },
	{ "help", 'h', false, VALUE_NONE, 0, NULL, OTHER,
	  "print this help", "usage" },
	{ "version", 'V', false, VALUE_NONE, 0, NULL, OTHER,
	  "print the version", NULL },
};

static const struct option_def vfio_options[] = {
	{ "address", 0, true, VALUE_ADDRESS, VFIO_AT(address), "ADDRESS", NULL,
	  "where the device is, such as 0000:01:00.0", "host bdf" },
	{ "msix", 0, true, VALUE_MSIX, VFIO_AT(msix), "auto|inplace|relocate",
	  NULL, "where the guest finds the MSI-X table (auto)", "msi-x" },
	{ "on-error", 0, true, VALUE_ON_ERROR, VFIO_AT(on_error), "stop|ignore",
	  NULL, "what a device error does (stop the VM)", "aer" },
	{ "request-timeout", 0, true, VALUE_NUMBER, VFIO_AT(request_timeout),
	  "SECONDS", NULL, "for the guest to give the device up (10)", "timeout" },
	{ "rom", 0, true, VALUE_ROM, 0, "auto|on|off|FILE", NULL,
	  "expansion ROM that the guest finds (auto)",
	  "romfile rombar vbios option-rom" },
};

static const struct option_def module_options[] = {
	{ "file", 0, true, VALUE_FILE, MODULE_AT(file), "FILE", NULL,
	  "what is loaded", "path" },
	{ "args", 0, true, VALUE_LINE, MODULE_AT(args), "TEXT", NULL,
	  "what the kernel is told with it (nothing)", "cmdline" },
};

/* The keys of [test]. */
static const struct option_def test_options[] = {
	{ "name", 0, true, VALUE_TEXT, AT(test.name), "TEXT", NULL,
	  "what it is called in reports", "title" },
	{ "status", 0, true, VALUE_STATUS, AT(test.status), "STATUS", NULL,
	  "how barge run has to end", "exit expect-status" },
	{ "init", 0, true, VALUE_TEXT, AT(init), "COMMAND", NULL,
	  "run this in an initramfs of its own", "command exec" },
	{ "root", 0, true, VALUE_PATH, AT(root), "DIR", NULL,
	  "folder to be packed as initramfs", "rootfs" },
	{ "xfail", 0, true, VALUE_BOOL, AT(test.xfail), "yes|no", NULL,
	  "it is known to fail", "todo expected-failure" },
	{ "reason", 0, true, VALUE_TEXT, AT(test.reason), "TEXT", NULL,
	  "why it fails", "why because" },
	{ "arch", 0, true, VALUE_MACHINE, AT(test.arch), "x86_64|aarch64", NULL,
	  "the only architecture it is for", "machine" },
	{ "needs", 0, true, VALUE_TEXT, AT(test.needs), "WORD,...", NULL,
	  "what has to be there, otherwise it is skipped", "requires skip-if" },
};

static const struct option_def vsock_options[] = {
	{ "cid", 0, true, VALUE_CID, VSOCK_AT(cid), "CID", NULL,
	  "the guest's address: 3 or more, or auto", "guest-cid" },
	{ "socket", 0, true, VALUE_FILE, VSOCK_AT(socket), "PATH", NULL,
	  "Unix socket in the place of vhost-vsock", "uds path" },
};

static const struct option_def share_options[] = {
	{ "tag", 0, true, VALUE_TAG, SHARE_AT(tag), "TAG", NULL,
	  "by which the guest mounts it", "mount_tag name" },
	{ "path", 0, true, VALUE_FILE, SHARE_AT(path), "DIR", NULL,
	  "the directory, served by virtiofsd", "dir source directory" },
	{ "socket", 0, true, VALUE_FILE, SHARE_AT(socket), "PATH", NULL,
	  "where a virtiofsd of yours listens", "chardev" },
};

static const struct option_def disk_options[] = {
	{ "path", 0, true, VALUE_FILE, DISK_AT(path), "FILE", NULL,
	  "raw image, or block device", "file image" },
	{ "readonly", 0, true, VALUE_BOOL, DISK_AT(readonly), "yes|no", NULL,
	  "the guest may not write (no)", "ro read-only" },
	{ "format", 0, true, VALUE_DISK_FORMAT, DISK_AT(raw), "raw", NULL,
	  "it is raw, whatever it looks like", "type" },
	{ "serial", 0, true, VALUE_SERIAL, DISK_AT(serial), "TEXT", NULL,
	  "serial number that the guest sees (none)", "id" },
	{ "direct", 0, true, VALUE_BOOL, DISK_AT(direct), "yes|no", NULL,
	  "past the host's page cache, O_DIRECT (no)", "cache o_direct" },
	{ "block-size", 0, true, VALUE_BLOCK_SIZE, DISK_AT(block_size),
	  "512|4096", NULL, "logical blocks (512, or what direct needs)",
	  "logical_block_size" },
	{ "discard", 0, true, VALUE_BOOL, DISK_AT(discard), "yes|no", NULL,
	  "the guest may free blocks (yes)", "unmap trim" },
	{ "queues", 0, true, VALUE_DISK_QUEUES, DISK_AT(queues), "COUNT", NULL,
	  "request queues (one for each vCPU)", "num-queues num_queues" },
	{ "io", 0, true, VALUE_DISK_IO, DISK_AT(io), "auto|uring|threads",
	  NULL, "how the host reads and writes (auto)", "aio" },
};

static const struct option_def net_options[] = {
	{ "kind", 0, true, VALUE_NET_KIND, NET_AT(kind), "KIND", NULL,
	  "tap:NAME, fd:N, passt or passt:SOCKET", "type backend" },
	{ "mac", 0, true, VALUE_MAC, NET_AT(mac), "MAC", NULL,
	  "the card's address (made up, always the same)",
	  "macaddr address hwaddr" },
	{ "queues", 0, true, VALUE_PAIRS, NET_AT(queues), "COUNT", NULL,
	  "pairs of queues, for as many processors (1)", "mq" },
	{ "mtu", 0, true, VALUE_MTU, NET_AT(mtu), "BYTES", NULL,
	  "tell the guest to send no larger packets", "host_mtu" },
	{ "vhost", 0, true, VALUE_VHOST, NET_AT(vhost), "auto|on|off", NULL,
	  "frames are moved by the host's kernel (auto)", "vhost-net" },
};

/* Options that are not for run, plan and test alike. */
static const struct {
	const char *name;
	unsigned int commands;
} limited[] = {
	{ "memory", FOR(COMMAND_RUN) | FOR(COMMAND_PLAN) | FOR(COMMAND_TEST) |
			    FOR(COMMAND_DOCTOR) },
	{ "console", FOR(COMMAND_RUN) | FOR(COMMAND_PLAN) },
	{ "pidfile", FOR(COMMAND_RUN) | FOR(COMMAND_PLAN) },
	{ "ready", FOR(COMMAND_RUN) | FOR(COMMAND_PLAN) },
	{ "init", FOR(COMMAND_RUN) | FOR(COMMAND_TEST) },
	{ "root", FOR(COMMAND_RUN) | FOR(COMMAND_TEST) },
	{ "jobs", FOR(COMMAND_TEST) },
	{ "memory-budget", FOR(COMMAND_TEST) },
	{ "cpu-budget", FOR(COMMAND_TEST) },
	{ "retries", FOR(COMMAND_TEST) },
	{ "filter", FOR(COMMAND_TEST) },
	{ "logs", FOR(COMMAND_TEST) },
	{ "junit", FOR(COMMAND_TEST) },
	{ "tap", FOR(COMMAND_TEST) },
	{ "json",
	  FOR(COMMAND_PLAN) | FOR(COMMAND_DEVICES) | FOR(COMMAND_DOCTOR) },
	{ "force", FOR(COMMAND_BIND) | FOR(COMMAND_UNBIND) },
	{ "dump-fdt", FOR(COMMAND_RUN) },
	{ "svg", FOR(COMMAND_PLAN) },
	{ "what-if", FOR(COMMAND_PLAN) },
};

static const char *const commands[] = {
	[COMMAND_RUN] = "run",
	[COMMAND_PLAN] = "plan",
	[COMMAND_DEVICES] = "devices",
	[COMMAND_DOCTOR] = "doctor",
	[COMMAND_BIND] = "bind",
	[COMMAND_UNBIND] = "unbind",
	[COMMAND_TEST] = "test",
	[COMMAND_HELP] = "help",
	[COMMAND_VERSION] = NULL, /* an option */
};

static const char *const expected[] = {
	[VALUE_NONE] = "no value",
	[VALUE_PATH] = "the name of a file",
	[VALUE_TEXT] = "a text",
	[VALUE_NUMBER] = "a whole number such as 4",
	[VALUE_SIZE] = "a size such as 512M or 4G",
	[VALUE_BOOL] = "yes or no",
	[VALUE_CONSOLE] = ("stdio, none, file:PATH[,append=yes]"
			  "[,max-size=SIZE], pty[:LINK] or socket:PATH"),
	[VALUE_MSIX] = "auto, inplace or relocate",
	[VALUE_ON_ERROR] = "stop or ignore",
	[VALUE_ROM] = "auto, on, off or the name of a file",
	[VALUE_BACKEND] = "auto, type1 or iommufd",
	[VALUE_P2P] = "auto, on or off",
	[VALUE_CPU_OFF] = "some of pmu,sve,pauth, or none",
	[VALUE_STATUS] = "an exit status, 0 to 255, such as 3 or 64+3",
	[VALUE_MACHINE] = "x86_64 or aarch64",
	[VALUE_KERNEL_FORMAT] = "auto or flat",
	[VALUE_HUGEPAGES] = "the size of a huge page such as 2M, or no",
	[VALUE_AFFINITY] = ("host CPUs such as 2-5 or 2,4, one for each vCPU, "
			   "or sets of them such as 2-3/4-5"),
	[VALUE_READY] = "start or guest",
	[VALUE_ADDRESS] = "a PCI address such as 0000:01:00.0",
	[VALUE_SECONDS] = "seconds such as 30 or 1.5",
	[VALUE_REGEX] = "a regular expression",
	[VALUE_ON_REBOOT] = "exit or restart",
	[VALUE_BALLOON] = "a size such as 256M, 0, or no",
	[VALUE_WATCHDOG] = "off, reset or fail",
	[VALUE_FILE] = "the name of a file",
	[VALUE_WORD] = "a word of at most 63 characters",
	[VALUE_LINE] = "a text of at most 1023 characters",
	[VALUE_MODULE] = "the name of a file",
	[VALUE_PORT] = "the name of a port such as org.example.0",
	[VALUE_CID] = "a number from 3 to 4294967294, or auto",
	[VALUE_VSOCK] = "a number from 3 to 4294967294, or auto",
	[VALUE_TAG] = "a word of at most 36 bytes",
	[VALUE_SHARE] = "a word of at most 36 bytes",
	[VALUE_DISK_FORMAT] = ("raw, the only format there is; others become raw "
			      "with: qemu-img convert -O raw OLD NEW"),
	[VALUE_DISK_IO] = "auto, uring or threads",
	[VALUE_DISK_QUEUES] = "a number from 1 to 16",
	[VALUE_BLOCK_SIZE] = "512 or 4096",
	[VALUE_SERIAL] = "at most 20 letters, digits, points, - and _",
	[VALUE_NET_KIND] = "tap:NAME, fd:N, passt or passt:SOCKET",
	[VALUE_MAC] = "six bytes of one station such as 52:54:00:12:34:56",
	[VALUE_PAIRS] = "a number from 1 to 16",
	[VALUE_MTU] = "a number of bytes from 68 to 65535",
	[VALUE_VHOST] = "auto, on or off",
	[VALUE_NET] = "tap:NAME, fd:N, passt or passt:SOCKET",
	[VALUE_VFIO] = "a PCI address such as 0000:01:00.0",
	[VALUE_DISK] = "the name of a raw disk image",
	[VALUE_PAGE_SIZE] = "4096, 16384 or 65536",
	[VALUE_PAGE_X86] = "4096, as x86_64 has no other pages",
	[VALUE_ARCH] = "x86_64 or aarch64",
	[VALUE_THP] = "always, madvise, never or absent",
	[VALUE_KERNEL] = "a version of Linux such as 6.12",
	[VALUE_BYTES] = "bytes such as 0x2f00f00000, 16384 or 64G",
	[VALUE_BAR] = "mem64, mem32 or io",
	[VALUE_BAR_OFFSET] = "a BAR, 0 to 7, and an offset such as 0:0x2000",
	[VALUE_AREA] = "an offset and a length such as 0x0+0x10000",
};
/* clang-format on */

const struct option_def *option_table(unsigned int *n)
{
	*n = sizeof(options) / sizeof(options[0]);
	return options;
}

#define LIST(kind, value, first)                                               \
	.name = #kind, .type = (value), .example = (first),                    \
	.table = kind##_options,                                               \
	.n = sizeof(kind##_options) / sizeof(kind##_options[0]),               \
	.size = sizeof(struct conf_##kind), .items = AT(kind),                 \
	.count = AT(n_##kind),                                                 \
	.max = sizeof(((struct conf *)NULL)->kind) /                           \
	       sizeof(struct conf_##kind)

static const struct option_def port_options[] = {
	{"name", 0, true, VALUE_WORD, offsetof(struct conf_port, name), "NAME",
	 NULL, "what the guest finds it by", NULL},
	{"to", 0, true, VALUE_CONSOLE, offsetof(struct conf_port, to), "WHERE",
	 NULL, "as for --console (stdio)", "where path"},
	{"append", 0, true, VALUE_BOOL, offsetof(struct conf_port, append),
	 "yes|no", NULL, "of a file: add to what is there (no)", NULL},
	{"max-size", 0, true, VALUE_SIZE, offsetof(struct conf_port, max_size),
	 "SIZE", NULL, "of a file: then begin another one", "size"},
};

static const struct conf_vfio vfio_default = CONF_VFIO_DEFAULT;

static const struct conf_disk disk_default = CONF_DISK_DEFAULT;
static const struct conf_net net_default = {.queues = 1};

static const struct option_list lists[] = {
	{LIST(module, VALUE_MODULE, "initrd.img")},
	{LIST(port, VALUE_PORT, "org.example.0")},
	{LIST(vsock, VALUE_VSOCK, "3")},
	{LIST(share, VALUE_SHARE, "data")},
	{LIST(vfio, VALUE_VFIO, "0000:01:00.0"), .defaults = &vfio_default},
	{LIST(disk, VALUE_DISK, "disk.img"), .defaults = &disk_default},
	{LIST(net, VALUE_NET, "tap:tap0"), .defaults = &net_default},
};

_Static_assert(sizeof(lists) / sizeof(lists[0]) <= OPTION_LISTS_MAX, "lists");
_Static_assert(sizeof(struct conf_vsock) <= OPTION_ITEM_MAX, "vsock");
_Static_assert(sizeof(struct conf_share) <= OPTION_ITEM_MAX, "share");
_Static_assert(sizeof(struct conf_vfio) <= OPTION_ITEM_MAX, "vfio");
_Static_assert(sizeof(struct conf_module) <= OPTION_ITEM_MAX, "module");
_Static_assert(sizeof(struct conf_disk) <= OPTION_ITEM_MAX, "disk");
_Static_assert(sizeof(struct conf_net) <= OPTION_ITEM_MAX, "net");

const struct option_list *option_list(unsigned int i)
{
	return i < sizeof(lists) / sizeof(lists[0]) ? &lists[i] : NULL;
}

unsigned int option_list_index(const struct option_list *l)
{
	return (unsigned int)(l - lists);
}

const struct option_list *option_list_of(enum value_type type)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (lists[i].type == type)
			return &lists[i];
	}
	return NULL;
}

const struct option_list *option_list_section(const char *section)
{
	size_t len = strcspn(section, ".");

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strlen(lists[i].name) == len &&
		    memcmp(lists[i].name, section, len) == 0)
			return section[len] == '.' ? &lists[i] : NULL;
	}
	return NULL;
}

const struct option_def *option_test_table(unsigned int *n)
{
	*n = sizeof(test_options) / sizeof(test_options[0]);
	return test_options;
}

const char *const *option_commands(void)
{
	return commands;
}

unsigned int option_for(const struct option_def *o)
{
	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
		if (strcmp(o->name, limited[i].name) == 0)
			return limited[i].commands;
	}
	return FOR(COMMAND_RUN) | FOR(COMMAND_PLAN) | FOR(COMMAND_TEST);
}

const char *option_expected(enum value_type type)
{
	if ((unsigned int)type >= sizeof(expected) / sizeof(expected[0]))
		return "another value";
	return expected[type];
}

const struct option_def *option_find(const struct option_def *table,
				     unsigned int n, const char *name,
				     size_t len)
{
	for (unsigned int i = 0; i < n; i++) {
		if (strlen(table[i].name) == len &&
		    memcmp(table[i].name, name, len) == 0)
			return &table[i];
	}
	return NULL;
}
