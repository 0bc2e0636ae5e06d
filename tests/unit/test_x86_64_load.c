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

#include "arch-x86_64/layout.h"
#include "tests/unit/fake_x86_image.h"
#include "vmm/arch.h"

#define MIB (1ULL << 20)

/* A machine of which only the RAM below 2 GiB is there. */
static struct {
	uint8_t *ram;
	uint64_t len;
	struct gmem mem;
	struct plan plan;
	struct arch_boot boot;
	struct arch_entry entry;
	struct err e;
	uint8_t img[FAKE_IMAGE_MAX];
} m;

static int make_file(const void *bytes, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

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
	assert_int_equal(gmem_add(&m.mem, (struct span){0, len}, m.ram), 0);
	assert_int_equal(arch_layout_make(&l, len, 40, &m.e), 0);
	m.plan.n_ram = 1;
	m.plan.ram[0] = l.ram[0];
}

static int setup(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	m.plan.cpus = 2;
	m.plan.ecam = (struct span){ECAM_BASE, ECAM_SIZE};
	set_ram(64 * MIB);
	m.boot = (struct arch_boot){
		.kernel_name = "vmlinuz",
		.kernel_fd = -1,
		.initrd_fd = -1,
		.cmdline = "console=ttyS0 quiet",
		.plan = &m.plan,
		.mem = &m.mem,
	};
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

static void use_kernel(size_t len)
{
	if (m.boot.kernel_fd >= 0)
		close(m.boot.kernel_fd);
	m.boot.kernel_fd = make_file(m.img, len);
}

static void use_initrd(uint64_t len)
{
	m.boot.initrd_name = "initrd.img";
	m.boot.initrd_fd = make_file("begin", 5);
	assert_int_equal(ftruncate(m.boot.initrd_fd, (off_t)len), 0);
	if (len >= 8)
		assert_int_equal(
			pwrite(m.boot.initrd_fd, "end", 3, (off_t)len - 3), 3);
}

static int load(void)
{
	return arch_load(&m.boot, &m.entry, &m.e);
}

static uint64_t guest(uint64_t gpa, unsigned int bytes)
{
	return fake_get(m.ram + gpa, bytes);
}

/* A field of the zero page, by its offset in linux-zero-page. */
static uint64_t zero_page(unsigned int off, unsigned int bytes)
{
	return guest(ZERO_PAGE_ADDR + off, bytes);
}

static void assert_error(enum err_what what, const char *name)
{
	m.e.what = ERR_NONE;
	assert_true(load() < 0);
	assert_int_equal(m.e.what, what);
	assert_string_equal(m.e.name, name);
}

static void assert_from_file(uint64_t gpa, size_t off, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(m.ram[gpa + i], fake_byte(off + i));
	assert_int_equal(m.ram[gpa + len], 0);
}

static void assert_all_zero(uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		if (m.ram[from])
			assert_int_equal(from, UINT64_MAX);
}

/* --- bzImage ---------------------------------------------------------------
 */

static void bzimage(void **state)
{
	(void)state;
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.pc, FAKE_BZ_PREF + 0x200);
	assert_int_equal(m.entry.arg, ZERO_PAGE_ADDR);
	assert_int_equal(m.entry.mode, ENTRY_LONG64);
	assert_from_file(FAKE_BZ_PREF, FAKE_BZ_CODE, FAKE_BZ_CODE_LEN);
	/* the rest of the RAM is untouched */
	assert_all_zero(0, BOOT_GDT_ADDR);
	assert_all_zero(MIB, FAKE_BZ_PREF);
	assert_all_zero(FAKE_BZ_PREF + FAKE_BZ_CODE_LEN, m.len);
}

static void bz_zero_page(void **state)
{
	(void)state;
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(load(), 0);
	assert_int_equal(zero_page(0x070, 8), ACPI_ADDR);
	assert_int_equal(zero_page(0x1ef, 1), 0); /* sentinel */
	assert_int_equal(zero_page(0x1fe, 2), 0xaa55);
	assert_int_equal(zero_page(0x202, 4), 0x53726448);
	assert_int_equal(zero_page(0x206, 2), 0x20f);
	assert_int_equal(zero_page(0x210, 1), 0xff);
	assert_int_equal(zero_page(0x211, 1), 1);
	assert_int_equal(zero_page(0x214, 4), FAKE_BZ_PREF);
	assert_int_equal(zero_page(0x218, 4), 0);
	assert_int_equal(zero_page(0x21c, 4), 0);
	assert_int_equal(zero_page(0x228, 4), CMDLINE_ADDR);
	assert_int_equal(zero_page(0x0c8, 4), 0);
	assert_int_equal(zero_page(0x250, 8), 0); /* setup_data */
	assert_int_equal(zero_page(0x260, 4), FAKE_BZ_INIT_SIZE);
	assert_string_equal((char *)m.ram + CMDLINE_ADDR,
			    "console=ttyS0 quiet");
	assert_memory_equal(m.ram + ACPI_ADDR, "RSD PTR ", 8);
}

static void bz_e820(void **state)
{
	static const struct {
		uint64_t base, len;
		uint32_t type;
	} want[] = {
		{0, 0x9fc00, 1},	   {0x9fc00, 0x40400, 2},
		{0xe0000, 0x20000, 3},	   {0x100000, 63 * MIB, 1},
		{0xe0000000, 0x100000, 2}, {0x100000000, 5 * MIB, 1},
	};
	unsigned int i;

	(void)state;
	m.plan.n_ram = 2;
	m.plan.ram[1] = (struct span){0x100000000, 5 * MIB};
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(load(), 0);
	assert_int_equal(zero_page(0x1e8, 1), 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(zero_page(0x2d0 + i * 20, 8), want[i].base);
		assert_int_equal(zero_page(0x2d8 + i * 20, 8), want[i].len);
		assert_int_equal(zero_page(0x2e0 + i * 20, 4), want[i].type);
	}
	assert_all_zero(ZERO_PAGE_ADDR + 0x2d0 + 6 * 20, BOOT_PML4_ADDR);
}

/* Walk the tables for some addresses as a processor would. */
static void page_tables(void **state)
{
	uint64_t gpa, e;

	(void)state;
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(load(), 0);
	for (gpa = 0; gpa < 0x100000000; gpa += 0x1ff000) {
		e = guest(BOOT_PML4_ADDR + (gpa >> 39) * 8, 8);
		assert_int_equal(e & 0xfff, 3);
		e = guest((e & ~0xfffULL) + (gpa >> 30 & 511) * 8, 8);
		assert_int_equal(e & 0xfff, 3);
		e = guest((e & ~0xfffULL) + (gpa >> 21 & 511) * 8, 8);
		assert_int_equal(e, (gpa & ~0x1fffffULL) | 0x83);
	}
	assert_int_equal(guest(BOOT_GDT_ADDR + BOOT_CS, 8), 0x00af9b000000ffff);
	assert_int_equal(guest(BOOT_GDT_ADDR + BOOT_DS, 8), 0x00cf93000000ffff);
}

/* Linux may restart a machine by a jump to f000:fff0. */
static void bios_resets(void **state)
{
	static const uint8_t want[] = {0xba, 0x02, 0x06, 0xb0, 1, 0xee, 0xf4};

	(void)state;
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(load(), 0);
	assert_memory_equal(m.ram + 0xffff0, want, sizeof(want));
}

/* --- initrd ----------------------------------------------------------------
 */

static void assert_initrd(uint64_t base, uint64_t len)
{
	assert_int_equal(zero_page(0x218, 4), base);
	assert_int_equal(zero_page(0x21c, 4), len);
	assert_memory_equal(m.ram + base, "begin", 5);
	assert_memory_equal(m.ram + base + len - 3, "end", 3);
}

static void initrd_is_high(void **state)
{
	(void)state;
	use_kernel(fake_bzimage(m.img));
	use_initrd(MIB + 1);
	assert_int_equal(load(), 0);
	assert_initrd(63 * MIB - 4096, MIB + 1);
}

static void initrd_below_its_limit(void **state)
{
	size_t len = fake_bzimage(m.img);

	(void)state;
	fake_put(m.img + 0x22c, 0x17fffff, 4);
	use_kernel(len);
	use_initrd(3 * MIB);
	assert_int_equal(load(), 0);
	assert_initrd(0x1500000, 3 * MIB);
}

static void initrd_exactly_fits(void **state)
{
	(void)state;
	use_kernel(fake_bzimage(m.img));
	use_initrd(47 * MIB);
	assert_int_equal(load(), 0);
	assert_initrd(17 * MIB, 47 * MIB);
}

static void initrd_too_large(void **state)
{
	(void)state;
	use_kernel(fake_bzimage(m.img));
	use_initrd(47 * MIB + 1);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 66 * MIB);
	/* and with that much it works */
	set_ram(66 * MIB);
	assert_int_equal(load(), 0);
}

static void initrd_hopeless(void **state)
{
	size_t len = fake_bzimage(m.img);

	(void)state;
	fake_put(m.img + 0x22c, 0x17fffff, 4);
	use_kernel(len);
	use_initrd(8 * MIB);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 0);
	/* a limit below the kernel itself */
	fake_put(m.img + 0x22c, 0xfff, 4);
	use_kernel(len);
	assert_error(ERR_INITRD_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 0);
}

static void initrd_empty(void **state)
{
	(void)state;
	use_kernel(fake_bzimage(m.img));
	use_initrd(0);
	assert_error(ERR_FILE_EMPTY, "initrd.img");
	assert_string_equal(m.e.detail, "initrd");
}

/* --- ELF -------------------------------------------------------------------
 */

static void elf_plain(void **state)
{
	size_t len = fake_elf(m.img);

	(void)state;
	fake_put(m.img + 56, 2, 2); /* without its notes */
	use_kernel(len);
	use_initrd(100);
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.pc, FAKE_ELF_ENTRY);
	assert_int_equal(m.entry.arg, ZERO_PAGE_ADDR);
	assert_int_equal(m.entry.mode, ENTRY_LONG64);
	assert_from_file(0x1000000, 0x1000, 0x800);
	assert_from_file(0x1200000, 0x1800, 0x800);
	assert_int_equal(zero_page(0x202, 4), 0x53726448);
	assert_int_equal(zero_page(0x206, 2), 0x20c);
	assert_int_equal(zero_page(0x210, 1), 0xff);
	assert_int_equal(zero_page(0x228, 4), CMDLINE_ADDR);
	assert_initrd(64 * MIB - 4096, 100);
}

static void elf_pvh(void **state)
{
	uint64_t map;

	(void)state;
	use_kernel(fake_elf(m.img));
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.pc, FAKE_ELF_PVH);
	assert_int_equal(m.entry.arg, PVH_INFO_ADDR);
	assert_int_equal(m.entry.mode, ENTRY_PVH32);
	assert_int_equal(guest(PVH_INFO_ADDR, 4), 0x336ec578);
	assert_int_equal(guest(PVH_INFO_ADDR + 4, 4), 1);
	assert_int_equal(guest(PVH_INFO_ADDR + 12, 4), 0); /* modules */
	assert_int_equal(guest(PVH_INFO_ADDR + 24, 8), CMDLINE_ADDR);
	assert_int_equal(guest(PVH_INFO_ADDR + 32, 8), ACPI_ADDR);
	map = guest(PVH_INFO_ADDR + 40, 8);
	assert_int_equal(guest(PVH_INFO_ADDR + 48, 4), 5);
	assert_int_equal(guest(map, 8), 0);
	assert_int_equal(guest(map + 8, 8), 0x9fc00);
	assert_int_equal(guest(map + 3 * 24, 8), MIB);
	assert_int_equal(guest(map + 3 * 24 + 8, 8), 63 * MIB);
	assert_int_equal(guest(map + 3 * 24 + 16, 4), 1);
	assert_int_equal(guest(BOOT_GDT_ADDR + BOOT_CS, 8), 0x00cf9b000000ffff);
}

static void elf_pvh_initrd(void **state)
{
	uint64_t module;

	(void)state;
	use_kernel(fake_elf(m.img));
	use_initrd(MIB);
	assert_int_equal(load(), 0);
	assert_int_equal(guest(PVH_INFO_ADDR + 12, 4), 1);
	module = guest(PVH_INFO_ADDR + 16, 8);
	assert_int_equal(guest(module, 8), 63 * MIB);
	assert_int_equal(guest(module + 8, 8), MIB);
	assert_int_equal(guest(module + 16, 8), 0);
	assert_memory_equal(m.ram + 63 * MIB, "begin", 5);
}

static void elf_bad_note(void **state)
{
	size_t len = fake_elf(m.img);

	(void)state;
	fake_put(m.img + FAKE_ELF_NOTES + 36, 0, 8);
	use_kernel(len);
	assert_error(ERR_KERNEL_BAD, "vmlinuz");
}

/* --- multiboot -------------------------------------------------------------
 */

static void multiboot(void **state)
{
	uint64_t module, at;

	(void)state;
	use_kernel(fake_multiboot(m.img));
	use_initrd(5000);
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.pc, FAKE_MB_ENTRY);
	assert_int_equal(m.entry.mode, ENTRY_MULTIBOOT);
	assert_int_equal(m.entry.arg, 0x1020);
	assert_string_equal((char *)m.ram + guest(m.entry.arg + 16, 4),
			    "console=ttyS0 quiet");
	assert_int_equal(guest(m.entry.arg + 20, 4), 1);
	module = guest(m.entry.arg + 24, 4);
	at = guest(module, 4);
	assert_int_equal(at, 0x201000);
	assert_int_equal(guest(module + 4, 4), at + 5000);
	assert_memory_equal(m.ram + at, "begin", 5);
	assert_memory_equal(m.ram + at + 4997, "end", 3);
	assert_memory_equal(m.ram + ACPI_ADDR, "RSD PTR ", 8);
	assert_from_file(0x200000, 0x1800, 0x800);
	/* nothing else in the low RAM: it may be the kernel's */
	assert_all_zero(0, 0x1000);
	assert_all_zero(0x2000, ACPI_ADDR);
}

/* Behind the initrd, in their order, each at a whole page. */
static void multiboot_modules(void **state)
{
	uint64_t list;

	(void)state;
	use_kernel(fake_multiboot(m.img));
	use_initrd(4097);
	m.boot.n_modules = 2;
	m.boot.module[0] = (struct arch_module){"a", make_file("one", 3), "x"};
	m.boot.module[1] = (struct arch_module){"b", make_file("two", 3), ""};
	assert_int_equal(load(), 0);
	assert_int_equal(guest(m.entry.arg + 20, 4), 3);
	list = guest(m.entry.arg + 24, 4);
	assert_int_equal(guest(list + 16, 4), 0x203000);
	assert_int_equal(guest(list + 20, 4), 0x203003);
	assert_string_equal((char *)m.ram + guest(list + 24, 4), "x");
	assert_memory_equal(m.ram + 0x203000, "one", 4);
	assert_int_equal(guest(list + 32, 4), 0x204000);
	assert_memory_equal(m.ram + 0x204000, "two", 4);
	/* no room for the last one alone */
	assert_int_equal(ftruncate(m.boot.module[1].fd, 64 * MIB), 0);
	assert_error(ERR_MODULE_SPACE, "b");
	assert_int_equal(ftruncate(m.boot.module[1].fd, 0), 0);
	assert_error(ERR_FILE_EMPTY, "b");
	assert_string_equal(m.e.detail, "module");
	/* and none with a Linux */
	use_kernel(fake_bzimage(m.img));
	assert_error(ERR_NO_MODULES, "vmlinuz");
	close(m.boot.module[0].fd);
	close(m.boot.module[1].fd);
}

/* A kernel where other kernels have their information: that moves. */
static void multiboot_low(void **state)
{
	size_t len = fake_multiboot(m.img);

	(void)state;
	fake_put(m.img + FAKE_MB_PHDR(0) + 12, 0x1000, 4);
	fake_put(m.img + FAKE_MB_PHDR(0) + 20, 0x9ec00, 4);
	fake_put(m.img + FAKE_MB_HEADER + 12, 0x90909090, 4);
	use_kernel(len);
	m.boot.initrd_name = NULL;
	assert_int_equal(load(), 0);
	assert_int_equal(m.entry.arg, 0x201020);
	assert_int_equal(guest(0x1000, 4), 0x1badb002);
	assert_all_zero(0x1800, 0x9fc00);
	assert_int_equal(guest(m.entry.arg + 20, 4), 0);
}

static void multiboot_too_large(void **state)
{
	size_t len = fake_multiboot(m.img);

	(void)state;
	use_kernel(len);
	use_initrd(62 * MIB - 4096);
	assert_int_equal(load(), 0);
	assert_int_equal(ftruncate(m.boot.initrd_fd, 62 * MIB - 4095), 0);
	assert_error(ERR_MODULE_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 66 * MIB);
	set_ram(66 * MIB);
	assert_int_equal(load(), 0);
	assert_int_equal(ftruncate(m.boot.initrd_fd, 2048 * MIB), 0);
	assert_error(ERR_MODULE_SPACE, "initrd.img");
	assert_int_equal(m.e.num, 0);
	fake_put(m.img + FAKE_MB_PHDR(1) + 20, 80 * MIB, 4);
	use_kernel(len);
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
	assert_int_equal(m.e.num, 82 * MIB);
}

/* --- refusals --------------------------------------------------------------
 */

static void kernel_too_large(void **state)
{
	size_t len = fake_bzimage(m.img);

	(void)state;
	fake_put(m.img + 0x260, 48 * MIB + 1, 4);
	use_kernel(len);
	assert_error(ERR_KERNEL_SPACE, "vmlinuz");
	assert_int_equal(m.e.num, 66 * MIB);
	set_ram(66 * MIB);
	assert_int_equal(load(), 0);
}

static void cmdline_too_long(void **state)
{
	static char text[FAKE_BZ_CMDLINE + 2];

	(void)state;
	memset(text, 'a', FAKE_BZ_CMDLINE + 1);
	m.boot.cmdline = text;
	use_kernel(fake_bzimage(m.img));
	assert_error(ERR_CMDLINE_LONG, "");
	assert_int_equal(m.e.num, FAKE_BZ_CMDLINE + 1);
	assert_int_equal(m.e.num2, FAKE_BZ_CMDLINE);
	text[FAKE_BZ_CMDLINE] = 0;
	assert_int_equal(load(), 0);
	assert_string_equal((char *)m.ram + CMDLINE_ADDR, text);
}

/* A header may promise more than there is room for. */
static void cmdline_beyond_its_room(void **state)
{
	static char text[0x20000];
	size_t len = fake_bzimage(m.img);

	(void)state;
	memset(text, 'a', CMDLINE_SIZE);
	m.boot.cmdline = text;
	fake_put(m.img + 0x238, 0xffffffff, 4);
	use_kernel(len);
	assert_error(ERR_CMDLINE_LONG, "");
	assert_int_equal(m.e.num2, CMDLINE_SIZE - 1);
}

static void wrong_files(void **state)
{
	(void)state;
	memcpy(m.img, "#!/bin/sh\n", 10);
	use_kernel(10);
	assert_error(ERR_KERNEL_FORMAT, "vmlinuz");
	assert_string_equal(m.e.detail, "a script");
	use_kernel(0);
	assert_error(ERR_FILE_EMPTY, "vmlinuz");
	assert_string_equal(m.e.detail, "kernel");
	use_kernel(fake_bzimage(m.img) - 17);
	assert_error(ERR_KERNEL_BAD, "vmlinuz");
	close(m.boot.kernel_fd);
	m.boot.kernel_fd = open("/", O_RDONLY | O_CLOEXEC);
	assert_error(ERR_FILE_READ, "vmlinuz");
	assert_int_equal(m.e.code, -EISDIR);
	close(m.boot.kernel_fd);
	m.boot.kernel_fd = -1;
	assert_error(ERR_FILE_READ, "vmlinuz");
	assert_int_equal(m.e.code, -EBADF);
}

/* arch_boot_check() says so, before anything is loaded. */
static void no_flat(void **state)
{
	(void)state;
	m.boot.flat = true;
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(arch_boot_check(&m.boot, &m.e), -ENOTSUP);
	assert_int_equal(m.e.what, ERR_NO_FLAT);
}

static void no_cmdline(void **state)
{
	(void)state;
	m.boot.cmdline = "";
	use_kernel(fake_bzimage(m.img));
	assert_int_equal(load(), 0);
	assert_int_equal(guest(CMDLINE_ADDR, 1), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bzimage),
		T(bz_zero_page),
		T(bz_e820),
		T(page_tables),
		T(bios_resets),
		T(initrd_is_high),
		T(initrd_below_its_limit),
		T(initrd_exactly_fits),
		T(initrd_too_large),
		T(initrd_hopeless),
		T(initrd_empty),
		T(elf_plain),
		T(elf_pvh),
		T(elf_pvh_initrd),
		T(elf_bad_note),
		T(multiboot),
		T(multiboot_modules),
		T(multiboot_low),
		T(multiboot_too_large),
		T(kernel_too_large),
		T(cmdline_too_long),
		T(cmdline_beyond_its_room),
		T(wrong_files),
		T(no_flat),
		T(no_cmdline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
