/* SPDX-License-Identifier: Apache-2.0 */
#include "arch-x86_64/aml.h"

#include <string.h>

/* --- bytes -----------------------------------------------------------------
 */

void aml_bytes(struct aml *a, const void *bytes, size_t len)
{
	if (a->full || len > a->size - a->len) {
		a->full = true;
		return;
	}
	memcpy(a->buf + a->len, bytes, len);
	a->len += len;
}

void aml_u8(struct aml *a, unsigned int v)
{
	uint8_t b = (uint8_t)v;

	aml_bytes(a, &b, sizeof(b));
}

void aml_u16(struct aml *a, unsigned int v)
{
	aml_u8(a, v & 0xff);
	aml_u8(a, v >> 8 & 0xff);
}

void aml_u32(struct aml *a, uint32_t v)
{
	aml_u16(a, v & 0xffff);
	aml_u16(a, v >> 16);
}

void aml_u64(struct aml *a, uint64_t v)
{
	aml_u32(a, (uint32_t)v);
	aml_u32(a, (uint32_t)(v >> 32));
}

void aml_op(struct aml *a, enum aml_op op)
{
	if (op > 0xff)
		aml_u8(a, (unsigned int)op >> 8);
	aml_u8(a, op & 0xff);
}

/* --- terms -----------------------------------------------------------------
 */

/* acpi-6.4 20.2.3 */
void aml_int(struct aml *a, uint64_t v)
{
	if (v <= 1) {
		aml_u8(a, v ? AML_ONE : AML_ZERO);
	} else if (v <= UINT8_MAX) {
		aml_op(a, AML_BYTE);
		aml_u8(a, (unsigned int)v);
	} else if (v <= UINT16_MAX) {
		aml_op(a, AML_WORD);
		aml_u16(a, (unsigned int)v);
	} else if (v <= UINT32_MAX) {
		aml_op(a, AML_DWORD);
		aml_u32(a, (uint32_t)v);
	} else {
		aml_op(a, AML_QWORD);
		aml_u64(a, v);
	}
}

void aml_string(struct aml *a, const char *s)
{
	aml_op(a, AML_STRING);
	do
		aml_u8(a, (uint8_t)*s);
	while (*s++);
}

/* Length of the segment that @s begins with. */
static size_t seg_len(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != '.')
		n++;
	return n;
}

static unsigned int count_segs(const char *s)
{
	unsigned int n = 0;

	for (; *s; s += seg_len(s), s += *s == '.')
		n++;
	return n;
}

/* acpi-6.4 20.2.2: two segments and more have a prefix, short ones padding. */
void aml_path(struct aml *a, const char *path)
{
	unsigned int segs;
	size_t n;

	if (*path == '\\')
		aml_u8(a, *path++);
	segs = count_segs(path);
	if (segs == 2)
		aml_u8(a, 0x2e);
	if (segs > 2) {
		aml_u8(a, 0x2f);
		aml_u8(a, segs);
	}
	for (; *path; path += n, path += *path == '.') {
		n = seg_len(path);
		aml_bytes(a, path, n < 4 ? n : 4);
		aml_bytes(a, "____", n < 4 ? 4 - n : 0);
	}
}

/* --- packages --------------------------------------------------------------
 */

#define PKG_RESERVE 4 /* longest PkgLength */

size_t aml_open(struct aml *a, enum aml_op op)
{
	aml_op(a, op);
	aml_u32(a, 0);
	return a->len;
}

/* Bytes that a PkgLength takes for @body bytes that follow it. */
static size_t pkg_width(size_t body)
{
	if (body + 1 < 1 << 6)
		return 1;
	if (body + 2 < 1 << 12)
		return 2;
	return body + 3 < 1 << 20 ? 3 : 4;
}

/*
 * acpi-6.4 20.2.4: the length counts itself. It is known only now: write it
 * into the room that aml_open() left and close the gap.
 */
void aml_close(struct aml *a, size_t mark)
{
	size_t body = a->len - mark;
	size_t width = pkg_width(body);
	size_t total = body + width, i;
	uint8_t *p;

	if (a->full)
		return;
	p = a->buf + mark - PKG_RESERVE;
	if (width == 1) {
		p[0] = (uint8_t)total;
	} else {
		p[0] = (uint8_t)((width - 1) << 6 | (total & 0xf));
		for (i = 1; i < width; i++)
			p[i] = (uint8_t)(total >> (4 + 8 * (i - 1)));
	}
	memmove(p + width, a->buf + mark, body);
	a->len -= PKG_RESERVE - width;
}

size_t aml_open_named(struct aml *a, enum aml_op op, const char *path)
{
	size_t mark = aml_open(a, op);

	aml_path(a, path);
	return mark;
}

/* Serialized, as it creates names. */
size_t aml_open_method(struct aml *a, const char *path, unsigned int args)
{
	size_t mark = aml_open_named(a, AML_METHOD, path);

	aml_u8(a, args | 1 << 3);
	return mark;
}

size_t aml_open_package(struct aml *a, unsigned int elements)
{
	size_t mark = aml_open(a, AML_PACKAGE);

	aml_u8(a, elements);
	return mark;
}

/* --- names -----------------------------------------------------------------
 */

void aml_name_int(struct aml *a, const char *path, uint64_t v)
{
	aml_op(a, AML_NAME);
	aml_path(a, path);
	aml_int(a, v);
}

void aml_name_string(struct aml *a, const char *path, const char *s)
{
	aml_op(a, AML_NAME);
	aml_path(a, path);
	aml_string(a, s);
}

static unsigned int hex(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* acpi-6.4 19.6.36: three letters of 5 bits, four digits, big endian. */
void aml_name_eisa(struct aml *a, const char *path, const char *id)
{
	unsigned int vendor =
		(unsigned int)((id[0] & 0x1f) << 10 | (id[1] & 0x1f) << 5 |
			       (id[2] & 0x1f));

	aml_op(a, AML_NAME);
	aml_path(a, path);
	aml_op(a, AML_DWORD);
	aml_u8(a, vendor >> 8);
	aml_u8(a, vendor & 0xff);
	aml_u8(a, hex(id[3]) << 4 | hex(id[4]));
	aml_u8(a, hex(id[5]) << 4 | hex(id[6]));
}

/* --- resources -------------------------------------------------------------
 */

/* acpi-6.4 6.4.2, 6.4.3: tags of the descriptors, small with their length. */
#define TAG_IRQ	      0x22
#define TAG_IO	      0x47
#define TAG_END	      0x79
#define TAG_MEMORY32  0x86
#define TAG_DWORD     0x87
#define TAG_WORD      0x88
#define TAG_INTERRUPT 0x89
#define TAG_QWORD     0x8a

/* acpi-6.4 6.4.3.5: resource type, its flags, and the general flags. */
#define WIN_MEMORY	 0
#define WIN_IO		 1
#define WIN_BUS		 2
#define WIN_FIXED	 0x0c /* minimum and maximum are what they are */
#define WIN_MEMORY_FLAGS 0x01 /* writable, not cacheable, not prefetchable */
#define WIN_IO_FLAGS	 0x03 /* all addresses of the range */

#define CRS_SIZE_LEN	 3 /* WordPrefix and the buffer's size */

size_t aml_open_crs(struct aml *a)
{
	size_t mark;

	aml_op(a, AML_NAME);
	aml_path(a, "_CRS");
	mark = aml_open(a, AML_BUFFER);
	aml_op(a, AML_WORD);
	aml_u16(a, 0);
	return mark;
}

void aml_close_crs(struct aml *a, size_t mark)
{
	size_t size;

	aml_u8(a, TAG_END);
	aml_u8(a, 0); /* no checksum */
	if (a->full)
		return;
	size = a->len - mark - CRS_SIZE_LEN;
	a->buf[mark + 1] = (uint8_t)size;
	a->buf[mark + 2] = (uint8_t)(size >> 8);
	aml_close(a, mark);
}

void aml_crs_io(struct aml *a, unsigned int port, unsigned int len)
{
	aml_u8(a, TAG_IO);
	aml_u8(a, 1); /* decodes 16 bits */
	aml_u16(a, port);
	aml_u16(a, port);
	aml_u8(a, 1); /* alignment */
	aml_u8(a, len);
}

void aml_crs_irq(struct aml *a, unsigned int irq)
{
	aml_u8(a, TAG_IRQ);
	aml_u16(a, 1U << irq);
}

void aml_crs_interrupt(struct aml *a, uint32_t gsi)
{
	aml_u8(a, TAG_INTERRUPT);
	aml_u16(a, 6);
	aml_u8(a, 1 << 1 | 1); /* edge, active high, exclusive, consumer */
	aml_u8(a, 1);
	aml_u32(a, gsi);
}

void aml_crs_memory32(struct aml *a, struct span s)
{
	aml_u8(a, TAG_MEMORY32);
	aml_u16(a, 9);
	aml_u8(a, 1); /* writable */
	aml_u32(a, (uint32_t)s.base);
	aml_u32(a, (uint32_t)s.len);
}

/* The five numbers of a window: granularity, min, max, translation, length. */
static void word_window(struct aml *a, unsigned int type, unsigned int flags,
			struct span s)
{
	aml_u8(a, TAG_WORD);
	aml_u16(a, 13);
	aml_u8(a, type);
	aml_u8(a, WIN_FIXED);
	aml_u8(a, flags);
	aml_u16(a, 0);
	aml_u16(a, (unsigned int)s.base);
	aml_u16(a, (unsigned int)(s.base + s.len - 1));
	aml_u16(a, 0);
	aml_u16(a, (unsigned int)s.len);
}

void aml_crs_buses(struct aml *a, unsigned int first, unsigned int last)
{
	word_window(a, WIN_BUS, 0, (struct span){first, last - first + 1});
}

void aml_crs_io_window(struct aml *a, struct span s)
{
	word_window(a, WIN_IO, WIN_IO_FLAGS, s);
}

static void dword_window(struct aml *a, struct span s)
{
	aml_u8(a, TAG_DWORD);
	aml_u16(a, 23);
	aml_u8(a, WIN_MEMORY);
	aml_u8(a, WIN_FIXED);
	aml_u8(a, WIN_MEMORY_FLAGS);
	aml_u32(a, 0);
	aml_u32(a, (uint32_t)s.base);
	aml_u32(a, (uint32_t)(s.base + s.len - 1));
	aml_u32(a, 0);
	aml_u32(a, (uint32_t)s.len);
}

static void qword_window(struct aml *a, struct span s)
{
	aml_u8(a, TAG_QWORD);
	aml_u16(a, 43);
	aml_u8(a, WIN_MEMORY);
	aml_u8(a, WIN_FIXED);
	aml_u8(a, WIN_MEMORY_FLAGS);
	aml_u64(a, 0);
	aml_u64(a, s.base);
	aml_u64(a, s.base + s.len - 1);
	aml_u64(a, 0);
	aml_u64(a, s.len);
}

void aml_crs_memory_window(struct aml *a, struct span s)
{
	if (s.base + s.len <= 1ULL << 32)
		dword_window(a, s);
	else
		qword_window(a, s);
}
