/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_hv.h"
#include "vfio/device.h"
#include "vfio/quirk.h"
#include "vfio/vfio.h"

/*
 * Scripted devices: a memfd with one region per TiB, whose configuration space
 * says who they are.
 */

#define KIB	 1024ull
#define MIB	 (1024 * KIB)
#define TIB	 (1ull << 40)
#define MIRROR	 0x88000u
#define EXP	 0x78u
#define MSI	 0x68u
#define CONFIG	 VFIO_PCI_CONFIG_REGION_INDEX
#define BAR0	 0xa0000000u
#define INTX_OFF PCI_COMMAND_INTX_DISABLE

static struct fake_hv hv;
static struct vfio_dev d;
static struct vfio all;
static uint8_t hw[PCI_CFG_SIZE];
static uint64_t page;

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(hw, 0, sizeof(hw));
	fake_hv_init(&hv);
	vfio_init(&all);
	all.n_devs = 1;
	all.dev[0] = &d;
	d.all = &all;
	d.hv = &hv.hv;
	d.func.ops = &vfio_func_ops;
	d.fd = memfd_create("device", MFD_CLOEXEC);
	if (d.fd < 0 || ftruncate(d.fd, (off_t)(9 * TIB)) < 0)
		return -1;
	d.cfg_size = PCI_CFG_SIZE;
	for (unsigned int i = 0; i <= CONFIG; i++) {
		d.region[i].fd_off = i * TIB;
		d.region[i].flags = VFIO_REGION_INFO_FLAG_READ |
				    VFIO_REGION_INFO_FLAG_WRITE;
	}
	d.window[0] = (struct span){0x80000000, 1u << 30};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bar_follow_clear(&d);
	bar_map_close(&d);
	close(d.fd);
	return 0;
}

static void put(unsigned int off, unsigned int len, uint64_t val)
{
	memcpy(hw + off, &val, len);
}

static void id(uint16_t vendor, uint16_t device, uint16_t class)
{
	put(PCI_VENDOR_ID, 2, vendor);
	put(PCI_DEVICE_ID, 2, device);
	put(PCI_CLASS_DEVICE, 2, class);
}

static void bar(unsigned int i, enum pci_bar_kind kind, uint64_t size)
{
	d.shape[i] = (struct bar_shape){
		.kind = kind, .mappable = true, .size = size};
	d.region[i].size = size;
}

/* A display adapter with 16 MiB in BAR 0, PCI Express and MSI. */
static void gpu(uint16_t class)
{
	id(0x10de, 0x1cb3, class);
	put(PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	put(PCI_CAPABILITY_LIST, 1, MSI);
	put(MSI, 4, PCI_CAP_ID_MSI | EXP << 8 | 0x80u << 16);
	put(EXP, 4, PCI_CAP_ID_EXP | 2u << 16);
	put(0x704, 4, 0x12345678);
	bar(0, PCI_BAR_MEM32, 16 * MIB);
}

static void plan(void)
{
	page = (uint64_t)sysconf(_SC_PAGESIZE);
	assert_int_equal(
		pwrite(d.fd, hw, sizeof(hw), (off_t)d.region[CONFIG].fd_off),
		sizeof(hw));
	cfg_virt_msix(hw, sizeof(hw), &d.msix_shape);
	quirk_apply(hw, d.shape, &d.msix_shape);
	dev_plan_make(&d.plan, d.shape, &d.msix_shape, page, 4096);
	cfg_virt_make(&d, hw);
	bar_map_open(&d);
}

static uint64_t bar_read(uint64_t off, unsigned int len)
{
	return d.func.ops->bar_read(&d.func, 0, off, len);
}

static void bar_write(uint64_t off, unsigned int len, uint64_t val)
{
	d.func.ops->bar_write(&d.func, 0, off, len, val);
	assert_null(hv.misuse);
}

/* What is in the device's BAR 0 itself. */
static uint64_t inside(uint64_t off, unsigned int len)
{
	uint64_t v = 0;

	assert_int_equal(pread(d.fd, &v, len, (off_t)off), len);
	return v;
}

/* --- the mirror of configuration space --- */

static void assert_trapped(const char *what)
{
	const struct bar_plan *p = &d.plan.bar[0];
	bool trapped = false;

	for (unsigned int i = 0; i < p->n; i++)
		trapped |= p->slice[i].kind == BAR_TRAP &&
			   p->slice[i].off == (MIRROR & -page) &&
			   p->slice[i].len == page;
	assert_string_equal(trapped ? "trapped" : "mapped", what);
}

static void mirror_shows_the_guests_registers(void **state)
{
	(void)state;
	gpu(0x0300);
	plan();
	assert_trapped("trapped");
	assert_int_equal(bar_read(MIRROR, 4), 0x1cb310de);
	assert_int_equal(bar_read(MIRROR, 8), 0x001000001cb310de);
	assert_int_equal(bar_read(MIRROR + 1, 1), 0x10);
	assert_int_equal(bar_read(MIRROR + 1, 2), 0xb310);
	/* The guest's address, not the host's. */
	pci_cfg_set_bar_addr(&d.func.cfg, 0, BAR0);
	assert_int_equal(bar_read(MIRROR + PCI_BASE_ADDRESS_0, 4), BAR0);
	/* And what is the hardware's, up to the last byte. */
	assert_int_equal(bar_read(MIRROR + 0x704, 4), 0x12345678);
	assert_int_equal(bar_read(MIRROR + 0xffc, 4), 0);
}

static void mirror_is_written_like_registers(void **state)
{
	(void)state;
	gpu(0x0300);
	plan();
	bar_write(MIRROR + PCI_BASE_ADDRESS_0, 4, BAR0);
	assert_int_equal(pci_cfg_bar_addr(&d.func.cfg, 0), BAR0);
	assert_null(fake_hv_at(&hv, BAR0));
	bar_write(MIRROR + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_non_null(fake_hv_at(&hv, BAR0));
	assert_null(fake_hv_at(&hv, BAR0 + MIRROR));
	assert_non_null(fake_hv_at(&hv, BAR0 + (MIRROR & -page) + page));
	bar_write(MIRROR + PCI_COMMAND, 4, 0);
	assert_null(fake_hv_at(&hv, BAR0));
	/* Nothing of it reached the device by this way. */
	assert_int_equal(inside(MIRROR + PCI_COMMAND, 4), 0);
	assert_int_equal(inside(MIRROR + PCI_BASE_ADDRESS_0, 4), 0);
	/* A register that is the hardware's got there through VFIO. */
	bar_write(MIRROR + 0x704, 8, 0xaabbccdd11223344);
	assert_int_equal(inside(CONFIG * TIB + 0x704, 8), 0xaabbccdd11223344);
}

/* The driver acknowledges an interrupt by a write to what is read-only. */
static void msi_is_acknowledged(void **state)
{
	(void)state;
	gpu(0x0300);
	plan();
	bar_write(MIRROR + MSI, 1, 0xff);
	assert_int_equal(inside(MIRROR + MSI, 4), 0xff);
	bar_write(MIRROR + MSI, 2, 0xa5a5);
	assert_int_equal(inside(MIRROR + MSI, 4), 0xa5a5);
	bar_write(MIRROR + MSI + 1, 1, 0x11);
	assert_int_equal(inside(MIRROR + MSI, 4), 0x11a5);
	assert_int_equal(bar_read(MIRROR + MSI, 2), PCI_CAP_ID_MSI | EXP << 8);
	/* A write of more than the header does not. */
	bar_write(MIRROR + MSI, 4, 0x77767777);
	bar_write(MIRROR + MSI + 2, 2, 0x7776);
	bar_write(MIRROR + MSI - 1, 1, 0x77);
	assert_int_equal(inside(MIRROR + MSI - 4, 8), 0x11a500000000);
}

static void other_registers_of_bar_0_are_the_devices(void **state)
{
	(void)state;
	gpu(0x0300);
	d.shape[0].mappable = false;
	plan();
	bar_write(MIRROR - 4, 4, 0x01020304);
	bar_write(MIRROR + 0x1000, 4, 0x05060708);
	assert_int_equal(inside(MIRROR - 4, 4), 0x01020304);
	assert_int_equal(bar_read(MIRROR + 0x1000, 4), 0x05060708);
	assert_int_equal(bar_read(MIRROR, 4), 0x1cb310de);
}

static void only_vga_of_nvidia_has_a_mirror(void **state)
{
	(void)state;
	gpu(0x0302);
	plan();
	assert_trapped("mapped");
	assert_int_equal(teardown(state) | setup(state), 0);
	gpu(0x0300);
	put(PCI_VENDOR_ID, 2, 0x1002);
	plan();
	assert_trapped("mapped");
	assert_int_equal(teardown(state) | setup(state), 0);
	gpu(0x0300);
	put(EXP, 1, PCI_CAP_ID_VNDR);
	plan();
	assert_trapped("mapped");
}

static void mirror_outside_the_bar_is_none(void **state)
{
	(void)state;
	gpu(0x0300);
	bar(0, PCI_BAR_MEM32, 512 * 1024); /* it ends below */
	plan();
	for (unsigned int i = 0; i < d.plan.bar[0].n; i++)
		assert_true(d.plan.bar[0].slice[i].kind != BAR_TRAP);
}

/* --- wrong pending bits --- */

static uint64_t pba_of(uint16_t vendor, uint16_t device, uint64_t off,
		       uint64_t region)
{
	struct bar_shape shape[PCI_BARS] = {
		{0}, {0}, {0}, {0}, {.kind = PCI_BAR_MEM64, .size = region}};
	struct msix_shape m = {
		.n = 32, .table_bar = 4, .pba_bar = 4, .pba_off = off};

	id(vendor, device, 0x0200);
	quirk_apply(hw, shape, &m);
	return m.pba_off;
}

static void wrong_pba_is_corrected(void **state)
{
	(void)state;
	assert_int_equal(pba_of(0x1425, 0x5803, 0x8000, 8 * KIB), 0x1000);
	assert_int_equal(pba_of(0x1425, 0x58ff, 0x8000, 8 * KIB), 0x1000);
	assert_int_equal(pba_of(0x1d22, 0x3685, 0x460000, 64 * KIB), 0xb400);
	/* Another device, another mistake, or none. */
	assert_int_equal(pba_of(0x1425, 0x5403, 0x8000, 8 * KIB), 0x8000);
	assert_int_equal(pba_of(0x1425, 0x5803, 0x9000, 8 * KIB), 0x9000);
	assert_int_equal(pba_of(0x1425, 0x5803, 0x8000, 64 * KIB), 0x8000);
	assert_int_equal(pba_of(0x1d22, 0x3684, 0x460000, 64 * KIB), 0x460000);
}

/* With it corrected, table and PBA can stay where they are. */
static void corrected_pba_stays_in_place(void **state)
{
	(void)state;
	id(0x1425, 0x5803, 0x0200);
	put(PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	put(PCI_CAPABILITY_LIST, 1, 0x40);
	put(0x40, 4, PCI_CAP_ID_MSIX | 31u << 16);
	put(0x44, 4, 4);
	put(0x48, 4, 0x8000 | 4);
	bar(4, PCI_BAR_MEM64, 8 * KIB);
	plan();
	assert_int_equal(d.plan.msix_place, MSIX_PLACE_INPLACE);
	assert_int_equal(d.plan.pba_off, 0x1000);
}

static void hostile_pba_is_left_alone(void **state)
{
	struct bar_shape shape[PCI_BARS] = {0};
	struct msix_shape m = {.n = 8, .pba_bar = 7, .pba_off = 0x8000};

	(void)state;
	id(0x1425, 0x5803, 0x0200);
	quirk_apply(hw, shape, &m);
	assert_int_equal(m.pba_off, 0x8000);
	m = (struct msix_shape){.n = 0, .pba_off = 0x8000};
	quirk_apply(hw, shape, &m);
	assert_int_equal(m.pba_off, 0x8000);
}

/* --- notes --- */

static void coherent_gpus_are_told_of(void **state)
{
	(void)state;
	id(0x10de, 0x2941, 0x0302);
	assert_non_null(quirk_note(hw));
	id(0x10de, 0x31c2, 0x0302);
	assert_non_null(quirk_note(hw));
	id(0x10de, 0x2940, 0x0302);
	assert_null(quirk_note(hw));
	id(0x1af4, 0x2941, 0x0302);
	assert_null(quirk_note(hw));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(mirror_shows_the_guests_registers),
		test(mirror_is_written_like_registers),
		test(msi_is_acknowledged),
		test(other_registers_of_bar_0_are_the_devices),
		test(only_vga_of_nvidia_has_a_mirror),
		test(mirror_outside_the_bar_is_none),
		test(wrong_pba_is_corrected),
		test(corrected_pba_stays_in_place),
		test(hostile_pba_is_left_alone),
		test(coherent_gpus_are_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
