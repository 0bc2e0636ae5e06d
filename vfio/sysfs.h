/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_SYSFS_H
#define VFIO_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/pci_cfg.h"
#include "vfio/bar_plan.h"

/* What the kernel says of a PCI device without opening it. */

/* 0 when the device exists, ERR_PCI_NO_DEVICE otherwise. */
int sysfs_exists(const char *address, struct err *e);
/* Name of the driver bound to it; "" when there is none. */
void sysfs_driver(const char *address, char *buf, size_t size);
/* Whether it is an SR-IOV virtual function. */
bool sysfs_is_vf(const char *address);
/* Number of its IOMMU group: ERR_VFIO_NO_IOMMU when it has none. */
int sysfs_group(const char *address, unsigned int *group, struct err *e);
/* Members of @group that keep it from being viable: "ADDR (driver), ...". */
void sysfs_group_blockers(unsigned int group, char *buf, size_t size);
/* How the kernel resets it alone: "flr"; "" when it does not tell. */
void sysfs_reset_method(const char *address, char *buf, size_t size);
/* Size of its ROM, 0: none. */
uint64_t sysfs_rom(const char *address);
/* Configuration space: how many bytes could be read, at most PCI_CFG_SIZE. */
size_t sysfs_config(const char *address, uint8_t bytes[PCI_CFG_SIZE]);
/* Sizes and kinds of the BARs: ERR_PCI_SYSFS. */
int sysfs_bars(const char *address, struct bar_shape shape[PCI_BARS],
	       uint64_t page, struct err *e);

#endif
