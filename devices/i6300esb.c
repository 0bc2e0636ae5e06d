// SPDX-License-Identifier: Apache-2.0
#include "devices/i6300esb.h"

#include <linux/pci_regs.h>
#include <stddef.h>
#include <string.h>

#define VENDOR	 0x8086
#define DEVICE	 0x25ab
#define CLASS	 0x088000 /* system peripheral, other */

#define BAR	 0
#define BAR_SIZE 16

/* Configuration space. */
#define CONFIG	     0x60 /* 2 bytes */
#define INT_TYPE     0x03 /* what the first stage's end does */
#define INT_NONE     0x03
#define FAST	     0x04 /* counts at 1 MHz, otherwise at 1 kHz */
#define NO_OUTPUT    0x20 /* the second stage's end resets nothing */
#define LOCK	     0x68 /* 1 byte */
#define LOCKED	     0x01 /* the register keeps its value until a reset */
#define ENABLE	     0x02
#define FREE_RUNNING 0x04

/* The BAR. */
#define TIMER_1	      0x0
#define TIMER_2	      0x4
#define INTERRUPT     0x8
#define RELOAD	      0xc
#define UNLOCK_1      0x80
#define UNLOCK_2      0x86
#define RELOAD_NOW    (1u << 8)
#define TIMED_OUT     (1u << 9)

#define PRELOAD_MAX   0xfffffu
#define PCI_CLOCK_MHZ 33u

static unsigned int config(const struct i6300esb *w)
{
	return (unsigned int)pci_cfg_get(&w->func.cfg, CONFIG, 2);
}

static unsigned int lock(const struct i6300esb *w)
{
	return (unsigned int)pci_cfg_get(&w->func.cfg, LOCK, 1);
}

/* --- time ----------------------------------------------------------------- */

/* The PCI clock, divided by 2^15 or 2^5, counts what was loaded down. */
static uint64_t stage_ns(const struct i6300esb *w, unsigned int stage)
{
	uint64_t clocks = (uint64_t)w->preload[stage]
			  << (config(w) & FAST ? 5 : 15);

	return clocks * 1000 / PCI_CLOCK_MHZ;
}

static void changed(struct i6300esb *w)
{
	w->env.changed(w->env.ctx);
}

/* Free running, it comes to nothing that anybody sees. */
void i6300esb_feed(struct i6300esb *w)
{
	w->runs = (lock(w) & (ENABLE | FREE_RUNNING)) == ENABLE;
	w->stage = 0;
	w->since = w->env.now(w->env.ctx);
	w->deadline = w->since + stage_ns(w, 0);
	changed(w);
}

bool i6300esb_deadline(const struct i6300esb *w, uint64_t *ns)
{
	*ns = w->deadline;
	return w->runs;
}

bool i6300esb_expire(struct i6300esb *w)
{
	uint64_t now = w->env.now(w->env.ctx);

	if (w->runs && w->stage == 0 && now >= w->deadline) {
		w->interrupt = (config(w) & INT_TYPE) != INT_NONE;
		w->stage = 1;
		w->deadline += stage_ns(w, 1);
		changed(w);
	}
	if (!w->runs || w->stage == 0 || now < w->deadline)
		return false;
	w->runs = false;
	w->timed_out = true;
	changed(w);
	return !(config(w) & NO_OUTPUT);
}

/* --- the BAR -------------------------------------------------------------- */

static struct i6300esb *of(struct pci_func *f)
{
	return (struct i6300esb *)((char *)f - offsetof(struct i6300esb, func));
}

static uint64_t bar_read(struct pci_func *f, unsigned int bar, uint64_t off,
			 unsigned int len)
{
	const struct i6300esb *w = of(f);
	const uint32_t image[] = {
		w->preload[0],
		w->preload[1],
		w->interrupt,
		w->timed_out ? TIMED_OUT : 0,
	};
	uint64_t val = 0;

	(void)bar;
	if (off < sizeof(image) && len <= sizeof(image) - off)
		memcpy(&val, (const uint8_t *)image + off, len);
	return val;
}

/* One write is let through after the sequence. True: this is it. */
static bool unlocked(struct i6300esb *w, uint64_t off, uint64_t val)
{
	unsigned int was = w->unlock;

	w->unlock = 0;
	if (was == 2)
		return true;
	if (off == RELOAD && val == UNLOCK_1)
		w->unlock = 1;
	else if (off == RELOAD && val == UNLOCK_2 && was == 1)
		w->unlock = 2;
	return false;
}

static void reload_write(struct i6300esb *w, uint64_t val)
{
	if (val & TIMED_OUT)
		w->timed_out = false;
	if (val & RELOAD_NOW)
		i6300esb_feed(w);
}

static void bar_write(struct pci_func *f, unsigned int bar, uint64_t off,
		      unsigned int len, uint64_t val)
{
	struct i6300esb *w = of(f);

	(void)bar;
	if (off == INTERRUPT && val & 1) {
		w->interrupt = false;
		return;
	}
	if (!unlocked(w, off, val))
		return;
	if (off == RELOAD && len >= 2)
		reload_write(w, val);
	else if ((off == TIMER_1 || off == TIMER_2) && len == 4)
		w->preload[off / 4] = (uint32_t)val & PRELOAD_MAX;
}

/* --- configuration space -------------------------------------------------- */

static uint64_t cfg_read(struct pci_func *f, unsigned int off, unsigned int len)
{
	return pci_cfg_read(&f->cfg, off, len, 0);
}

static void cfg_write(struct pci_func *f, unsigned int off, unsigned int len,
		      uint64_t val)
{
	struct i6300esb *w = of(f);
	unsigned int was = lock(w);

	pci_cfg_write(&f->cfg, off, len, val);
	if (lock(w) & LOCKED)
		pci_cfg_set_masks(&f->cfg, LOCK, 1, 0xff, 0);
	if (lock(w) != was)
		i6300esb_feed(w);
}

static const struct pci_func_ops func_ops = {
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
	.bar_read = bar_read,
	.bar_write = bar_write,
};

void i6300esb_init(struct i6300esb *w, const struct i6300esb_env *env,
		   bool timed_out)
{
	struct pci_cfg *c = &w->func.cfg;

	memset(w, 0, sizeof(*w));
	w->env = *env;
	w->timed_out = timed_out;
	w->preload[0] = PRELOAD_MAX;
	w->preload[1] = PRELOAD_MAX;
	w->func.ops = &func_ops;
	pci_cfg_init(c);
	pci_cfg_set(c, PCI_VENDOR_ID, 2, VENDOR);
	pci_cfg_set(c, PCI_DEVICE_ID, 2, DEVICE);
	pci_cfg_set(c, PCI_CLASS_REVISION, 4, (uint64_t)CLASS << 8);
	pci_cfg_set_masks(c, PCI_COMMAND, 2, 0xffff, PCI_COMMAND_MEMORY);
	pci_cfg_set_masks(c, PCI_INTERRUPT_LINE, 1, 0xff, 0xff);
	pci_cfg_set_masks(c, CONFIG, 2, 0xffff, INT_TYPE | FAST | NO_OUTPUT);
	pci_cfg_set_masks(c, LOCK, 1, 0xff, LOCKED | ENABLE | FREE_RUNNING);
	/* Cannot fail: a constant that fits. */
	(void)pci_cfg_set_bar(c, BAR, PCI_BAR_MEM32, false, BAR_SIZE);
}

void i6300esb_describe(struct plan_pci *pci)
{
	static const char name[] = "watchdog";

	memset(pci, 0, sizeof(*pci));
	memcpy(pci->name, name, sizeof(name));
	pci->bar[BAR].kind = PCI_BAR_MEM32;
	pci->bar[BAR].size = BAR_SIZE;
	pci->bar[BAR].align = BAR_SIZE;
}

void i6300esb_place(struct i6300esb *w, const struct plan_pci *place)
{
	w->func.devfn = place->devfn;
	pci_cfg_set_bar_addr(&w->func.cfg, BAR, place->bar[BAR].addr);
}
