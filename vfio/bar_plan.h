/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_BAR_PLAN_H
#define VFIO_BAR_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/pci_cfg.h"
#include "core/span.h"

/*
 * Which bytes of a BAR are mapped, which are trapped: decided here, before any
 * system call, and obeyed by vfio/bar_map.c. Pure: no allocation, no errno.
 * Everything comes from a device or a kernel we do not trust; bad input turns
 * into TRAP.
 */

/* linux/vfio.h leaves it open; vfio-pci's regions are 2^40 bytes apart. */
#define BAR_REGION_MAX (1ull << 40)

#define BAR_AREAS_MAX  64
#define BAR_SLICES_MAX 136
#define BAR_TRAPS_MAX  2

enum bar_slice_kind {
	BAR_MAP,     /* the device's memory, straight into the guest */
	BAR_TRAP,    /* each access is passed to the device by read and write */
	BAR_VIRTUAL, /* MSI-X table or pending bits or nothing: by us */
};

struct bar_slice {
	uint64_t off; /* in the virtual BAR */
	uint64_t len;
	enum bar_slice_kind kind;
};

/* One region as VFIO (or sysfs) describes it. */
struct bar_shape {
	enum pci_bar_kind kind;
	bool prefetch;
	bool mappable;	    /* VFIO_REGION_INFO_FLAG_MMAP */
	bool msix_mappable; /* VFIO_REGION_INFO_CAP_MSIX_MAPPABLE */
	bool sparse;	    /* a sparse-mmap capability is there: only areas */
	uint64_t size;	    /* physical region size in bytes, any value */
	unsigned int n_areas; /* may pass BAR_AREAS_MAX: the rest is unknown */
	struct span area[BAR_AREAS_MAX]; /* {offset, length}: as given */
	/* Never mapped, whatever the kernel allows: by vfio/quirk.c. */
	unsigned int n_traps;
	struct span trap[BAR_TRAPS_MAX];
};

enum msix_policy {
	MSIX_AUTO,
	MSIX_INPLACE,
	MSIX_RELOCATE,
};

/* MSI-X as the device describes it; n = 0: the device has none. */
struct msix_shape {
	unsigned int n;
	unsigned int table_bar;
	unsigned int pba_bar;
	uint64_t table_off;
	uint64_t pba_off;
	enum msix_policy policy;
};

struct bar_plan {
	enum pci_bar_kind kind;
	bool prefetch;
	uint64_t size;	/* of the virtual BAR: a power of two, 0: absent */
	uint64_t align; /* guest-physical: the size */
	/*
	 * Alignment of the host reservation: min(pow2ceil(region), 1 GiB), at
	 * least the host page; 0: I/O or absent.
	 */
	uint64_t host_align;
	unsigned int n;
	struct bar_slice slice[BAR_SLICES_MAX];
};

enum msix_place {
	MSIX_PLACE_NONE, /* the guest must see no MSI-X capability */
	MSIX_PLACE_INPLACE,
	MSIX_PLACE_SPARE_BAR, /* a BAR of its own that the device lacks */
	MSIX_PLACE_ENLARGED,  /* the upper half of the BAR that held it */
};

/* The whole device: its six BARs as the guest will see them. */
struct dev_plan {
	enum msix_place msix_place;
	const char *msix_why; /* one clause for `barge plan`, static text */
	/* Where the guest finds table and PBA now (not for PLACE_NONE). */
	unsigned int table_bar;
	unsigned int pba_bar;
	uint64_t table_off;
	uint64_t pba_off;
	struct bar_plan bar[PCI_BARS];
};

/*
 * Plan all BARs of a device. @page is the host page size (a power of two),
 * @min_align the least size and alignment that the architecture wants for a
 * memory BAR: the largest page a guest can have (4 KiB on x86, 64 KiB on
 * arm64).
 *
 * Invariants of the result, for any input: the slices of a BAR are sorted,
 * adjacent, cover [0, size) exactly, and neighbours differ in kind. MAP slices
 * are multiples of @page and lie inside mappable areas (the only page of a
 * region smaller than a page counts as its own); none holds a byte of the
 * guest's table or PBA, or of a `trap` span. A byte of the device's table is
 * mapped only if the guest's table has moved away, the BAR is msix_mappable and
 * the host page holds other registers, too. TRAP slices lie inside the region.
 * A slice list that would not fit turns the BAR's MAP slices into TRAP.
 *
 * What cannot be right is met like this:
 *  - an area that is empty, wraps or passes the region is dropped, so are
 *    areas beyond BAR_AREAS_MAX: their bytes are TRAP;
 *  - a region over 1 TiB, or of I/O: TRAP;
 *  - a BAR no register can express (I/O over 64 KiB, MEM32 over 2 GiB, over
 *    2^63, MEM64 in the last register), or given in a register that is the
 *    upper half of a MEM64: absent;
 *  - an MSI-X table of more than 2048 vectors, misaligned, or not inside a
 *    memory BAR: MSIX_PLACE_NONE, the guest sees no MSI-X capability; host
 *    pages with bytes of it stay unmapped;
 *  - a PBA misaligned, not inside a memory BAR or over the table: both parts
 *    move, whatever the policy; MSIX_PLACE_NONE if there is no place.
 */
void dev_plan_make(struct dev_plan *out, const struct bar_shape shape[PCI_BARS],
		   const struct msix_shape *msix, uint64_t page,
		   uint64_t min_align);

/*
 * Block sizes of device memory in the host's page tables, largest first; 0:
 * unused. With pages of 4 KiB these are a processor's of x86_64.
 */
void bar_plan_blocks(uint64_t block[3], uint64_t page);

/*
 * Host page-table entries that all MAP slices need, by block size, if each
 * slice is one mapping at a base that is a multiple of host_align.
 */
struct bar_leaves {
	uint64_t block[3]; /* bytes per entry, largest first; 0: unused */
	uint64_t count[3];
};

void bar_plan_leaves(const struct bar_plan *p, struct bar_leaves *leaves,
		     uint64_t page);
/* The same with the blocks that are in leaves->block, the last one a page. */
void bar_plan_leaves_in(const struct bar_plan *p, struct bar_leaves *leaves);

#endif
