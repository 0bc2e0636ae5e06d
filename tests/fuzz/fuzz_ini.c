/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/conf.h"
#include "vmm/explain.h"
#include "vmm/options.h"

/*
 * INI files, whole: from bytes to struct conf and conf_check(), or to a
 * sentence. What is taken is in range; what is refused has a kind, a status
 * of 1, and a text of one printable line.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static void check_conf(const struct conf *c)
{
	char again[OPTION_ADDRESS_SIZE];

	must(c->kernel && c->kernel[0] && strlen(c->kernel) < CONF_PATH_MAX);
	must(c->memory >= 16 << 20 && c->memory % 65536 == 0);
	must(c->test.status <= CONF_STATUS_DEFAULT);
	must(!c->initrd || (!c->init && !c->root));
	must(c->cpus >= 1 && c->cpus <= CONF_CPUS_MAX);
	must(c->console.kind <= CONSOLE_SOCKET);
	must((c->console.kind != CONSOLE_FILE &&
	      c->console.kind != CONSOLE_SOCKET) ||
	     c->console.path[0]);
	must(c->console.kind == CONSOLE_FILE || !c->console.max_size);
	must(c->n_vfio <= CONF_VFIO_MAX);
	for (unsigned int i = 0; i < c->n_vfio; i++) {
		must(option_address(c->vfio[i].address, again) == 0);
		must(strcmp(again, c->vfio[i].address) == 0);
		must(c->vfio[i].msix <= MSIX_RELOCATE);
		for (unsigned int j = 0; j < i; j++)
			must(strcmp(again, c->vfio[j].address) != 0);
	}
}

static void check_err(const struct err *e)
{
	char text[2048];

	must(e->what != ERR_NONE);
	must(explain_status(e) == 1);
	explain(e, text, sizeof(text));
	must(strlen(text) > 10 && strlen(text) + 1 < sizeof(text));
	for (const char *p = text; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void parse(char *path)
{
	char *argv[] = {(char *)"barge", (char *)"run", path, NULL};
	struct err e = {.what = ERR_NONE};
	struct conf c;
	int ret;

	ret = conf_parse(&c, 3, argv, &e);
	if (ret == 0)
		ret = conf_check(&c, &e);
	must(ret <= 0);
	must((ret == 0) == (e.what == ERR_NONE));
	if (ret)
		check_err(&e);
	else
		check_conf(&c);
	conf_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz.ini", MFD_CLOEXEC);
	char path[32];

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		parse(path);
	}
	close(fd);
	return 0;
}
