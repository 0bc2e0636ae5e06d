/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "arch-x86_64/boot.h"
#include "arch-x86_64/layout.h"
#include "arch-x86_64/multiboot.h"

/*
 * Any bytes as a kernel file: what kernel_parse() accepts keeps the promises of
 * kernel.h, and boot_write() stays inside the first MiB.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static int in_segment(const struct kernel *k, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < k->n_seg; i++)
		if (span_holds((struct span){k->seg[i].gpa, k->seg[i].memsz},
			       gpa, 1))
			return 1;
	return 0;
}

static void check_seg(const struct kernel *k, unsigned int i, uint64_t size)
{
	const struct kernel_seg *s = &k->seg[i];
	const struct span ram = {LOAD_MIN, RAM_LOW_MAX - LOAD_MIN};
	const struct span low = {MULTIBOOT_LOW, LOW_RAM_END - MULTIBOOT_LOW};
	unsigned int j;

	must(s->filesz <= s->memsz);
	must(span_holds(ram, s->gpa, s->memsz) ||
	     (k->kind == KERNEL_MULTIBOOT &&
	      span_holds(low, s->gpa, s->memsz)));
	must(s->filesz == 0 ||
	     span_holds((struct span){0, size}, s->off, s->filesz));
	must(s->gpa + s->memsz <= k->end);
	for (j = 0; j < i; j++)
		must(!span_overlaps(
			(struct span){s->gpa, s->memsz},
			(struct span){k->seg[j].gpa, k->seg[j].memsz}));
}

static void check(const struct kernel *k, uint64_t size)
{
	unsigned int i;

	must(k->n_seg >= 1 && k->n_seg <= KERNEL_SEGS_MAX);
	must(k->n_notes <= KERNEL_NOTES_MAX);
	must(k->end <= RAM_LOW_MAX);
	must(in_segment(k, k->entry));
	for (i = 0; i < k->n_seg; i++)
		check_seg(k, i, size);
	for (i = 0; i < k->n_notes; i++)
		must(span_holds((struct span){0, size}, k->notes[i].file.base,
				k->notes[i].file.len));
}

/* As load.c does: the first 8 KiB of each, which must lie in the file. */
static int use_notes(struct kernel *k, const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct kernel_notes *n;
	uint64_t len;
	unsigned int i;
	int r;

	for (i = 0; i < k->n_notes; i++) {
		n = &k->notes[i];
		if (!span_holds((struct span){0, size}, n->file.base,
				n->file.len))
			continue;
		len = n->file.len < KERNEL_HEAD ? n->file.len : KERNEL_HEAD;
		r = kernel_use_notes(k, data + n->file.base, len, n->align,
				     &why);
		must(r == 0 || (r < 0 && why));
		if (r)
			return r;
	}
	return 0;
}

/* Whatever a multiboot kernel is handed lies in RAM and beside the kernel. */
static void check_place(const struct kernel *k, const struct plan *plan)
{
	static uint8_t buf[8192];
	const struct multiboot_info info = {
		.plan = plan,
		.cmdline = "some words",
		.n_modules = 1,
		.module = {{{0x100000, 1}, "of a module"}},
	};
	uint64_t len = multiboot_size(&info);
	uint64_t gpa = multiboot_place(k, len);
	unsigned int i;

	must(len < sizeof(buf));
	must(gpa >= MULTIBOOT_LOW && gpa % 4096 == 0);
	must(gpa >= LOAD_MIN || gpa + len <= LOW_RAM_END);
	for (i = 0; i < k->n_seg; i++)
		must(!span_overlaps(
			(struct span){k->seg[i].gpa, k->seg[i].memsz},
			(struct span){gpa, len}));
	buf[len] = 0x5a;
	must(multiboot_write(buf, gpa, &info) == gpa + MULTIBOOT_GDT_LEN);
	must(buf[len] == 0x5a);
}

static void write_boot(const struct kernel *k)
{
	static uint8_t low[LOAD_MIN + 1];
	struct plan plan = {
		.n_ram = 2,
		.ram = {{0, RAM_LOW_MAX}, {RAM_HIGH, RAM_UNIT}},
		.ecam = {ECAM_BASE, ECAM_SIZE},
	};
	struct boot_info info = {.plan = &plan, .kernel = k};
	struct arch_entry entry = {0};

	low[LOAD_MIN] = 0x5a;
	boot_write(low, &info, &entry);
	must(low[LOAD_MIN] == 0x5a);
	must(entry.pc == k->entry && entry.arg < LOAD_MIN);
	if (k->kind == KERNEL_MULTIBOOT)
		check_place(k, &plan);
}

/* The first byte says how much longer the file is than what we have of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct kernel k;
	uint64_t file_size;
	size_t len;
	int r;

	if (!size)
		return 0;
	file_size = size - 1 + (*data & 1 ? 0x1000000ULL * *data : 0);
	data++;
	size--;
	len = size < KERNEL_HEAD ? size : KERNEL_HEAD;
	r = kernel_parse(&k, data, len, file_size, &why);
	must(r == 0 || ((r == -ENOEXEC || r == -EBADMSG) && why));
	if (r)
		return 0;
	check(&k, file_size);
	if (use_notes(&k, data, size))
		return 0;
	check(&k, file_size);
	write_boot(&k);
	return 0;
}
