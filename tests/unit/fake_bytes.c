/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_bytes.h"

void fake_put(uint8_t *p, uint64_t v, unsigned int bytes)
{
	unsigned int i;

	for (i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

uint64_t fake_get(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

uint8_t fake_byte(size_t off)
{
	return (uint8_t)(off * 7 + off / 256);
}
