/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_DEVICE_H
#define VFIO_DEVICE_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/hv.h"
#include "core/msix.h"
#include "core/pci.h"
#include "core/plan.h"
#include "vfio/bar_plan.h"
#include "vfio/decode.h"
#include "vfio/irq.h"
#include "vfio/reset.h"
#include "vfio/rom.h"
#include "vfio/vfio.h"

/*
 * One passed-through device. Inside vfio/ only; everything after attach runs
 * under the host bridge's mutex.
 */

#define VFIO_MSI_MAX 32u

/* A region of the device's file (linux/vfio.h, VFIO_DEVICE_GET_REGION_INFO). */
struct vfio_region {
	uint64_t size;
	uint64_t fd_off;
	uint32_t flags;
};

/* One MAP slice of a BAR: where it is in the host and in the guest. */
struct bar_map {
	unsigned int bar;
	uint64_t off; /* in the BAR */
	uint64_t len;
	uint8_t *hva;
	unsigned int slot;     /* while now.guest */
	struct decode_now now; /* where it is in the guest and for DMA */
};

#define BAR_MAPS_MAX 64

struct vfio_dev {
	struct pci_func func; /* first: what the host bridge calls */
	char address[16];
	int fd;		       /* -1: not open */
	unsigned int group;    /* IOMMU group */
	unsigned int cfg_size; /* 256 or 4096 */
	struct vfio_region region[VFIO_PCI_NUM_REGIONS];
	struct bar_shape shape[PCI_BARS];
	struct dev_plan plan;
	struct msix_shape msix_shape;
	unsigned int msix_cap; /* offsets in configuration space, 0: none */
	unsigned int msi_cap;
	unsigned int pm_cap;
	unsigned int exp_cap;
	unsigned int af_cap;
	unsigned int power; /* D-state that the guest chose, 0 to 3 */
	unsigned int epoch; /* resets so far: what the kernel revoked */
	struct msix msix;
	struct msix_entry *msix_storage; /* heap */
	struct vfio_irqs irqs;
	int event[VFIO_EVENTS]; /* eventfds, -1: none */
	struct {
		uint8_t *base; /* reservation of the region, NULL: none */
		uint64_t len;
		uint64_t align; /* what it could be aligned to */
	} host[PCI_BARS];
	bool map_warned; /* that a BAR is not mapped as it should be */
	unsigned int n_maps;
	struct bar_map map[BAR_MAPS_MAX];
	struct span window[2]; /* where a BAR may be mapped */
	bool p2p_warned;       /* iommu_bar_warn() spoke */
	bool resets_alone;     /* VFIO_DEVICE_FLAGS_RESET */
	enum reset_way reset;
	struct rom rom;
	struct hv *hv;
	struct vfio *all; /* this device and its neighbours */
	uint32_t devid;	  /* requester id in the guest */
};

/* --- raw access, vfio/open.c --------------------------------------------- */
/* ioctl that returns -errno. */
int vfio_ioctl(int fd, unsigned long req, void *arg);
/*
 * An info structure of linux/vfio.h with its capabilities, of region or
 * interrupt @index where it has one: heap, *room bytes; or NULL.
 */
void *vfio_info_get(int fd, unsigned long req, uint32_t least, uint32_t index,
		    uint32_t *room);
/*
 * @d->fd was opened by the backend, which reset the device: plan its BARs and
 * map them into our address space.
 */
int vfio_dev_open(struct vfio_dev *d, enum msix_policy policy, struct err *e);
/* Configuration space of the hardware; short transfers read as all-ones. */
uint64_t vfio_cfg_pread(const struct vfio_dev *d, unsigned int off,
			unsigned int len);
void vfio_cfg_pwrite(const struct vfio_dev *d, unsigned int off,
		     unsigned int len, uint64_t val);

/* --- vfio/cfg_virt.c: pure ------------------------------------------------ */
/* MSI-X capability of raw configuration bytes; out->n = 0 when none. */
unsigned int cfg_virt_msix(const uint8_t *bytes, unsigned int size,
			   struct msix_shape *out);
/*
 * Fill the mask tables of @d->func.cfg for hardware that reads as @hw: what is
 * ours, what the guest may write. Sets the *_cap members. The chains that the
 * guest walks are lists, whatever @hw says, and MSI or MSI-X are in them only
 * if their registers are nothing else.
 */
void cfg_virt_make(struct vfio_dev *d, const uint8_t hw[PCI_CFG_SIZE]);

/* --- vfio/bar_map.c ------------------------------------------------------- */
/* Map all MAP slices into our address space; what fails stays trapped. */
void bar_map_open(struct vfio_dev *d);
void bar_map_close(struct vfio_dev *d);

/* --- vfio/bar_follow.c ---------------------------------------------------- */
/*
 * Make memslots and DMA mappings of all devices' BARs follow their registers:
 * removals before the hardware learns of a change, additions after that.
 */
void bar_follow_shrink(struct vfio *v);
void bar_follow_grow(struct vfio *v);
/* @d was reset, and its registers are up to date: make anew what is revoked. */
void bar_follow_reset(struct vfio_dev *d);
/* Take everything of @d out of the guest and out of the IOMMU. */
void bar_follow_clear(struct vfio_dev *d);

/* --- vfio/flr.c ----------------------------------------------------------- */
/* Whether the guest's write @ch, of [off, off + len), resets the function. */
bool flr_asked(const struct vfio_dev *d, unsigned int off, unsigned int len,
	       const struct pci_cfg_change *ch);
/* Set our registers and interrupts to what a guest finds after a reset. */
void flr_registers(struct vfio_dev *d);

/* --- vfio/events.c -------------------------------------------------------- */
/* Have the host tell v->dev[@nth]'s events; -errno when it does not. */
int vfio_events_open(struct vfio *v, unsigned int nth);
void vfio_events_close(struct vfio_dev *d);

/* --- vfio/device.c -------------------------------------------------------- */
/*
 * Give the hardware the guest's COMMAND, with INTx disabled unless somebody
 * answers it.
 */
void vfio_command_write(struct vfio_dev *d);
extern const struct pci_func_ops vfio_func_ops; /* vfio/device.c */

#endif
