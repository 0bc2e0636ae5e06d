/* SPDX-License-Identifier: Apache-2.0 */
#include "vfio/decode.h"

#include <linux/pci_regs.h>

/*
 * How it works: a view says which addresses each BAR decodes; a slice is wanted
 * in the guest where its whole BAR lies in a window and no BAR that the host
 * bridge would ask earlier decodes the same addresses. A trapped access goes
 * through the bridge, so that mapped and trapped bytes agree about who answers.
 *
 * DMA follows the guest, with one exception: mapping a large BAR for DMA can
 * take a kernel seconds, and guests turn decoding off and on for each look at a
 * BAR. A backend whose mappings outlive that keeps them until the BAR is
 * somewhere else; meanwhile they lead to a device that does not answer.
 */

/* Whether BAR @idx is in memory space and not switched off by itself. */
static bool bar_is_on(const struct pci_cfg *c, unsigned int idx)
{
	/* PCI-3.0 6.2.5.2 */
	if (idx == PCI_ROM_IDX)
		return pci_cfg_get(c, PCI_ROM_ADDRESS, 4) &
		       PCI_ROM_ADDRESS_ENABLE;
	return pci_cfg_bar_kind(c, idx) == PCI_BAR_MEM32 ||
	       pci_cfg_bar_kind(c, idx) == PCI_BAR_MEM64;
}

void decode_view_make(struct decode_view *v, const struct pci_cfg *c,
		      unsigned int power)
{
	/* PCI-3.0 6.2.2 */
	bool on = pci_cfg_get(c, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;

	v->awake = power == 0;
	for (unsigned int i = 0; i <= PCI_ROM_IDX; i++) {
		struct span s = {pci_cfg_bar_addr(c, i),
				 pci_cfg_bar_size(c, i)};

		/* At address 0 it was never programmed. */
		if (!on || s.base == 0 || !bar_is_on(c, i) || !span_ok(s))
			s.len = 0;
		v->bar[i] = s;
	}
}

static bool in_window(const struct decode_rules *r, struct span s)
{
	return (r->window[0].len && span_holds(r->window[0], s.base, s.len)) ||
	       (r->window[1].len && span_holds(r->window[1], s.base, s.len));
}

static bool meets(const struct span *s, unsigned int n, struct span what)
{
	for (unsigned int i = 0; i < n; i++) {
		if (s[i].len && span_overlaps(s[i], what))
			return true;
	}
	return false;
}

/* Whether the bridge would ask another BAR first about a byte of @what. */
static bool shadowed(const struct decode_view *view, unsigned int dev,
		     unsigned int bar, struct span what)
{
	for (unsigned int i = 0; i < dev; i++) {
		if (meets(view[i].bar, PCI_BARS + 1, what))
			return true;
	}
	return meets(view[dev].bar, bar, what);
}

static enum decode_dma dma_wanted(const struct decode_rules *r, bool guest,
				  struct span what)
{
	if (!r->p2p)
		return DECODE_DMA_NONE;
	if (!guest)
		return r->revoked ? DECODE_DMA_NONE : DECODE_DMA_KEEP;
	return meets(r->reserved, r->n_reserved, what) ? DECODE_DMA_NONE
						       : DECODE_DMA_HERE;
}

struct decode_want decode_slice(const struct decode_rules *r,
				const struct decode_view *view, unsigned int n,
				unsigned int dev, unsigned int bar,
				struct span slice)
{
	struct decode_want w = {.addr = 0};
	struct span at, what;

	if (dev >= n || bar >= PCI_BARS || slice.len == 0)
		return w;
	at = view[dev].bar[bar];
	what = (struct span){at.base + slice.base, slice.len};
	w.addr = what.base;
	/* kvm-api 4.35: a memslot is made of whole pages. */
	w.guest = view[dev].awake && at.len && in_window(r, at) &&
		  span_holds(at, what.base, what.len) &&
		  (what.base | what.len) % r->page == 0 &&
		  !shadowed(view, dev, bar, what);
	w.dma = dma_wanted(r, w.guest, what);
	return w;
}

bool decode_guest_goes(const struct decode_now *now,
		       const struct decode_want *want)
{
	return now->guest && !(want->guest && want->addr == now->gpa);
}

bool decode_guest_comes(const struct decode_now *now,
			const struct decode_want *want)
{
	return want->guest && !now->guest;
}

bool decode_dma_goes(const struct decode_rules *r, const struct decode_now *now,
		     const struct decode_want *want, unsigned int epoch)
{
	if (!now->dma)
		return false;
	if (r->revoked && now->epoch != epoch)
		return true;
	switch (want->dma) {
	case DECODE_DMA_HERE:
		return want->addr != now->iova;
	case DECODE_DMA_KEEP:
		return false;
	case DECODE_DMA_NONE:
		break;
	}
	return true;
}

bool decode_dma_comes(const struct decode_now *now,
		      const struct decode_want *want)
{
	return want->dma == DECODE_DMA_HERE && !now->dma &&
	       !(now->refused && now->refused_at == want->addr);
}
