// SPDX-License-Identifier: Apache-2.0
/*
 * Info structures of linux/vfio.h with any bytes: readers end, stay inside
 * the room they are given (it is exactly as large as the allocation), and what
 * they find makes sense.
 */
#include <stdlib.h>
#include <string.h>

#include "vfio/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPANS 8u

static void must(int claim)
{
	if (!claim)
		abort();
}

static void region(const void *info, uint32_t room)
{
	struct bar_shape s = {.kind = PCI_BAR_MEM64};

	if (room < sizeof(struct vfio_region_info))
		return;
	info_region(info, room, &s);
	must(s.n_areas <= BAR_AREAS_MAX);
	must(s.n_areas == 0 || s.sparse);
	must(s.kind == PCI_BAR_MEM64);
}

static void iommu(const void *info, uint32_t room)
{
	struct span out[SPANS + 1];
	unsigned int n;

	if (room < sizeof(struct vfio_iommu_type1_info))
		return;
	memset(out, 0xa5, sizeof(out));
	n = info_reserved(info, room, out, SPANS);
	must(n <= SPANS && out[SPANS].base == 0xa5a5a5a5a5a5a5a5);
	for (unsigned int i = 0; i < n; i++)
		must(span_ok(out[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *info = malloc(size ? size : 1);

	if (!info)
		return 0;
	memcpy(info, data, size);
	region(info, (uint32_t)size);
	iommu(info, (uint32_t)size);
	free(info);
	return 0;
}
