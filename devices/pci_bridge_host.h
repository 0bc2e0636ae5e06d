/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_PCI_BRIDGE_HOST_H
#define DEVICES_PCI_BRIDGE_HOST_H

#include "core/pci.h"

/* Make @f the host bridge's own function, 00.0 of bus 0. */
void pci_bridge_host_init(struct pci_func *f);

#endif
