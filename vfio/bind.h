/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_BIND_H
#define VFIO_BIND_H

#include <stdbool.h>

#include "core/err.h"

/*
 * Giving PCI devices to vfio-pci and back to the kernel's own drivers. Nothing
 * is remembered but by the kernel (driver_override).
 *
 * Check all devices before the first is touched: bind_check(), then
 * bind_take() for each; bind_give_check(), then bind_give().
 */

struct bind_host {
	const char *root; /* as in sysfs.h */
	/* Write @text to the file: 0 or -errno. bind_write(), or a test's. */
	int (*write)(const struct bind_host *h, const char *path,
		     const char *text);
	bool force; /* although it is in use */
};

int bind_write(const struct bind_host *h, const char *path, const char *text);

/*
 * Whether the device can be bound: ERR_PCI_NO_DEVICE, ERR_VFIO_HEADER,
 * ERR_VFIO_NO_IOMMU, ERR_BIND_DRIVER, ERR_BIND_HOST, ERR_BIND_WRITE.
 */
int bind_check(const struct bind_host *h, const char *address, struct err *e);
/* 1 when it was bound, 0 when it already had been; ERR_BIND_*. */
int bind_take(const struct bind_host *h, const char *address, struct err *e);

/* Whether it can be given back: ERR_PCI_NO_DEVICE, ERR_BIND_VM, ... */
int bind_give_check(const struct bind_host *h, const char *address,
		    struct err *e);
/*
 * 1 when it was given back, 0 when it already had been; ERR_BIND_WRITE. While
 * a VM has the device, which needs h->force, this waits until it lets go.
 */
int bind_give(const struct bind_host *h, const char *address, struct err *e);

#endif
