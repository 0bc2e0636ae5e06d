// SPDX-License-Identifier: Apache-2.0
/* The passed-through devices of a VM, from being named to being given back. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/iommu.h"
#include "vfio/quirk.h"
#include "vfio/sysfs.h"
#include "vfio/vfio.h"

void vfio_init(struct vfio *v)
{
	memset(v, 0, sizeof(*v));
	v->iommu = &iommu_type1;
	v->iommu_why = "";
	v->container = -1;
	v->event_fd = -1;
	v->iommufd = -1;
}

static int check_driver(const char *address, struct err *e)
{
	char driver[64];

	sysfs_driver(address, driver, sizeof(driver));
	if (strstr(driver, "vfio"))
		return 0;
	return err_set(e, -EBUSY, ERR_VFIO_DRIVER, address, driver);
}

int vfio_open(struct vfio *v, const char *address, enum msix_policy policy,
	      struct err *e)
{
	struct vfio_dev *d;
	int r = sysfs_exists(address, e);

	if (r == 0)
		r = check_driver(address, e);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	d->fd = -1;
	for (unsigned int k = 0; k < VFIO_EVENTS; k++)
		d->event[k] = -1;
	d->func.ops = &vfio_func_ops;
	d->all = v;
	snprintf(d->address, sizeof(d->address), "%s", address);
	v->dev[v->n_devs++] = d;
	r = iommu_device_open(v, d, e);
	return r < 0 ? r : vfio_dev_open(d, policy, e);
}

void vfio_reset(struct vfio *v)
{
	reset_start(v);
}

void vfio_reset_text(const struct vfio *v, unsigned int i, char *buf,
		     size_t size)
{
	reset_text(v, i, buf, size);
}

int vfio_rom(struct vfio *v, unsigned int i, enum rom_policy how,
	     const char *file, struct err *e)
{
	return rom_open(v->dev[i], how, file, e);
}

int vfio_rom_check(enum rom_policy how, const char *file, struct err *e)
{
	uint8_t *bytes;
	size_t n;
	int r;

	if (how != ROM_FILE)
		return 0;
	r = rom_file_load(file, &bytes, &n, e);
	free(bytes);
	return r;
}

/* --- plan, attach, close -------------------------------------------------- */

static void describe(const char *address, const struct dev_plan *dp,
		     struct plan_pci *p)
{
	snprintf(p->name, sizeof(p->name), "%s", address);
	p->vf = sysfs_is_vf(address);
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		p->bar[b].kind =
			dp->bar[b].size ? dp->bar[b].kind : PCI_BAR_NONE;
		p->bar[b].prefetch = dp->bar[b].prefetch;
		p->bar[b].size = dp->bar[b].size;
		p->bar[b].align = dp->bar[b].align;
	}
}

static void describe_rom(struct plan_pci *p, uint64_t size)
{
	p->bar[PCI_ROM_IDX] = (struct plan_bar){
		.kind = size ? PCI_BAR_MEM32 : PCI_BAR_NONE,
		.size = size,
		.align = size,
	};
}

void vfio_describe(const struct vfio *v, struct plan *plan)
{
	plan->n_pci = v->n_devs;
	for (unsigned int i = 0; i < v->n_devs; i++) {
		const struct vfio_dev *d = v->dev[i];

		describe(d->address, &d->plan, &plan->pci[i]);
		describe_rom(&plan->pci[i], d->rom.size);
		plan->pci[i].intx_pin = d->irqs.intx.pin;
	}
}

int vfio_survey_rom(enum rom_policy how, const char *file, struct plan_pci *pci,
		    struct err *e)
{
	uint64_t size = 0;
	uint8_t *bytes;
	size_t n;
	int r;

	if (how == ROM_FILE) {
		r = rom_file_load(file, &bytes, &n, e);
		if (r < 0)
			return r;
		free(bytes);
		size = rom_bar_size(n);
	} else if (how != ROM_OFF) {
		size = rom_bar_size(sysfs_rom(pci->name));
	}
	describe_rom(pci, size);
	return 0;
}

static uint64_t mapped_bytes(const struct dev_plan *dp)
{
	uint64_t bytes = 0;

	for (unsigned int b = 0; b < PCI_BARS; b++) {
		for (unsigned int i = 0; i < dp->bar[b].n; i++) {
			if (dp->bar[b].slice[i].kind == BAR_MAP)
				bytes += dp->bar[b].slice[i].len;
		}
	}
	return bytes;
}

void vfio_survey_plan(struct vfio_survey *s, const char *name, uint64_t page,
		      uint64_t bar_align, struct plan_pci *pci)
{
	struct msix_shape best = s->msix;
	uint64_t bytes;

	/* First as it would be by itself: is what was asked for worse? */
	best.policy = MSIX_AUTO;
	dev_plan_make(&s->plan, s->shape, &best, page, bar_align);
	bytes = mapped_bytes(&s->plan);
	dev_plan_make(&s->plan, s->shape, &s->msix, page, bar_align);
	s->movable = mapped_bytes(&s->plan) < bytes;
	describe(name, &s->plan, pci);
}

int vfio_survey(const char *address, enum msix_policy policy,
		uint64_t bar_align, struct plan_pci *pci, struct vfio_survey *s,
		struct err *e)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint8_t bytes[PCI_CFG_SIZE];
	size_t n;
	int r = sysfs_exists(address, e);

	if (r == 0)
		r = sysfs_bars(address, s->shape, page, e);
	if (r < 0)
		return r;
	n = sysfs_config(address, bytes);
	/* Only root is shown the capabilities, and without them it is wrong. */
	if (n < PCI_STD_HEADER_SIZEOF * 4)
		return err_set(e, -EACCES, ERR_PCI_SYSFS, address, NULL);
	if (bytes[PCI_HEADER_TYPE] & 0x7f)
		return err_set_num(e, -EINVAL, ERR_VFIO_HEADER, address,
				   bytes[PCI_HEADER_TYPE] & 0x7f, 0);
	s->msix = (struct msix_shape){.policy = policy};
	cfg_virt_msix(bytes, (unsigned int)n, &s->msix);
	quirk_apply(bytes, s->shape, &s->msix);
	vfio_survey_plan(s, address, page, bar_align, pci);
	return 0;
}

/* Tell the hypervisor of our files, so that it knows there is DMA. */
static int hv_files_add(struct vfio *v, struct err *e)
{
	int fd;

	while ((fd = v->iommu->hv_file(v, v->n_hv_files)) >= 0) {
		int r = v->hv->ops->vfio_file(v->hv, fd, true);

		/* A KVM built without it knows no such memory types either. */
		if (r == -ENODEV)
			return 0;
		if (r < 0)
			return err_set(e, r, ERR_KVM_IOCTL,
				       "KVM_DEV_VFIO_FILE_ADD", NULL);
		v->n_hv_files++;
	}
	return 0;
}

/* While it holds them, no device is reset and no memory given back. */
static void hv_files_remove(struct vfio *v)
{
	while (v->n_hv_files) {
		int fd = v->iommu->hv_file(v, --v->n_hv_files);

		(void)v->hv->ops->vfio_file(v->hv, fd, false);
	}
}

int vfio_attach(struct vfio *v, const struct plan *plan, struct hv *hv,
		struct pci_host *host, struct err *e)
{
	int ret;

	v->hv = hv;
	ret = hv_files_add(v, e);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < v->n_devs; i++) {
		struct vfio_dev *d = v->dev[i];
		int r;

		d->hv = hv;
		d->func.devfn = plan->pci[i].devfn;
		d->devid = d->func.devfn;
		d->irqs.intx.gsi = plan->pci[i].intx_gsi;
		d->window[0] = plan->mem32;
		d->window[1] = plan->mem64;
		for (unsigned int b = 0; b < PLAN_BARS; b++) {
			if (plan->pci[i].bar[b].kind != PCI_BAR_NONE)
				pci_cfg_set_bar_addr(&d->func.cfg, b,
						     plan->pci[i].bar[b].addr);
		}
		vfio_cfg_pwrite(d, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
		r = pci_host_add(host, &d->func);
		if (r < 0)
			return err_set(e, r, ERR_HOST_CALL, d->address, NULL);
		r = vfio_events_open(v, i);
		if (r < 0)
			return err_set(e, r, ERR_VFIO_IOCTL, d->address,
				       "VFIO_DEVICE_SET_IRQS");
	}
	return 0;
}

/* Nothing of @d reaches the guest, and it reaches nothing, from here on. */
static void silence(struct vfio_dev *d)
{
	if (d->fd < 0)
		return;
	if (d->hv)
		bar_follow_clear(d);
	vfio_irqs_close(d);
	vfio_events_close(d);
	/* No bus mastering: DMA ends with the VM. */
	if (d->cfg_size)
		reset_quiesce(d);
}

void vfio_detach(struct vfio *v)
{
	for (unsigned int i = 0; i < v->n_devs; i++)
		silence(v->dev[i]);
}

/* --- one device leaves while the others stay ------------------------------ */

bool vfio_present(const struct vfio *v, unsigned int nth, const char **address,
		  uint8_t *devfn)
{
	*address = v->dev[nth]->address;
	*devfn = v->dev[nth]->func.devfn;
	return v->dev[nth]->fd >= 0;
}

static void leave(struct vfio *v, struct pci_host *host, struct vfio_dev *d)
{
	silence(d);
	/* What is computed from COMMAND finds nothing more to do. */
	pci_cfg_set(&d->func.cfg, PCI_COMMAND, 2, 0);
	(void)pci_host_remove(host, &d->func);
	bar_map_close(d);
	v->iommu->device_leave(v, d); /* the kernel resets it */
}

unsigned int vfio_slot_eject(struct vfio *v, struct pci_host *host,
			     unsigned int slot)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < v->n_devs; i++) {
		struct vfio_dev *d = v->dev[i];

		if (d->fd < 0 || d->func.devfn >> 3 != slot)
			continue;
		leave(v, host, d);
		n++;
	}
	return n;
}

void vfio_close(struct vfio *v)
{
	hv_files_remove(v);
	for (unsigned int i = 0; i < v->n_devs; i++) {
		struct vfio_dev *d = v->dev[i];

		bar_map_close(d);
		rom_close(d);
		v->iommu->device_close(v, d);
		free(d->msix_storage);
		free(d);
	}
	v->n_devs = 0;
	v->iommu->close(v);
	if (v->event_fd >= 0)
		close(v->event_fd);
	vfio_init(v);
}
