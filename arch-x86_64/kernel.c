/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/kernel.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "arch-x86_64/layout.h"
#include "arch-x86_64/multiboot.h"
#include "core/file_kind.h"

/*
 * How it works: kernel_parse() looks for the formats that we load, a bzImage by
 * its setup header, a multiboot kernel by its header, which may be in an ELF or
 * in anything else, and an ELF by its magic; and it names what is none of them.
 * Sums of numbers from the file are never formed before their parts are known
 * to be small: in_file() bounds offsets, add_seg() addresses.
 */

#define HDR_OFF	       0x1f1 /* linux-x86-boot: the setup header */
#define HDR_JUMP       0x201 /* its end, counted from the next byte */
#define HDR_END_MAX    0x290 /* where boot_params goes on with other things */
#define HDR_MAGIC      0x53726448 /* "HdrS" */
#define PROTOCOL_64BIT 0x20c	  /* the first with xloadflags */
#define ENTRY_64_OFF   0x200	  /* of the 64-bit entry in the loaded kernel */
#define SECTOR	       512ULL

/* What Linux keeps of a command line: COMMAND_LINE_SIZE, with the NUL. */
#define LINUX_CMDLINE		 2048

#define XEN_ELFNOTE_PHYS32_ENTRY 18 /* PVH */

static int refuse(const char **why, int code, const char *text)
{
	*why = text;
	return code;
}

static bool in_file(uint64_t off, uint64_t len, uint64_t file_size)
{
	return off <= file_size && len <= file_size - off;
}

static bool seg_holds(const struct kernel_seg *s, uint64_t gpa)
{
	return gpa >= s->gpa && gpa - s->gpa < s->memsz;
}

static bool seg_overlaps(const struct kernel_seg *a, const struct kernel_seg *b)
{
	return seg_holds(a, b->gpa) || seg_holds(b, a->gpa);
}

static bool is_low(const struct kernel_seg *s)
{
	return s->gpa >= MULTIBOOT_LOW && s->gpa < LOW_RAM_END &&
	       s->memsz <= LOW_RAM_END - s->gpa;
}

static int check_addr(const struct kernel *k, const struct kernel_seg *s,
		      const char **why)
{
	if (k->kind == KERNEL_MULTIBOOT && is_low(s))
		return 0;
	if (s->gpa < LOAD_MIN)
		return refuse(why, -EBADMSG,
			      k->kind == KERNEL_MULTIBOOT
				      ? "it wants memory below 1 MiB that is "
					"no RAM or not free"
				      : "it wants to be loaded below 1 MiB");
	if (s->gpa >= RAM_LOW_MAX || s->memsz > RAM_LOW_MAX - s->gpa)
		return refuse(why, -EBADMSG,
			      "it needs memory beyond the first 2 GiB");
	return 0;
}

/* Append @s, whose memsz is not 0; a kernel_parse() invariant is kept here. */
static int add_seg(struct kernel *k, struct kernel_seg s, uint64_t file_size,
		   const char **why)
{
	unsigned int i;
	int r;

	if (s.filesz > s.memsz)
		return refuse(why, -EBADMSG,
			      "a segment is larger in the file than in memory");
	if (!in_file(s.off, s.filesz, file_size))
		return refuse(why, -EBADMSG,
			      "the file is cut short: a segment reaches past "
			      "its end");
	r = check_addr(k, &s, why);
	if (r)
		return r;
	for (i = 0; i < k->n_seg; i++)
		if (seg_overlaps(&k->seg[i], &s))
			return refuse(why, -EBADMSG, "two segments overlap");
	if (k->n_seg == KERNEL_SEGS_MAX)
		return refuse(why, -EBADMSG, "it has too many segments");
	k->seg[k->n_seg++] = s;
	if (s.gpa + s.memsz > k->end)
		k->end = s.gpa + s.memsz;
	return 0;
}

static bool entry_ok(const struct kernel *k, uint64_t entry)
{
	unsigned int i;

	for (i = 0; i < k->n_seg; i++)
		if (seg_holds(&k->seg[i], entry))
			return true;
	return false;
}

/* --- bzImage ---------------------------------------------------------------
 */

/* @hdr: zeroed; takes what this kernel's version of the header has. */
static void copy_header(struct setup_header *hdr, const uint8_t *head)
{
	size_t end = HDR_JUMP + 1 + head[HDR_JUMP];
	size_t len;

	if (end > HDR_END_MAX)
		end = HDR_END_MAX;
	len = end - HDR_OFF;
	if (len > sizeof(*hdr))
		len = sizeof(*hdr);
	memcpy(hdr, head + HDR_OFF, len);
}

static bool has_setup_header(const uint8_t *head, size_t len)
{
	struct setup_header hdr = {0};

	if (len < HDR_END_MAX)
		return false;
	copy_header(&hdr, head);
	return hdr.boot_flag == 0xaa55 && hdr.header == HDR_MAGIC;
}

static int check_header(const struct setup_header *hdr, const char **why)
{
	if (!(hdr->loadflags & LOADED_HIGH))
		return refuse(why, -ENOEXEC, "an old x86 zImage");
	if (hdr->version < PROTOCOL_64BIT)
		return refuse(why, -ENOEXEC,
			      "an x86 Linux older than boot protocol 2.12, "
			      "without a 64-bit entry");
	if (!(hdr->xloadflags & XLF_KERNEL_64))
		return refuse(why, -ENOEXEC,
			      "a 32-bit x86 Linux kernel (bzImage)");
	if (hdr->relocatable_kernel &&
	    (!hdr->kernel_alignment || !is_pow2(hdr->kernel_alignment)))
		return refuse(why, -EBADMSG,
			      "its alignment is not a power of two");
	return 0;
}

/*
 * linux-x86-boot, init_size: a relocatable kernel runs from its load address
 * rounded up to kernel_alignment, but never from below pref_address; so loading
 * it lower would save nothing, and RAM up to there + init_size is needed.
 */
static bool load_addr(const struct setup_header *hdr, uint64_t *gpa)
{
	*gpa = hdr->pref_address;
	if (!hdr->relocatable_kernel)
		return true;
	return align_up(hdr->pref_address, hdr->kernel_alignment, gpa);
}

static int parse_bzimage(struct kernel *k, const uint8_t *head,
			 uint64_t file_size, const char **why)
{
	struct kernel_seg s;
	uint64_t rest;
	int r;

	k->kind = KERNEL_BZIMAGE;
	copy_header(&k->hdr, head);
	r = check_header(&k->hdr, why);
	if (r)
		return r;
	s.off = (k->hdr.setup_sects ? k->hdr.setup_sects + 1ULL : 5) * SECTOR;
	if (s.off > file_size)
		return refuse(why, -EBADMSG, "the file ends in its setup code");
	rest = file_size - s.off;
	s.filesz = (uint64_t)k->hdr.syssize * 16;
	/* syssize is rounded up; a signature may follow the kernel */
	if (s.filesz > rest && s.filesz - rest < 16)
		s.filesz = rest;
	if (s.filesz < ENTRY_64_OFF + 16)
		return refuse(why, -EBADMSG, "its 64-bit entry is missing");
	if (!load_addr(&k->hdr, &s.gpa))
		return refuse(why, -EBADMSG,
			      "it needs memory beyond the first 2 GiB");
	s.memsz = k->hdr.init_size > s.filesz ? k->hdr.init_size : s.filesz;
	r = add_seg(k, s, file_size, why);
	if (r)
		return r;
	k->entry = s.gpa + ENTRY_64_OFF;
	k->cmdline_max = k->hdr.cmdline_size;
	k->initrd_last = k->hdr.initrd_addr_max;
	return 0;
}

/* --- ELF -------------------------------------------------------------------
 */

/* What we want of the headers of an ELF file, whatever its class. */
struct elf {
	bool is32;
	bool entry_found; /* the segment of a virtual entry address */
	uint64_t entry;
	uint64_t phoff;
	size_t phentsize;
	unsigned int phnum;
};

static bool type_ok(unsigned int type)
{
	return type == ET_EXEC || type == ET_DYN;
}

static bool read_elf64(struct elf *elf, const uint8_t *head, size_t len)
{
	Elf64_Ehdr eh = {0};

	memcpy(&eh, head, len < sizeof(eh) ? len : sizeof(eh));
	*elf = (struct elf){
		.entry = eh.e_entry,
		.phoff = eh.e_phoff,
		.phentsize = eh.e_phentsize,
		.phnum = eh.e_phnum,
	};
	return eh.e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh.e_ident[EI_DATA] == ELFDATA2LSB &&
	       eh.e_machine == EM_X86_64 && type_ok(eh.e_type);
}

/* A multiboot kernel runs in 32 bits, though it may be made for 64. */
static bool read_elf32(struct elf *elf, const uint8_t *head, size_t len)
{
	Elf32_Ehdr eh = {0};

	memcpy(&eh, head, len < sizeof(eh) ? len : sizeof(eh));
	*elf = (struct elf){
		.is32 = true,
		.entry = eh.e_entry,
		.phoff = eh.e_phoff,
		.phentsize = eh.e_phentsize,
		.phnum = eh.e_phnum,
	};
	return eh.e_ident[EI_CLASS] == ELFCLASS32 &&
	       eh.e_ident[EI_DATA] == ELFDATA2LSB &&
	       (eh.e_machine == EM_386 || eh.e_machine == EM_X86_64) &&
	       type_ok(eh.e_type);
}

static Elf64_Phdr read_phdr(const struct elf *elf, const uint8_t *p)
{
	Elf64_Phdr ph;
	Elf32_Phdr ph32;

	if (!elf->is32) {
		memcpy(&ph, p, sizeof(ph));
		return ph;
	}
	memcpy(&ph32, p, sizeof(ph32));
	return (Elf64_Phdr){
		.p_type = ph32.p_type,
		.p_offset = ph32.p_offset,
		.p_vaddr = ph32.p_vaddr,
		.p_paddr = ph32.p_paddr,
		.p_filesz = ph32.p_filesz,
		.p_memsz = ph32.p_memsz,
		.p_align = ph32.p_align,
	};
}

static int add_notes(struct kernel *k, const Elf64_Phdr *ph, uint64_t file_size,
		     const char **why)
{
	struct kernel_notes *n;

	if (!in_file(ph->p_offset, ph->p_filesz, file_size))
		return refuse(why, -EBADMSG,
			      "the file is cut short: its notes lie past its "
			      "end");
	if (!ph->p_filesz || k->n_notes == KERNEL_NOTES_MAX)
		return 0;
	n = &k->notes[k->n_notes++];
	n->file = (struct span){ph->p_offset, ph->p_filesz};
	n->align = ph->p_align == 8 ? 8 : 4;
	return 0;
}

/*
 * Of kernels with addresses of their own, linkers write the entry as a virtual
 * one; boot loaders enter where that segment was loaded.
 */
static void translate_entry(struct elf *elf, const Elf64_Phdr *ph)
{
	if (elf->entry_found || elf->entry < ph->p_vaddr ||
	    elf->entry - ph->p_vaddr >= ph->p_memsz)
		return;
	elf->entry_found = true;
	elf->entry = elf->entry - ph->p_vaddr + ph->p_paddr;
}

static int add_phdr(struct kernel *k, struct elf *elf, const Elf64_Phdr *ph,
		    uint64_t file_size, const char **why)
{
	/* PVH is for ELF files of 64 bits here; others have only multiboot */
	if (ph->p_type == PT_NOTE && !elf->is32)
		return add_notes(k, ph, file_size, why);
	if (ph->p_type == PT_INTERP)
		return refuse(why, -ENOEXEC,
			      "an ordinary program (ELF) and not a kernel");
	if (ph->p_type != PT_LOAD || (!ph->p_memsz && !ph->p_filesz))
		return 0;
	if (k->kind == KERNEL_MULTIBOOT)
		translate_entry(elf, ph);
	return add_seg(k,
		       (struct kernel_seg){
			       .off = ph->p_offset,
			       .gpa = ph->p_paddr,
			       .filesz = ph->p_filesz,
			       .memsz = ph->p_memsz,
		       },
		       file_size, why);
}

static int add_phdrs(struct kernel *k, struct elf *elf, const uint8_t *head,
		     size_t len, uint64_t file_size, const char **why)
{
	size_t size = elf->is32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	Elf64_Phdr ph;
	unsigned int i;
	int r;

	if (elf->phentsize != size)
		return refuse(why, -EBADMSG,
			      "its program headers have an unknown size");
	if (!in_file(elf->phoff, (uint64_t)elf->phnum * size, len))
		return refuse(why, -EBADMSG,
			      "its program headers are not in the first 8 KiB");
	for (i = 0; i < elf->phnum; i++) {
		ph = read_phdr(elf, head + elf->phoff + i * size);
		r = add_phdr(k, elf, &ph, file_size, why);
		if (r)
			return r;
	}
	return 0;
}

/* @k->kind says whether it is a multiboot kernel. */
static int parse_elf(struct kernel *k, const uint8_t *head, size_t len,
		     uint64_t file_size, const char **why)
{
	bool multiboot = k->kind == KERNEL_MULTIBOOT;
	struct elf elf;
	int r;

	if (!read_elf64(&elf, head, len) &&
	    !(multiboot && read_elf32(&elf, head, len)))
		return refuse(why, -ENOEXEC, file_kind_name(head, len));
	r = add_phdrs(k, &elf, head, len, file_size, why);
	if (r)
		return r;
	if (!k->n_seg)
		return refuse(why, -EBADMSG, "it has nothing to load");
	/* a physical address: vmlinux says so, and paging maps 1:1 */
	if (!entry_ok(k, elf.entry))
		return refuse(why, -EBADMSG,
			      "its entry point lies outside of its segments");
	k->entry = elf.entry;
	k->cmdline_max = multiboot ? CMDLINE_SIZE - 1 : LINUX_CMDLINE - 1;
	k->initrd_last = RAM_LOW_MAX - 1;
	return 0;
}

/* --- multiboot -------------------------------------------------------------
 */

/* By the header's own addresses, whatever the file is otherwise. */
static int parse_addresses(struct kernel *k, const struct multiboot_header *h,
			   uint64_t file_size, const char **why)
{
	struct kernel_seg s;
	int r = multiboot_seg(h, file_size, &s, why);

	if (!r)
		r = add_seg(k, s, file_size, why);
	if (r)
		return r;
	if (!entry_ok(k, h->entry))
		return refuse(why, -EBADMSG,
			      "its entry point lies outside of its segments");
	k->entry = h->entry;
	k->cmdline_max = CMDLINE_SIZE - 1;
	k->initrd_last = RAM_LOW_MAX - 1;
	return 0;
}

static bool is_elf(const uint8_t *head, size_t len)
{
	return len > EI_DATA && !memcmp(head, ELFMAG, SELFMAG);
}

static int parse_multiboot(struct kernel *k, const uint8_t *head, size_t len,
			   uint64_t file_size, const char **why)
{
	struct multiboot_header h;
	int r = multiboot_find(&h, head, len, why);

	if (r <= 0)
		return r;
	k->kind = KERNEL_MULTIBOOT;
	if (h.addr)
		r = parse_addresses(k, &h, file_size, why);
	else if (is_elf(head, len))
		r = parse_elf(k, head, len, file_size, why);
	else
		r = refuse(why, -EBADMSG,
			   "a multiboot kernel that is no ELF file, and its "
			   "header has no addresses");
	return r ? r : 1;
}

int kernel_parse(struct kernel *k, const uint8_t *head, size_t len,
		 uint64_t file_size, const char **why)
{
	int r;

	*k = (struct kernel){0};
	if (has_setup_header(head, len))
		return parse_bzimage(k, head, file_size, why);
	r = parse_multiboot(k, head, len, file_size, why);
	if (r)
		return r < 0 ? r : 0;
	k->kind = KERNEL_ELF64;
	if (is_elf(head, len))
		return parse_elf(k, head, len, file_size, why);
	return refuse(why, -ENOEXEC, file_kind_name(head, len));
}

/* --- notes -----------------------------------------------------------------
 */

static uint64_t lowest(const struct kernel *k)
{
	uint64_t min = RAM_LOW_MAX;
	unsigned int i;

	for (i = 0; i < k->n_seg; i++)
		if (k->seg[i].gpa < min)
			min = k->seg[i].gpa;
	return min;
}

/* Linux writes the entry as 8 bytes, 32-bit kernels as 4. */
static int use_entry(struct kernel *k, const uint8_t *desc, size_t len,
		     const char **why)
{
	uint64_t entry = 0;

	if (len != 4 && len != 8)
		return refuse(why, -EBADMSG, "its PVH note has a wrong size");
	memcpy(&entry, desc, len);
	if (!entry_ok(k, entry))
		return refuse(why, -EBADMSG,
			      "its PVH entry lies outside of its segments");
	if (lowest(k) < LOAD_MIN)
		return refuse(why, -EBADMSG,
			      "it wants to be loaded below 1 MiB");
	k->kind = KERNEL_ELF_PVH;
	k->entry = entry;
	k->cmdline_max = LINUX_CMDLINE - 1;
	return 0;
}

int kernel_use_notes(struct kernel *k, const uint8_t *notes, size_t len,
		     uint64_t align, const char **why)
{
	Elf64_Nhdr nh;
	uint64_t name, desc, off = 0;

	while (off < len && len - off >= sizeof(nh)) {
		memcpy(&nh, notes + off, sizeof(nh));
		name = off + sizeof(nh);
		/* 32-bit lengths cannot overflow 64-bit sums */
		if (!align_up(name + nh.n_namesz, align, &desc) ||
		    !in_file(desc, nh.n_descsz, len))
			return 0;
		if (nh.n_type == XEN_ELFNOTE_PHYS32_ENTRY &&
		    nh.n_namesz == sizeof("Xen") &&
		    !memcmp(notes + name, "Xen", sizeof("Xen")))
			return use_entry(k, notes + desc, nh.n_descsz, why);
		if (!align_up(desc + nh.n_descsz, align, &off))
			return 0;
	}
	return 0;
}
