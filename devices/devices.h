/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_DEVICES_H
#define DEVICES_DEVICES_H

#include "core/device.h"

/*
 * The devices that a table finds by name. dev_ops.init() makes a device out of
 * zeroed memory of dev_ops.size bytes.
 */
extern const struct dev_ops uart16550_ops; /* 1 window: 8 bytes */
extern const struct dev_ops cmos_rtc_ops;  /* 1 window: ports 0x70, 0x71 */
extern const struct dev_ops i8042_ops;	   /* 2 windows: ports 0x60, 0x64 */
extern const struct dev_ops acpi_pm_ops;   /* 1 window: 8 bytes */
extern const struct dev_ops pvpanic_ops;   /* 1 window: 1 byte */
extern const struct dev_ops pci_eject_ops; /* 1 window: 8 bytes */

#endif
