// SPDX-License-Identifier: Apache-2.0
#include "vmm/device_table.h"

#include <string.h>

#include "devices/devices.h"

static const struct dev_ops *const table[] = {
	&uart16550_ops, &cmos_rtc_ops, &i8042_ops, &acpi_pm_ops, &pvpanic_ops,
	&pci_eject_ops, &pl031_ops,    &pl061_ops, &gic_v2m_ops, &exit_dev_ops,
};

const struct dev_ops *device_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strcmp(table[i]->name, name))
			return table[i];
	}
	return NULL;
}
