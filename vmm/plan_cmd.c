// SPDX-License-Identifier: Apache-2.0
/* barge plan: the machine as it would be, computed without opening a device. */
#include <errno.h>
#include <stdlib.h>

#include "vmm/arch.h"
#include "vmm/host_facts.h"
#include "vmm/kvm_facts.h"
#include "vmm/machine.h"
#include "vmm/plan_show.h"
#include "vmm/virtio.h"
#include "vmm/watchdog.h"

/* Where there is no KVM to ask, and the architecture knows no usual number. */
#define PLAN_PHYS_BITS 46

/* A host without KVM can still plan, for a processor of today. */
static unsigned int host_phys_bits(void)
{
	unsigned int bits;
	struct kvm *kvm = malloc(sizeof(*kvm));
	struct err e;

	if (!kvm)
		return PLAN_PHYS_BITS;
	kvm_init(kvm);
	(void)kvm_open(kvm, &e);
	if (arch_phys_bits(kvm, &bits, &e) < 0)
		bits = PLAN_PHYS_BITS;
	kvm_close(kvm);
	free(kvm);
	return bits;
}

/*
 * What the IOMMUs of the devices cannot address is no place for a BAR; of
 * @avoid, VFIO_RESERVED_MAX are there.
 */
static unsigned int plan_avoid(const struct plan_view *v, const struct conf *c,
			       struct span *avoid)
{
	unsigned int bits = 64;
	unsigned int n = 0;

	for (unsigned int i = 0; i < v->n; i++) {
		if (v->dev[i].iommu.bits && v->dev[i].iommu.bits < bits)
			bits = v->dev[i].iommu.bits;
	}
	if (bits < 64) {
		avoid[n].base = UINT64_C(1) << bits;
		avoid[n].len = UINT64_MAX - avoid[n].base + 1;
		n++;
	}
	for (unsigned int i = 0; i < v->n; i++)
		n = host_facts_reserved(avoid, n, VFIO_RESERVED_MAX, "",
					c->vfio[i].address);
	return n;
}

/* As vfio_map_ram() would find it. */
static int ram_reached(const struct plan *p, const struct span *avoid,
		       unsigned int n, struct err *e)
{
	for (unsigned int i = 0; i < p->n_ram * n; i++) {
		struct span ram = p->ram[i / n];

		if (span_overlaps(ram, avoid[i % n]))
			return err_set_num(e, -ERANGE, ERR_VFIO_IOVA, NULL,
					   ram.base, ram.len);
	}
	return 0;
}

static int plan_of(const struct conf *c, struct plan *plan, struct plan_view *v,
		   struct err *e)
{
	unsigned int bits = host_phys_bits();
	struct span avoid[VFIO_RESERVED_MAX];
	unsigned int n;
	int r = machine_layout(plan, c, bits, NULL, 0, e);

	for (unsigned int i = 0; r == 0 && i < c->n_vfio; i++) {
		r = vfio_survey(c->vfio[i].address, c->vfio[i].msix,
				plan->bar_align, &plan->pci[i], &v->dev[i].seen,
				e);
		if (r == 0)
			r = vfio_survey_rom(c->vfio[i].rom, c->vfio[i].rom_file,
					    &plan->pci[i], e);
		host_facts_iommu(&v->dev[i].iommu, "", c->vfio[i].address);
		plan->n_pci = i + 1;
		v->n = i + 1;
	}
	if (r == 0)
		r = virtio_describe(c, plan, e);
	if (r == 0)
		r = watchdog_describe(c, plan, e);
	if (r < 0)
		return r;
	/* again, now that the devices are known */
	n = plan_avoid(v, c, avoid);
	r = machine_layout(plan, c, bits, avoid, n, e);
	return r < 0 ? r : ram_reached(plan, avoid, n, e);
}

static enum reach_p2p plan_p2p(const struct conf *c)
{
	if (!vfio_p2p_wanted(c->p2p, c->n_vfio))
		return c->p2p == VFIO_P2P_AUTO ? REACH_P2P_ALONE
					       : REACH_P2P_OFF;
	return c->iommu == VFIO_BACKEND_IOMMUFD ? REACH_P2P_IOMMUFD
						: REACH_P2P_ON;
}

static void host_read_all(struct reach_host *h)
{
	struct kvm_facts f;
	struct err e;

	host_facts_read(h, "");
	if (h->arch == REACH_AARCH64) {
		(void)kvm_facts_read(&f, &e);
		h->cacheable = f.cacheable;
	}
}

int machine_plan(const struct conf *conf, struct err *e)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	struct plan_dev *dev = calloc(CONF_VFIO_MAX, sizeof(*dev));
	struct plan_view v = {.plan = plan, .dev = dev};
	int r;

	if (!plan || !dev)
		r = err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	else
		r = plan_of(conf, plan, &v, e);
	if (r == 0) {
		host_read_all(&v.host);
		plan_view_finish(&v, plan_p2p(conf));
		r = plan_show(conf, &v, e);
	}
	free(plan);
	free(dev);
	return r;
}
