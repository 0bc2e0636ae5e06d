/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/kernel.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "arch-x86_64/layout.h"
#include "core/file_kind.h"

/*
 * How it works: kernel_parse() looks for the two formats that we load, a
 * bzImage by its setup header and an ELF by its magic, and names anything else.
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

/* Append @s, whose memsz is not 0; a kernel_parse() invariant is kept here. */
static int add_seg(struct kernel *k, struct kernel_seg s, uint64_t file_size,
		   const char **why)
{
	unsigned int i;

	if (s.filesz > s.memsz)
		return refuse(why, -EBADMSG,
			      "a segment is larger in the file than in memory");
	if (!in_file(s.off, s.filesz, file_size))
		return refuse(why, -EBADMSG,
			      "the file is cut short: a segment reaches past "
			      "its end");
	if (s.gpa < LOAD_MIN)
		return refuse(why, -EBADMSG,
			      "it wants to be loaded below 1 MiB");
	if (s.gpa >= RAM_LOW_MAX || s.memsz > RAM_LOW_MAX - s.gpa)
		return refuse(why, -EBADMSG,
			      "it needs memory beyond the first 2 GiB");
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

static bool elf_ok(const Elf64_Ehdr *eh)
{
	return eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_ident[EI_DATA] == ELFDATA2LSB &&
	       eh->e_machine == EM_X86_64 &&
	       (eh->e_type == ET_EXEC || eh->e_type == ET_DYN);
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

static int add_phdr(struct kernel *k, const Elf64_Phdr *ph, uint64_t file_size,
		    const char **why)
{
	if (ph->p_type == PT_NOTE)
		return add_notes(k, ph, file_size, why);
	if (ph->p_type == PT_INTERP)
		return refuse(why, -ENOEXEC,
			      "an ordinary program (ELF) and not a kernel");
	if (ph->p_type != PT_LOAD || (!ph->p_memsz && !ph->p_filesz))
		return 0;
	return add_seg(k,
		       (struct kernel_seg){
			       .off = ph->p_offset,
			       .gpa = ph->p_paddr,
			       .filesz = ph->p_filesz,
			       .memsz = ph->p_memsz,
		       },
		       file_size, why);
}

static int add_phdrs(struct kernel *k, const Elf64_Ehdr *eh,
		     const uint8_t *head, size_t len, uint64_t file_size,
		     const char **why)
{
	Elf64_Phdr ph;
	unsigned int i;
	int r;

	if (eh->e_phentsize != sizeof(ph))
		return refuse(why, -EBADMSG,
			      "its program headers have an unknown size");
	if (!in_file(eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(ph), len))
		return refuse(why, -EBADMSG,
			      "its program headers are not in the first 4 KiB");
	for (i = 0; i < eh->e_phnum; i++) {
		memcpy(&ph, head + eh->e_phoff + i * sizeof(ph), sizeof(ph));
		r = add_phdr(k, &ph, file_size, why);
		if (r)
			return r;
	}
	return 0;
}

static int parse_elf(struct kernel *k, const uint8_t *head, size_t len,
		     uint64_t file_size, const char **why)
{
	Elf64_Ehdr eh = {0};
	int r;

	memcpy(&eh, head, len < sizeof(eh) ? len : sizeof(eh));
	k->kind = KERNEL_ELF64;
	if (!elf_ok(&eh))
		return refuse(why, -ENOEXEC, file_kind_name(head, len));
	r = add_phdrs(k, &eh, head, len, file_size, why);
	if (r)
		return r;
	if (!k->n_seg)
		return refuse(why, -EBADMSG, "it has nothing to load");
	/* a physical address: vmlinux says so, and paging maps 1:1 */
	if (!entry_ok(k, eh.e_entry))
		return refuse(why, -EBADMSG,
			      "its entry point lies outside of its segments");
	k->entry = eh.e_entry;
	k->cmdline_max = LINUX_CMDLINE - 1;
	k->initrd_last = RAM_LOW_MAX - 1;
	return 0;
}

int kernel_parse(struct kernel *k, const uint8_t *head, size_t len,
		 uint64_t file_size, const char **why)
{
	*k = (struct kernel){0};
	if (has_setup_header(head, len))
		return parse_bzimage(k, head, file_size, why);
	if (len > EI_DATA && !memcmp(head, ELFMAG, SELFMAG))
		return parse_elf(k, head, len, file_size, why);
	return refuse(why, -ENOEXEC, file_kind_name(head, len));
}

/* --- notes -----------------------------------------------------------------
 */

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
	k->kind = KERNEL_ELF_PVH;
	k->entry = entry;
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
