/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a hostile device's configuration space and a list of what to
 * take out of it: walks end and stay inside, the finders agree with them, and
 * what was unlinked is never met again while all the rest stays as it was.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <string.h>

#include "core/pci_cfg.h"
#include "tests/fuzz/input.h"

struct walk {
	unsigned int n;
	unsigned int off[480];
	bool ring; /* met some offset twice */
};

static void walk_make(struct walk *w, const uint8_t *bytes, size_t size,
		      bool ext)
{
	static uint16_t seen[PCI_CFG_SIZE];
	unsigned int budget = 0;
	unsigned int off = 0;

	memset(w, 0, sizeof(*w));
	memset(seen, 0, sizeof(seen));
	for (;;) {
		off = ext ? pci_ecap_next(bytes, size, off, &budget)
			  : pci_cap_next(bytes, size, off, &budget);
		if (off == 0)
			break;
		must(w->n < (ext ? 480 : 48));
		must(off % 4 == 0 && off >= (ext ? 0x100 : 0x40));
		must(off + (ext ? 4 : 2) <= size && off < (ext ? 4096 : 256));
		w->ring |= seen[off]++ != 0;
		w->off[w->n++] = off;
	}
}

static bool walk_has(const struct walk *w, unsigned int off)
{
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		if (w->off[i] == off)
			return true;
	}
	return false;
}

/* In memory of exactly @size bytes: the sanitizer sees a step outside. */
static void short_space(const uint8_t *bytes, size_t size, unsigned int id,
			unsigned int off)
{
	static struct walk w;
	uint8_t *copy = malloc(size + !size);
	unsigned int budget = 0;
	unsigned int i;

	must(copy != NULL);
	memcpy(copy, bytes, size);
	walk_make(&w, copy, size, false);
	for (i = 0; i < w.n && copy[w.off[i]] != (uint8_t)id; i++)
		;
	must(pci_cap_find(copy, size, (uint8_t)id) == (i < w.n ? w.off[i] : 0));
	/* Any offset may be given, not only one from a walk. */
	pci_cap_next(copy, size, off, &budget);
	budget = 0;
	pci_ecap_next(copy, size, off, &budget);
	if (size != PCI_CFG_SIZE)
		must(pci_ecap_find(copy, size, (uint16_t)id) == 0);
	free(copy);
}

static void ext_find(const uint8_t *bytes, uint16_t id)
{
	static struct walk w;
	unsigned int i;

	walk_make(&w, bytes, PCI_CFG_SIZE, true);
	for (i = 0; i < w.n; i++) {
		const uint8_t *p = &bytes[w.off[i]];

		if ((p[0] | p[1] << 8) == id)
			break;
	}
	must(pci_ecap_find(bytes, PCI_CFG_SIZE, id) ==
	     (i < w.n ? w.off[i] : 0));
}

/* Only pointers may change: of the header, or of what a walk meets. */
static void check_untouched(const struct pci_cfg *c, const struct pci_cfg *old,
			    const struct walk *w, bool ext)
{
	static uint8_t may[PCI_CFG_SIZE];
	unsigned int i;

	memset(may, 0, sizeof(may));
	if (!ext)
		may[PCI_CAPABILITY_LIST] = 0xff;
	for (i = 0; i < w->n; i++) {
		may[w->off[i] + (ext ? 3 : 1)] = 0xff;
		if (ext)
			may[w->off[i] + 2] |= 0xf0;
	}
	for (i = 0; i < PCI_CFG_SIZE; i++) {
		must(((c->bytes[i] ^ old->bytes[i]) & ~may[i]) == 0);
		must(((c->virt[i] ^ old->virt[i]) & ~may[i]) == 0);
		/* What is not the device's any more the guest cannot write. */
		must(c->bytes[i] == old->bytes[i] ||
		     (c->virt[i] & ~c->wmask[i] &
		      (c->bytes[i] ^ old->bytes[i])) ==
			     (c->bytes[i] ^ old->bytes[i]));
	}
}

/*
 * The chain is what it was without @off, if it had an end. One exception: an
 * extended one that had no id and led to @off alone is all zero now.
 */
static void check_rest(const struct pci_cfg *c, const struct walk *now,
		       const struct walk *was, unsigned int off)
{
	unsigned int i, k = 0;

	must(!walk_has(now, off));
	for (i = 0; i < was->n; i++) {
		if (was->off[i] == off ||
		    (was->off[i] >= 0x100 && !walk_has(now, was->off[i]) &&
		     pci_cfg_get(c, was->off[i], 4) == 0))
			continue;
		if (was->ring)
			must(walk_has(now, was->off[i]) || now->ring);
		else
			must(k < now->n && now->off[k++] == was->off[i]);
	}
}

/* The first extended one stays in its place and loses its name. */
static void check_first(const struct pci_cfg *c, const struct walk *now,
			const struct walk *was)
{
	must(pci_cfg_get(c, 0x100, 2) == 0);
	must(c->virt[0x100] == 0xff && c->wmask[0x100] == 0);
	if (was->n == 1 || was->off[1] == 0x100)
		must(now->n == 0);
	else
		must(now->off[0] == 0x100 && now->off[1] == was->off[1]);
}

static void unlink_one(struct pci_cfg *c, bool ext, unsigned int off)
{
	static struct pci_cfg old;
	static struct walk was, now;
	int r;

	old = *c;
	walk_make(&was, c->bytes, PCI_CFG_SIZE, ext);
	r = ext ? pci_ecap_unlink(c, off) : pci_cap_unlink(c, off);
	walk_make(&now, c->bytes, PCI_CFG_SIZE, ext);
	must(r == (walk_has(&was, off) ? 0 : -ENOENT));
	if (r != 0) {
		must(memcmp(&old, c, sizeof(old)) == 0);
		return;
	}
	if (ext && off == 0x100) {
		check_first(c, &now, &was);
		return;
	}
	check_untouched(c, &old, &was, ext);
	/* A longer chain than the budget has places no walk knew before. */
	if (was.n < (ext ? 480 : 48) || was.ring)
		check_rest(c, &now, &was, off);
	else
		must(!walk_has(&now, off));
}

static void chain_game(struct input *in)
{
	static struct pci_cfg cfg;
	static struct walk w;
	unsigned int ops = in_u8(in) % 8;
	struct input op = *in;
	unsigned int seed = in_u8(in);
	unsigned int i;

	pci_cfg_init(&cfg);
	/* Ops first, the space after; both zones get some of a short input. */
	for (i = 0; i < 4 * ops; i++)
		in_u8(in);
	memset(cfg.virt, (int)in_u8(in), sizeof(cfg.virt));
	memset(cfg.wmask, (int)in_u8(in), sizeof(cfg.wmask));
	cfg.bytes[PCI_STATUS] = in_u8(in);
	cfg.bytes[PCI_CAPABILITY_LIST] = in_u8(in);
	for (i = 0x40; in->n != 0 && i < 0x100; i += 4) {
		cfg.bytes[i] = in_u8(in);
		cfg.bytes[i + 1] = in_u8(in);
	}
	/* Extended ones close together, so that they point to each other. */
	for (i = 0x100; in->n != 0 && i < 0x180; i += 4) {
		cfg.bytes[i] = in_u8(in) % 16;
		cfg.bytes[i + 2] = in_u8(in);
		cfg.bytes[i + 3] =
			(seed & 1) ? in_u8(in) : 0x10 | (in_u8(in) & 7);
	}
	while (in->n != 0 && i < PCI_CFG_SIZE)
		cfg.bytes[i++] = in_u8(in);

	short_space(cfg.bytes, PCI_CFG_SIZE, seed, PCI_CFG_SIZE - seed % 10);
	while (ops-- != 0) {
		uint8_t what = in_u8(&op);
		unsigned int off = in_u16(&op);

		short_space(cfg.bytes, off % 300, what, off % 300 - what % 4);
		ext_find(cfg.bytes, what);
		walk_make(&w, cfg.bytes, PCI_CFG_SIZE, what & 1);
		if (what & 2 && w.n != 0)
			off = w.off[off % w.n];
		unlink_one(&cfg, what & 1, off);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	chain_game(&in);
	return 0;
}
