// SPDX-License-Identifier: Apache-2.0
/* Guest RAM as the configuration wants it, and how far that has come. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/contract.h"
#include "vmm/hugetlb.h"
#include "vmm/prefault.h"
#include "vmm/vm.h"

#define QUIET_NS 300000000u /* nobody wants to be told of less */
#define EVERY_NS 100000000u
#define ASK_NS	 1000000000u

struct progress {
	struct vm *vm;
	uint64_t start_ns;
	uint64_t told_ns;
	uint64_t asked_ns;
	unsigned int told; /* tenths that --verbose had a line of */
	bool terminal;
	bool drawn;
};

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

static uint64_t planned(const struct plan *p)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < p->n_ram; i++)
		bytes += p->ram[i].len;
	return bytes;
}

/* One line, drawn over and over. */
static void draw(struct progress *p, uint64_t done, uint64_t total)
{
	uint64_t now = vm_now_ns();

	if (now - p->start_ns < QUIET_NS || now - p->told_ns < EVERY_NS)
		return;
	p->told_ns = now;
	p->drawn = true;
	fprintf(stderr, "\rbarge: taking guest memory: %llu of %llu MiB",
		(unsigned long long)mib(done), (unsigned long long)mib(total));
	fflush(stderr);
}

/* One line for each tenth. */
static void list(struct progress *p, uint64_t done, uint64_t total)
{
	unsigned int tenth = (unsigned int)(mib(done) * 10 / mib(total));
	char text[64];

	if (tenth <= p->told)
		return;
	p->told = tenth;
	snprintf(text, sizeof(text), "%u %% of guest memory taken", 10 * tenth);
	vm_note(p->vm, text);
}

/* A service manager that waits for us is asked to wait. */
static void tell(struct progress *p, uint64_t done, uint64_t total)
{
	uint64_t half = p->vm->notify.watchdog_us * 500;
	uint64_t now = vm_now_ns();
	char text[80];

	if (now - p->asked_ns < (half && half < ASK_NS ? half : ASK_NS))
		return;
	if (half)
		notify_watchdog(&p->vm->notify);
	p->asked_ns = now;
	snprintf(text, sizeof(text), "Taking guest memory: %llu of %llu MiB",
		 (unsigned long long)mib(done), (unsigned long long)mib(total));
	notify_patience(&p->vm->notify, text);
}

/*
 * Before the first start of the guest a signal ends us. When it is started
 * anew, signals wait for the event loop, and that for us.
 */
static bool signal_waits(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGTERM) || sigismember(&set, SIGINT) ||
		sigismember(&set, SIGHUP) || sigismember(&set, SIGQUIT));
}

static bool progress(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;

	tell(p, done, total);

	if (p->vm->conf->verbose)
		list(p, done, total);
	else if (p->terminal)
		draw(p, done, total);
	return !signal_waits() && !contract_over(p->vm);
}

static int prefault(struct vm *vm, struct err *e)
{
	struct progress p = {
		.vm = vm,
		.start_ns = vm_now_ns(),
		.asked_ns = vm_now_ns(),
		.terminal = isatty(STDERR_FILENO),
	};
	int r = prefault_run(&vm->mem, vm->plan.hugepages, progress, &p);

	if (p.drawn)
		fputs("\r\033[K", stderr);
	if (r < 0)
		return err_set_num(e, r, ERR_RAM, NULL, planned(&vm->plan), 0);
	vm_took(vm, "all guest memory taken", vm_now_ns() - p.start_ns);
	return 0;
}

int vm_ram_check(struct vm *vm, struct err *e)
{
	const struct plan *p = &vm->plan;

	return p->hugepages ? hugetlb_check("", p->hugepages, planned(p), e)
			    : 0;
}

int vm_ram(struct vm *vm, struct err *e)
{
	/* virtiofsd works in it, too. */
	bool shared = vm->conf->n_share > 0;
	int r = ram_create(&vm->ram, &vm->plan, shared, &vm->mem, e);

	if (r == 0 && vm->conf->prefault)
		r = prefault(vm, e);
	return r;
}
