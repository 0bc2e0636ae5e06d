/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_SYSFS_H
#define VFIO_SYSFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "core/pci_cfg.h"
#include "vfio/bar_plan.h"

/*
 * What the kernel says of a PCI device without opening it. Functions with a
 * @root look below that folder instead of "/": "" is the host itself. Files
 * that are missing, endless, binary or no files at all are survived.
 */

/* Where @root and the rest make a name that is too long: a name of nothing. */
__attribute__((format(printf, 3, 4))) void
sysfs_path(char path[PATH_MAX], const char *root, const char *fmt, ...);
/* The beginning of a file: how many bytes, or -errno. */
ssize_t sysfs_bytes(const char *path, void *buf, size_t size);
/* The same as a string, without what cannot be in one. */
int sysfs_string(const char *path, char *buf, size_t size);
/* The first line, printable; "" and -errno when there is none. */
int sysfs_line(const char *path, char *buf, size_t size);
/* A number in the first line: 0 or -errno, and *out untouched. */
int sysfs_number(const char *path, unsigned int base, uint64_t *out);
/* Last component of a symbolic link; "" when there is no link. */
void sysfs_link(const char *path, char *buf, size_t size);
/*
 * Call @fn for each line until it returns something else than 0, which is
 * returned; -errno when there is no file. Long lines are cut.
 */
int sysfs_each_line(const char *path, int (*fn)(void *ctx, const char *line),
		    void *ctx);
/*
 * The same for each name in a folder but those that begin with a point, of
 * which there are at most SYSFS_NAMES_MAX, sorted.
 */
#define SYSFS_NAMES_MAX 4096
int sysfs_each_name(const char *path, int (*fn)(void *ctx, const char *name),
		    void *ctx);

/* 0 when the device exists, ERR_PCI_NO_DEVICE otherwise. */
int sysfs_exists(const char *address, struct err *e);
int sysfs_exists_at(const char *root, const char *address, struct err *e);
/* Name of the driver bound to it; "" when there is none. */
void sysfs_driver(const char *address, char *buf, size_t size);
/* Whether it is an SR-IOV virtual function. */
bool sysfs_is_vf(const char *address);
void sysfs_driver_at(const char *root, const char *address, char *buf,
		     size_t size);
/* Number of its IOMMU group: ERR_VFIO_NO_IOMMU when it has none. */
int sysfs_group(const char *address, unsigned int *group, struct err *e);
int sysfs_group_at(const char *root, const char *address, unsigned int *group,
		   struct err *e);
/* Whether the kernel accepts @driver in an assigned group: it does no DMA. */
bool sysfs_harmless(const char *driver);
/* Whether @driver hands a device to VFIO: vfio-pci and its variants. */
bool sysfs_is_vfio(const char *driver);
/*
 * Path of the device's own character device, /dev/vfio/devices/vfioN; -ENOENT
 * without a VFIO driver that has one.
 */
int sysfs_cdev(const char *address, char *buf, size_t size);
/* Members of @group that keep it from being viable: "ADDR (driver), ...". */
void sysfs_group_blockers(unsigned int group, char *buf, size_t size);
void sysfs_group_blockers_at(const char *root, unsigned int group, char *buf,
			     size_t size);
/* How the kernel resets it alone: "flr"; "" when it does not tell. */
void sysfs_reset_method(const char *address, char *buf, size_t size);
/* Size of its ROM, 0: none. */
uint64_t sysfs_rom(const char *address);
/* Configuration space: how many bytes could be read, at most PCI_CFG_SIZE. */
size_t sysfs_config(const char *address, uint8_t bytes[PCI_CFG_SIZE]);
size_t sysfs_config_at(const char *root, const char *address,
		       uint8_t bytes[PCI_CFG_SIZE]);
/* Sizes and kinds of the BARs: ERR_PCI_SYSFS. */
int sysfs_bars(const char *address, struct bar_shape shape[PCI_BARS],
	       uint64_t page, struct err *e);
int sysfs_bars_at(const char *root, const char *address,
		  struct bar_shape shape[PCI_BARS], uint64_t page,
		  struct err *e);

#endif
