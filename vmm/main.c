// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/conf.h"
#include "vmm/devices_cmd.h"
#include "vmm/doctor.h"
#include "vmm/explain.h"
#include "vmm/help.h"
#include "vmm/machine.h"
#include "vmm/plan_show.h"
#include "vmm/terminal.h"
#include "vmm/test.h"

static int act_on_host(const struct conf *c, struct err *e)
{
	switch (c->command) {
	case COMMAND_PLAN:
		return c->what_if ? plan_show_what_if(c, e)
				  : machine_plan(c, e);
	case COMMAND_DEVICES:
		return devices_run(c, e);
	case COMMAND_DOCTOR:
		return doctor_run(c, e);
	case COMMAND_BIND:
		return devices_bind(c, e);
	case COMMAND_UNBIND:
		return devices_unbind(c, e);
	case COMMAND_TEST:
		return test_cmd(c, e);
	default:
		return machine_run(c, e);
	}
}

static int act(const struct conf *c, struct err *e)
{
	int r;

	switch (c->command) {
	case COMMAND_HELP:
		r = help_print(stdout);
		return r < 0 ? err_set(e, r, ERR_HOST_CALL, "write", NULL) : 0;
	case COMMAND_VERSION:
		r = help_version(stdout);
		return r < 0 ? err_set(e, r, ERR_HOST_CALL, "write", NULL) : 0;
	default:
		r = conf_check(c, e);
		return r < 0 ? r : act_on_host(c, e);
	}
}

/* A closed 0, 1 or 2 would become the next file opened: a disk, a VM. */
static void std_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * Whoever started us may have switched huge pages off for itself and its
 * children (linux mm/huge_memory.c). A guest and its devices live on them.
 */
static void allow_huge_pages(void)
{
	(void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	struct conf conf;
	struct err e = {0};
	int r;

	std_fds();
	terminal_guard();
	allow_huge_pages();
	r = conf_parse(&conf, argc, argv, &e);
	if (r == 0)
		r = act(&conf, &e);
	if (r < 0) {
		char text[2048];

		explain(&e, text, sizeof(text));
		fprintf(stderr, "barge: %s\n", text);
		r = explain_status(&e);
	}
	conf_fini(&conf);
	return r;
}
