/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_VFIO_H
#define VFIO_VFIO_H

#include "core/err.h"
#include "core/gmem.h"
#include "core/hv.h"
#include "core/plan.h"
#include "devices/pci_host.h"
#include "vfio/bar_plan.h"
#include "vfio/choice.h"
#include "vfio/rom.h"

/* All passed-through devices of a VM and the IOMMU domain they share. */

#define VFIO_DEVS_MAX	  16
#define VFIO_RESERVED_MAX 32

struct iommu_ops;
struct vfio_dev;

/* What the host tells of a device while the guest runs. */
enum vfio_event_kind {
	VFIO_EVENT_ERROR,   /* uncorrectable (AER); PCI Express only */
	VFIO_EVENT_REQUEST, /* the host wants the device back */
};
#define VFIO_EVENTS 2

struct vfio_event {
	enum vfio_event_kind kind;
	unsigned int dev; /* which of vfio.dev */
};

struct vfio_group {
	int fd;
	unsigned int id;
};

struct vfio {
	const struct iommu_ops *iommu; /* never NULL */
	const char *iommu_why;	       /* a clause, static text */
	bool iommu_may_change;	       /* the first device decides */
	bool p2p; /* devices reach one another's BARs by DMA */
	/* type1 */
	int container; /* -1: none */
	unsigned int n_groups;
	struct vfio_group group[VFIO_DEVS_MAX];
	/* iommufd */
	int iommufd; /* /dev/iommu, -1: none */
	uint32_t ioas;
	unsigned int n_devs;
	struct vfio_dev *dev[VFIO_DEVS_MAX]; /* heap, owned */
	/* Addresses that the IOMMU cannot map. */
	unsigned int n_reserved;
	struct span reserved[VFIO_RESERVED_MAX];
	uint64_t bar_align; /* least alignment of a memory BAR, struct plan's */
	struct hv *hv;	    /* set by vfio_attach() */
	int event_fd;	    /* epoll file of all events, -1: none */
	unsigned int n_hv_files; /* that hv was told of */
	uint64_t bars_ns;	 /* how long mapping BARs took in vfio_open() */
	bool slots_warned;	 /* that there are too few memslots */
	unsigned int n_mapped;	 /* regions of RAM that were mapped for DMA */
	struct span mapped[GMEM_MAX];
};

/* What was asked of passthrough as a whole. */
struct vfio_want {
	enum vfio_backend backend;
	enum vfio_p2p p2p;
	unsigned int n; /* devices that will be opened */
	const char *address[VFIO_DEVS_MAX];
};

void vfio_init(struct vfio *v);
/* Choose the way to the IOMMU; before the first vfio_open(). */
void vfio_setup(struct vfio *v, const struct vfio_want *w);
/* "type1" or "iommufd". */
const char *vfio_iommu_name(const struct vfio *v);
/*
 * Whether @need bytes of RAM may be locked for DMA: ERR_VFIO_MEMLOCK. Raises
 * the soft limit if that is all it takes.
 */
int vfio_memlock(uint64_t need, struct err *e);
/*
 * Open the device at @address ("0000:01:00.0") and, the first time, what all
 * devices share. The kernel resets it then. Errors say what to do.
 */
int vfio_open(struct vfio *v, const char *address, enum msix_policy policy,
	      struct err *e);
/*
 * Whether larger pages than the host's would fit into a BAR of device @i, but
 * the kernel says that it will use none.
 */
bool vfio_lacks_huge(const struct vfio *v, unsigned int i);
/*
 * A line for each piece of a BAR that is mapped: where, how large, and whether
 * the kernel would use huge pages for it.
 */
void vfio_tell_pages(const struct vfio *v,
		     void (*say)(void *ctx, const char *line), void *ctx);
/*
 * All devices are open: reset those that the kernel could not reset by itself,
 * if that touches nobody else.
 */
void vfio_reset(struct vfio *v);
/* How device @i is reset: a sentence for --verbose. */
void vfio_reset_text(const struct vfio *v, unsigned int i, char *buf,
		     size_t size);
/*
 * Give the guest the ROM of device @i, or the one in @file: ERR_FILE_...,
 * ERR_ROM_BAD. vfio_rom_check() says so before anything is opened.
 */
int vfio_rom(struct vfio *v, unsigned int i, enum rom_policy how,
	     const char *file, struct err *e);
int vfio_rom_check(enum rom_policy how, const char *file, struct err *e);
/* Enter the devices, and the BARs they want, into @plan. */
void vfio_describe(const struct vfio *v, struct plan *plan);
/*
 * Let the devices reach guest RAM: pins it. May run beside everything but
 * vfio_open() and vfio_close().
 */
int vfio_map_ram(struct vfio *v, const struct gmem *mem, struct err *e);
/* Put the devices on the bus, BARs where @plan says. */
int vfio_attach(struct vfio *v, const struct plan *plan, struct hv *hv,
		struct pci_host *host, struct err *e);
/*
 * A file that can be read when vfio_event_take() has something to tell, -1 if
 * there is no device.
 */
int vfio_event_fd(const struct vfio *v);
/* The next event, under the host bridge's mutex as everything below. */
bool vfio_event_take(struct vfio *v, struct vfio_event *e);
/* Address and place of device @nth; false when it has been given back. */
bool vfio_present(const struct vfio *v, unsigned int nth, const char **address,
		  uint8_t *devfn);
/*
 * The guest gave up all functions of @slot: silence them, take them off the
 * bus, and close them, by which the host gets them back. How many there were.
 */
unsigned int vfio_slot_eject(struct vfio *v, struct pci_host *host,
			     unsigned int slot);
/* vCPUs are stopped: silence the devices and take them off @hv. */
void vfio_detach(struct vfio *v);
/* Reset and close everything; accepts any half-open state. */
void vfio_close(struct vfio *v);

/* A device as it shows itself without being opened, and as it is planned. */
struct vfio_survey {
	struct bar_shape shape[PCI_BARS];
	struct msix_shape msix;
	struct dev_plan plan;
	bool movable; /* with msix=auto, more of it would be mapped */
};

/*
 * What `barge plan` shows of a device without opening it: from sysfs. Fills in
 * @s and all of @pci but its devfn.
 */
int vfio_survey(const char *address, enum msix_policy policy,
		uint64_t bar_align, struct plan_pci *pci, struct vfio_survey *s,
		struct err *e);
/* Plan @s->shape and @s->msix: fills in the rest of @s, and @pci likewise. */
void vfio_survey_plan(struct vfio_survey *s, const char *name, uint64_t page,
		      uint64_t bar_align, struct plan_pci *pci);
/* The same of its ROM. */
int vfio_survey_rom(enum rom_policy how, const char *file, struct plan_pci *pci,
		    struct err *e);

#endif
