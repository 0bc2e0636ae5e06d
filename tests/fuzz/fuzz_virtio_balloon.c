/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests whose pieces and page numbers are the input's, for hosts with pages
 * of 4, 16 and 64 KiB. A page of the host is given back only if each part of it
 * was named and not taken back since, and it is RAM.
 */
#include <string.h>

#include "devices/virtio_balloon.h"
#include "tests/fuzz/fuzz_in.h"

#define BASE  0x40u /* page number of the second region */
#define PAGES 0x40u

static uint8_t ram[1];
static uint8_t bytes[4096];
static uint16_t part[128];
static bool named[BASE + PAGES];
static struct virtq_chain chain;

static void chain_make(struct fuzz_in *in)
{
	memset(&chain, 0, sizeof(chain));
	chain.n_out = fuzz_u8(in) % 5;
	for (unsigned int i = 0; i < chain.n_out; i++) {
		uint32_t at = (uint32_t)fuzz_u(in, 1) * 8;
		uint32_t len = 1 + fuzz_u8(in);

		chain.iov[i] = (struct iovec){bytes + at, len};
		chain.out_len += len;
		for (uint32_t k = 0; k < len && in->left; k++)
			bytes[at + k] = fuzz_u8(in) & (k % 4 ? 1 : 0x7f) &
					(k % 4 ? 0 : 0xff);
	}
}

static void check_page(const struct balloon_map *m, uint64_t gpa)
{
	uint64_t first = gpa / VIRTIO_BALLOON_PAGE;

	REQUIRE(gpa % m->page == 0);
	for (uint64_t i = 0; i < m->page / VIRTIO_BALLOON_PAGE; i++)
		REQUIRE(first + i < BASE + PAGES && named[first + i]);
}

static void one(struct balloon_map *m, uint32_t pfn, bool in)
{
	uint64_t gpa;

	if (pfn < BASE + PAGES)
		named[pfn] = in;
	if (!in)
		balloon_map_out(m, pfn);
	else if (balloon_map_in(m, pfn, &gpa))
		check_page(m, gpa);
}

static void inside(struct fuzz_in *in, uint64_t page)
{
	uint64_t at = fuzz_u(in, 5), len = fuzz_u(in, 5);
	uint64_t was = at, end = at + len;

	if (!virtio_balloon_inside(&at, &len, page))
		return;
	REQUIRE(at >= was && at + len <= end && len);
	REQUIRE(at % page == 0 && len % page == 0);
	REQUIRE(at - was < page && end - at - len < page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct gmem mem = {0};
	struct balloon_map m = {&mem, 4096ull << fuzz_u8(&in) % 3 * 2, part};

	memset(part, 0, sizeof(part));
	memset(named, 0, sizeof(named));
	REQUIRE(gmem_add(&mem, (struct span){0, 0x20000}, ram) == 0);
	REQUIRE(gmem_add(&mem, (struct span){BASE * 4096u, PAGES * 4096u},
			 ram) == 0);
	REQUIRE(balloon_map_len(&mem, m.page) <= 128);
	while (in.left) {
		bool inflate = fuzz_u8(&in) & 1;
		uint64_t done = 0;
		uint32_t pfn[16];
		unsigned int n;

		chain_make(&in);
		while ((n = virtio_balloon_pfns(&chain, done, pfn, 16))) {
			REQUIRE(n <= 16);
			for (unsigned int i = 0; i < n; i++)
				one(&m, pfn[i], inflate);
			done += n;
		}
		REQUIRE(done == chain.out_len / 4);
		inside(&in, m.page);
	}
	return 0;
}
