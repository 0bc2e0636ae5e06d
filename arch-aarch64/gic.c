// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "arch-aarch64/machine.h"

/* Where the devices' files are in k->arch_dev. */
#define DEV_GIC 0
#define DEV_ITS 1

/* INTID of SPI 0: GICv3 2.2.1 */
#define SPI_INTID 32u

/* 0, or -ENODEV: this KVM has no such device; other errors are in @e. */
static int device_create(struct kvm *k, unsigned int at, uint32_t type,
			 struct err *e)
{
	struct kvm_create_device d = {.type = type};
	int r = kvm_ioctl(k->vm, KVM_CREATE_DEVICE, &d);

	if (r == -ENODEV)
		return r;
	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_CREATE_DEVICE", NULL);
	k->arch_dev[at] = (int)d.fd;
	return 0;
}

static int attr_set(const struct kvm *k, unsigned int dev, uint32_t group,
		    uint64_t attr, void *value, struct err *e)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};
	int r = kvm_ioctl(k->arch_dev[dev], KVM_SET_DEVICE_ATTR, &a);

	if (r < 0)
		return err_set(e, r, ERR_KVM_IOCTL, "KVM_SET_DEVICE_ATTR",
			       "interrupt controller");
	return 0;
}

static int addr_set(const struct kvm *k, unsigned int dev, uint64_t which,
		    uint64_t addr, struct err *e)
{
	return attr_set(k, dev, KVM_DEV_ARM_VGIC_GRP_ADDR, which, &addr, e);
}

static int init(const struct kvm *k, unsigned int dev, struct err *e)
{
	return attr_set(k, dev, KVM_DEV_ARM_VGIC_GRP_CTRL,
			KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, e);
}

static int v3_place(const struct kvm *k, struct err *e)
{
	int r = addr_set(k, DEV_GIC, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_ADDR, e);

	if (r == 0)
		r = addr_set(k, DEV_GIC, KVM_VGIC_V3_ADDR_TYPE_REDIST,
			     GICR_ADDR, e);
	return r;
}

static int v2_place(const struct kvm *k, struct err *e)
{
	int r = addr_set(k, DEV_GIC, KVM_VGIC_V2_ADDR_TYPE_DIST, GICD_ADDR, e);

	if (r == 0)
		r = addr_set(k, DEV_GIC, KVM_VGIC_V2_ADDR_TYPE_CPU, GICC_ADDR,
			     e);
	return r;
}

static int its_create(struct kvm *k, struct arm_machine *m, struct err *e)
{
	int r = device_create(k, DEV_ITS, KVM_DEV_TYPE_ARM_VGIC_ITS, e);

	if (r == -ENODEV) /* INTx is left */
		return 0;
	if (r == 0)
		r = addr_set(k, DEV_ITS, KVM_VGIC_ITS_ADDR_TYPE, ITS_ADDR, e);
	m->its = r == 0;
	return r;
}

static int v2_create(struct kvm *k, struct arm_machine *m, unsigned int cpus,
		     struct err *e)
{
	int r;

	if (cpus > GICV2_CPUS_MAX)
		return err_set_num(e, -EINVAL, ERR_CPUS, NULL, cpus,
				   GICV2_CPUS_MAX);
	m->gic_v2 = true;
	r = device_create(k, DEV_GIC, KVM_DEV_TYPE_ARM_VGIC_V2, e);
	if (r == -ENODEV)
		return err_set(e, r, ERR_KVM_CAP, "KVM_DEV_TYPE_ARM_VGIC_V3",
			       NULL);
	return r < 0 ? r : v2_place(k, e);
}

/* A guest's start sets up each of them, by accesses that exit. */
static unsigned int spis_of(const struct arm_machine *m)
{
	return m->gic_v2 ? V2_SPI_COUNT : SPI_COUNT;
}

int gic_create(struct kvm *k, struct arm_machine *m, unsigned int cpus,
	       struct err *e)
{
	uint32_t irqs;
	int r = device_create(k, DEV_GIC, KVM_DEV_TYPE_ARM_VGIC_V3, e);

	if (r == -ENODEV)
		r = v2_create(k, m, cpus, e);
	else if (r == 0)
		r = v3_place(k, e);
	irqs = SPI_INTID + spis_of(m);
	if (r == 0)
		r = attr_set(k, DEV_GIC, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs,
			     e);
	if (r == 0 && !m->gic_v2)
		r = its_create(k, m, e);
	return r;
}

/* KVM's own table, made anew by the GIC's start, spelt out. */
static int base_routes(struct kvm *k, unsigned int n, struct err *e)
{
	struct kvm_irq_routing_entry r[V2_SPI_COUNT];

	memset(r, 0, sizeof(r));
	for (unsigned int i = 0; i < n; i++) {
		r[i].gsi = i;
		r[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		r[i].u.irqchip.pin = i;
	}
	return kvm_set_base_routes(k, r, n, MSI_GSI_FIRST, e);
}

int gic_start(struct kvm *k, const struct arm_machine *m, struct err *e)
{
	int r = init(k, DEV_GIC, e);

	if (r == 0 && m->its)
		r = init(k, DEV_ITS, e);
	if (r < 0)
		return r;
	k->msi_devid = m->its;
	if (m->gic_v2)
		k->msi_spi =
			(struct span){SPI_INTID + V2M_SPI_FIRST, V2M_SPI_COUNT};
	/* kvm-api 4.25: the kind of the interrupt beside its INTID */
	k->irq_line_base =
		KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | SPI_INTID;
	return base_routes(k, spis_of(m), e);
}
