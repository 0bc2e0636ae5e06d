// SPDX-License-Identifier: Apache-2.0
#include "vmm/watch_kernel.h"

#include <stddef.h>
#include <string.h>

/*
 * How it works: a message begins at the start of the line, or behind the time
 * stamp that printk puts before it, "[   12.345678] " or "[   12.345678][  T1]
 * ", wherever that is: a process may have left its line unfinished. There it is
 * compared with the table. What stands elsewhere in a line is somebody talking
 * about a panic.
 */

struct report {
	const char *begin; /* of the message */
	const char *also;  /* somewhere behind that, or NULL */
};

/* Texts of Linux 4.19 to 6.18 (linux-messages). */
static const struct report reports[] = {
	/* kernel/panic.c, kernel/reboot.c */
	{"Kernel panic - not syncing", NULL},
	{"---[ end Kernel panic", NULL},
	/* lib/bug.c, mm, kernel/sched, lib/kasan, kfence, kcsan, kmsan */
	{"BUG: ", NULL},
	{"kernel BUG at ", NULL},
	{"Kernel BUG at ", NULL},
	{"watchdog: BUG: ", NULL},
	{"BUG ", "(Not tainted): "},
	{"BUG ", "(Tainted: "},
	/* arch/x86: die() and the faults that lead there */
	{"Oops: ", "[#"},
	{"PANIC: double fault", NULL},
	{"traps: PANIC: double fault", NULL},
	{"PANIC: early exception ", NULL},
	{"general protection fault", "[#"},
	{"stack segment", "[#"},
	{"segment not present", "[#"},
	{"invalid opcode: ", "[#"},
	{"invalid TSS: ", "[#"},
	{"divide error: ", "[#"},
	{"alignment check: ", "[#"},
	{"int3: ", "[#"},
	{"double fault: ", "[#"},
	{"Thread overran stack, or stack corrupted", NULL},
	{"kernel stack overflow", NULL},
	{"unable to handle kernel ", NULL},
	/* arch/arm64: the same */
	{"Unable to handle kernel ", NULL},
	{"Internal error: ", "[#"},
	{"Insufficient stack space to handle exception!", NULL},
	{"Bad mode in ", " handler detected"},
	{"SError Interrupt on CPU", NULL},
	{"Unhandled ", " exception on CPU"},
	{"Unexpected kernel ", " exception at EL1"},
	/* kernel/watchdog*.c, kernel/hung_task.c */
	{"watchdog: Watchdog detected hard LOCKUP", NULL},
	{"NMI watchdog: Watchdog detected hard LOCKUP", NULL},
	{"Watchdog detected hard LOCKUP", NULL},
	{"INFO: task ", " blocked for more than "},
	{"INFO: task ", " blocked in I/O wait for more than "},
	/* kernel/rcu/tree_stall.h, tree_exp.h */
	{"rcu: INFO: ", "detected stall"},
	{"rcu: INFO: ", "detected expedited stall"},
	{"INFO: rcu", "detected stall"},
	{"INFO: rcu", "detected expedited stall"},
	/* lib/ubsan.c */
	{"UBSAN: ", NULL},
	/* kernel/locking/lockdep.c */
	{"WARNING: possible ", "dependency detected"},
	{"WARNING: possible ", "locking detected"},
	{"WARNING: ", "-unsafe lock order detected"},
	{"WARNING: inconsistent lock state", NULL},
	{"WARNING: bad unlock balance detected", NULL},
	{"WARNING: held lock freed", NULL},
	{"WARNING: lock held when returning to user space", NULL},
	{"WARNING: suspicious RCU usage", NULL},
};

static bool reported_at(const char *message)
{
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		size_t n = strlen(reports[i].begin);

		if (strncmp(message, reports[i].begin, n) != 0)
			continue;
		if (!reports[i].also)
			return true;
		if (memmem(message + n, strlen(message + n), reports[i].also,
			   strlen(reports[i].also)))
			return true;
	}
	return false;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *blanks(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

static const char *digits(const char *s)
{
	while (digit(*s))
		s++;
	return s;
}

/* Behind "[  T123] " or "[    C0] " if that is here: CONFIG_PRINTK_CALLER. */
static const char *skip_caller(const char *s)
{
	const char *t = s;

	if (*t != '[')
		return s;
	t = blanks(t + 1);
	if ((*t != 'T' && *t != 'C') || !digit(t[1]))
		return s;
	t = digits(t + 1);
	return t[0] == ']' && t[1] == ' ' ? t + 2 : s;
}

/* Behind "[   12.345678] " if that is here, else NULL. */
static const char *skip_stamp(const char *s)
{
	if (*s != '[')
		return NULL;
	s = blanks(s + 1);
	if (!digit(*s))
		return NULL;
	s = digits(s);
	if (*s != '.' || !digit(s[1]))
		return NULL;
	s = digits(s + 1);
	if (s[0] != ']')
		return NULL;
	/* "[    1.234567][    T1] " as well */
	if (s[1] != ' ')
		return skip_caller(s + 1) > s + 1 ? skip_caller(s + 1) : NULL;
	return skip_caller(s + 2);
}

bool watch_kernel_report(const char *line)
{
	const char *at = line;

	if (reported_at(skip_caller(line)))
		return true;
	while ((at = memchr(at, '[', strlen(at)))) {
		const char *message = skip_stamp(at);

		if (message && reported_at(message))
			return true;
		at++;
	}
	return false;
}
