/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_BYTES_H
#define TESTS_UNIT_FAKE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Little-endian numbers in the files that tests make. */
void fake_put(uint8_t *p, uint64_t v, unsigned int bytes);
uint64_t fake_get(const uint8_t *p, unsigned int bytes);
/* Bytes that tell where in the file they come from. */
uint8_t fake_byte(size_t off);

#endif
