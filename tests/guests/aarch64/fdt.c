/* SPDX-License-Identifier: Apache-2.0 */
/* As much of DT-0.4 5 as tiny guests need: nodes, and their properties. */
#include "tests/guests/aarch64/arch.h"

#define MAGIC	   0xd00dfeedu
#define BEGIN_NODE 1u
#define END_NODE   2u
#define PROP	   3u
#define NOP	   4u
#define END	   9u

static const uint8_t *fdt(void)
{
	return (const uint8_t *)guest_entry.x[0];
}

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)get_be(p, 4);
}

uint32_t fdt_size(void)
{
	check_eq(word(fdt()), MAGIC, "magic of the tree");
	return word(fdt() + 4);
}

static const uint8_t *structure(void)
{
	return fdt() + word(fdt() + 8);
}

static const char *prop_name(const uint8_t *token)
{
	return (const char *)fdt() + word(fdt() + 12) + word(token + 8);
}

/* The token after this one; NULL after the last. */
static const uint8_t *next(const uint8_t *p)
{
	uint64_t len = 0;

	switch (word(p)) {
	case BEGIN_NODE:
		while (p[4 + len++])
			;
		break;
	case PROP:
		len = 8 + word(p + 4);
		break;
	case END_NODE:
	case NOP:
		break;
	case END:
		return NULL;
	default:
		fail("a token that the tree does not have");
	}
	return p + 4 + ((len + 3) & ~UINT64_C(3));
}

/* One of the strings of a property is @text. */
static bool has_text(const uint8_t *token, const char *text)
{
	const char *s = (const char *)token + 12;
	const char *end = s + word(token + 4);

	while (s < end) {
		if (same_text(s, text))
			return true;
		while (s < end && *s)
			s++;
		s++;
	}
	return false;
}

const uint8_t *fdt_find(const char *prop, const char *text, unsigned int nth)
{
	const uint8_t *node = NULL;

	for (const uint8_t *p = structure(); p; p = next(p)) {
		if (word(p) == BEGIN_NODE)
			node = p;
		else if (word(p) == PROP && same_text(prop_name(p), prop) &&
			 has_text(p, text) && nth-- == 0)
			return node;
	}
	return NULL;
}

static void __attribute__((noreturn)) lacks(const char *what)
{
	print(what);
	print("\n");
	fail("that is not in the tree");
}

const uint8_t *fdt_device(const char *compatible)
{
	const uint8_t *node = fdt_find("compatible", compatible, 0);

	if (!node)
		lacks(compatible);
	return node;
}

const uint8_t *fdt_named(const char *name)
{
	for (const uint8_t *p = structure(); p; p = next(p)) {
		const char *s = (const char *)p + 4;
		unsigned int i = 0;

		if (word(p) != BEGIN_NODE)
			continue;
		while (name[i] && s[i] == name[i])
			i++;
		if (!name[i] && (s[i] == '\0' || s[i] == '@'))
			return p;
	}
	return NULL;
}

const uint8_t *fdt_prop(const uint8_t *node, const char *name, uint32_t *len)
{
	for (const uint8_t *p = next(node); p; p = next(p)) {
		if (word(p) == NOP)
			continue;
		if (word(p) != PROP)
			return NULL;
		if (!same_text(prop_name(p), name))
			continue;
		*len = word(p + 4);
		return p + 12;
	}
	return NULL;
}

uint32_t fdt_cell(const uint8_t *node, const char *name, unsigned int i)
{
	uint32_t len;
	const uint8_t *p = fdt_prop(node, name, &len);

	if (!p || len < 4 * i + 4)
		lacks(name);
	return word(p + 4u * i);
}

static uint64_t two_cells(const uint8_t *node, unsigned int i)
{
	return (uint64_t)fdt_cell(node, "reg", i) << 32 |
	       fdt_cell(node, "reg", i + 1);
}

uint64_t fdt_reg(const uint8_t *node, unsigned int i)
{
	return two_cells(node, 4 * i);
}

uint64_t fdt_reg_len(const uint8_t *node, unsigned int i)
{
	return two_cells(node, 4 * i + 2);
}

/* interrupt-controller/arm,gic-v3.yaml of linux-bindings: 0 SPI, 1 PPI */
unsigned int fdt_intid(const uint8_t *node, unsigned int i)
{
	uint32_t kind = fdt_cell(node, "interrupts", 3 * i);

	check(kind <= 1, "kind of an interrupt");
	return fdt_cell(node, "interrupts", 3 * i + 1) + (kind ? 16 : 32);
}
