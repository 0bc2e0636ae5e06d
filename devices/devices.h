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
extern const struct dev_ops pvpanic_ops;   /* 1 window: 1 or 2 bytes */
extern const struct dev_ops pci_eject_ops; /* 1 window: 8 bytes */
extern const struct dev_ops pl031_ops;	   /* 1 window: 4 KiB */
extern const struct dev_ops pl061_ops;	   /* 1 window: 4 KiB */
extern const struct dev_ops gic_v2m_ops;   /* 1 window: 4 KiB */
extern const struct dev_ops exit_dev_ops;  /* 1 window: 4 bytes */

/* What those who describe the machine to the guest have to know. */
#define PL061_BUTTON 3	 /* the line of the power button, high: pressed */
#define GIC_V2M_SPIS 192 /* interrupts of the frame, the first is its irq */

#endif
