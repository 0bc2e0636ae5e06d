// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* INTID of the first interrupt that devices share: GICv2 2.2.1 */
#define SPI_FIRST 32

int kvm_ioctl(int fd, unsigned long req, void *arg)
{
	int r = ioctl(fd, req, arg);

	return r < 0 ? -errno : r;
}

int kvm_cap(const struct kvm *k, int cap)
{
	int fd = k->vm >= 0 ? k->vm : k->sys;
	int r = ioctl(fd, KVM_CHECK_EXTENSION, (unsigned long)cap);

	return r < 0 ? 0 : r;
}

/* What barge cannot do without; each is older than Linux 4.13. */
static int check_caps(const struct kvm *k, struct err *e)
{
	static const struct {
		int cap;
		const char *name;
	} need[] = {
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
		{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
		{KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING"},
		{KVM_CAP_IRQFD, "KVM_CAP_IRQFD"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
	};

	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		if (!kvm_cap(k, need[i].cap))
			return err_set(e, -ENOTSUP, ERR_KVM_CAP, need[i].name,
				       NULL);
	}
	return 0;
}

/* --- memslots ------------------------------------------------------------ */

static struct kvm *kvm_of(struct hv *h)
{
	return (struct kvm *)h;
}

static int slot_set(struct kvm *k, unsigned int slot, uint64_t gpa, void *hva,
		    uint64_t len)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uintptr_t)hva,
	};

	return kvm_ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static int kvm_map(struct hv *h, uint64_t gpa, void *hva, uint64_t len,
		   unsigned int *slot)
{
	struct kvm *k = kvm_of(h);

	for (unsigned int i = 0; i < k->n_slots; i++) {
		int r;

		if (k->slot_used[i])
			continue;
		r = slot_set(k, i, gpa, hva, len);
		if (r < 0)
			return r;
		k->slot_used[i] = true;
		*slot = i;
		return 0;
	}
	return -ENOSPC;
}

static int kvm_unmap(struct hv *h, unsigned int slot)
{
	struct kvm *k = kvm_of(h);
	int r;

	if (slot >= k->n_slots || !k->slot_used[slot])
		return -ENOENT;
	/* kvm-api 4.35: size 0 deletes the slot */
	r = slot_set(k, slot, 0, NULL, 0);
	if (r < 0)
		return r;
	k->slot_used[slot] = false;
	return 0;
}

/* --- interrupt routes ---------------------------------------------------- */

/* kvm-api 4.52: the table is always handed over whole. */
static int routes_push(struct kvm *k)
{
	struct kvm_irq_routing *t;
	unsigned int live = 0;
	unsigned int n = 0;
	int r;

	for (unsigned int i = 0; i < k->routes; i++)
		live += k->route[i].live;
	t = malloc(sizeof(*t) + live * sizeof(t->entries[0]));
	if (!t)
		return -ENOMEM;
	for (unsigned int i = 0; i < k->routes; i++) {
		if (k->route[i].live)
			t->entries[n++] = k->route[i].entry;
	}
	t->nr = n;
	t->flags = 0;
	r = kvm_ioctl(k->vm, KVM_SET_GSI_ROUTING, t);
	free(t);
	return r;
}

int kvm_set_base_routes(struct kvm *k, const struct kvm_irq_routing_entry *r,
			unsigned int n, unsigned int first_msi, struct err *e)
{
	int ret;

	for (unsigned int i = 0; i < n; i++) {
		k->route[i].used = true;
		k->route[i].live = true;
		k->route[i].entry = r[i];
	}
	k->base_routes = n;
	k->routes = n;
	k->first_msi = first_msi;
	ret = routes_push(k);
	if (ret < 0)
		return err_set(e, ret, ERR_KVM_IOCTL, "KVM_SET_GSI_ROUTING",
			       NULL);
	return 0;
}

static struct kvm_route *route_of(struct kvm *k, unsigned int gsi)
{
	unsigned int i = gsi - k->first_msi + k->base_routes;

	if (gsi < k->first_msi || i >= KVM_ROUTES_MAX || gsi >= k->n_gsi ||
	    !k->route[i].used)
		return NULL;
	return &k->route[i];
}

static int kvm_route_take(struct hv *h, unsigned int *gsi)
{
	struct kvm *k = kvm_of(h);

	for (unsigned int i = k->base_routes; i < KVM_ROUTES_MAX; i++) {
		unsigned int g = i - k->base_routes + k->first_msi;

		if (g >= k->n_gsi)
			break;
		if (k->route[i].used)
			continue;
		k->route[i].used = true;
		k->route[i].live = false;
		k->route[i].was_live = false;
		if (i >= k->routes)
			k->routes = i + 1;
		*gsi = g;
		return 0;
	}
	return -ENOSPC;
}

static void kvm_route_give(struct hv *h, unsigned int gsi)
{
	struct kvm *k = kvm_of(h);
	struct kvm_route *r = route_of(k, gsi);

	if (!r)
		return;
	/* Nobody listens any more: KVM may keep the entry until the next push.
	 */
	r->live = false;
	r->used = false;
}

/*
 * A GICv2M frame turns what is written to it into the shared interrupt of that
 * number; KVM, which knows no such frame, is told the outcome.
 */
static int msi_entry(const struct kvm *k, struct kvm_irq_routing_entry *x,
		     struct hv_msi msi)
{
	if (k->msi_spi.len) {
		if (!span_holds(k->msi_spi, msi.data, 1))
			return -EINVAL;
		x->type = KVM_IRQ_ROUTING_IRQCHIP;
		x->u.irqchip.pin = msi.data - SPI_FIRST;
		return 0;
	}
	x->type = KVM_IRQ_ROUTING_MSI;
	x->u.msi.address_lo = (uint32_t)msi.addr;
	x->u.msi.address_hi = (uint32_t)(msi.addr >> 32);
	x->u.msi.data = msi.data;
	if (k->msi_devid) {
		x->flags = KVM_MSI_VALID_DEVID;
		x->u.msi.devid = msi.devid;
	}
	return 0;
}

static bool same_entry(const struct kvm_irq_routing_entry *a,
		       const struct kvm_irq_routing_entry *b)
{
	return a->type == b->type && a->flags == b->flags &&
	       memcmp(a->u.pad, b->u.pad, sizeof(a->u.pad)) == 0;
}

static int kvm_route_msi(struct hv *h, unsigned int gsi, struct hv_msi msi)
{
	struct kvm *k = kvm_of(h);
	struct kvm_route *r = route_of(k, gsi);
	struct kvm_irq_routing_entry new;
	int ret;

	if (!r)
		return -ENOENT;
	memset(&new, 0, sizeof(new));
	new.gsi = gsi;
	ret = msi_entry(k, &new, msi);
	if (ret < 0)
		return ret;
	if (r->live && same_entry(&r->entry, &new))
		return 0;
	r->entry = new;
	r->live = true;
	k->routes_dirty = true;
	return 0;
}

static int kvm_route_commit(struct hv *h)
{
	struct kvm *k = kvm_of(h);
	int r;

	if (!k->routes_dirty)
		return 0;
	r = routes_push(k);
	for (unsigned int i = k->base_routes; i < k->routes; i++) {
		struct kvm_route *x = &k->route[i];

		if (r < 0) {
			x->entry = x->was;
			x->live = x->used && x->was_live;
		}
		x->was = x->entry;
		x->was_live = x->live;
	}
	k->routes_dirty = false;
	return r;
}

static int kvm_irqfd(struct hv *h, unsigned int gsi, int fd, int resample_fd,
		     bool attach)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.flags = attach ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (attach && resample_fd >= 0) {
		irqfd.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = (uint32_t)resample_fd;
	}
	return kvm_ioctl(kvm_of(h)->vm, KVM_IRQFD, &irqfd);
}

/*
 * Documentation/virt/kvm/devices/vfio.rst. Linux 6.6, the first with files of
 * devices, calls the same numbers KVM_DEV_VFIO_FILE.
 */
/* kvm-api 4.59: a length of 0 stands for any. */
static int kvm_ioeventfd(struct hv *h, uint64_t gpa, int fd, bool attach)
{
	struct kvm *k = (struct kvm *)h;
	struct kvm_ioeventfd x = {
		.addr = gpa,
		.fd = fd,
		.flags = attach ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	if (kvm_cap(k, KVM_CAP_IOEVENTFD_ANY_LENGTH) <= 0)
		return -ENOTSUP;
	return kvm_ioctl(k->vm, KVM_IOEVENTFD, &x);
}

static int kvm_vfio_file(struct hv *h, int fd, bool add)
{
	struct kvm *k = kvm_of(h);
	struct kvm_create_device dev = {.type = KVM_DEV_TYPE_VFIO};
	int32_t file = fd;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = add ? KVM_DEV_VFIO_GROUP_ADD : KVM_DEV_VFIO_GROUP_DEL,
		.addr = (uintptr_t)&file,
	};

	if (k->vfio < 0) {
		int r = kvm_ioctl(k->vm, KVM_CREATE_DEVICE, &dev);

		if (r < 0)
			return r;
		k->vfio = (int)dev.fd;
	}
	return kvm_ioctl(k->vfio, KVM_SET_DEVICE_ATTR, &attr);
}

static const struct hv_ops kvm_hv_ops = {
	.map = kvm_map,
	.unmap = kvm_unmap,
	.route_take = kvm_route_take,
	.route_give = kvm_route_give,
	.route_msi = kvm_route_msi,
	.route_commit = kvm_route_commit,
	.irqfd = kvm_irqfd,
	.ioeventfd = kvm_ioeventfd,
	.vfio_file = kvm_vfio_file,
};

int kvm_irq_line(struct kvm *k, unsigned int gsi, bool level)
{
	struct kvm_irq_level l = {
		.irq = k->irq_line_base + gsi,
		.level = level,
	};

	return kvm_ioctl(k->vm, KVM_IRQ_LINE, &l);
}

/* --- life ---------------------------------------------------------------- */

void kvm_init(struct kvm *k)
{
	memset(k, 0, sizeof(*k));
	k->hv.ops = &kvm_hv_ops;
	k->sys = -1;
	k->vm = -1;
	k->vfio = -1;
	for (unsigned int i = 0; i < KVM_ARCH_DEVS_MAX; i++)
		k->arch_dev[i] = -1;
}

int kvm_open(struct kvm *k, struct err *e)
{
	int r;

	k->sys = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (k->sys < 0)
		return err_set(e, -errno, ERR_KVM_OPEN, "/dev/kvm", NULL);
	r = kvm_ioctl(k->sys, KVM_GET_API_VERSION, NULL);
	if (r < 0) /* not KVM, or an emulator of a kernel */
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_GET_API_VERSION",
			       NULL);
	if (r != KVM_API_VERSION)
		return err_set_num(e, -ENOTSUP, ERR_KVM_VERSION, NULL,
				   (uint64_t)r, KVM_API_VERSION);
	r = check_caps(k, e);
	if (r < 0)
		return r;
	r = kvm_ioctl(k->sys, KVM_GET_VCPU_MMAP_SIZE, NULL);
	if (r < (int)sizeof(struct kvm_run))
		return err_set(e, r < 0 ? r : -EINVAL, ERR_KVM_IOCTL,
			       "KVM_GET_VCPU_MMAP_SIZE", NULL);
	k->run_size = (size_t)r;
	return 0;
}

static unsigned int at_most(int value, unsigned int least, unsigned int most)
{
	unsigned int v = value > 0 ? (unsigned int)value : least;

	return v < most ? v : most;
}

int kvm_create_vm(struct kvm *k, unsigned long type, struct err *e)
{
	int r;

	/* kvm-api 4.2: interrupted by a signal it must be called again */
	do {
		r = kvm_ioctl(k->sys, KVM_CREATE_VM, (void *)type);
	} while (r == -EINTR);
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_CREATE_VM", NULL);
	k->vm = r;
	k->n_slots =
		at_most(kvm_cap(k, KVM_CAP_NR_MEMSLOTS), 32, KVM_SLOTS_MAX);
	k->n_gsi =
		at_most(kvm_cap(k, KVM_CAP_IRQ_ROUTING), 1024, KVM_ROUTES_MAX);
	return 0;
}

void kvm_close(struct kvm *k)
{
	for (unsigned int i = 0; i < KVM_ARCH_DEVS_MAX; i++) {
		if (k->arch_dev[i] >= 0)
			close(k->arch_dev[i]);
		k->arch_dev[i] = -1;
	}
	if (k->vfio >= 0)
		close(k->vfio);
	if (k->vm >= 0)
		close(k->vm);
	if (k->sys >= 0)
		close(k->sys);
	k->vfio = -1;
	k->vm = -1;
	k->sys = -1;
	free(k->arch_cache);
	k->arch_cache = NULL;
}

int vcpu_create(struct kvm *k, struct vcpu *v, unsigned int id, struct err *e)
{
	int fd = ioctl(k->vm, KVM_CREATE_VCPU, (unsigned long)id);
	void *run;

	v->id = id;
	v->fd = -1;
	v->run = NULL;
	if (fd < 0)
		return err_set(e, -errno, ERR_KVM_IOCTL, "KVM_CREATE_VCPU",
			       NULL);
	v->fd = fd;
	run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (run == MAP_FAILED)
		return err_set(e, -errno, ERR_HOST_CALL, "mmap of a vCPU",
			       NULL);
	v->run = run;
	return 0;
}

void vcpu_destroy(struct kvm *k, struct vcpu *v)
{
	if (v->run)
		munmap(v->run, k->run_size);
	if (v->fd >= 0)
		close(v->fd);
	v->run = NULL;
	v->fd = -1;
}
