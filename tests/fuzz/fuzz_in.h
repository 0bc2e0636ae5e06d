/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_FUZZ_IN_H
#define TESTS_FUZZ_FUZZ_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold: a crash that libFuzzer reports, in every build. */
#define REQUIRE(cond)                                                          \
	do {                                                                   \
		if (!(cond))                                                   \
			abort();                                               \
	} while (0)

/* The input, taken from the front; zeros once it is used up. */
struct fuzz_in {
	const uint8_t *data;
	size_t left;
};

static inline uint8_t fuzz_u8(struct fuzz_in *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static inline uint64_t fuzz_u(struct fuzz_in *in, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | fuzz_u8(in);
	return v;
}

/* One access to a window: 1, 2, 4 or 8 bytes inside it. */
struct fuzz_access {
	bool write;
	unsigned int len;
	uint64_t off;
	uint64_t val;
};

static inline struct fuzz_access fuzz_access(struct fuzz_in *in, bool write,
					     uint64_t window)
{
	struct fuzz_access a = {.write = write};

	a.len = 1u << (fuzz_u8(in) & 3);
	while (a.len > window)
		a.len /= 2;
	a.off = fuzz_u(in, window > 256 ? 5 : 1) % (window - a.len + 1);
	if (write)
		a.val = fuzz_u(in, a.len);
	return a;
}

#endif
