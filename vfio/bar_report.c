// SPDX-License-Identifier: Apache-2.0
/* What became of the BARs in our own page tables: for warnings, --verbose. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio/device.h"

/* The largest block that fits into @m as it lies in the host. */
static uint64_t largest(const struct vfio_dev *d, const struct bar_map *m)
{
	uint64_t align = d->host[m->bar].align;
	uint64_t block[3];

	bar_plan_blocks(block, (uint64_t)sysconf(_SC_PAGESIZE));
	for (unsigned int i = 0; i < 3 && block[i]; i++) {
		uint64_t first;

		if (block[i] <= align && align_up(m->off, block[i], &first) &&
		    span_holds((struct span){m->off, m->len}, first, block[i]))
			return block[i];
	}
	return 0;
}

/*
 * What smaps says of the mapping that begins at @start. THPeligible is 1 where
 * a fault may be met with a huge entry: the driver can, the policy lets it
 * (since Linux 7.2 there is none for device memory), and the place is aligned
 * (linux mm/huge_memory.c). -1: the kernel does not tell.
 */
static int thp_eligible(FILE *smaps, uint64_t start)
{
	static const char key[] = "THPeligible:";
	char line[512];
	bool here = false;

	rewind(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		char *end;
		uint64_t base = strtoull(line, &end, 16);

		/* a mapping begins with "BASE-END ", its lines with a word */
		if (end != line && *end == '-')
			here = base == start;
		else if (here && strncmp(line, key, sizeof(key) - 1) == 0)
			return strtoul(line + sizeof(key) - 1, NULL, 10) != 0;
	}
	return -1;
}

static const char *eligible_text(int eligible)
{
	if (eligible < 0)
		return "the kernel does not tell of huge pages";
	return eligible ? "huge pages (THPeligible)"
			: "no huge pages (not THPeligible)";
}

bool vfio_lacks_huge(const struct vfio *v, unsigned int i)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *smaps = fopen("/proc/self/smaps", "re");
	const struct vfio_dev *d = v->dev[i];
	bool lacks = false;

	for (unsigned int k = 0; smaps && k < d->n_maps; k++) {
		const struct bar_map *m = &d->map[k];

		lacks = lacks || (largest(d, m) > page &&
				  !thp_eligible(smaps, (uintptr_t)m->hva));
	}
	if (smaps)
		fclose(smaps);
	return lacks;
}

static void tell(const struct vfio_dev *d, FILE *smaps,
		 void (*say)(void *ctx, const char *line), void *ctx)
{
	char line[192];

	for (unsigned int k = 0; k < d->n_maps; k++) {
		const struct bar_map *m = &d->map[k];

		snprintf(line, sizeof(line),
			 "%s BAR %u +0x%" PRIx64 ", 0x%" PRIx64
			 " bytes at %p, blocks of 0x%" PRIx64 " fit: %s",
			 d->address, m->bar, m->off, m->len, (void *)m->hva,
			 largest(d, m),
			 eligible_text(thp_eligible(smaps, (uintptr_t)m->hva)));
		say(ctx, line);
	}
}

void vfio_tell_pages(const struct vfio *v,
		     void (*say)(void *ctx, const char *line), void *ctx)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");

	if (!smaps)
		return;
	for (unsigned int i = 0; i < v->n_devs; i++)
		tell(v->dev[i], smaps, say, ctx);
	fclose(smaps);
}
