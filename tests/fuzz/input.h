/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What the fuzzer gave us, taken from the front; past its end come zeros. */
struct input {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t in_u8(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

static inline uint64_t in_bytes(struct input *in, unsigned int n)
{
	uint64_t v = 0;

	while (n-- != 0)
		v = v << 8 | in_u8(in);
	return v;
}

static inline uint16_t in_u16(struct input *in)
{
	return (uint16_t)in_bytes(in, 2);
}

static inline uint32_t in_u32(struct input *in)
{
	return (uint32_t)in_bytes(in, 4);
}

static inline uint64_t in_u64(struct input *in)
{
	return in_bytes(in, 8);
}

/* A number that often is small, at the very top, or next to a power of two. */
static inline uint64_t in_number(struct input *in)
{
	uint8_t how = in_u8(in);

	switch (how & 3) {
	case 0:
		return in_u8(in);
	case 1:
		return UINT64_MAX - in_u8(in);
	case 2:
		return (UINT64_C(1) << (how >> 2)) +
		       (uint64_t)(int8_t)in_u8(in);
	default:
		return in_u64(in);
	}
}

/* An invariant: a report must say where it failed, so no common handler. */
#define must(cond)                                                             \
	do {                                                                   \
		if (!(cond))                                                   \
			abort();                                               \
	} while (0)

#endif
