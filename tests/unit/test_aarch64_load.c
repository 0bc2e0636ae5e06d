/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch-aarch64/fdt.h"
#include "arch-aarch64/kernel.h"
#include "arch-aarch64/layout.h"
#include "tests/unit/fake_aarch64_image.h"
#include "vmm/arch.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

static struct {
	uint8_t *ram;
	uint64_t len;
	struct gmem mem;
	struct plan plan;
	struct arch_boot boot;
	struct arch_entry entry;
	struct err e;
	uint8_t img[FAKE_ARM_PACKED];
	uint8_t packed[FAKE_ZBOOT_PAYLOAD + FAKE_ARM_PACKED + FAKE_ZBOOT_TAIL];
} m;

static int make_file(const void *bytes, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

/* What is not touched costs nothing. */
static void set_ram(uint64_t len)
{
	struct arch_layout l;

	if (m.ram)
		munmap(m.ram, m.len);
	m.len = len;
	m.ram = mmap(NULL, len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(m.ram, MAP_FAILED);
	m.mem.n = 0;
	assert_int_equal(gmem_add(&m.mem, (struct span){RAM_BASE, len}, m.ram),
			 0);
	assert_int_equal(arch_layout_make(&l, len, 40, &m.e), 0);
	m.plan.n_ram = 1;
	m.plan.ram[0] = l.ram[0];
}

static int setup(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	set_ram(64 * MIB);
	m.boot = (struct arch_boot){
		.kernel_name = "vmlinuz",
		.kernel_fd = -1,
		.initrd_fd = -1,
		.cmdline = "console=ttyS0 quiet",
		.plan = &m.plan,
		.mem = &m.mem,
	};
	fake_image(m.img);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	munmap(m.ram, m.len);
	if (m.boot.kernel_fd >= 0)
		close(m.boot.kernel_fd);
	if (m.boot.initrd_fd >= 0)
		close(m.boot.initrd_fd);
	return 0;
}

static void use_file(const void *bytes, size_t len)
{
	if (m.boot.kernel_fd >= 0)
		close(m.boot.kernel_fd);
	m.boot.kernel_fd = make_file(bytes, len);
}

static void use_image(void)
{
	use_file(m.img, FAKE_ARM_LEN);
}

static void use_initrd(uint64_t len)
{
	if (m.boot.initrd_fd >= 0)
		close(m.boot.initrd_fd);
	m.boot.initrd_name = "initrd.img";
	m.boot.initrd_fd = make_file("begin", 5);
	assert_int_equal(ftruncate(m.boot.initrd_fd, (off_t)len), 0);
	if (len >= 8)
		assert_int_equal(
			pwrite(m.boot.initrd_fd, "end", 3, (off_t)len - 3), 3);
}

static int load(void)
{
	memset(&m.entry, 0xff, sizeof(m.entry));
	return arch_load(&m.boot, &m.entry, &m.e);
}

/* The check, which has no memory to look at, has to see it as well. */
static void assert_error(enum err_what what, const char *name)
{
	m.boot.mem = NULL;
	m.e.what = ERR_NONE;
	assert_true(arch_boot_check(&m.boot, &m.e) < 0);
	assert_int_equal(m.e.what, what);
	m.boot.mem = &m.mem;
	m.e.what = ERR_NONE;
	assert_true(load() < 0);
	assert_int_equal(m.e.what, what);
	assert_string_equal(m.e.name, name);
}

static void assert_detail(const char *text)
{
	if (!strstr(m.e.detail, text))
		assert_string_equal(m.e.detail, text);
}

/* The Image in RAM at @gpa, and nothing else for @to bytes. */
static void assert_image(uint64_t gpa, uint64_t to)
{
	const uint8_t *p = m.ram + (gpa - RAM_BASE);
	uint64_t i;

	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.pc, gpa);
	assert_memory_equal(p, m.img, FAKE_ARM_LEN);
	for (i = FAKE_ARM_LEN; i < to; i++)
		if (p[i])
			assert_int_equal(i, UINT64_MAX);
}

/* --- kernel ----------------------------------------------------------------
 */

static void image(void **state)
{
	(void)state;
	use_image();
	assert_int_equal(arch_boot_check(&m.boot, &m.e), 0);
	assert_image(RAM_BASE, m.len);
	assert_int_equal(m.entry.arg, RAM_BASE + FDT_SIZE_MAX);
	assert_int_equal(m.entry.fdt.base, m.entry.arg);
	assert_int_equal(m.entry.fdt.len, FDT_SIZE_MAX);
	assert_int_equal(m.entry.initrd.len, 0);
	assert_int_equal(m.entry.mode, KERNEL_PAGES_4K);
}

static void image_is_placed(void **state)
{
	(void)state;
	/* up to the last byte before the next block, and one more */
	fake_put(m.img + 8, 0x80000, 8);
	fake_put(m.img + 16, 0x180000, 8);
	fake_put(m.img + 24, 0x6, 1); /* 64K */
	use_image();
	assert_image(RAM_BASE + 0x80000, 2 * MIB);
	assert_int_equal(m.entry.arg, RAM_BASE + 2 * MIB);
	assert_int_equal(m.entry.mode, KERNEL_PAGES_64K);
	fake_put(m.img + 16, 0x180001, 8);
	use_image();
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.arg, RAM_BASE + 4 * MIB);
}

/* A signature behind the kernel does not go where others will be. */
static void image_with_more(void **state)
{
	(void)state;
	fake_put(m.img + 16, FAKE_ARM_LEN, 8);
	memset(m.img + FAKE_ARM_LEN, 0xee, 1000);
	use_file(m.img, FAKE_ARM_LEN + 1000);
	assert_image(RAM_BASE, m.len);
}

static void use_packed(size_t (*pack)(uint8_t *, const uint8_t *, size_t))
{
	use_file(m.packed, pack(m.packed, m.img, FAKE_ARM_LEN));
}

static void use_zboot(const char *method,
		      size_t (*pack)(uint8_t *, const uint8_t *, size_t),
		      size_t len)
{
	static uint8_t payload[FAKE_ARM_PACKED];

	len = pack(payload, m.img, len);
	use_file(m.packed, fake_zboot(m.packed, method, payload, len));
}

static void packed(void **state)
{
	(void)state;
	use_packed(fake_gzip);
	assert_int_equal(arch_boot_check(&m.boot, &m.e), 0);
	assert_image(RAM_BASE, m.len);
	assert_int_equal(m.entry.arg, RAM_BASE + FDT_SIZE_MAX);
	set_ram(64 * MIB);
	use_packed(fake_zstd);
	assert_int_equal(arch_boot_check(&m.boot, &m.e), 0);
	assert_image(RAM_BASE, m.len);
}

static void zboot(void **state)
{
	(void)state;
	use_zboot("gzip", fake_gzip, FAKE_ARM_LEN);
	assert_int_equal(arch_boot_check(&m.boot, &m.e), 0);
	assert_image(RAM_BASE, m.len);
	set_ram(64 * MIB);
	use_zboot("zstd22", fake_zstd, FAKE_ARM_LEN);
	assert_image(RAM_BASE, m.len);
}

/* --- initrd ----------------------------------------------------------------
 */

static void assert_initrd(uint64_t base, uint64_t len)
{
	const uint8_t *p = m.ram + (base - RAM_BASE);

	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.initrd.base, base);
	assert_int_equal(m.entry.initrd.len, len);
	assert_memory_equal(p, "begin", 5);
	assert_memory_equal(p + len - 3, "end", 3);
}

static void initrd(void **state)
{
	(void)state;
	use_image();
	use_initrd(MIB + 1);
	assert_initrd(RAM_BASE + 4 * MIB, MIB + 1);
}

static void initrd_exactly_fits(void **state)
{
	(void)state;
	use_image();
	use_initrd(60 * MIB);
	assert_initrd(RAM_BASE + 4 * MIB, 60 * MIB);
}

static void initrd_too_large(void **state)
{
	(void)state;
	use_image();
	use_initrd(60 * MIB + 1);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 66 * MIB);
	/* and with that much it works */
	set_ram(66 * MIB);
	assert_initrd(RAM_BASE + 4 * MIB, 60 * MIB + 1);
}

/* linux-arm64-boot: nothing beyond the window of 32 GiB */
static void initrd_hopeless(void **state)
{
	(void)state;
	use_image();
	use_initrd(32 * GIB - 4 * MIB);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 32 * GIB);
	use_initrd(32 * GIB - 4 * MIB + 1);
	set_ram(40 * GIB);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 0);
	use_initrd(INT64_MAX);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 0);
}

static void initrd_empty(void **state)
{
	(void)state;
	use_image();
	use_initrd(0);
	assert_error(ERR_FILE_EMPTY, "initrd.img");
	assert_string_equal(m.e.detail, "initrd");
}

/* --- refusals --------------------------------------------------------------
 */

static void kernel_too_large(void **state)
{
	(void)state;
	fake_put(m.img + 16, 62 * MIB, 8);
	use_image();
	assert_int_equal(load(), 0);
	fake_put(m.img + 16, 62 * MIB + 1, 8);
	use_image();
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
	assert_int_equal(m.e.num, 66 * MIB);
	set_ram(66 * MIB);
	assert_int_equal(load(), 0);
	/* the largest that kernel.c lets through */
	fake_put(m.img + 16, KERNEL_REACH_MAX, 8);
	use_packed(fake_gzip);
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
	assert_int_equal(m.e.num, KERNEL_REACH_MAX + 2 * MIB);
	set_ram(m.e.num);
	assert_int_equal(load(), 0);
}

static void cmdline_too_long(void **state)
{
	static char text[FDT_CMDLINE_MAX + 2];

	(void)state;
	memset(text, 'a', FDT_CMDLINE_MAX + 1);
	m.boot.cmdline = text;
	use_image();
	assert_error(ERR_CMDLINE_LONG, "");
	assert_int_equal(m.e.num, FDT_CMDLINE_MAX + 1);
	assert_int_equal(m.e.num2, FDT_CMDLINE_MAX);
	text[FDT_CMDLINE_MAX] = 0;
	assert_int_equal(load(), 0);
}

/* Anything, without a look into it: even what has another format. */
static void flat(void **state)
{
	(void)state;
	m.boot.flat = true;
	memset(m.img, 0x5a, 0x2345);
	use_file(m.img, 0x2345);
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.pc, RAM_BASE + 0x80000);
	assert_int_equal(m.entry.mode, KERNEL_PAGES_ANY);
	assert_memory_equal(m.ram + 0x80000, m.img, 0x2345);
	assert_int_equal(m.ram[0x82345], 0);
	/* its bss may be large: all of the RAM behind it is free */
	assert_int_equal(m.entry.arg, RAM_BASE + 62 * MIB);
	assert_int_equal(m.entry.fdt.base, m.entry.arg);
	assert_int_equal(m.entry.fdt.len, 2 * MIB);
	assert_int_equal(m.entry.initrd.len, 0);
	use_initrd(MIB + 1);
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.initrd.base, RAM_BASE + 61 * MIB - 0x10000);
	assert_int_equal(m.entry.initrd.len, MIB + 1);
	assert_memory_equal(m.ram + 61 * MIB - 0x10000, "begin", 5);
	assert_memory_equal(m.ram + 62 * MIB - 0x10000 - 2, "end", 3);
}

static void no_modules(void **state)
{
	(void)state;
	use_image();
	m.boot.n_modules = 1;
	assert_error(ERR_NO_MODULES, "vmlinuz");
}

static void flat_too_large(void **state)
{
	(void)state;
	m.boot.flat = true;
	use_file(m.img, 0x1000);
	use_initrd(62 * MIB - 0x90000);
	assert_int_equal(load(), 0);
	use_initrd(62 * MIB - 0x90000 + 1);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 66 * MIB);
	use_initrd(32 * GIB - 2 * MIB - 0x90000 + 1);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 0);
	m.boot.initrd_name = NULL;
	assert_int_equal(ftruncate(m.boot.kernel_fd, 62 * MIB - 0x80000), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(ftruncate(m.boot.kernel_fd, 62 * MIB - 0x80000 + 1),
			 0);
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
	assert_int_equal(m.e.num, 66 * MIB);
	assert_int_equal(ftruncate(m.boot.kernel_fd, GIB), 0);
	assert_error(ERR_KERNEL_BAD, "vmlinuz");
	use_file("", 0);
	assert_error(ERR_FILE_EMPTY, "vmlinuz");
}

static void wrong_files(void **state)
{
	(void)state;
	use_file("#!/bin/sh\n", 10);
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	assert_string_equal(m.e.detail, "a script");
	use_file("", 0);
	assert_error(ERR_FILE_EMPTY, "vmlinuz");
	assert_string_equal(m.e.detail, "kernel");
	close(m.boot.kernel_fd);
	m.boot.kernel_fd = open("/", O_RDONLY | O_CLOEXEC);
	assert_error(ERR_FILE_READ, "vmlinuz");
	assert_int_equal(m.e.code, -EISDIR);
	close(m.boot.kernel_fd);
	m.boot.kernel_fd = -1;
	assert_error(ERR_FILE_READ, "vmlinuz");
	assert_int_equal(m.e.code, -EBADF);
}

static void wrong_kernels(void **state)
{
	(void)state;
	m.img[24] |= 1;
	use_image();
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	assert_detail("a big-endian arm64 kernel");
	use_packed(fake_gzip);
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	assert_detail("a compressed file; unpacked, it is a big-endian");
	memcpy(m.img, "070701", 6);
	memset(m.img + 56, 0, 8);
	use_packed(fake_zstd);
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	assert_detail("unpacked, it is a cpio archive");
	use_zboot("gzip", fake_gzip, FAKE_ARM_LEN);
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	use_zboot("xzkern", fake_gzip, FAKE_ARM_LEN);
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	assert_detail("compressed with xz");
}

/* The sections of its PE header tell what has to be there. */
static void cut_short(void **state)
{
	(void)state;
	use_file(m.img, FAKE_ARM_LEN - 1);
	assert_error(ERR_KERNEL_BAD, "vmlinuz");
	assert_detail("it is cut short");
	/* what is inside of a packed file is known when it is unpacked */
	use_file(m.packed, fake_gzip(m.packed, m.img, FAKE_ARM_LEN - 1));
	assert_int_equal(arch_boot_check(&m.boot, &m.e), 0);
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	assert_detail("it is cut short");
	use_zboot("zstd22", fake_zstd, FAKE_ARM_LEN - 1);
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	assert_detail("it is cut short");
}

static void packed_is_cut(void **state)
{
	size_t len = fake_gzip(m.packed, m.img, FAKE_ARM_LEN);

	(void)state;
	use_file(m.packed, len - 1);
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	assert_string_equal(m.e.name, "vmlinuz");
	assert_detail("its compressed data is cut short");
	use_file(m.packed, 20);
	assert_error(ERR_KERNEL_BAD, "vmlinuz");
	assert_detail("its compressed data is cut short");
	m.packed[len / 2] ^= 0xff;
	use_file(m.packed, len);
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	assert_detail("its compressed data is corrupt");
}

/* It is stopped at the end of the memory that the header asks for. */
static void packed_is_too_much(void **state)
{
	(void)state;
	fake_put(m.img + 16, FAKE_ARM_LEN - 1, 8);
	use_packed(fake_gzip);
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	assert_detail("unpacks to more than");
	use_packed(fake_zstd);
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_BAD);
	assert_detail("unpacks to more than");
}

/* RAM that is not where the plan has it: an error, no crash. */
static void no_ram(void **state)
{
	(void)state;
	use_image();
	m.mem.n = 0;
	assert_true(load() < 0);
	assert_int_equal(m.e.what, ERR_KERNEL_SPACE);
	m.plan.ram[0].base = 0;
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
	m.plan.n_ram = 0;
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(image),
		T(image_is_placed),
		T(image_with_more),
		T(packed),
		T(zboot),
		T(initrd),
		T(initrd_exactly_fits),
		T(initrd_too_large),
		T(initrd_hopeless),
		T(initrd_empty),
		T(kernel_too_large),
		T(cmdline_too_long),
		T(flat),
		T(flat_too_large),
		T(no_modules),
		T(wrong_files),
		T(wrong_kernels),
		T(cut_short),
		T(packed_is_cut),
		T(packed_is_too_much),
		T(no_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
