/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch-aarch64/fdt.h"
#include "arch-aarch64/kernel.h"
#include "arch-aarch64/layout.h"
#include "arch-aarch64/unpack.h"
#include "vmm/arch.h"
#include "vmm/boot_file.h"

/*
 * How it works: the first 4 KiB of the kernel file tell how it is packed, the
 * first 4 KiB of what is packed (kernel.c) how much memory the kernel needs.
 * All checks of sizes come next, so that a refusal costs no time; then the
 * files are read, or unpacked, straight to their places in guest memory, which
 * is fresh and thus zero where nothing is written. In this order from the start
 * of RAM: kernel, room for the FDT, initrd; of a flat image, initrd and FDT are
 * at the end of RAM.
 */

#define INITRD_ALIGN 0x10000ULL /* the largest page of a guest */
/*
 * linux-arm64-boot: kernel and initrd are in one window of 32 GiB that begins
 * at a multiple of 1 GiB.
 */
#define WINDOW_END (RAM_BASE + (32ULL << 30))

_Static_assert(RAM_BASE % (1ULL << 30) == 0, "linux-arm64-boot: window");
_Static_assert(RAM_BASE % KERNEL_ALIGN == 0, "linux-arm64-boot: base");

struct loader {
	const struct arch_boot *boot;
	struct err *err;
	uint64_t ram_end;
	struct unpack packed; /* or, if KERNEL_PLAIN, the file */
	struct kernel kernel;
	struct span image; /* guest-physical, all three */
	struct span fdt;
	struct span initrd;
};

static uint64_t round_up(uint64_t v, uint64_t unit)
{
	return (v + unit - 1) & ~(unit - 1);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Turn what kernel.c says into an error. */
static int bad_kernel(const struct loader *l, int code, const char *why)
{
	return boot_file_bad_kernel(l->packed.file, code, why, l->err);
}

/* The same about what is in a packed file. */
static int bad_content(const struct loader *l, int code, const char *why)
{
	char text[ERR_DETAIL_MAX];

	if (code != -ENOEXEC || l->packed.pack == KERNEL_PLAIN)
		return bad_kernel(l, code, why);
	snprintf(text, sizeof(text), "a compressed file; unpacked, it is %s",
		 why);
	return bad_kernel(l, code, text);
}

/* --- checks ----------------------------------------------------------------
 */

static int identify(struct loader *l)
{
	struct unpack *u = &l->packed;
	uint8_t head[KERNEL_HEAD];
	struct kernel_file where;
	const char *why = NULL;
	uint64_t size = 0;
	size_t len;
	int r;

	u->file = boot_file_kernel(l->boot);
	r = boot_file_size(u->file, &size, l->err);
	if (r)
		return r;
	u->pack = KERNEL_PLAIN;
	u->span = (struct span){0, size};
	if (l->boot->flat) {
		r = kernel_flat(&l->kernel, size, &why);
		return r ? bad_kernel(l, r, why) : 0;
	}
	len = (size_t)min(size, sizeof(head));
	r = boot_file_read(u->file, head, len, 0, l->err);
	if (r)
		return r;
	r = kernel_find(&where, head, len, size, &why);
	if (r)
		return bad_kernel(l, r, why);
	u->pack = where.pack;
	u->span = where.span;
	if (u->pack != KERNEL_PLAIN)
		r = unpack_head(u, head, sizeof(head), &len, l->err);
	if (r)
		return r;
	r = kernel_parse(&l->kernel, head, len, &why);
	return r ? bad_content(l, r, why) : 0;
}

static int check_whole(const struct loader *l, uint64_t len)
{
	if (len >= l->kernel.file_min)
		return 0;
	return bad_kernel(l, -EBADMSG,
			  "it is cut short: code or data is missing");
}

/* kernel.c bounds the kernel: there is a size of RAM that would do. */
static int place_kernel(struct loader *l)
{
	const struct kernel *k = &l->kernel;
	uint64_t end;

	l->image = (struct span){RAM_BASE + k->text_offset, k->image_size};
	end = l->image.base + l->image.len;
	l->fdt = (struct span){round_up(end, FDT_SIZE_MAX), FDT_SIZE_MAX};
	end = l->fdt.base + l->fdt.len;
	if (end <= l->ram_end)
		return 0;
	return err_set_num(l->err, -ENOSPC, ERR_KERNEL_SPACE,
			   l->boot->kernel_name,
			   round_up(end - RAM_BASE, RAM_UNIT), 0);
}

static int place_initrd(struct loader *l)
{
	uint64_t base = round_up(l->fdt.base + l->fdt.len, INITRD_ALIGN);
	uint64_t end = min(WINDOW_END, l->ram_end);
	uint64_t size = 0, need = 0;
	int r;

	if (!l->boot->initrd_name)
		return 0;
	r = boot_file_size(boot_file_initrd(l->boot), &size, l->err);
	if (r)
		return r;
	l->initrd = (struct span){base, size};
	if (base <= end && size <= end - base)
		return 0;
	/* 0: no amount of RAM would do */
	if (size <= WINDOW_END - base)
		need = round_up(base + size - RAM_BASE, RAM_UNIT);
	return err_set_num(l->err, -ENOSPC, ERR_INITRD_SPACE,
			   l->boot->initrd_name, need, 0);
}

/* Below the FDT; @used bytes of RAM are not for it. */
static int place_flat_initrd(struct loader *l, uint64_t used)
{
	uint64_t size = 0, need = 0, room;
	int r;

	if (!l->boot->initrd_name)
		return 0;
	r = boot_file_size(boot_file_initrd(l->boot), &size, l->err);
	if (r)
		return r;
	room = l->fdt.base + l->fdt.len - RAM_BASE - used;
	if (size <= room) { /* which is whole pages */
		l->initrd.base = l->fdt.base - round_up(size, INITRD_ALIGN);
		l->initrd.len = size;
		return 0;
	}
	/* 0: no amount of RAM would do */
	if (size <= WINDOW_END - RAM_BASE - used)
		need = round_up(used + round_up(size, INITRD_ALIGN), RAM_UNIT);
	return err_set_num(l->err, -ENOSPC, ERR_INITRD_SPACE,
			   l->boot->initrd_name, need, 0);
}

/*
 * Nobody knows where a flat image's bss and stack end: what it is handed goes
 * as far from it as possible, the FDT last.
 */
static int place_flat(struct loader *l)
{
	const struct kernel *k = &l->kernel;
	uint64_t end = min(WINDOW_END, l->ram_end);
	uint64_t used = round_up(k->text_offset + k->image_size, INITRD_ALIGN) +
			FDT_SIZE_MAX;

	if (used > end - RAM_BASE)
		return err_set_num(l->err, -ENOSPC, ERR_KERNEL_SPACE,
				   l->boot->kernel_name,
				   round_up(used, RAM_UNIT), 0);
	l->image = (struct span){RAM_BASE + k->text_offset, k->image_size};
	l->fdt = (struct span){end - FDT_SIZE_MAX, FDT_SIZE_MAX};
	return place_flat_initrd(l, used);
}

static int place(struct loader *l)
{
	int r;

	if (l->boot->flat)
		return place_flat(l);
	r = place_kernel(l);
	return r ? r : place_initrd(l);
}

static int check_cmdline(const struct loader *l)
{
	size_t len = strlen(l->boot->cmdline);

	if (len <= FDT_CMDLINE_MAX)
		return 0;
	return err_set_num(l->err, -E2BIG, ERR_CMDLINE_LONG, NULL, len,
			   FDT_CMDLINE_MAX);
}

/* A place that was checked is missing: RAM is not what the plan says. */
static int no_ram(const struct loader *l)
{
	return err_set_num(l->err, -EFAULT, ERR_KERNEL_SPACE,
			   l->boot->kernel_name, RAM_MIN, 0);
}

/* Everything that can be known before there is memory. */
static int check(struct loader *l)
{
	const struct plan *p = l->boot->plan;
	int r;

	if (!p->n_ram || p->ram[0].base != RAM_BASE || p->ram[0].len < RAM_MIN)
		return no_ram(l);
	l->ram_end = RAM_BASE + p->ram[0].len;
	r = boot_file_no_modules(l->boot, l->err);
	if (!r)
		r = identify(l);
	if (!r && l->packed.pack == KERNEL_PLAIN)
		r = check_whole(l, l->packed.span.len);
	if (!r)
		r = place(l);
	if (!r)
		r = check_cmdline(l);
	return r;
}

int arch_boot_check(const struct arch_boot *b, struct err *e)
{
	struct loader l = {.boot = b, .err = e};

	return check(&l);
}

/* --- loading ---------------------------------------------------------------
 */

static int unpack_kernel(const struct loader *l, void *hva)
{
	size_t len = 0;
	int r = unpack_all(&l->packed, hva, l->image.len, &len, l->err);

	if (r == -EFBIG)
		return bad_kernel(l, -EBADMSG,
				  "it unpacks to more than its header says");
	return r ? r : check_whole(l, len);
}

static int load_kernel(const struct loader *l)
{
	const struct unpack *u = &l->packed;
	void *hva = gmem_at(l->boot->mem, l->image.base, l->image.len);

	if (!hva)
		return no_ram(l);
	if (u->pack != KERNEL_PLAIN)
		return unpack_kernel(l, hva);
	/* What follows the kernel, a signature perhaps, has no place in it. */
	return boot_file_read(u->file, hva, min(u->span.len, l->image.len),
			      u->span.base, l->err);
}

static int load_initrd(const struct loader *l)
{
	void *hva;

	if (!l->initrd.len)
		return 0;
	hva = gmem_at(l->boot->mem, l->initrd.base, l->initrd.len);
	if (!hva)
		return no_ram(l);
	return boot_file_read(boot_file_initrd(l->boot), hva, l->initrd.len, 0,
			      l->err);
}

int arch_load(const struct arch_boot *b, struct arch_entry *entry,
	      struct err *e)
{
	struct loader l = {.boot = b, .err = e};
	int r;

	r = check(&l);
	if (!r)
		r = load_kernel(&l);
	if (!r)
		r = load_initrd(&l);
	if (r)
		return r;
	*entry = (struct arch_entry){
		.pc = l.image.base,
		.arg = l.fdt.base,
		.mode = l.kernel.pages,
		.initrd = l.initrd,
		.fdt = l.fdt,
	};
	return 0;
}
