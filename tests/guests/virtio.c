/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/virtio.h"

#define PCI_COMMAND 0x04
#define PCI_BAR0    0x10
#define PCI_CAPS    0x34
#define COMMAND_MEM 0x2
#define COMMAND_BUS 0x4
#define CAP_VENDOR  0x09
#define CFG_COMMON  1
#define CFG_NOTIFY  2
#define CFG_DEVICE  4
#define LONG_ENOUGH 20000u /* reads of a register */

struct vd_rings vd_rings[VD_QUEUES];

static void fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* virtio-1.3 4.1.4: where the structures are. */
static void find_structures(struct vd *d)
{
	uint64_t at = mmio_read(d->cfg + PCI_CAPS, 1);

	for (unsigned int i = 0; at && i < 48; i++) {
		uint64_t type = mmio_read(d->cfg + at + 3, 1);
		uint64_t where = d->bar + mmio_read(d->cfg + at + 8, 4);

		if (mmio_read(d->cfg + at, 1) == CAP_VENDOR) {
			if (type == CFG_COMMON)
				d->common = where;
			else if (type == CFG_DEVICE)
				d->device = where;
			else if (type == CFG_NOTIFY) {
				d->notify = where;
				d->notify_step = (uint32_t)mmio_read(
					d->cfg + at + 16, 4);
			}
		}
		at = mmio_read(d->cfg + at + 1, 1);
	}
	check(d->common && d->device && d->notify, "structures of virtio");
}

bool vd_find(struct vd *d, unsigned int type, unsigned int nth)
{
	*d = (struct vd){0};
	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		uint64_t cfg = ecam_base() + devfn * 4096u;

		if (mmio_read(cfg, 4) != (0x1af4u | (0x1040u + type) << 16))
			continue;
		if (nth--)
			continue;
		d->cfg = cfg;
		d->bar = mmio_read(cfg + PCI_BAR0, 4) & ~0xfull;
		d->bar |= mmio_read(cfg + PCI_BAR0 + 4, 4) << 32;
		mmio_write(cfg + PCI_COMMAND, 2, COMMAND_MEM | COMMAND_BUS);
		find_structures(d);
		d->n_queues = (unsigned int)vd_get(d, VD_NUM_QUEUES, 2);
		return true;
	}
	return false;
}

uint64_t vd_get(const struct vd *d, unsigned int reg, unsigned int len)
{
	return mmio_read(d->common + reg, len);
}

void vd_set(const struct vd *d, unsigned int reg, unsigned int len,
	    uint64_t val)
{
	mmio_write(d->common + reg, len, val);
}

unsigned int vd_status(const struct vd *d)
{
	return (unsigned int)vd_get(d, VD_STATUS, 1);
}

void vd_reset(struct vd *d)
{
	vd_set(d, VD_STATUS, 1, 0);
	for (unsigned int i = 0; vd_status(d); i++)
		check(i < LONG_ENOUGH, "the device is not reset");
	for (unsigned int q = 0; q < VD_QUEUES; q++)
		d->seen[q] = 0;
}

uint64_t vd_features(const struct vd *d)
{
	uint64_t f;

	vd_set(d, VD_DEVICE_SELECT, 4, 1);
	f = vd_get(d, VD_DEVICE_FEATURE, 4) << 32;
	vd_set(d, VD_DEVICE_SELECT, 4, 0);
	return f | vd_get(d, VD_DEVICE_FEATURE, 4);
}

bool vd_agree(struct vd *d, uint64_t want)
{
	vd_set(d, VD_STATUS, 1, VD_ACKNOWLEDGE);
	vd_set(d, VD_STATUS, 1, VD_ACKNOWLEDGE | VD_DRIVER);
	vd_set(d, VD_DRIVER_SELECT, 4, 0);
	vd_set(d, VD_DRIVER_FEATURE, 4, want & 0xffffffff);
	vd_set(d, VD_DRIVER_SELECT, 4, 1);
	vd_set(d, VD_DRIVER_FEATURE, 4, want >> 32);
	vd_set(d, VD_STATUS, 1, VD_ACKNOWLEDGE | VD_DRIVER | VD_FEATURES_OK);
	return vd_status(d) & VD_FEATURES_OK;
}

static void set_address(struct vd *d, unsigned int reg, const void *at)
{
	vd_set(d, reg, 4, (uint64_t)at & 0xffffffff);
	vd_set(d, reg + 4, 4, (uint64_t)at >> 32);
}

void vd_queue(struct vd *d, unsigned int q)
{
	struct vd_rings *r = &vd_rings[q];
	volatile uint8_t *p = (volatile uint8_t *)r;

	for (size_t i = 0; i < sizeof(*r); i++)
		p[i] = 0;
	d->seen[q] = 0;
	vd_set(d, VD_QUEUE_SELECT, 2, q);
	vd_set(d, VD_QUEUE_SIZE, 2, VD_SIZE);
	check_eq(vd_get(d, VD_QUEUE_SIZE, 2), VD_SIZE, "size of a queue");
	set_address(d, VD_QUEUE_DESC, r->desc);
	set_address(d, VD_QUEUE_AVAIL, &r->avail);
	set_address(d, VD_QUEUE_USED, &r->used);
	vd_set(d, VD_QUEUE_ENABLE, 2, 1);
}

void vd_ok(struct vd *d)
{
	vd_set(d, VD_STATUS, 1,
	       VD_ACKNOWLEDGE | VD_DRIVER | VD_FEATURES_OK | VD_DRIVER_OK);
}

void vd_start(struct vd *d, uint64_t want, unsigned int n)
{
	vd_reset(d);
	check(vd_agree(d, want), "features are not agreed on");
	for (unsigned int q = 0; q < n; q++)
		vd_queue(d, q);
	vd_ok(d);
	check(vd_status(d) & VD_DRIVER_OK, "the driver is not OK");
}

void vd_desc(unsigned int q, unsigned int i, const void *at, uint32_t len,
	     unsigned int flags, unsigned int next)
{
	vd_rings[q].desc[i] = (struct vd_desc){(uint64_t)at, len,
					       (uint16_t)flags, (uint16_t)next};
}

void vd_offer(unsigned int q, unsigned int head)
{
	struct vd_rings *r = &vd_rings[q];

	r->avail.ring[r->avail.idx % VD_SIZE] = (uint16_t)head;
	fence();
	r->avail.idx++;
	fence();
}

void vd_kick(const struct vd *d, unsigned int q)
{
	fence();
	mmio_write(d->notify + q * d->notify_step, 2, q);
}

int64_t vd_wait(struct vd *d, unsigned int q, unsigned int *head)
{
	volatile struct vd_rings *r = &vd_rings[q];
	unsigned int at = d->seen[q] % VD_SIZE;

	for (unsigned int i = 0; r->used.idx == d->seen[q]; i++) {
		fence();
		if (vd_status(d) & VD_NEEDS_RESET)
			return -1;
		if (i == LONG_ENOUGH)
			return -2;
	}
	fence();
	d->seen[q]++;
	*head = r->used.ring[at].id;
	return r->used.ring[at].len;
}
