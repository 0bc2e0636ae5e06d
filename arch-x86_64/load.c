/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "arch-x86_64/acpi.h"
#include "arch-x86_64/boot.h"
#include "arch-x86_64/kernel.h"
#include "arch-x86_64/layout.h"
#include "arch-x86_64/multiboot.h"
#include "vmm/arch.h"
#include "vmm/boot_file.h"

/*
 * How it works: the first 8 KiB of the kernel tell what it is (kernel.c). All
 * checks of sizes come next, so that a refusal costs no time; then the files
 * are read straight to their places in guest memory, which is fresh and thus
 * zero where a segment has no bytes. Below 1 MiB boot.c and acpi.c write.
 */

#define PAGE 4096ULL

_Static_assert(1 + ARCH_MODULES_MAX <= MULTIBOOT_MODULES_MAX, "modules");

struct loader {
	const struct arch_boot *boot;
	struct err *err;
	struct kernel kernel;
	uint64_t ram_end;   /* of the low RAM */
	struct span initrd; /* where it goes */
	uint8_t *low;	    /* the first MiB */
	/* of a multiboot kernel, which has modules and no initrd */
	struct multiboot_info info;
	struct span block; /* where multiboot_write() writes */
};

static struct boot_file kernel_file(const struct loader *l)
{
	return boot_file_kernel(l->boot);
}

/* Turn what kernel.c says into an error. */
static int bad_kernel(const struct loader *l, int code, const char *why)
{
	return boot_file_bad_kernel(kernel_file(l), code, why, l->err);
}

/* An ELF kernel's notes may lie anywhere in it; their first 8 KiB will do. */
static int read_notes(struct loader *l)
{
	const struct kernel_notes *n = l->kernel.notes;
	uint8_t buf[KERNEL_HEAD];
	const char *why = NULL;
	uint64_t len;
	unsigned int i;
	int r;

	for (i = 0; i < l->kernel.n_notes; i++, n++) {
		len = n->file.len < sizeof(buf) ? n->file.len : sizeof(buf);
		r = boot_file_read(kernel_file(l), buf, len, n->file.base,
				   l->err);
		if (r)
			return r;
		r = kernel_use_notes(&l->kernel, buf, len, n->align, &why);
		if (r)
			return bad_kernel(l, r, why);
	}
	return 0;
}

static int identify(struct loader *l)
{
	uint8_t head[KERNEL_HEAD];
	const char *why = NULL;
	uint64_t size = 0;
	uint64_t len;
	int r;

	r = boot_file_size(kernel_file(l), &size, l->err);
	if (r)
		return r;
	len = size < sizeof(head) ? size : sizeof(head);
	r = boot_file_read(kernel_file(l), head, len, 0, l->err);
	if (r)
		return r;
	r = kernel_parse(&l->kernel, head, len, size, &why);
	if (r)
		return bad_kernel(l, r, why);
	return read_notes(l);
}

static uint64_t round_up(uint64_t v, uint64_t unit)
{
	return (v + unit - 1) & ~(unit - 1);
}

/* kernel.end is at most RAM_LOW_MAX: there is a size that would do. */
static int check_kernel_space(const struct loader *l)
{
	if (l->kernel.end <= l->ram_end)
		return 0;
	return err_set_num(l->err, -ENOSPC, ERR_KERNEL_SPACE,
			   l->boot->kernel_name,
			   round_up(l->kernel.end, RAM_UNIT), 0);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* As high as the kernel allows, where nothing unpacks or grows into it. */
static int place_initrd(struct loader *l)
{
	uint64_t base = round_up(l->kernel.end, PAGE);
	uint64_t limit = min(l->kernel.initrd_last + 1, RAM_LOW_MAX);
	uint64_t end = min(limit, l->ram_end);
	uint64_t size = 0, need = 0;
	int r;

	if (!l->boot->initrd_name)
		return 0;
	r = boot_file_size(boot_file_initrd(l->boot), &size, l->err);
	if (r)
		return r;
	if (base <= end && size <= end - base) {
		l->initrd = (struct span){(end - size) & ~(PAGE - 1), size};
		return 0;
	}
	/* 0: no amount of RAM would do */
	if (base <= limit && size <= limit - base)
		need = round_up(base + size, RAM_UNIT);
	return err_set_num(l->err, -ENOSPC, ERR_INITRD_SPACE,
			   l->boot->initrd_name, need, 0);
}

/* --- multiboot -------------------------------------------------------------
 */

/* The initrd is the first module. */
static struct boot_file module_file(const struct loader *l, unsigned int i)
{
	unsigned int n = l->boot->initrd_name ? 1 : 0;

	return i < n ? boot_file_initrd(l->boot)
		     : boot_file_module(l->boot, i - n);
}

/* How many there are, and the texts that go with them. */
static void count_modules(struct loader *l)
{
	struct multiboot_info *info = &l->info;
	unsigned int n = l->boot->initrd_name ? 1 : 0;

	info->n_modules = n + l->boot->n_modules;
	for (unsigned int i = 0; i < info->n_modules; i++)
		info->module[i].args = i < n ? "" : l->boot->module[i - n].args;
}

/* Module @i goes to the first whole page from @*at on. */
static int place_module(struct loader *l, unsigned int i, uint64_t *at)
{
	struct boot_file f = module_file(l, i);
	struct span *s = &l->info.module[i].span;
	uint64_t need = 0;
	int r = boot_file_size(f, &s->len, l->err);

	if (r)
		return r;
	s->base = round_up(*at, PAGE);
	if (s->base <= l->ram_end && s->len <= l->ram_end - s->base) {
		*at = s->base + s->len;
		return 0;
	}
	/* 0: no amount of RAM would do */
	if (s->base <= RAM_LOW_MAX && s->len <= RAM_LOW_MAX - s->base)
		need = round_up(s->base + s->len, RAM_UNIT);
	return err_set_num(l->err, -ENOSPC, ERR_MODULE_SPACE, f.name, need, 0);
}

/* The block is sized for all modules before it is known where they go. */
static int place_multiboot(struct loader *l)
{
	uint64_t end;
	int r = 0;

	l->info.plan = l->boot->plan;
	l->info.cmdline = l->boot->cmdline;
	count_modules(l);
	l->block.len = multiboot_size(&l->info);
	l->block.base = multiboot_place(&l->kernel, l->block.len);
	end = l->block.base + l->block.len;
	if (end < l->kernel.end)
		end = l->kernel.end;
	if (end < LOAD_MIN)
		end = LOAD_MIN;
	if (end > l->ram_end)
		return err_set_num(l->err, -ENOSPC, ERR_KERNEL_SPACE,
				   l->boot->kernel_name,
				   round_up(end, RAM_UNIT), 0);
	for (unsigned int i = 0; r == 0 && i < l->info.n_modules; i++)
		r = place_module(l, i, &end);
	return r;
}

static int place(struct loader *l)
{
	int r;

	if (l->kernel.kind == KERNEL_MULTIBOOT)
		return place_multiboot(l);
	r = boot_file_no_modules(l->boot, l->err);
	return r ? r : place_initrd(l);
}

static int check_cmdline(const struct loader *l)
{
	size_t len = strlen(l->boot->cmdline);
	uint64_t max = min(l->kernel.cmdline_max, CMDLINE_SIZE - 1);

	if (len <= max)
		return 0;
	return err_set_num(l->err, -E2BIG, ERR_CMDLINE_LONG, NULL, len, max);
}

/* A place that was checked is missing: RAM is not what the plan says. */
static int no_ram(const struct loader *l)
{
	return err_set_num(l->err, -EFAULT, ERR_KERNEL_SPACE,
			   l->boot->kernel_name, RAM_MIN, 0);
}

static int read_to_guest(const struct loader *l, struct boot_file f,
			 struct span gpa, uint64_t off)
{
	void *hva;

	if (!gpa.len)
		return 0;
	hva = gmem_at(l->boot->mem, gpa.base, gpa.len);
	if (!hva)
		return no_ram(l);
	return boot_file_read(f, hva, gpa.len, off, l->err);
}

static int read_files(const struct loader *l)
{
	const struct kernel_seg *s = l->kernel.seg;
	unsigned int i;
	int r;

	for (i = 0; i < l->kernel.n_seg; i++, s++) {
		r = read_to_guest(l, kernel_file(l),
				  (struct span){s->gpa, s->filesz}, s->off);
		if (r)
			return r;
	}
	for (i = 0; i < l->info.n_modules; i++) {
		r = read_to_guest(l, module_file(l, i), l->info.module[i].span,
				  0);
		if (r)
			return r;
	}
	return read_to_guest(l, boot_file_initrd(l->boot), l->initrd, 0);
}

static int write_acpi(const struct loader *l)
{
	int r = acpi_build(l->boot->plan, ACPI_ADDR, l->low + ACPI_ADDR,
			   ACPI_SIZE);

	if (r < 0)
		return err_set(l->err, r, ERR_HOST_CALL, "acpi_build", NULL);
	return 0;
}

static int find_ram(struct loader *l)
{
	l->low = gmem_at(l->boot->mem, 0, LOAD_MIN);
	return l->low ? 0 : no_ram(l);
}

/* Everything that can be known before there is memory. */
static int check(struct loader *l)
{
	const struct plan *p = l->boot->plan;
	int r;

	if (!p->n_ram || p->ram[0].base || p->ram[0].len < RAM_MIN)
		return no_ram(l);
	l->ram_end = p->ram[0].len;
	r = identify(l);
	if (!r)
		r = check_kernel_space(l);
	if (!r)
		r = check_cmdline(l);
	if (!r)
		r = place(l);
	return r;
}

int arch_boot_check(const struct arch_boot *b, struct err *e)
{
	struct loader l = {.boot = b, .err = e};

	if (b->fdt_name)
		return err_set(e, -ENOTSUP, ERR_NO_FDT, b->fdt_name, NULL);
	/* The flat image of x86 is one with a multiboot header of addresses. */
	if (b->flat)
		return err_set(e, -ENOTSUP, ERR_NO_FLAT, b->kernel_name, NULL);
	return check(&l);
}

static int write_multiboot(const struct loader *l, struct arch_entry *entry)
{
	void *hva = gmem_at(l->boot->mem, l->block.base, l->block.len);

	if (!hva)
		return no_ram(l);
	entry->arg = multiboot_write(hva, l->block.base, &l->info);
	return 0;
}

static int write_boot(const struct loader *l, struct arch_entry *entry)
{
	const struct arch_boot *b = l->boot;
	const struct boot_info info = {
		.plan = b->plan,
		.kernel = &l->kernel,
		.initrd = l->initrd,
	};

	boot_write(l->low, &info, entry);
	if (l->kernel.kind == KERNEL_MULTIBOOT)
		return write_multiboot(l, entry);
	memcpy(l->low + CMDLINE_ADDR, b->cmdline, strlen(b->cmdline) + 1);
	return 0;
}

int arch_load(const struct arch_boot *b, struct arch_entry *entry,
	      struct err *e)
{
	struct loader l = {.boot = b, .err = e};
	int r;

	r = check(&l);
	if (!r)
		r = find_ram(&l);
	if (!r)
		r = read_files(&l);
	if (!r)
		r = write_acpi(&l);
	return r ? r : write_boot(&l, entry);
}
