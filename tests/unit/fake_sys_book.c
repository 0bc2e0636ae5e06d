// SPDX-License-Identifier: Apache-2.0
/* The books of fake_sys: what the code under test has mapped and allocated. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake_sys_impl.h"

/* --- mappings ------------------------------------------------------------- */

#define MAPS 4096

static struct fake_mapping map[MAPS];
static unsigned int n_maps;

void fake_map_forget(void)
{
	n_maps = 0;
}

void fake_map_add(const struct fake_mapping *m)
{
	if (n_maps == MAPS)
		fake_sys_misuse("more than %d mappings", MAPS);
	map[n_maps++] = *m;
}

/* Take [base, end) out of entry @i, of which it covers a part. */
static void cut_one(unsigned int i, uint64_t base, uint64_t end)
{
	struct fake_mapping m = map[i];
	uint64_t m_end = m.base + m.len;

	map[i] = map[--n_maps];
	if (m.base < base) {
		struct fake_mapping head = m;

		head.len = base - m.base;
		fake_map_add(&head);
	}
	if (m_end > end) {
		struct fake_mapping tail = m;

		tail.base = end;
		tail.len = m_end - end;
		tail.off += end - m.base;
		fake_map_add(&tail);
	}
}

void fake_map_cut(uint64_t base, uint64_t len, const char *call)
{
	uint64_t end = base + len;
	uint64_t found = 0;

	for (unsigned int i = n_maps; i-- > 0;) {
		uint64_t a = map[i].base > base ? map[i].base : base;
		uint64_t b = map[i].base + map[i].len;

		b = b < end ? b : end;
		if (a >= b)
			continue;
		found += b - a;
		cut_one(i, a, b);
	}
	if (found != len)
		fake_sys_misuse("%s of %#llx bytes, of which %#llx are ours",
				call, (unsigned long long)len,
				(unsigned long long)found);
}

const struct fake_mapping *fake_sys_mapping(uint64_t addr)
{
	for (unsigned int i = 0; i < n_maps; i++) {
		if (addr >= map[i].base && addr - map[i].base < map[i].len)
			return &map[i];
	}
	return NULL;
}

const struct fake_mapping *fake_sys_mapping_of(const void *obj)
{
	for (unsigned int i = 0; i < n_maps; i++) {
		if (map[i].obj == obj)
			return &map[i];
	}
	return NULL;
}

const char *fake_map_left(void)
{
	static char text[96];

	if (!n_maps)
		return NULL;
	snprintf(text, sizeof(text), "a mapping was left: %#llx bytes of %s",
		 (unsigned long long)map[0].len,
		 map[0].obj ? "a device" : "no device");
	return text;
}

/* --- heap ----------------------------------------------------------------- */

#define BLOCKS 4096 /* a power of two */

static struct {
	void *p;
	size_t len;
} block[BLOCKS];
static unsigned int n_blocks;

static unsigned int slot_of(const void *p)
{
	return (unsigned int)((uintptr_t)p >> 4) * 2654435761u >> 20;
}

_Static_assert(BLOCKS == 1u << 12, "slot_of() gives 12 bits");

void fake_heap_forget(void)
{
	if (n_blocks)
		memset(block, 0, sizeof(block));
	n_blocks = 0;
}

void fake_heap_add(void *p, size_t len)
{
	unsigned int i = slot_of(p);

	if (!p)
		return;
	if (++n_blocks > BLOCKS / 2)
		fake_sys_misuse("more than %d blocks of heap", BLOCKS / 2);
	while (block[i].p)
		i = (i + 1) % BLOCKS;
	block[i].p = p;
	block[i].len = len;
}

/* Close the gap at @i, so that what was put off by it is still found. */
static void heap_close(unsigned int i)
{
	unsigned int j = i;

	for (;;) {
		unsigned int home;

		block[i].p = NULL;
		do {
			j = (j + 1) % BLOCKS;
			if (!block[j].p)
				return;
			home = slot_of(block[j].p);
		} while ((j - home) % BLOCKS < (j - i) % BLOCKS);
		block[i] = block[j];
		i = j;
	}
}

bool fake_heap_take(void *p)
{
	unsigned int i = slot_of(p);

	if (!p)
		return false;
	while (block[i].p && block[i].p != p)
		i = (i + 1) % BLOCKS;
	if (!block[i].p)
		return false;
	n_blocks--;
	heap_close(i);
	return true;
}

const char *fake_heap_left(void)
{
	static char text[96];

	for (unsigned int i = 0; i < BLOCKS; i++) {
		if (!block[i].p)
			continue;
		snprintf(text, sizeof(text), "%zu bytes of heap were left",
			 block[i].len);
		return text;
	}
	return NULL;
}

/* --- streams ---------------------------------------------------------------
 */

#define STREAMS 32

static struct {
	void *p;
	const char *what;
} stream[STREAMS];

void fake_stream_forget(void)
{
	memset(stream, 0, sizeof(stream));
}

void fake_stream_add(void *p, const char *what)
{
	unsigned int i = 0;

	while (i < STREAMS && stream[i].p)
		i++;
	if (i == STREAMS)
		fake_sys_misuse("more than %d streams", STREAMS);
	stream[i].p = p;
	stream[i].what = what;
}

void fake_stream_take(void *p, const char *call)
{
	for (unsigned int i = 0; i < STREAMS; i++) {
		if (stream[i].p != p)
			continue;
		stream[i].p = NULL;
		return;
	}
	fake_sys_misuse("%s of what is not open", call);
}

const char *fake_stream_left(void)
{
	for (unsigned int i = 0; i < STREAMS; i++) {
		if (stream[i].p)
			return stream[i].what;
	}
	return NULL;
}
