/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_VFIO_LIFE_H
#define TESTS_UNIT_FAKE_VFIO_LIFE_H

#include "core/gmem.h"
#include "devices/pci_host.h"
#include "tests/unit/fake_vfio.h"
#include "vfio/vfio.h"
#include "vmm/arch.h"

/*
 * The life of a VM with every device of fake_host, as vmm/ leads it, and a
 * guest that meets memory slots and traps as a real one does. All that is to
 * be changed here when the interface of vfio/vfio.h changes.
 */

/* Where INTx of all devices ends: they share one line. */
#define LIFE_INTX_GSI 17

struct life {
	struct vfio v;
	struct plan plan;
	struct pci_host host;
	struct fake_hv hv;
	struct gmem mem;
	struct err e;
	bool attached;
	struct arch_layout layout;
	uint64_t msi_addr; /* what a guest puts into its MSIs */
	/* Asked for: to be set between life_init() and life_open(). */
	enum msix_policy msix;
	enum vfio_backend backend;
	enum vfio_p2p p2p;
};

/* The host must be described and started; @l becomes what it watches. */
void life_init(struct life *l);
/*
 * The same as a machine of aarch64: RAM from 1 GiB on, BARs 64 KiB apart, an
 * ITS, and no guest-physical address of more than 40 bits.
 */
void life_init_arm(struct life *l);
/* With another guest-physical map: before life_open(). */
void life_map(struct life *l, const struct arch_layout *map);
/* vfio_open() for each device: 0, or -errno and l->e. */
int life_open(struct life *l);
/* Plan, RAM for DMA, onto the bus. */
int life_start(struct life *l);
/* Take what the host has to tell of the devices: how many events. */
unsigned int life_events(struct life *l);
/* Off the bus and closed: accepts any state. */
void life_end(struct life *l);

/* --- a guest ---------------------------------------------------------------
 */

/* Configuration space of device @i, in the order of fake_host. */
uint64_t guest_cfg_read(struct life *l, unsigned int i, unsigned int off,
			unsigned int len);
void guest_cfg_write(struct life *l, unsigned int i, unsigned int off,
		     unsigned int len, uint64_t v);
/* Offset of a capability, as the guest finds it; 0: none. */
unsigned int guest_cap(struct life *l, unsigned int i, uint8_t id);
/* Where BAR @b is now, by its registers; 0: nowhere, or none. */
uint64_t guest_bar(struct life *l, unsigned int i, unsigned int b);
/* Memory, mapped or trapped; what nobody answers reads as all-ones. */
uint64_t guest_read(struct life *l, uint64_t gpa, unsigned int len);
void guest_write(struct life *l, uint64_t gpa, unsigned int len, uint64_t v);
uint64_t guest_io_read(struct life *l, uint64_t port, unsigned int len);
void guest_io_write(struct life *l, uint64_t port, unsigned int len,
		    uint64_t v);
void guest_command(struct life *l, unsigned int i, uint16_t command);
/* MSI-X: address of entry @v of the table; 0: there is none. */
uint64_t guest_msix_entry(struct life *l, unsigned int i, unsigned int v);
void guest_msix_set(struct life *l, unsigned int i, unsigned int v,
		    uint32_t data, bool masked);
/*
 * A driver's work on every device: sizes and moves BARs, uses registers,
 * interrupts of each kind, power states, a reset. Asserts nothing.
 */
void guest_drive(struct life *l);

#endif
