// SPDX-License-Identifier: Apache-2.0
/* The devices' files: regions, reads and writes, mappings, resets. */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_sys_impl.h"
#include "tests/unit/fake_vfio_impl.h"

struct fake_host fake_host;

/* --- info ----------------------------------------------------------------- */

static int scripted(struct fake_pci *p, unsigned long req, void *info,
		    uint32_t size)
{
	return p->script ? p->script(p, req, info, size) : 0;
}

static int device_info(struct fake_pci *p, struct vfio_device_info *info)
{
	if (info->argsz < 16)
		return -EINVAL;
	info->flags = VFIO_DEVICE_FLAGS_PCI;
	if (p->reset)
		info->flags |= VFIO_DEVICE_FLAGS_RESET;
	info->num_regions = VFIO_PCI_NUM_REGIONS;
	info->num_irqs = VFIO_PCI_NUM_IRQS;
	return scripted(p, VFIO_DEVICE_GET_INFO, info, info->argsz);
}

/* The capabilities of region @r into @out; their bytes. */
static uint32_t region_caps(const struct fake_region *r, bool mappable,
			    uint8_t *out)
{
	bool msix = r->msix_mappable && mappable;
	struct vfio_info_cap_header h = {.version = 1};
	uint32_t first = sizeof(struct vfio_region_info);
	uint32_t n = 0;

	if (r->sparse) {
		h.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
		n = 16 + 16 * r->n_areas;
		h.next = msix ? first + n : 0;
		memcpy(out, &h, sizeof(h));
		memcpy(out + 8, &r->n_areas, 4);
		memset(out + 12, 0, 4);
		memcpy(out + 16, r->area, 16ul * r->n_areas);
	}
	if (msix) {
		h.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE;
		h.next = 0;
		memcpy(out + n, &h, sizeof(h));
		n += sizeof(h);
	}
	return n;
}

/* Whether another BAR, of whatever device, has bytes of [base, end). */
static bool bar_within(uint64_t base, uint64_t end)
{
	for (unsigned int i = 0; i < fake_host.n * PCI_STD_NUM_BARS; i++) {
		const struct fake_region *o =
			&fake_host.pci[i / PCI_STD_NUM_BARS]
				 .region[i % PCI_STD_NUM_BARS];

		if (o->size && o->start < end && base < o->start + o->size)
			return true;
	}
	return false;
}

/* vfio_pci_probe_mmaps() (linux drivers/vfio/pci/vfio_pci_core.c) */
bool fake_bar_mappable(const struct fake_pci *p, unsigned int i)
{
	uint64_t page = fake_host.page;
	const struct fake_region *r = &p->region[i];

	if (!r->mmap || r->size >= page)
		return r->mmap;
	return r->start % page == 0 &&
	       !bar_within(r->start + r->size, r->start + page);
}

static uint32_t region_flags(const struct fake_region *r, bool mappable)
{
	uint32_t flags = VFIO_REGION_INFO_FLAG_READ;

	if (!r->size)
		return 0;
	if (!r->read_only)
		flags |= VFIO_REGION_INFO_FLAG_WRITE;
	if (mappable)
		flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return flags;
}

static int region_info(struct fake_pci *p, struct vfio_region_info *info)
{
	uint8_t caps[32 + 16 * FAKE_AREAS];
	const struct fake_region *r;
	uint32_t size = info->argsz;
	bool mappable;
	uint32_t n;

	if (size < sizeof(*info) || info->index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	/* Not offered by this driver (linux drivers/vfio/pci). */
	if (info->index == VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	r = &p->region[info->index];
	info->offset = (uint64_t)info->index << FAKE_REGION_SHIFT;
	info->size = r->size;
	mappable = fake_bar_mappable(p, info->index);
	info->flags = region_flags(r, mappable);
	info->cap_offset = 0;
	n = region_caps(r, mappable, caps);
	if (n)
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (n && size >= sizeof(*info) + n) {
		memcpy(info + 1, caps, n);
		info->cap_offset = sizeof(*info);
	} else if (n) {
		info->argsz = (uint32_t)sizeof(*info) + n;
	}
	return scripted(p, VFIO_DEVICE_GET_REGION_INFO, info, size);
}

static int irq_info(struct fake_pci *p, struct vfio_irq_info *info)
{
	int r = fake_irq_info(p, info);

	return r < 0 ? r
		     : scripted(p, VFIO_DEVICE_GET_IRQ_INFO, info, info->argsz);
}

/* --- resets --------------------------------------------------------------- */

static int device_reset(struct fake_pci *p)
{
	if (!p->reset)
		return -EINVAL;
	fake_pci_reset(p);
	return 0;
}

/* A reset of a bus affects all that is on it. */
static bool same_bus(const struct fake_pci *a, const struct fake_pci *b)
{
	return strncmp(a->address, b->address, strlen("0000:01:")) == 0;
}

static uint32_t on_bus(const struct fake_pci *p)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < fake_host.n; i++)
		n += same_bus(p, &fake_host.pci[i]);
	return n;
}

/* A devid is never 0; -1: the device is not the caller's. */
static uint32_t number_of(const struct fake_pci_file *f,
			  const struct fake_pci *o)
{
	if (!f->cdev)
		return o->group;
	for (unsigned int i = 0; i < FAKE_FILES; i++) {
		if (o->file[i].pci && o->file[i].bound == f->bound)
			return o->cdev + 1;
	}
	return UINT32_MAX;
}

static int hot_info(struct fake_pci_file *f, struct vfio_pci_hot_reset_info *h)
{
	struct fake_pci *p = f->pci;
	uint32_t size = h->argsz;
	uint32_t n = 0;

	if (size < sizeof(*h))
		return -EINVAL;
	if (!p->bus_reset)
		return -ENODEV;
	h->flags = f->cdev ? 3 : 0; /* FLAG_DEV_ID, _OWNED: linux 6.5 */
	h->count = on_bus(p);
	if (size < sizeof(*h) + 8ul * h->count)
		return -ENOSPC;
	for (unsigned int i = 0; i < fake_host.n; i++) {
		const struct fake_pci *o = &fake_host.pci[i];
		unsigned int bus;
		unsigned int dev;
		unsigned int fn;

		if (!same_bus(p, o))
			continue;
		sscanf(o->address, "%*x:%x:%x.%x", &bus, &dev, &fn);
		h->devices[n].group_id = number_of(f, o);
		if (f->cdev && h->devices[n].group_id == UINT32_MAX)
			h->flags &= ~2u;
		h->devices[n].segment = 0;
		h->devices[n].bus = (uint8_t)bus;
		h->devices[n++].devfn = (uint8_t)(dev << 3 | fn);
	}
	return scripted(p, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, h, size);
}

static bool hot_owned(const struct fake_pci_file *f, const struct fake_pci *o,
		      const struct vfio_pci_hot_reset *h)
{
	if (!strstr(o->driver, "vfio"))
		return false;
	if (f->cdev)
		return !h->count && number_of(f, o) != UINT32_MAX;
	for (unsigned int i = 0; i < h->count; i++) {
		if (fake_group_is(h->group_fds[i], o->group))
			return true;
	}
	return false;
}

static int hot_reset(struct fake_pci_file *f, struct vfio_pci_hot_reset *h)
{
	struct fake_pci *p = f->pci;

	if (h->argsz < sizeof(*h) || h->flags)
		return -EINVAL;
	if (!p->bus_reset)
		return -ENODEV;
	if (h->argsz < sizeof(*h) + 4ul * h->count)
		return -EINVAL;
	if (!f->cdev && (!h->count || h->count > on_bus(p)))
		return -EINVAL;
	for (unsigned int i = 0; i < fake_host.n; i++) {
		if (same_bus(p, &fake_host.pci[i]) &&
		    !hot_owned(f, &fake_host.pci[i], h))
			return -EINVAL;
	}
	for (unsigned int i = 0; i < fake_host.n; i++) {
		if (!same_bus(p, &fake_host.pci[i]))
			continue;
		fake_pci_reset(&fake_host.pci[i]);
		fake_host.pci[i].hot_resets++;
	}
	return 0;
}

/* --- the file ------------------------------------------------------------- */

static int device_ioctl(void *obj, unsigned long req, void *arg)
{
	struct fake_pci_file *f = obj;
	int r = fake_cdev_ioctl(f, req, arg);

	if (r != -ENOTTY)
		return r;
	switch (req) {
	case VFIO_DEVICE_GET_INFO:
		return device_info(f->pci, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(f->pci, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(f->pci, arg);
	case VFIO_DEVICE_SET_IRQS:
		return fake_irq_set(f->pci, arg);
	case VFIO_DEVICE_RESET:
		return device_reset(f->pci);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return hot_info(f, arg);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return hot_reset(f, arg);
	default:
		return -ENOTTY;
	}
}

/* Which region, and how many of @len bytes at @off are in it; or -errno. */
static int64_t region_part(const struct fake_pci_file *f, size_t len,
			   uint64_t off, unsigned int *index, uint64_t *at)
{
	const struct fake_pci *p = f->pci;

	*index = (unsigned int)(off >> FAKE_REGION_SHIFT);
	*at = off & ((1ull << FAKE_REGION_SHIFT) - 1);
	if (f->cdev && !f->bound)
		return -EINVAL;
	if (*index >= FAKE_REGIONS || *at >= p->region[*index].size)
		return -EINVAL;
	if (!fake_pci_decodes(p) && *index <= VFIO_PCI_ROM_REGION_INDEX &&
	    (*index == VFIO_PCI_ROM_REGION_INDEX ||
	     !(p->cfg[PCI_BASE_ADDRESS_0 + 4 * *index] & 1)))
		return -EIO;
	if (len > p->region[*index].size - *at)
		len = p->region[*index].size - *at;
	return (int64_t)len;
}

static ssize_t device_read(void *obj, void *buf, size_t len, uint64_t off)
{
	struct fake_pci_file *f = obj;
	unsigned int index;
	uint64_t at;
	int64_t n;

	if (off >> FAKE_REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX)
		return f->cdev && !f->bound
			       ? -EINVAL
			       : fake_cfg_read(f->pci, buf, len,
					       off & ((1ull << 40) - 1));
	n = region_part(f, len, off, &index, &at);
	if (n < 0)
		return (ssize_t)n;
	f->pci->bar_reads++;
	return __real_pread(f->pci->fd, buf, (size_t)n, (off_t)off);
}

static ssize_t device_write(void *obj, const void *buf, size_t len,
			    uint64_t off)
{
	struct fake_pci_file *f = obj;
	unsigned int index;
	uint64_t at;
	int64_t n;

	if (off >> FAKE_REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX)
		return f->cdev && !f->bound
			       ? -EINVAL
			       : fake_cfg_write(f->pci, buf, len,
						off & ((1ull << 40) - 1));
	n = region_part(f, len, off, &index, &at);
	if (n < 0)
		return (ssize_t)n;
	if (index == VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	f->pci->bar_writes++;
	return __real_pwrite(f->pci->fd, buf, (size_t)n, (off_t)off);
}

/* vfio_pci_core_mmap() (linux drivers/vfio/pci/vfio_pci_core.c) */
static int device_mmap(void *obj, uint64_t len, int prot, int flags,
		       uint64_t off)
{
	const struct fake_pci_file *f = obj;
	unsigned int index = (unsigned int)(off >> FAKE_REGION_SHIFT);
	uint64_t at = off & ((1ull << FAKE_REGION_SHIFT) - 1);
	uint64_t page = fake_sys_page();
	const struct fake_region *r;

	(void)prot;
	if ((f->cdev && !f->bound) || !(flags & MAP_SHARED))
		return -EINVAL;
	if (index >= VFIO_PCI_ROM_REGION_INDEX || at % page || !len)
		return -EINVAL;
	r = &f->pci->region[index];
	if (!fake_bar_mappable(f->pci, index) ||
	    at + len > ((r->size + page - 1) & ~(page - 1)))
		return -EINVAL;
	return 0;
}

static void device_close(void *obj)
{
	struct fake_pci_file *f = obj;
	struct fake_pci *p = f->pci;
	bool cdev = f->cdev;

	if (fake_sys_mapping_of(f))
		fake_sys_misuse("%s: closed below its mappings", p->address);
	fake_cdev_close(f);
	f->pci = NULL;
	if (--p->opens)
		return;
	fake_irq_off(p);
	fake_revoke(p);
	if (!cdev)
		fake_group_device_closed(p->group);
}

const struct fake_file_ops fake_device_ops = {
	.name = "a device",
	.ioctl = device_ioctl,
	.read = device_read,
	.write = device_write,
	.mmap = device_mmap,
	.close = device_close,
};

int fake_device_open(struct fake_pci *p, bool cdev)
{
	struct fake_pci_file *f = p->file;

	while (f < p->file + FAKE_FILES && f->pci)
		f++;
	if (f == p->file + FAKE_FILES)
		return -EMFILE;
	*f = (struct fake_pci_file){.pci = p, .cdev = cdev};
	if (!p->opens++) { /* the kernel resets it, if it can */
		fake_pci_wake(p);
		fake_cfg_put(p, PCI_COMMAND, 2,
			     PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	}
	return fake_sys_open(&fake_device_ops, f, p->fd);
}

/* --- the host --------------------------------------------------------------
 */

void fake_host_init(void)
{
	memset(&fake_host, 0, sizeof(fake_host));
	fake_host.page = (uint64_t)__real_sysconf(_SC_PAGESIZE);
	fake_host.type1 = true;
	fake_host.iommufd = true;
	fake_host.dma_buf = true;
	fake_host.map_file = true;
	fake_host.dma_max = FAKE_DMAS;
	/* An IOMMU of 48 bits with x86's hole for MSI. */
	fake_host.n_iova = 2;
	fake_host.iova[0] = (struct fake_range){0, 0xfee00000};
	fake_host.iova[1] =
		(struct fake_range){0xfef00000, (1ull << 48) - 0xfef00000};
}

void fake_host_arm(uint64_t page)
{
	const uint64_t end = FAKE_ARM_MSI + FAKE_ARM_MSI_LEN;

	fake_host.page = page;
	fake_host.iova[0] = (struct fake_range){0, FAKE_ARM_MSI};
	fake_host.iova[1] = (struct fake_range){end, (1ull << 48) - end};
}

static int dev_open(const char *path, int flags)
{
	unsigned int id;
	char extra;

	(void)flags;
	if (!strcmp(path, "/dev/vfio/vfio"))
		return fake_container_open();
	if (!strcmp(path, "/dev/iommu"))
		return fake_iommufd_open();
	if (sscanf(path, "/dev/vfio/devices/vfio%u%c", &id, &extra) == 1) {
		if (!fake_host.iommufd || id >= fake_host.n)
			return -ENOENT;
		return fake_device_open(&fake_host.pci[id], true);
	}
	if (sscanf(path, "/dev/vfio/%u%c", &id, &extra) == 1)
		return fake_group_open(id);
	return -ENODEV;
}

/* Whoever unmaps memory must have told the hypervisor and the IOMMU. */
static void on_unmap(uint64_t base, uint64_t len)
{
	const struct fake_hv *hv = fake_host.hv;

	if (fake_sys_failed())
		return;
	for (unsigned int i = 0; hv && i < hv->n_slots; i++) {
		uint64_t hva = (uintptr_t)hv->slot[i].hva;

		if (hv->slot[i].used && hva < base + len &&
		    base < hva + hv->slot[i].len)
			fake_sys_misuse("memory is unmapped below a memslot");
	}
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		const struct fake_dma *d = &fake_host.dma[i];

		if (d->domain && d->va && d->va < base + len &&
		    base < d->va + d->len)
			fake_sys_misuse("memory is unmapped below the IOMMU");
	}
}

static void device_start(struct fake_pci *p)
{
	p->fd = memfd_create("device", MFD_CLOEXEC);
	if (p->fd < 0 ||
	    ftruncate(p->fd, (off_t)FAKE_REGIONS << FAKE_REGION_SHIFT) < 0)
		abort();
	p->region[VFIO_PCI_CONFIG_REGION_INDEX].size = p->cfg_size;
	for (unsigned int i = 0; i < FAKE_IRQS; i++) {
		p->irq[i].unmask = -1;
		for (unsigned int v = 0; v < FAKE_VECTORS; v++)
			p->irq[i].trigger[v] = -1;
	}
}

void fake_host_start(void)
{
	fake_sys_set_page(fake_host.page);
	for (unsigned int i = 0; i < fake_host.n; i++)
		device_start(&fake_host.pci[i]);
	fake_type1_forget();
	fake_iommufd_forget();
	fake_tree_make();
	fake_sys_set_dev(dev_open);
	fake_sys_set_unmap(on_unmap);
	fake_sys_start();
}

void fake_host_stop(void)
{
	fake_sys_stop();
	fake_sys_set_page(0);
	fake_sys_set_dev(NULL);
	fake_sys_set_unmap(NULL);
	for (unsigned int i = 0; i < fake_host.n; i++) {
		fake_irq_off(&fake_host.pci[i]);
		if (fake_host.pci[i].fd >= 0)
			__real_close(fake_host.pci[i].fd);
		fake_host.pci[i].fd = -1;
	}
}

const char *fake_host_left(void)
{
	const char *left = fake_host.hv ? fake_hv_left(fake_host.hv) : NULL;

	/* What KVM refused to remove cannot but be left. */
	if (left && !fake_sys_fails_on() &&
	    strcmp(fake_sys_failed_in(), "fake_unmap") != 0)
		return left;
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		if (fake_host.dma[i].domain)
			return "a mapping of the IOMMU was left";
	}
	return fake_sys_left();
}

void fake_host_settled(void)
{
	const struct fake_hv *hv = fake_host.hv;

	for (unsigned int i = 0; hv && i < hv->n_slots; i++) {
		uint64_t hva = (uintptr_t)hv->slot[i].hva;
		const struct fake_mapping *m;
		const struct fake_pci_file *f;

		if (!hv->slot[i].used || fake_sys_failed())
			continue;
		m = fake_sys_mapping(hva);
		if (!m || hva + hv->slot[i].len > m->base + m->len)
			fake_sys_misuse("a memslot is not over one mapping");
		f = m->obj;
		if (f && f->pci && !fake_pci_decodes(f->pci))
			fake_sys_misuse("%s is mapped and does not decode",
					f->pci->address);
	}
	if (hv && hv->misuse)
		fake_sys_misuse("%s", hv->misuse);
}

/* --- being a device --------------------------------------------------------
 */

static off_t bar_at(unsigned int i, uint64_t off)
{
	return (off_t)(((uint64_t)i << FAKE_REGION_SHIFT) + off);
}

void fake_rom_bytes(struct fake_pci *p, const void *bytes, size_t len)
{
	if (__real_pwrite(p->fd, bytes, len,
			  bar_at(VFIO_PCI_ROM_REGION_INDEX, 0)) != (ssize_t)len)
		abort();
}

uint64_t fake_bar_get(const struct fake_pci *p, unsigned int i, uint64_t off)
{
	uint64_t v = 0;

	if (__real_pread(p->fd, &v, sizeof(v), bar_at(i, off)) != sizeof(v))
		abort();
	return v;
}

void fake_bar_put(struct fake_pci *p, unsigned int i, uint64_t off, uint64_t v)
{
	if (__real_pwrite(p->fd, &v, sizeof(v), bar_at(i, off)) != sizeof(v))
		abort();
}
