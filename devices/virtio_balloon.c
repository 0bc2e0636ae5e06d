// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio_balloon.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <string.h>

#define PAGE VIRTIO_BALLOON_PAGE

uint64_t virtio_balloon_features(void)
{
	return 1ull << VIRTIO_BALLOON_F_MUST_TELL_HOST |
	       1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
	       1ull << VIRTIO_BALLOON_F_REPORTING;
}

/* --- configuration (virtio-1.3 5.5.4) ------------------------------------- */

static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	struct virtio_balloon *b = v->host;
	uint64_t image = b->wanted | (uint64_t)atomic_load(&b->actual) << 32;

	if (off >= sizeof(image))
		return 0;
	image >>= 8 * off;
	return len < 8 ? image & ((1ull << 8 * len) - 1) : image;
}

/* The driver's is only the word `actual`. */
static void cfg_write(struct virtio *v, unsigned int off, unsigned int len,
		      uint64_t val)
{
	struct virtio_balloon *b = v->host;

	if (off == offsetof(struct virtio_balloon_config, actual) && len == 4)
		atomic_store(&b->actual, (uint32_t)val);
}

const struct virtio_ops virtio_balloon_ops = {
	.name = "virtio-balloon",
	.type = VIRTIO_ID_BALLOON,
	.pci_class = 0xff0000,
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
};

/* --- requests ------------------------------------------------------------- */

/* virtio-1.3 5.5.6: little endian, and nothing is said of an odd end. */
unsigned int virtio_balloon_pfns(const struct virtq_chain *c, uint64_t skip,
				 uint32_t *pfn, unsigned int max)
{
	size_t got =
		virtq_copy_out(c, skip * sizeof(*pfn), pfn, max * sizeof(*pfn));

	return (unsigned int)(got / sizeof(*pfn));
}

static uint64_t pages(uint64_t len, uint64_t page)
{
	return len / page + (len % page != 0);
}

uint64_t balloon_map_len(const struct gmem *mem, uint64_t page)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < mem->n; i++)
		n += pages(mem->region[i].gpa.len, page);
	return n;
}

/* The host's page that @pfn is in: its parts, and which of them; or NULL. */
static uint16_t *find(const struct balloon_map *m, uint32_t pfn, uint16_t *bit,
		      uint64_t *gpa)
{
	uint64_t at = (uint64_t)pfn * PAGE;
	uint64_t before = 0;

	for (unsigned int i = 0; i < m->mem->n; i++) {
		struct span s = m->mem->region[i].gpa;
		uint64_t off = at - s.base;

		if (at >= s.base && off < s.len) {
			*bit = (uint16_t)(1u << off % m->page / PAGE);
			*gpa = at - off % m->page;
			return &m->part[before + off / m->page];
		}
		before += pages(s.len, m->page);
	}
	return NULL;
}

bool balloon_map_in(struct balloon_map *m, uint32_t pfn, uint64_t *gpa)
{
	uint16_t bit;
	uint16_t *part = find(m, pfn, &bit, gpa);

	if (!part)
		return false;
	*part |= bit;
	return *part == (1u << m->page / PAGE) - 1;
}

void balloon_map_out(struct balloon_map *m, uint32_t pfn)
{
	uint64_t gpa;
	uint16_t bit;
	uint16_t *part = find(m, pfn, &bit, &gpa);

	if (part)
		*part &= (uint16_t)~bit;
}

bool virtio_balloon_inside(uint64_t *at, uint64_t *len, uint64_t page)
{
	uint64_t lost = (page - *at % page) % page;

	if (*len < lost + page)
		return false;
	*at += lost;
	*len = (*len - lost) / page * page;
	return true;
}
