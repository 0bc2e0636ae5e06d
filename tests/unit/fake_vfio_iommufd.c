// SPDX-License-Identifier: Apache-2.0
/* /dev/iommu of linux/iommufd.h, device files, and dma-bufs of a BAR. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_impl.h"

/* linux/iommufd.h, said once more: a slip in barge's own copy is found. */
#define FK_IOMMU(nr)	       _IO(';', nr)
#define FK_IOMMU_DESTROY       FK_IOMMU(0x80)
#define FK_IOMMU_IOAS_ALLOC    FK_IOMMU(0x81)
#define FK_IOMMU_IOVA_RANGES   FK_IOMMU(0x84)
#define FK_IOMMU_IOAS_MAP      FK_IOMMU(0x85)
#define FK_IOMMU_IOAS_UNMAP    FK_IOMMU(0x86)
#define FK_IOMMU_OPTION	       FK_IOMMU(0x87)
#define FK_IOMMU_IOAS_MAP_FILE FK_IOMMU(0x8f)
#define FK_MAP_FIXED_IOVA      1u
#define FK_MAP_WRITEABLE       2u
#define FK_MAP_READABLE	       4u

struct fk_destroy {
	uint32_t size, id;
};
struct fk_ioas_alloc {
	uint32_t size, flags, out_ioas_id;
};
struct fk_iova_ranges {
	uint32_t size, ioas_id, num, reserved;
	uint64_t allowed, out_alignment;
};
struct fk_ioas_map {
	uint32_t size, flags, ioas_id, reserved;
	uint64_t va, length, iova;
};
struct fk_ioas_map_file {
	uint32_t size, flags, ioas_id;
	int32_t fd;
	uint64_t start, length, iova;
};
struct fk_ioas_unmap {
	uint32_t size, ioas_id;
	uint64_t iova, length;
};
struct fk_bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
};
struct fk_attach {
	uint32_t argsz, flags, pt_id;
};
struct fk_dma_buf {
	uint32_t region, open_flags, flags, n;
	struct {
		uint64_t off, len;
	} range[];
};

#define IOMMUFDS 4
#define IOASES	 8
#define BUFS	 32

struct iommufd {
	bool used;
	bool open;
	unsigned int bound; /* devices */
};

struct ioas {
	struct iommufd *of; /* NULL: free */
	uint32_t id;
	unsigned int attached;
};

struct buf {
	bool used;
	struct fake_pci *pci; /* NULL: its device is gone */
	uint64_t off;	      /* in the device's file */
	uint64_t len;
	unsigned int ranges;
};

static struct iommufd iommufd[IOMMUFDS];
static struct ioas ioas[IOASES];
static struct buf buf[BUFS];

void fake_iommufd_forget(void)
{
	memset(iommufd, 0, sizeof(iommufd));
	memset(ioas, 0, sizeof(ioas));
	memset(buf, 0, sizeof(buf));
}

static void buf_close(void *obj)
{
	struct buf *b = obj;

	b->used = false;
}

static const struct fake_file_ops buf_ops = {
	.name = "a dma-buf",
	.close = buf_close,
};

/* --- address spaces ------------------------------------------------------- */

static struct ioas *ioas_of(const struct iommufd *f, uint32_t id)
{
	for (unsigned int i = 0; i < IOASES; i++) {
		if (ioas[i].of == f && ioas[i].id == id)
			return &ioas[i];
	}
	return NULL;
}

static int ioas_alloc(struct iommufd *f, struct fk_ioas_alloc *a)
{
	static uint32_t next = 1;

	if (a->size < sizeof(*a))
		return -EINVAL;
	if (a->flags)
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < IOASES; i++) {
		if (ioas[i].of)
			continue;
		ioas[i] = (struct ioas){.of = f, .id = ++next};
		a->out_ioas_id = next;
		return 0;
	}
	return -ENOMEM;
}

static void ioas_drop(struct ioas *s)
{
	fake_dma_forget(s);
	s->of = NULL;
}

static int destroy(struct iommufd *f, const struct fk_destroy *d)
{
	struct ioas *s;

	if (d->size < sizeof(*d))
		return -EINVAL;
	s = ioas_of(f, d->id);
	if (!s)
		return -ENOENT;
	if (s->attached)
		return -EBUSY;
	ioas_drop(s);
	return 0;
}

static int iova_ranges(struct iommufd *f, struct fk_iova_ranges *q)
{
	uint64_t *out = (uint64_t *)(uintptr_t)q->allowed;
	uint32_t room = q->num;
	const struct ioas *s = ioas_of(f, q->ioas_id);

	if (q->size < sizeof(*q))
		return -EINVAL;
	if (q->reserved)
		return -EOPNOTSUPP;
	if (!s)
		return -ENOENT;
	q->out_alignment = s->attached ? fake_sys_page() : 1;
	if (!fake_host.n_iova || !s->attached) {
		q->num = 1;
		if (room) {
			out[0] = 0;
			out[1] = UINT64_MAX;
		}
		return room ? 0 : -EMSGSIZE;
	}
	q->num = fake_host.n_iova;
	for (unsigned int i = 0; i < q->num && i < room; i++) {
		out[2 * i] = fake_host.iova[i].base;
		out[2 * i + 1] =
			fake_host.iova[i].base + fake_host.iova[i].len - 1;
	}
	return room < q->num ? -EMSGSIZE : 0;
}

/* --- mapping -------------------------------------------------------------- */

static int flags_ok(uint32_t flags)
{
	if (flags & ~(FK_MAP_FIXED_IOVA | FK_MAP_WRITEABLE | FK_MAP_READABLE))
		return -EOPNOTSUPP;
	if (!(flags & FK_MAP_FIXED_IOVA))
		fake_sys_misuse("a mapping wherever iommufd likes it");
	return flags & (FK_MAP_WRITEABLE | FK_MAP_READABLE) ? 0 : -EINVAL;
}

static int enter(struct fake_dma *d, uint64_t iova, uint64_t len,
		 uint32_t flags)
{
	uint64_t page = fake_sys_page();

	d->iova = iova;
	d->len = len;
	d->write = flags & FK_MAP_WRITEABLE;
	if (!len || (iova | len) % page)
		return -EINVAL;
	if (iova + len - 1 < iova)
		return -EOVERFLOW;
	return fake_dma_add(d);
}

/* Only memory that can be pinned: a BAR's pages are none. */
static int ioas_map(struct iommufd *f, const struct fk_ioas_map *m)
{
	struct fake_dma d = {.domain = ioas_of(f, m->ioas_id), .va = m->va};
	const struct fake_mapping *at = fake_sys_mapping(m->va);
	int r;

	if (m->size < sizeof(*m))
		return -EINVAL;
	r = m->reserved ? -EOPNOTSUPP : flags_ok(m->flags);
	if (r < 0)
		return r;
	if (!d.domain)
		return -ENOENT;
	if (at && at->obj)
		return -EFAULT;
	return enter(&d, m->iova, m->length, m->flags);
}

/* vfio_pci_dma_buf_iommufd_map() */
static int map_buf(const struct buf *b, const struct fk_ioas_map_file *m,
		   struct fake_dma *d)
{
	if (b->ranges != 1)
		return -EOPNOTSUPP;
	if (!b->pci || !fake_pci_decodes(b->pci))
		return -ENODEV;
	if (m->start > b->len || m->length > b->len - m->start)
		return -EINVAL;
	d->bar = b->pci;
	d->off = b->off + m->start;
	return 0;
}

static int ioas_map_file(struct iommufd *f, const struct fk_ioas_map_file *m)
{
	struct fake_dma d = {.domain = ioas_of(f, m->ioas_id)};
	const struct buf *b = fake_sys_object(m->fd, &buf_ops);
	int r;

	if (!fake_host.map_file)
		return -ENOTTY;
	if (m->size < sizeof(*m))
		return -EINVAL;
	r = flags_ok(m->flags);
	if (r < 0)
		return r;
	if (!d.domain)
		return -ENOENT;
	if (fcntl(m->fd, F_GETFD) < 0)
		fake_sys_misuse("IOAS_MAP_FILE of file %d, which is not open",
				m->fd);
	if (b)
		r = map_buf(b, m, &d);
	else if (fcntl(m->fd, F_GET_SEALS) < 0)
		r = -EINVAL; /* not a memfd */
	return r < 0 ? r : enter(&d, m->iova, m->length, m->flags);
}

static int ioas_unmap(struct iommufd *f, struct fk_ioas_unmap *u)
{
	const struct ioas *s = ioas_of(f, u->ioas_id);
	int64_t n;

	if (u->size < sizeof(*u) || !u->length)
		return -EINVAL;
	if (!s)
		return -ENOENT;
	n = fake_dma_cut(s, u->iova, u->length);
	if (n < 0)
		return -ENOENT; /* it would split one */
	u->length = (uint64_t)n;
	return n ? 0 : -ENOENT;
}

static int iommufd_ioctl(void *obj, unsigned long req, void *arg)
{
	switch (req) {
	case FK_IOMMU_DESTROY:
		return destroy(obj, arg);
	case FK_IOMMU_IOAS_ALLOC:
		return ioas_alloc(obj, arg);
	case FK_IOMMU_IOVA_RANGES:
		return iova_ranges(obj, arg);
	case FK_IOMMU_IOAS_MAP:
		return ioas_map(obj, arg);
	case FK_IOMMU_IOAS_MAP_FILE:
		return ioas_map_file(obj, arg);
	case FK_IOMMU_IOAS_UNMAP:
		return ioas_unmap(obj, arg);
	case FK_IOMMU_OPTION:
		return 0;
	default:
		return -ENOTTY;
	}
}

/* A device that is bound keeps it. */
static void iommufd_done(struct iommufd *f)
{
	if (f->open || f->bound)
		return;
	for (unsigned int i = 0; i < IOASES; i++) {
		if (ioas[i].of == f)
			ioas_drop(&ioas[i]);
	}
	f->used = false;
}

static void iommufd_close(void *obj)
{
	struct iommufd *f = obj;

	f->open = false;
	iommufd_done(f);
}

static const struct fake_file_ops iommufd_ops = {
	.name = "an iommufd",
	.ioctl = iommufd_ioctl,
	.close = iommufd_close,
};

int fake_iommufd_open(void)
{
	struct iommufd *f = iommufd;

	if (!fake_host.iommufd)
		return -ENOENT;
	while (f < iommufd + IOMMUFDS && f->used)
		f++;
	if (f == iommufd + IOMMUFDS)
		return -EMFILE;
	*f = (struct iommufd){.used = true, .open = true};
	return fake_sys_open(&iommufd_ops, f, -1);
}

/* --- a device's file -------------------------------------------------------
 */

static bool group_in_use(const struct fake_pci *p)
{
	for (unsigned int i = 0; i < fake_host.n; i++) {
		const struct fake_pci *o = &fake_host.pci[i];

		if (o->group == p->group && o->driver[0] &&
		    !strstr(o->driver, "vfio"))
			return true;
	}
	return false;
}

/* All devices of a group go to one iommufd. */
static bool owned_by_another(const struct fake_pci *p, const struct iommufd *i)
{
	for (unsigned int k = 0; k < fake_host.n; k++) {
		const struct fake_pci *o = &fake_host.pci[k];

		for (unsigned int f = 0; f < FAKE_FILES; f++) {
			if (o->group == p->group && o->file[f].pci &&
			    o->file[f].bound && o->file[f].bound != i)
				return true;
		}
	}
	return false;
}

static int cdev_bind(struct fake_pci_file *f, struct fk_bind *b)
{
	struct iommufd *i = fake_sys_object(b->iommufd, &iommufd_ops);

	if (b->argsz < sizeof(*b) || b->flags || !i || f->bound)
		return -EINVAL;
	if (fake_group_is_open(f->pci->group))
		return -EBUSY;
	/* iommu_device_claim_dma_owner(): a driver of the host is there */
	if (group_in_use(f->pci) || owned_by_another(f->pci, i))
		return -EPERM;
	f->bound = i;
	i->bound++;
	b->out_devid = f->pci->cdev + 1;
	return 0;
}

static int cdev_attach(struct fake_pci_file *f, struct fk_attach *a)
{
	struct ioas *s;

	if (a->argsz < sizeof(*a) || a->flags || !f->bound)
		return -EINVAL;
	s = ioas_of(f->bound, a->pt_id);
	if (!s)
		return -ENOENT;
	if (f->attached)
		((struct ioas *)f->attached)->attached--;
	f->attached = s;
	s->attached++;
	return 0;
}

static int cdev_detach(struct fake_pci_file *f)
{
	if (!f->bound)
		return -EINVAL;
	if (f->attached)
		((struct ioas *)f->attached)->attached--;
	f->attached = NULL;
	return 0;
}

/* vfio_pci_core_feature_dma_buf(), one range or more */
static int buf_make(struct fake_pci *p, const struct fk_dma_buf *q)
{
	uint64_t page = fake_sys_page();
	struct buf *b = buf;

	if (!q->n || q->flags || q->region >= VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	for (unsigned int i = 0; i < q->n; i++) {
		uint64_t off = q->range[i].off;
		uint64_t len = q->range[i].len;

		if (!len || (off | len) % page || off + len < off ||
		    off + len > p->region[q->region].size)
			return -EINVAL;
	}
	while (b < buf + BUFS && b->used)
		b++;
	if (b == buf + BUFS)
		return -ENOMEM;
	*b = (struct buf){.used = true, .pci = p, .ranges = q->n};
	b->off = ((uint64_t)q->region << FAKE_REGION_SHIFT) + q->range[0].off;
	b->len = q->range[0].len;
	if (!(q->open_flags & O_CLOEXEC))
		fake_sys_misuse("a dma-buf without O_CLOEXEC");
	return fake_sys_open(&buf_ops, b, -1);
}

static int feature(struct fake_pci_file *f, struct vfio_device_feature *q)
{
	uint32_t which = q->flags & VFIO_DEVICE_FEATURE_MASK;

	if (q->argsz < sizeof(*q))
		return -EINVAL;
	if (which != FK_FEATURE_DMA_BUF || !fake_host.dma_buf)
		return -ENOTTY;
	if (q->flags & VFIO_DEVICE_FEATURE_PROBE)
		return q->flags & VFIO_DEVICE_FEATURE_SET ? -EINVAL : 0;
	if (!(q->flags & VFIO_DEVICE_FEATURE_GET) ||
	    q->argsz < sizeof(*q) + sizeof(struct fk_dma_buf) + 16)
		return -EINVAL;
	return buf_make(f->pci, (const void *)q->data);
}

int fake_cdev_ioctl(struct fake_pci_file *f, unsigned long req, void *arg)
{
	if (f->cdev && req == FK_DEVICE_BIND_IOMMUFD)
		return cdev_bind(f, arg);
	if (f->cdev && !f->bound) /* no access before */
		return -EINVAL;
	if (f->cdev && req == FK_DEVICE_ATTACH_IOMMUFD)
		return cdev_attach(f, arg);
	if (f->cdev && req == FK_DEVICE_DETACH_IOMMUFD)
		return cdev_detach(f);
	return req == VFIO_DEVICE_FEATURE ? feature(f, arg) : -ENOTTY;
}

void fake_cdev_close(struct fake_pci_file *f)
{
	struct iommufd *i = f->bound;

	if (!i)
		return;
	(void)cdev_detach(f);
	f->bound = NULL;
	i->bound--;
	iommufd_done(i);
}

/* What an IOMMU has of a dma-buf is taken away and never comes back. */
void fake_revoke(struct fake_pci *p)
{
	for (unsigned int i = 0; i < FAKE_DMAS; i++) {
		struct fake_dma *d = &fake_host.dma[i];

		if (d->domain && d->bar == p && !d->va)
			d->revoked = true;
	}
	for (unsigned int i = 0; i < BUFS && !p->opens; i++) {
		if (buf[i].pci == p)
			buf[i].pci = NULL;
	}
}
