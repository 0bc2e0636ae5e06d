// SPDX-License-Identifier: Apache-2.0
/* What both ways to an IOMMU have in common. */
#include "vfio/iommu.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/memlock.h"
#include "vfio/sysfs.h"

/* --- which one ------------------------------------------------------------ */

static int usable(const char *path)
{
	return access(path, R_OK | W_OK) < 0 ? -errno : 0;
}

static struct vfio_offer host_offer(const struct vfio_want *w)
{
	struct vfio_offer o = {.iommufd = usable("/dev/iommu")};

	for (unsigned int i = 0; o.cdev == 0 && i < w->n; i++) {
		char path[64];

		o.cdev = sysfs_cdev(w->address[i], path, sizeof(path));
		if (o.cdev == 0)
			o.cdev = usable(path);
	}
	return o;
}

void vfio_setup(struct vfio *v, const struct vfio_want *w)
{
	struct vfio_offer o = host_offer(w);
	enum vfio_backend b = vfio_choose(w->backend, &o, &v->iommu_why);

	v->iommu = b == VFIO_BACKEND_IOMMUFD ? &iommu_iommufd : &iommu_type1;
	v->iommu_may_change =
		w->backend == VFIO_BACKEND_AUTO && b == VFIO_BACKEND_IOMMUFD;
	v->p2p = vfio_p2p_wanted(w->p2p, w->n);
}

const char *vfio_iommu_name(const struct vfio *v)
{
	return v->iommu->name;
}

/* The first device settles it: what it could not have, type1 may. */
static int change_to_type1(struct vfio *v, struct vfio_dev *d, const char *why,
			   struct err *e)
{
	v->iommu->device_close(v, d);
	v->iommu->close(v);
	v->n_reserved = 0;
	v->iommu = &iommu_type1;
	v->iommu_why = why;
	return v->iommu->device_open(v, d, e);
}

int iommu_device_open(struct vfio *v, struct vfio_dev *d, struct err *e)
{
	int r = v->iommu->device_open(v, d, e);
	bool may_change = v->iommu_may_change;

	v->iommu_may_change = false;
	if (!may_change)
		return r;
	if (r < 0)
		return change_to_type1(v, d, "iommufd refused the device", e);
	if (v->p2p && v->iommu->bar_probe(v, d) < 0)
		return change_to_type1(
			v, d,
			"this kernel's iommufd takes no BARs, and devices are "
			"to reach one another",
			e);
	return r;
}

/* --- guest RAM ------------------------------------------------------------ */

bool iommu_reaches(const struct vfio *v, struct span s)
{
	for (unsigned int i = 0; i < v->n_reserved; i++) {
		if (span_overlaps(v->reserved[i], s))
			return false;
	}
	return true;
}

static uint64_t bytes_of(rlim_t limit)
{
	return limit == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit;
}

/* What cannot be found out counts as no limit: the kernel will say so. */
static void memlock_now(struct memlock *m)
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};
	char text[4096];
	ssize_t n = -1;
	int fd;

	memset(m, 0, sizeof(*m));
	(void)getrlimit(RLIMIT_MEMLOCK, &lim);
	m->soft = bytes_of(lim.rlim_cur);
	m->hard = bytes_of(lim.rlim_max);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	if (n > 0)
		memlock_read(m, text, (size_t)n);
}

int vfio_memlock(uint64_t need, struct err *e)
{
	struct memlock m;
	struct rlimit lim;
	char limit[32];

	memlock_now(&m);
	switch (memlock_check(&m, need)) {
	case MEMLOCK_OK:
		return 0;
	case MEMLOCK_RAISE:
		/* Anybody may do that; if not, the kernel will refuse to pin.
		 */
		if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0) {
			lim.rlim_cur = lim.rlim_max;
			(void)setrlimit(RLIMIT_MEMLOCK, &lim);
		}
		return 0;
	case MEMLOCK_SHORT:
		break;
	}
	snprintf(limit, sizeof(limit), "%" PRIu64, m.hard >> 10);
	err_set(e, -ENOMEM, ERR_VFIO_MEMLOCK, NULL, limit);
	e->num = need;
	e->num2 = m.locked;
	return e->code;
}

/* All that can be told is told before anything is pinned. */
int vfio_map_ram(struct vfio *v, const struct gmem *mem, struct err *e)
{
	int r = 0;

	if (!v->n_devs)
		return 0;
	for (unsigned int i = 0; i < mem->n; i++) {
		struct span s = mem->region[i].gpa;

		if (!iommu_reaches(v, s))
			return err_set_num(e, -ERANGE, ERR_VFIO_IOVA, NULL,
					   s.base, s.len);
	}
	for (unsigned int i = 0; r == 0 && i < mem->n; i++)
		r = v->iommu->map_ram(v, &mem->region[i], e);
	return r;
}

/* --- BARs ----------------------------------------------------------------- */

static const char *bar_reason(int error)
{
	switch (error) {
	case -ENOTTY:
	case -EOPNOTSUPP:
		return "the kernel's iommufd takes no BARs; it needs Linux "
		       "6.19 with CONFIG_VFIO_PCI_DMABUF, or use --iommu type1";
	case -EDOM:
		return "it is smaller than a page of the host, which iommufd "
		       "cannot map; type1 can: --iommu type1";
	case -ERANGE:
		return "the BAR lies where the IOMMU reaches nothing";
	case -EEXIST:
		return "something else is mapped at its address";
	case -ENODEV:
		return "the device does not decode it, or is gone";
	case -ENOSPC:
		return "too many mappings; allow more in /sys/module/"
		       "vfio_iommu_type1/parameters/dma_entry_limit";
	default:
		return strerror(-error);
	}
}

void iommu_bar_warn(struct vfio_dev *d, unsigned int bar, int error)
{
	/* A few registers on no host's page of their own: nobody's DMA. */
	if (error == -EDOM && d->region[bar].size < 4096)
		return;
	if (d->p2p_warned)
		return;
	d->p2p_warned = true;
	fprintf(stderr,
		"barge: %s: other devices cannot reach its BAR %u by DMA: "
		"%s\r\n",
		d->address, bar, bar_reason(error));
}
