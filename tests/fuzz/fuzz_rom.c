/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a ROM image, of which nothing past the end may be read. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "vfio/rom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = malloc(size ? size : 1);
	uint64_t bar = rom_bar_size(size);
	uint16_t id[2];

	if (!image)
		return 0;
	if (size)
		memcpy(image, data, size);
	if (rom_made_for(image, size, id)) {
		must(!rom_fault(image, size));
		must(image[0] == 0x55 && image[1] == 0xaa);
	}
	if (!rom_fault(image, size))
		must(bar >= size && bar >= ROM_SIZE_MIN &&
		     bar <= ROM_SIZE_MAX && !(bar & (bar - 1)));
	free(image);
	return 0;
}
