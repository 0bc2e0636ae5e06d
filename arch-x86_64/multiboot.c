/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/multiboot.h"

#include <errno.h>
#include <string.h>

#include "arch-x86_64/boot.h"
#include "arch-x86_64/layout.h"

/*
 * How it works: everything that the kernel is handed lies in one block: GDT,
 * information, memory map, modules, strings. Its place depends on the kernel,
 * which may be linked to any address; so nothing here has a fixed one.
 */

static int refuse(const char **why, int code, const char *text)
{
	*why = text;
	return code;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* --- the header ------------------------------------------------------------
 */

/* multiboot-0.6.96 3.1.1 to 3.1.3: fields by their offset */
#define HDR_MAGIC    0x1badb002
#define HDR_FLAGS    4
#define HDR_CHECKSUM 8
#define HDR_ADDRS    12
#define HDR_LEN	     12 /* without address fields */
#define HDR_LEN_ADDR 32

/* multiboot-0.6.96 3.1.2; modules are at whole pages whether asked or not */
#define FLAG_ALIGN  (1u << 0)
#define FLAG_MEMORY (1u << 1)
#define FLAG_VIDEO  (1u << 2)
#define FLAG_ADDR   (1u << 16)
#define FLAGS_MUST  0xffffu /* not to be loaded by who does not know them */

static bool is_header(const uint8_t *p)
{
	return get32(p) == HDR_MAGIC &&
	       get32(p) + get32(p + HDR_FLAGS) + get32(p + HDR_CHECKSUM) == 0;
}

static int check_flags(uint32_t flags, const char **why)
{
	if (flags & FLAG_VIDEO)
		return refuse(why, -ENOEXEC,
			      "a multiboot kernel that asks for a video mode, "
			      "and there is no display");
	if (flags & FLAGS_MUST & ~(FLAG_ALIGN | FLAG_MEMORY))
		return refuse(why, -ENOEXEC,
			      "a multiboot kernel that asks for what version "
			      "0.6.96 does not know");
	return 0;
}

static int read_header(struct multiboot_header *h, const uint8_t *p,
		       size_t left, const char **why)
{
	uint32_t flags = get32(p + HDR_FLAGS);
	int r = check_flags(flags, why);

	h->addr = flags & FLAG_ADDR;
	if (r || !h->addr)
		return r;
	if (left < HDR_LEN_ADDR)
		return refuse(why, -EBADMSG,
			      "its multiboot header is not in the first 8 KiB");
	p += HDR_ADDRS;
	h->header_addr = get32(p);
	h->load_addr = get32(p + 4);
	h->load_end = get32(p + 8);
	h->bss_end = get32(p + 12);
	h->entry = get32(p + 16);
	return 0;
}

int multiboot_find(struct multiboot_header *h, const uint8_t *head, size_t len,
		   const char **why)
{
	uint32_t off;
	int r;

	*h = (struct multiboot_header){0};
	if (len > MULTIBOOT_HEAD)
		len = MULTIBOOT_HEAD;
	for (off = 0; len - off >= HDR_LEN && off < len; off += 4) {
		if (!is_header(head + off))
			continue;
		h->off = off;
		r = read_header(h, head + off, len - off, why);
		return r ? r : 1;
	}
	return 0;
}

int multiboot_seg(const struct multiboot_header *h, uint64_t file_size,
		  struct kernel_seg *s, const char **why)
{
	if (h->load_addr > h->header_addr ||
	    h->header_addr - h->load_addr > h->off)
		return refuse(why, -EBADMSG,
			      "its multiboot header is not where its addresses "
			      "say");
	s->off = h->off - (h->header_addr - h->load_addr);
	s->gpa = h->load_addr;
	s->filesz = file_size > s->off ? file_size - s->off : 0;
	if (h->load_end && h->load_end <= h->header_addr)
		return refuse(why, -EBADMSG,
			      "it ends before its multiboot header");
	if (h->load_end)
		s->filesz = h->load_end - h->load_addr;
	s->memsz = s->filesz;
	if (h->bss_end && (h->bss_end < h->load_addr ||
			   h->bss_end - h->load_addr < s->filesz))
		return refuse(why, -EBADMSG,
			      "a segment is larger in the file than in memory");
	if (h->bss_end)
		s->memsz = h->bss_end - h->load_addr;
	return 0;
}

/* --- the information -------------------------------------------------------
 */

/* multiboot-0.6.96 3.3 */
#define INFO_MEMORY  (1u << 0)
#define INFO_CMDLINE (1u << 2)
#define INFO_MODS    (1u << 3)
#define INFO_MMAP    (1u << 6)
#define INFO_LOADER  (1u << 9)

struct info {
	uint32_t flags;
	uint32_t mem_lower; /* KiB from 0, KiB from 1 MiB */
	uint32_t mem_upper;
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count;
	uint32_t mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length;
	uint32_t mmap_addr;
	uint32_t drives_length;
	uint32_t drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
	uint32_t apm_table;
	uint32_t vbe[4];
	uint32_t framebuffer[7];
};

struct module {
	uint32_t start;
	uint32_t end; /* the first byte behind it */
	uint32_t string;
	uint32_t reserved;
};

struct mmap_entry {
	uint32_t size; /* of what follows */
	uint64_t addr;
	uint64_t len;
	uint32_t type;
} __attribute__((packed));

_Static_assert(offsetof(struct info, mmap_length) == 44, "multiboot-0.6.96");
_Static_assert(offsetof(struct info, boot_loader_name) == 64,
	       "multiboot-0.6.96");
_Static_assert(sizeof(struct info) == 116, "multiboot-0.6.96");
_Static_assert(MULTIBOOT_GDT_LEN == BOOT_GDT_LIMIT + 1, "GDT");

#define LOADER_NAME "barge"

uint64_t multiboot_size(const struct multiboot_info *info)
{
	uint64_t len = MULTIBOOT_GDT_LEN + sizeof(struct info) +
		       BOOT_MAP_MAX * sizeof(struct mmap_entry) +
		       info->n_modules * sizeof(struct module) +
		       sizeof(LOADER_NAME) + strlen(info->cmdline) + 1;

	for (unsigned int i = 0; i < info->n_modules; i++)
		len += strlen(info->module[i].args) + 1;
	return len;
}

static bool is_free(const struct kernel *k, struct span s)
{
	for (unsigned int i = 0; i < k->n_seg; i++)
		if (span_overlaps(
			    s, (struct span){k->seg[i].gpa, k->seg[i].memsz}))
			return false;
	return true;
}

static uint64_t page_up(uint64_t v)
{
	return (v + 4095) & ~4095ULL;
}

uint64_t multiboot_place(const struct kernel *k, uint64_t len)
{
	uint64_t best = k->end > LOAD_MIN ? page_up(k->end) : LOAD_MIN;
	uint64_t at = MULTIBOOT_LOW;

	for (unsigned int i = 0; i <= k->n_seg; i++) {
		if (i)
			at = page_up(k->seg[i - 1].gpa + k->seg[i - 1].memsz);
		if (at < best && len <= LOW_RAM_END &&
		    at <= LOW_RAM_END - len &&
		    is_free(k, (struct span){at, len}))
			best = at;
	}
	return best;
}

/* Where the next piece of the block goes. */
struct block {
	uint8_t *buf;
	uint64_t gpa;
	size_t used;
};

/* Append @len bytes; their address in the guest. */
static uint32_t put(struct block *b, const void *bytes, size_t len)
{
	uint64_t gpa = b->gpa + b->used;

	memcpy(b->buf + b->used, bytes, len);
	b->used += len;
	return (uint32_t)gpa;
}

static uint32_t put_text(struct block *b, const char *text)
{
	return put(b, text, strlen(text) + 1);
}

static void put_map(struct block *b, struct info *mi, const struct plan *plan)
{
	struct boot_map map[BOOT_MAP_MAX];
	unsigned int i, n = boot_map_make(map, plan);

	mi->mmap_addr = (uint32_t)(b->gpa + b->used);
	mi->mmap_length = (uint32_t)(n * sizeof(struct mmap_entry));
	for (i = 0; i < n; i++) {
		struct mmap_entry e = {
			.size = sizeof(e) - sizeof(e.size),
			.addr = map[i].span.base,
			.len = map[i].span.len,
			.type = map[i].type,
		};

		put(b, &e, sizeof(e));
	}
}

/* The list has to be in one piece: strings come behind it. */
static void put_modules(struct block *b, struct info *mi,
			const struct multiboot_info *info)
{
	struct module list[MULTIBOOT_MODULES_MAX] = {0};
	size_t len = info->n_modules * sizeof(list[0]);
	size_t at = b->used;

	mi->mods_count = info->n_modules;
	mi->mods_addr = put(b, list, len);
	for (unsigned int i = 0; i < info->n_modules; i++) {
		const struct multiboot_module *m = &info->module[i];

		list[i].start = (uint32_t)m->span.base;
		list[i].end = (uint32_t)(m->span.base + m->span.len);
		list[i].string = put_text(b, m->args);
	}
	memcpy(b->buf + at, list, len);
}

uint64_t multiboot_write(uint8_t *buf, uint64_t gpa,
			 const struct multiboot_info *info)
{
	struct block b = {.buf = buf, .gpa = gpa};
	struct info mi = {
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODS | INFO_MMAP |
			 INFO_LOADER,
		.mem_lower = LOW_RAM_END >> 10,
		.mem_upper =
			(uint32_t)((info->plan->ram[0].len - LOAD_MIN) >> 10),
	};

	boot_gdt32(buf);
	b.used = MULTIBOOT_GDT_LEN + sizeof(mi);
	put_map(&b, &mi, info->plan);
	put_modules(&b, &mi, info);
	mi.cmdline = put_text(&b, info->cmdline);
	mi.boot_loader_name = put_text(&b, LOADER_NAME);
	memcpy(buf + MULTIBOOT_GDT_LEN, &mi, sizeof(mi));
	return gpa + MULTIBOOT_GDT_LEN;
}
