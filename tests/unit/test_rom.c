/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio/device.h"
#include "vfio/rom.h"

/*
 * The device's file is a memfd: configuration space, and behind it the ROM,
 * which can be cut off to make reading fail.
 */

#define KIB	 1024u
#define ROM_AT	 (1u << 20)
#define CONFIG	 VFIO_PCI_CONFIG_REGION_INDEX
#define ROM	 VFIO_PCI_ROM_REGION_INDEX
#define INTX_OFF PCI_COMMAND_INTX_DISABLE

static struct vfio_dev d;
static struct err err;
static char dir[] = "/tmp/test_rom.XXXXXX";
static char path[64];

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/image", dir);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(&err, 0, sizeof(err));
	d.fd = memfd_create("device", MFD_CLOEXEC);
	d.func.ops = &vfio_func_ops;
	d.cfg_size = PCI_CFG_SIZE;
	d.region[ROM].fd_off = ROM_AT;
	pci_cfg_init(&d.func.cfg);
	pci_cfg_set(&d.func.cfg, PCI_VENDOR_ID, 4, 0x1cb310de);
	return d.fd < 0 || ftruncate(d.fd, PCI_CFG_SIZE);
}

static int teardown(void **state)
{
	(void)state;
	rom_close(&d);
	close(d.fd);
	return 0;
}

static uint8_t byte_at(unsigned int off)
{
	return off < 2 ? (off ? 0xaa : 0x55) : (uint8_t)(off * 7 + off / 256);
}

/* The device has a ROM of @n bytes, in a BAR of @size. */
static void device_rom(unsigned int size, unsigned int n)
{
	d.region[ROM].size = size;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t b = byte_at(i);

		assert_int_equal(pwrite(d.fd, &b, 1, ROM_AT + i), 1);
	}
}

static void put_file(const void *bytes, size_t n, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
	assert_int_equal(truncate(path, (off_t)size), 0);
}

static int open_rom(enum rom_policy how)
{
	return rom_open(&d, how, path, &err);
}

static void assert_no_rom(void)
{
	assert_int_equal(d.rom.size, 0);
	assert_int_equal(pci_cfg_bar_size(&d.func.cfg, PCI_ROM_IDX), 0);
	assert_true(rom_read(&d, 0, 4) == UINT64_MAX);
}

static uint64_t guest_reads(unsigned int off, unsigned int len)
{
	return d.func.ops->bar_read(&d.func, PCI_ROM_IDX, off, len);
}

/* --- a device's own --- */

static void own_rom_is_read(void **state)
{
	(void)state;
	device_rom(64 * KIB, 64 * KIB);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_int_equal(pci_cfg_bar_size(&d.func.cfg, PCI_ROM_IDX), 64 * KIB);
	for (unsigned int i = 0; i < 64 * KIB; i++)
		assert_int_equal(guest_reads(i, 1), byte_at(i));
	assert_int_equal(guest_reads(0, 2), 0xaa55);
	/* Wide and crooked, over the end of a piece. */
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(guest_reads(4092, 8) >> (8 * i) & 0xff,
				 byte_at(4092 + i));
	/* It is not written to. */
	d.func.ops->bar_write(&d.func, PCI_ROM_IDX, 0, 4, 0);
	assert_int_equal(guest_reads(0, 2), 0xaa55);
}

/* Nothing is read before the guest asks, and nothing twice. */
static void pieces_are_read_once(void **state)
{
	uint8_t other = 0x42;

	(void)state;
	device_rom(16 * KIB, 16 * KIB);
	assert_int_equal(open_rom(ROM_ON), 0);
	assert_int_equal(guest_reads(5000, 1), byte_at(5000));
	for (unsigned int i = 0; i < 16 * KIB; i++)
		assert_int_equal(pwrite(d.fd, &other, 1, ROM_AT + i), 1);
	assert_int_equal(guest_reads(8191, 1), byte_at(8191));
	assert_int_equal(guest_reads(4095, 1), 0x42);
	assert_int_equal(guest_reads(8192, 1), 0x42);
}

/* The kernel refuses while the device is asleep; later it goes. */
static void failed_read_is_tried_again(void **state)
{
	(void)state;
	device_rom(8 * KIB, 8 * KIB);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_int_equal(ftruncate(d.fd, ROM_AT + 4096 + 40), 0);
	assert_true(guest_reads(4096, 4) == UINT64_MAX);
	assert_int_equal(guest_reads(0, 2), 0xaa55);
	device_rom(8 * KIB, 8 * KIB);
	assert_int_equal(guest_reads(4096, 1), byte_at(4096));
}

/* It is found with memory decoded for a moment, and then the device is off. */
static void decode_is_off_again(void **state)
{
	uint16_t command = 0xffff;

	(void)state;
	device_rom(2 * KIB, 2 * KIB);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_int_equal(pread(d.fd, &command, 2, PCI_COMMAND), 2);
	assert_int_equal(command, INTX_OFF);
}

static void off_is_off(void **state)
{
	(void)state;
	device_rom(64 * KIB, 64 * KIB);
	assert_int_equal(open_rom(ROM_OFF), 0);
	assert_no_rom();
}

static void no_rom_to_be_had(void **state)
{
	uint8_t wrong = 0xff;

	(void)state;
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_no_rom();
	assert_int_equal(open_rom(ROM_ON), 0); /* only warns */
	assert_no_rom();
	/* No signature; too small; larger than any ROM; nobody answers. */
	device_rom(64 * KIB, 64 * KIB);
	assert_int_equal(pwrite(d.fd, &wrong, 1, ROM_AT + 1), 1);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_no_rom();
	device_rom(16, 64);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_no_rom();
	device_rom(64 * KIB, 64);
	d.region[ROM].size = 32ull << 20;
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_no_rom();
	d.region[ROM].size = UINT64_MAX;
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_no_rom();
	d.region[ROM].size = 64 * KIB;
	assert_int_equal(ftruncate(d.fd, ROM_AT + 2), 0);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_no_rom();
}

/* A region need not be what a BAR can be. */
static void odd_sizes(void **state)
{
	(void)state;
	device_rom(5000, 5000);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_int_equal(d.rom.size, 8 * KIB);
	assert_int_equal(guest_reads(4999, 1), byte_at(4999));
	assert_int_equal(guest_reads(5000, 1), 0xff);
	assert_int_equal(guest_reads(8191, 1), 0xff);
	assert_true(guest_reads(8191, 2) == UINT64_MAX);
	assert_true(rom_read(&d, UINT64_MAX, 1) == UINT64_MAX);
	rom_close(&d);
	device_rom(100, 100);
	assert_int_equal(open_rom(ROM_AUTO), 0);
	assert_int_equal(d.rom.size, 2 * KIB);
	assert_int_equal(guest_reads(99, 1), byte_at(99));
	assert_int_equal(guest_reads(2047, 1), 0xff);
}

/* --- from a file --- */

static void file_is_padded(void **state)
{
	uint8_t image[5000];

	(void)state;
	device_rom(64 * KIB, 64 * KIB);
	for (unsigned int i = 0; i < sizeof(image); i++)
		image[i] = i < 2 ? byte_at(i) : (uint8_t)~byte_at(i);
	put_file(image, sizeof(image), sizeof(image));
	assert_int_equal(open_rom(ROM_FILE), 0);
	assert_int_equal(pci_cfg_bar_size(&d.func.cfg, PCI_ROM_IDX), 8 * KIB);
	for (unsigned int i = 0; i < sizeof(image); i++)
		assert_int_equal(guest_reads(i, 1), image[i]);
	assert_int_equal(guest_reads(5000, 1), 0xff);
	assert_int_equal(guest_reads(8191, 1), 0xff);
}

static void largest_file(void **state)
{
	(void)state;
	put_file("\x55\xaa", 2, 16u << 20);
	assert_int_equal(open_rom(ROM_FILE), 0);
	assert_int_equal(d.rom.size, 16u << 20);
	assert_int_equal(guest_reads((16u << 20) - 4, 4), 0);
}

static void assert_refused(int code, enum err_what what)
{
	memset(&err, 0, sizeof(err));
	assert_int_equal(open_rom(ROM_FILE), code);
	assert_int_equal(err.what, what);
	assert_string_equal(err.name, path);
	assert_no_rom();
}

static void bad_files(void **state)
{
	(void)state;
	unlink(path);
	assert_refused(-ENOENT, ERR_FILE_OPEN);
	put_file("", 0, 0);
	assert_refused(-ENODATA, ERR_FILE_EMPTY);
	put_file("\x55\xaa", 2, (16u << 20) + 1);
	assert_refused(-EFBIG, ERR_ROM_BAD);
	put_file("\x55\xaa", 2, 25);
	assert_refused(-EINVAL, ERR_ROM_BAD);
	put_file("\xaa\x55", 2, 2048);
	assert_refused(-EINVAL, ERR_ROM_BAD);
	assert_non_null(strstr(err.detail, "55 aa"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-ESPIPE, ERR_FILE_READ);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(-EISDIR, ERR_FILE_READ);
	rmdir(path);
}

/* --- images --- */

static void whom_an_image_is_for(void **state)
{
	uint8_t image[64] = {0x55, 0xaa, [0x18] = 0x20};
	uint16_t id[2] = {0};

	(void)state;
	assert_false(rom_made_for(image, sizeof(image), id));
	memcpy(image + 0x20, "PCIR\xde\x10\xb3\x1c", 8);
	assert_true(rom_made_for(image, sizeof(image), id));
	assert_int_equal(id[0], 0x10de);
	assert_int_equal(id[1], 0x1cb3);
	/* To the last byte, and not one more. */
	assert_true(rom_made_for(image, 0x20 + 24, id));
	assert_false(rom_made_for(image, 0x20 + 23, id));
	image[0x19] = 0xff;
	assert_false(rom_made_for(image, sizeof(image), id));
	image[0x19] = 0;
	image[0] = 0;
	assert_false(rom_made_for(image, sizeof(image), id));
	assert_false(rom_made_for(image, 0, id));
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(own_rom_is_read),
		test(pieces_are_read_once),
		test(failed_read_is_tried_again),
		test(decode_is_off_again),
		test(off_is_off),
		test(no_rom_to_be_had),
		test(odd_sizes),
		test(file_is_padded),
		test(largest_file),
		test(bad_files),
		test(whom_an_image_is_for),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
