// SPDX-License-Identifier: Apache-2.0
#include "vmm/contract.h"

#include <stdio.h>

#include "vmm/explain.h"
#include "vmm/verdict.h"
#include "vmm/vm.h"

#define NS_PER_MS 1000000u
#define SLEEP_MAX 60000u /* ms: for what the loop's clock may be wrong */

static void on_verdict(void *ctx, enum watch_verdict v)
{
	(void)v; /* contract_finish() hears all of it */
	vm_end(ctx, VM_WATCHED);
}

int contract_start(struct vm *vm, struct err *e)
{
	int r = watch_start(&vm->watch, vm->conf, on_verdict, vm);

	return r < 0 ? err_set(e, r, ERR_HOST_CALL, "pthread_create", NULL) : 0;
}

bool contract_over(const struct vm *vm)
{
	uint64_t limit = vm->conf->timeout_ms * NS_PER_MS;

	return limit && vm_now_ns() - vm->start_ns >= limit;
}

int contract_poll(struct vm *vm, int timeout)
{
	uint64_t limit = vm->conf->timeout_ms * NS_PER_MS;
	uint64_t past = vm_now_ns() - vm->start_ns;
	uint64_t ms;

	if (!limit)
		return timeout;
	if (past >= limit) {
		vm_end(vm, VM_TIMEOUT);
		return 0;
	}
	ms = (limit - past + NS_PER_MS - 1) / NS_PER_MS;
	if (ms > SLEEP_MAX)
		ms = SLEEP_MAX;
	return timeout < 0 || ms < (unsigned int)timeout ? (int)ms : timeout;
}

bool contract_restarts(struct vm *vm)
{
	if (vm->conf->on_reboot != REBOOT_RESTART ||
	    atomic_load(&vm->end) != VM_REBOOT)
		return false;
	/* Who pressed the power button wants an end. */
	if (vm->button_pressed)
		return false;
	if (contract_over(vm)) {
		atomic_store(&vm->end, VM_TIMEOUT);
		return false;
	}
	return watch_settle(vm->watch) == WATCH_NONE;
}

/* --- what is said at the end ----------------------------------------------
 */

#define TEXT_MAX (4 * WATCH_LINE_MAX + 1)

static void say(const char *before, const char *text, const char *after)
{
	char escaped[TEXT_MAX];

	explain_escape(text, escaped, sizeof(escaped));
	fprintf(stderr, "%s%s%s", before, escaped, after);
}

/* ": still expected was "x" (2 of 3)" */
static void say_unmet(const struct watch_result *w)
{
	char count[64];

	snprintf(count, sizeof(count), "\" (expectation %u of %u)", w->met + 1,
		 w->total);
	say("\"", w->unmet, count);
}

static void say_timeout(const struct vm *vm, const struct watch_result *w)
{
	uint64_t ms = vm->conf->timeout_ms;
	const unsigned int part = (unsigned int)(ms % 1000);

	fprintf(stderr, "barge: the time limit of %llu",
		(unsigned long long)(ms / 1000));
	if (part)
		fprintf(stderr, part % 100 ? ".%03u" : ".%u",
			part % 100 ? part : part / 100);
	fprintf(stderr, " s is over and the guest still ran");
	if (w->unmet) {
		fprintf(stderr, "; the console did not show ");
		say_unmet(w);
	} else if (vm->conf->until.n) {
		say("; the console did not show \"", vm->conf->until.at[0].text,
		    "\" (--until)");
	}
	if (vm->restarts)
		fprintf(stderr, "; it had rebooted %u times", vm->restarts);
	fprintf(stderr, "\n");
}

static void say_verdict(const struct watch_result *w)
{
	if (w->verdict == WATCH_FAIL_ON) {
		say("barge: --fail-on \"", w->by, "\" matches: ");
		say("", w->line, "\n");
	} else if (w->verdict == WATCH_KERNEL) {
		say("barge: the guest's kernel reports: ", w->line, "\n");
	}
}

static void say_lacking(const struct watch_result *w)
{
	if (w->unmet) {
		fprintf(stderr, "barge: the guest ended, but the console did "
				"not show ");
		say_unmet(w);
		fprintf(stderr, "\n");
	}
	if (w->unseen)
		fprintf(stderr,
			"barge: console output came faster than it could be "
			"held against the regular expressions: %llu bytes were "
			"not looked at\n",
			(unsigned long long)w->unseen);
}

int contract_finish(struct vm *vm)
{
	struct watch_result w;
	struct verdict_in in = {
		.end = atomic_load(&vm->end),
		.exit_status = atomic_load(&vm->exit_status),
		.reported = atomic_load(&vm->guest_notify.status),
		.signal = vm->end_signal,
		.watch = &w,
	};
	int status;

	watch_finish(vm->watch, &w);
	vm->watch = NULL;
	status = verdict_status(&in);
	if (in.end == VM_CRASH)
		fprintf(stderr, "barge: the guest crashed: %s\n", vm->crash);
	if (status == 6 && in.end == VM_TIMEOUT)
		say_timeout(vm, &w);
	if (status == 7)
		say_verdict(&w);
	if (verdict_unmet(&in))
		say_lacking(&w);
	return status;
}
