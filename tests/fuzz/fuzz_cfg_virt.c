/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a hostile device: its BARs, then a configuration space written
 * in pieces (bytes anywhere, capabilities, links), then what a guest writes.
 * All promises are those of tests/unit/cfg_virt_check.h.
 */
#include <stdio.h>

#include "tests/fuzz/input.h"
#include "tests/unit/cfg_virt_check.h"

static uint8_t hw[PCI_CFG_SIZE];

static void shapes(struct input *in, struct bar_shape *shape)
{
	memset(shape, 0, PCI_BARS * sizeof(*shape));
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint8_t how = in_u8(in);

		shape[i].kind = (enum pci_bar_kind)(how & 3);
		shape[i].mappable = how & 4;
		shape[i].msix_mappable = how & 8;
		shape[i].prefetch = how & 16;
		if (shape[i].kind != PCI_BAR_NONE)
			shape[i].size = in_number(in);
	}
}

static void put_cap(struct input *in)
{
	static const uint8_t ids[] = {
		PCI_CAP_ID_MSIX, PCI_CAP_ID_MSI,  PCI_CAP_ID_PM,
		PCI_CAP_ID_EXP,	 PCI_CAP_ID_EA,	  PCI_CAP_ID_AF,
		PCI_CAP_ID_VNDR, PCI_CAP_ID_MSIX,
	};
	uint8_t how = in_u8(in);
	unsigned int at = in_u8(in);

	hw[at] = how & 0x80 ? in_u8(in) : ids[how & 7];
	hw[at + 1u] = in_u8(in);
	for (unsigned int i = 0; i < (how >> 4 & 7); i++)
		hw[at + 2u + i] = in_u8(in);
}

static void put_ecap(struct input *in)
{
	unsigned int at = (in_u16(in) & 0xffc) | 0x100;
	uint32_t h = in_u8(in) % 0x28 | (uint32_t)in_u16(in) << 16;

	memcpy(hw + at, &h, 4);
}

/* A chain as long as can be: only so do walks run out of budget. */
static void put_long_chain(struct input *in)
{
	unsigned int id = in_u8(in) % 0x28;
	unsigned int step = 4 + in_u8(in) % 4 * 4;

	for (unsigned int at = 0x100; at + step <= PCI_CFG_SIZE; at += step) {
		uint32_t h = id | 1u << 16 | (at + step) << 20;

		memcpy(hw + at, &h, 4);
	}
}

/* Vendor, device and class of what vfio/quirk.c knows. */
static void put_known(struct input *in)
{
	static const uint8_t ids[][4] = {
		{0xde, 0x10, 0xb3, 0x1c},
		{0xde, 0x10, 0x41, 0x29},
		{0x25, 0x14, 0x03, 0x58},
		{0x22, 0x1d, 0x85, 0x36},
	};

	memcpy(hw, ids[in_u8(in) % 4], 4);
	hw[PCI_CLASS_DEVICE] = in_u8(in) & 2;
	hw[PCI_CLASS_DEVICE + 1] = 3;
}

/* The mirror is never mapped, and each register of it is one of the space. */
static const char *check_mirror(const struct vfio_dev *d)
{
	const struct bar_plan *p = &d->plan.bar[0];
	unsigned int reg = 0;

	if (!quirk_mirror(d->func.cfg.bytes, 0, 0x88ffc, 4, &reg))
		return NULL;
	if (reg != 0xffc)
		return "a register of the mirror";
	for (unsigned int i = 0; i < p->n; i++) {
		const struct bar_slice *s = &p->slice[i];

		if (s->kind == BAR_MAP && s->off < 0x89000 &&
		    s->off + s->len > 0x88000)
			return "a mirror that is mapped";
	}
	return NULL;
}

static void space(struct input *in)
{
	uint8_t fill = in_u8(in) & 1 ? 0xff : 0;
	unsigned int n = in_u8(in);

	memset(hw, fill, sizeof(hw));
	hw[PCI_STATUS] = in_u8(in);
	hw[PCI_CAPABILITY_LIST] = in_u8(in);
	if (n & 1)
		put_known(in);
	while (in->n && n--) {
		switch (in_u8(in) % 8) {
		case 0:
			hw[in_u16(in) % PCI_CFG_SIZE] = in_u8(in);
			break;
		case 1:
			put_long_chain(in);
			break;
		case 2:
		case 3:
		case 4:
			put_ecap(in);
			break;
		default:
			put_cap(in);
			break;
		}
	}
}

static void fail_if(const char *bad)
{
	if (bad)
		fprintf(stderr, "broken: %s\n", bad);
	must(!bad);
}

static void guest(struct input *in, struct vfio_dev *d)
{
	while (in->n) {
		uint8_t how = in_u8(in);
		unsigned int len = 1u << (how & 3);
		unsigned int off = in_u16(in) % (how & 4 ? 5000 : 256);

		fail_if(check_write(d, off, len,
				    how & 8 ? UINT64_MAX : in_bytes(in, len)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vfio_dev d;
	struct input in = {data, size};
	struct bar_shape shape[PCI_BARS];
	uint8_t how = in_u8(&in);

	memset(&d, 0, sizeof(d));
	d.cfg_size = how & 1 ? 256 : PCI_CFG_SIZE;
	shapes(&in, shape);
	space(&in);
	check_make(&d, hw, shape, (enum msix_policy)((how >> 1) % 3));
	fail_if(check_cfg(&d, hw));
	fail_if(check_mirror(&d));
	guest(&in, &d);
	fail_if(check_cfg(&d, hw));
	return 0;
}
