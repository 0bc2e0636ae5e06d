/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_AML_H
#define ARCH_X86_64_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/*
 * Writes ACPI Machine Language (acpi-6.4 20) and other table bytes into a
 * caller's buffer. Once something did not fit, `full` is set and nothing more
 * is written; look at it at the end.
 */
struct aml {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool full;
};

/* clang-format off */
enum aml_op {
	AML_ZERO		= 0x00,
	AML_ONE			= 0x01,
	AML_NAME		= 0x08,
	AML_BYTE		= 0x0a,
	AML_WORD		= 0x0b,
	AML_DWORD		= 0x0c,
	AML_STRING		= 0x0d,
	AML_QWORD		= 0x0e,
	AML_SCOPE		= 0x10,
	AML_BUFFER		= 0x11,
	AML_PACKAGE		= 0x12,
	AML_METHOD		= 0x14,
	AML_LOCAL0		= 0x60,
	AML_ARG0		= 0x68,
	AML_ARG1		= 0x69,
	AML_ARG3		= 0x6b,
	AML_STORE		= 0x70,
	AML_AND			= 0x7b,
	AML_OR			= 0x7d,
	AML_NOTIFY		= 0x86,
	AML_CREATE_DWORD_FIELD	= 0x8a,
	AML_LNOT		= 0x92,
	AML_LEQUAL		= 0x93,
	AML_IF			= 0xa0,
	AML_ELSE		= 0xa1,
	AML_RETURN		= 0xa4,
	/* with the prefix ExtOpPrefix, written as two bytes */
	AML_REGION		= 0x5b80,
	AML_FIELD		= 0x5b81,
	AML_DEVICE		= 0x5b82,
};
/* clang-format on */

void aml_bytes(struct aml *a, const void *bytes, size_t len);
void aml_u8(struct aml *a, unsigned int v);
void aml_u16(struct aml *a, unsigned int v);
void aml_u32(struct aml *a, uint32_t v);
void aml_u64(struct aml *a, uint64_t v);
void aml_op(struct aml *a, enum aml_op op);

/* An integer constant in its shortest form. */
void aml_int(struct aml *a, uint64_t v);
void aml_string(struct aml *a, const char *s);
/* A name string as ASL writes it: "\\_SB.PCI0", segments of 1 to 4 letters. */
void aml_path(struct aml *a, const char *path);

/*
 * Things that hold others: open, write the contents, close with what open
 * returned.
 */
size_t aml_open(struct aml *a, enum aml_op op);
void aml_close(struct aml *a, size_t mark);
size_t aml_open_named(struct aml *a, enum aml_op op, const char *path);
size_t aml_open_method(struct aml *a, const char *path, unsigned int args);
size_t aml_open_package(struct aml *a, unsigned int elements);

/* Name (path, integer / string / EISA id such as "PNP0A08"). */
void aml_name_int(struct aml *a, const char *path, uint64_t v);
void aml_name_string(struct aml *a, const char *path, const char *s);
void aml_name_eisa(struct aml *a, const char *path, const char *id);

/*
 * Name (_CRS, ResourceTemplate () {...}), acpi-6.4 6.4. @len of a window is at
 * least 1.
 */
size_t aml_open_crs(struct aml *a);
void aml_close_crs(struct aml *a, size_t mark);
void aml_crs_io(struct aml *a, unsigned int port, unsigned int len);
void aml_crs_irq(struct aml *a, unsigned int irq);   /* ISA: edge, high */
void aml_crs_interrupt(struct aml *a, uint32_t gsi); /* edge, high */
void aml_crs_memory32(struct aml *a, struct span s);
void aml_crs_buses(struct aml *a, unsigned int first, unsigned int last);
void aml_crs_io_window(struct aml *a, struct span s);
void aml_crs_memory_window(struct aml *a, struct span s);

#endif
