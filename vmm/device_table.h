/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_DEVICE_TABLE_H
#define VMM_DEVICE_TABLE_H

#include "core/device.h"

/* The ops of the device called @name, or NULL. The list is explicit. */
const struct dev_ops *device_find(const char *name);

#endif
