/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_VFIO_H
#define TESTS_UNIT_FAKE_VFIO_H

#include <linux/vfio.h>

#include "tests/unit/fake_hv.h"
#include "tests/unit/fake_sys.h"

/*
 * A host with PCI devices behind VFIO, below fake_sys: sysfs, groups and
 * containers with a type1 IOMMU, iommufd and device files, interrupts, resets.
 * It knows the kernel's interface (linux/vfio.h, linux/iommufd.h) and nothing
 * of barge's insides.
 *
 *   fake_host_init(); p = fake_nvme("0000:01:00.0", 7); ... change what is
 *   to be different ...; fake_host_start(); ... vfio_open() ...;
 *   assert_null(fake_host_left()); fake_host_stop();
 *
 * What is described may be changed at any time before fake_host_start(), and
 * the fields marked "live" later as well.
 */

#define FAKE_PCI_MAX	 8
#define FAKE_AREAS	 80
#define FAKE_REGIONS	 9
#define FAKE_IRQS	 5
#define FAKE_VECTORS	 2048
#define FAKE_FILES	 4 /* of one device at a time */
#define FAKE_PM_CAPS	 4
#define FAKE_IOVA_RANGES 8
#define FAKE_DMAS	 128
#define FAKE_CFG_SIZE	 4096u

/* linux/vfio.h: where a region begins in the device's file. */
#define FAKE_REGION_SHIFT 40

struct fake_range {
	uint64_t base;
	uint64_t len;
};

struct fake_region {
	uint64_t size;	/* 0: the device has no such region */
	uint64_t start; /* of a BAR: the host's address of it */
	bool mmap;	/* if its place lets the kernel: fake_bar_mappable() */
	bool msix_mappable; /* VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, if mapped */
	bool read_only;
	bool sparse; /* VFIO_REGION_INFO_CAP_SPARSE_MMAP with n_areas */
	unsigned int n_areas;
	struct fake_range area[FAKE_AREAS];
};

/* One index of VFIO_DEVICE_SET_IRQS. */
struct fake_irq {
	unsigned int count;
	bool noresize;
	unsigned int limit; /* live: vectors the host has left; 0: enough */
	/* state */
	unsigned int n;		   /* vectors that are allocated, from 0 */
	int trigger[FAKE_VECTORS]; /* our own number of an eventfd, or -1 */
	int unmask;		   /* the same, of INTx */
	bool enabled;
	bool masked;
	unsigned int sets; /* calls that were obeyed */
};

struct fake_pci;

/* One open file of a device. */
struct fake_pci_file {
	struct fake_pci *pci; /* NULL: a free entry */
	bool cdev;
	void *bound;	/* cdev: the iommufd it is bound to */
	void *attached; /* cdev: the address space */
};

struct fake_pci {
	char address[16];
	unsigned int group; /* IOMMU group */
	unsigned int cdev;  /* number of its vfioN */
	char driver[32];    /* "" for none */
	/* Configuration space as VFIO shows it, and what a user can write. */
	uint8_t cfg[FAKE_CFG_SIZE];
	uint8_t wmask[FAKE_CFG_SIZE];
	unsigned int cfg_size;
	struct fake_region region[FAKE_REGIONS];
	struct fake_irq irq[FAKE_IRQS];
	bool reset;	/* VFIO_DEVICE_RESET works */
	bool flr;	/* so does the bit in the PCI Express capability */
	bool bus_reset; /* so does one of all devices on its bus */
	/*
	 * Live. After an info structure of request @req was filled in and
	 * before the caller sees it: @info has @size bytes. May change
	 * anything, returns 0 or -errno.
	 */
	int (*script)(struct fake_pci *p, unsigned long req, void *info,
		      uint32_t size);
	void *script_ctx;
	/* state */
	int fd;		   /* the device's memory: regions as in its file */
	unsigned int n_pm; /* power management capabilities, where they are */
	unsigned int pm[FAKE_PM_CAPS];
	unsigned int power; /* D-state that the kernel knows of */
	struct fake_pci_file file[FAKE_FILES];
	unsigned int opens;
	unsigned int resets; /* asked for by its user, by any method */
	unsigned int hot_resets;
	unsigned int bar_writes; /* trapped ones */
	unsigned int bar_reads;
};

/* A mapping of an IOMMU. */
struct fake_dma {
	const void *domain; /* NULL: a free entry */
	uint64_t iova;
	uint64_t len;
	uint64_t va; /* in barge, 0: of a file */
	bool write;
	struct fake_pci *bar; /* of this device's memory */
	uint64_t off;	      /* in its file */
	bool revoked;
};

struct fake_host {
	/* What kernel this is; everything is true at first. */
	uint64_t page; /* of the kernel; at first the real one's */
	bool type1;
	bool iommufd;  /* /dev/iommu and /dev/vfio/devices */
	bool dma_buf;  /* VFIO_DEVICE_FEATURE_DMA_BUF */
	bool map_file; /* IOMMU_IOAS_MAP_FILE */
	/* What the IOMMU can map: n_iova = 0 for everything. */
	unsigned int n_iova;
	struct fake_range iova[FAKE_IOVA_RANGES];
	unsigned int dma_max; /* mappings, at most FAKE_DMAS */
	struct fake_hv *hv;   /* its memslots are watched, may be NULL */
	/* state */
	unsigned int n;
	struct fake_pci pci[FAKE_PCI_MAX];
	struct fake_dma dma[FAKE_DMAS];
	unsigned int dma_maps; /* calls that were obeyed */
	unsigned int dma_unmaps;
};

extern struct fake_host fake_host;

/* --- describing a host -----------------------------------------------------
 */

void fake_host_init(void);
/*
 * As of aarch64: pages of @page bytes, and an SMMU of 48 bits with Linux's
 * window for MSIs in the middle of its addresses, for type1 and iommufd alike.
 */
void fake_host_arm(uint64_t page);
#define FAKE_ARM_MSI	 0x08000000ull
#define FAKE_ARM_MSI_LEN 0x00100000ull
/* A bare endpoint bound to vfio-pci, with COMMAND and nothing else. */
struct fake_pci *fake_pci_add(const char *address, unsigned int group);
void fake_cfg_put(struct fake_pci *p, unsigned int off, unsigned int len,
		  uint64_t v);
uint64_t fake_cfg_get(const struct fake_pci *p, unsigned int off,
		      unsigned int len);
enum fake_bar_kind { FAKE_IO, FAKE_MEM32, FAKE_MEM64 };
void fake_bar(struct fake_pci *p, unsigned int i, enum fake_bar_kind kind,
	      uint64_t size);
/* Capabilities, each linked in behind the last: returns its offset. */
unsigned int fake_cap(struct fake_pci *p, uint8_t id, unsigned int len);
unsigned int fake_cap_pm(struct fake_pci *p);
unsigned int fake_cap_express(struct fake_pci *p);
unsigned int fake_cap_msi(struct fake_pci *p, unsigned int vectors, bool wide,
			  bool maskable);
/* Table in BAR @table_bar at @table, pending bits at @pba. */
unsigned int fake_cap_msix(struct fake_pci *p, unsigned int vectors,
			   unsigned int bar, uint32_t table, uint32_t pba);
void fake_intx(struct fake_pci *p);
/* An expansion ROM of @size bytes, empty at first. */
void fake_rom(struct fake_pci *p, uint64_t size);

/* 16 KiB BAR of 64 bits, MSI-X at 0x2000 and 0x3000, PM, Express with FLR. */
struct fake_pci *fake_nvme(const char *address, unsigned int group);
/* 128 KiB of memory, 64 bytes of I/O, INTx, PM; nothing else. */
struct fake_pci *fake_e1000(const char *address, unsigned int group);
/* A small register BAR and 64 GiB of memory, MSI-X; FLR. */
struct fake_pci *fake_gpu(const char *address, unsigned int group);
/* 4 KiB of memory, MSI with 32 vectors, INTx; no reset at all. */
struct fake_pci *fake_ahci(const char *address, unsigned int group);

/* --- its life --------------------------------------------------------------
 */

/* Writes sysfs, creates the devices' memory and turns fake_sys on. */
void fake_host_start(void);
/* NULL, or what the code under test left behind. */
const char *fake_host_left(void);
void fake_host_stop(void);
/*
 * End the test when the guest could meet a device that does not decode, or
 * memory that is gone.
 */
void fake_host_settled(void);

/* --- being a device --------------------------------------------------------
 */

/* Interrupt: false if nobody has asked for it. */
bool fake_irq_fire(struct fake_pci *p, unsigned int index, unsigned int vector);
bool fake_pci_decodes(const struct fake_pci *p);
/*
 * Whether the kernel lets BAR @i be mapped: one that is smaller than a page
 * only if it begins one that no other BAR is in.
 */
bool fake_bar_mappable(const struct fake_pci *p, unsigned int i);
/* Memory of BAR @i, behind the mappings. */
uint64_t fake_bar_get(const struct fake_pci *p, unsigned int i, uint64_t off);
void fake_bar_put(struct fake_pci *p, unsigned int i, uint64_t off, uint64_t v);
/* What is in its ROM, from its start. */
void fake_rom_bytes(struct fake_pci *p, const void *bytes, size_t len);
/* Mapping at @iova in whatever domain; NULL: a DMA fault. */
const struct fake_dma *fake_dma_at(uint64_t iova);
unsigned int fake_dma_count(void);

#endif
