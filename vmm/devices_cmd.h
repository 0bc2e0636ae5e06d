/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_DEVICES_CMD_H
#define VMM_DEVICES_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"
#include "vfio/pci_facts.h"
#include "vmm/conf.h"
#include "vmm/pci_names.h"

/* barge devices, bind and unbind. */

/* All that a device is described by. */
struct device_line {
	const struct pci_facts *facts;
	struct pci_verdict verdict;
	struct pci_name name;
};

/* Why it is not ready, or ""; and the command to run next, or "". */
#define DEVICE_WHY_MAX 512
void device_why(char why[DEVICE_WHY_MAX], const struct pci_facts *list,
		const struct device_line *d);
void device_command(char command[DEVICE_WHY_MAX], const struct pci_facts *list,
		    const struct device_line *d);

/*
 * Print the devices of @list of @n that are among those named in @c, or all;
 * @ids: pci.ids or NULL. 0, or -errno if @out could not be written.
 */
int devices_print(FILE *out, const struct pci_facts *list, unsigned int n,
		  const struct conf *c, const char *ids, size_t ids_len);

int devices_run(const struct conf *c, struct err *e);
int devices_bind(const struct conf *c, struct err *e);
int devices_unbind(const struct conf *c, struct err *e);

#endif
