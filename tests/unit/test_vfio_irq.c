// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_life.h"

/* Interrupts from the device's wire to what KVM hands to the guest. */

#define ON	   0x0007 /* COMMAND: I/O, memory, bus master */
#define MSG_ADDR   0xfee00000u
#define MSIX	   VFIO_PCI_MSIX_IRQ_INDEX
#define MSI	   VFIO_PCI_MSI_IRQ_INDEX
#define INTX	   VFIO_PCI_INTX_IRQ_INDEX
#define ENABLE	   0x8000u
#define ALL_MASKED 0xc000u
#define TABLE	   0x0
#define PBA	   0x8000

static struct life l;
static struct fake_pci *p;
static struct fake_irq *q; /* of MSI-X */

static int setup(void **state)
{
	(void)state;
	fake_host_init();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

/* A device with @n MSI-X vectors, MSI with 8, and INTx. */
static void device(unsigned int n, bool noresize)
{
	p = fake_pci_add("0000:01:00.0", 7);
	p->reset = true;
	p->flr = true;
	fake_bar(p, 0, FAKE_MEM64, 0x10000);
	fake_bar(p, 2, FAKE_MEM64, 0x10000);
	(void)fake_cap_pm(p);
	(void)fake_cap_express(p);
	(void)fake_cap_msix(p, n, 2, TABLE, PBA);
	(void)fake_cap_msi(p, 8, true, true);
	fake_intx(p);
	q = &p->irq[MSIX];
	q->noresize = noresize;
}

static void start(void)
{
	fake_host_start();
	life_init(&l);
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
}

static void end(void)
{
	const char *left;

	life_end(&l);
	left = l.hv.misuse ? l.hv.misuse : fake_host_left();
	if (!left)
		return;
	fake_host_stop(); /* so that the message is seen */
	fail_msg("%s", left);
}

static void control(unsigned int flags)
{
	guest_cfg_write(&l, 0, guest_cap(&l, 0, PCI_CAP_ID_MSIX) + 2, 2, flags);
}

static void entry(unsigned int v, bool masked)
{
	guest_msix_set(&l, 0, v, 0x40 + v, masked);
}

/* Only the mask bit. */
static void mask(unsigned int v, bool masked)
{
	guest_write(&l, guest_msix_entry(&l, 0, v) + 12, 4, masked);
}

/* What KVM does with an eventfd that is attached: how often it was written. */
static unsigned int drain(int fd)
{
	uint64_t n = 0;

	if (fd < 0 || read(fd, &n, sizeof(n)) < 0)
		return 0;
	return (unsigned int)n;
}

/* Interrupts of message @data that the guest takes now. */
static unsigned int delivered(uint32_t data)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
		const struct fake_route *r = &l.hv.route[i];

		if (r->taken && r->msi.data == data && r->msi.addr == MSG_ADDR)
			n += drain(r->fd);
	}
	return n;
}

static unsigned int routes(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_ROUTES; i++)
		n += l.hv.route[i].taken;
	return n;
}

static unsigned int attached(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_ROUTES; i++)
		n += l.hv.route[i].taken && l.hv.route[i].fd >= 0;
	return n;
}

static unsigned int triggers(const struct fake_irq *irq)
{
	unsigned int n = 0;

	for (unsigned int v = 0; v < irq->count; v++)
		n += irq->trigger[v] >= 0;
	return n;
}

static bool pending(unsigned int v)
{
	unsigned int cap = guest_cap(&l, 0, PCI_CAP_ID_MSIX);
	uint64_t pba = guest_cfg_read(&l, 0, cap + PCI_MSIX_PBA, 4);
	uint64_t at = guest_bar(&l, 0, pba & PCI_MSIX_PBA_BIR) +
		      (pba & PCI_MSIX_PBA_OFFSET);

	return guest_read(&l, at + v / 64 * 8, 8) >> (v % 64) & 1;
}

static void fires(unsigned int v, unsigned int times)
{
	assert_true(fake_irq_fire(p, MSIX, v));
	assert_int_equal(delivered(0x40 + v), times);
}

/* --- MSI-X ---------------------------------------------------------------- */

static void enabled_all_masked(void **state)
{
	(void)state;
	device(16, true);
	start();
	guest_command(&l, 0, ON);
	control(ALL_MASKED);
	/* The hardware's enable bit follows; nothing else is spent. */
	assert_true(q->enabled);
	assert_int_equal(q->n, 1);
	assert_int_equal(q->sets, 1);
	assert_int_equal(routes(), 0);
	control(ENABLE);
	assert_int_equal(q->sets, 1);
	assert_int_equal(routes(), 0);
	control(0);
	assert_false(q->enabled);
	end();
}

/* 64 used vectors of 2048, unmasked at once, as fine drivers do. */
static void bring_up(bool noresize)
{
	unsigned int sets, irqfds;

	device(2048, noresize);
	start();
	guest_command(&l, 0, ON);
	control(ALL_MASKED);
	for (unsigned int v = 0; v < 64; v++)
		entry(v, false);
	sets = q->sets;
	irqfds = l.hv.irqfds;
	assert_int_equal(l.hv.commits, 0);
	control(ENABLE);
	/* a set that cannot grow is made anew: off, and on */
	assert_int_equal(q->sets - sets, noresize ? 2 : 1);
	sets = q->sets;
	assert_int_equal(l.hv.commits, 1);
	assert_int_equal(l.hv.irqfds - irqfds, 64);
	assert_int_equal(triggers(q), 64);
	if (noresize)
		assert_int_equal(q->n, 64);
	for (unsigned int v = 0; v < 64; v++)
		fires(v, 1);
	/* Masked and unmasked as a whole: no call but the irqfds'. */
	control(ALL_MASKED);
	assert_int_equal(attached(), 0);
	control(ENABLE);
	assert_int_equal(attached(), 64);
	assert_int_equal(q->sets, sets);
	assert_int_equal(l.hv.commits, 1);
	end();
}

static void all_at_once(void **state)
{
	(void)state;
	bring_up(false);
}

static void all_at_once_noresize(void **state)
{
	(void)state;
	bring_up(true);
}

/* Linux unmasks them one by one, each when its driver asks for it. */
static void one_by_one(bool noresize)
{
	device(2048, noresize);
	start();
	guest_command(&l, 0, ON);
	control(ALL_MASKED);
	control(ENABLE);
	for (unsigned int v = 0; v < 64; v++) {
		entry(v, false);
		for (unsigned int u = 0; u <= v; u++)
			(void)delivered(0x40 + u); /* spurious ones */
		fires(v, 1);
		fires(0, 1);
	}
	assert_int_equal(triggers(q), 64);
	assert_int_equal(l.hv.commits, 64);
	/* Such a set grows by doubling: 1, 2, 4, ... 64; off before on. */
	assert_int_equal(q->sets, 1 + 64 + (noresize ? 6 : 0));
	if (noresize)
		assert_int_equal(q->n, 64);
	end();
}

static void one_at_a_time(void **state)
{
	(void)state;
	one_by_one(false);
}

static void one_at_a_time_noresize(void **state)
{
	(void)state;
	one_by_one(true);
}

static void high_vector_first(bool noresize)
{
	device(2048, noresize);
	start();
	guest_command(&l, 0, ON);
	control(ENABLE);
	entry(2047, false);
	fires(2047, 1);
	entry(5, false);
	fires(5, 1);
	entry(0, false);
	fires(0, 1);
	fires(2047, 1);
	assert_int_equal(triggers(q), 3);
	assert_int_equal(routes(), 3);
	end();
}

static void last_one_first(void **state)
{
	(void)state;
	high_vector_first(false);
}

static void last_one_first_noresize(void **state)
{
	(void)state;
	high_vector_first(true);
}

/* Far apart and unmasked together: the gap costs the host nothing. */
static void sparse(void **state)
{
	(void)state;
	device(2048, false);
	start();
	guest_command(&l, 0, ON);
	control(ALL_MASKED);
	entry(3, false);
	entry(900, false);
	entry(901, false);
	control(ENABLE);
	assert_int_equal(triggers(q), 3);
	assert_true(q->n <= 1);
	fires(3, 1);
	fires(900, 1);
	fires(901, 1);
	end();
}

/* Handed over again, a vector would be off for a moment. */
static void armed_ones_are_left_alone(void **state)
{
	unsigned int sets;

	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	control(ENABLE);
	entry(2, false);
	entry(3, false);
	control(ALL_MASKED);
	sets = q->sets;
	for (unsigned int v = 0; v < 6; v++)
		entry(v, false);
	control(ENABLE);
	assert_int_equal(q->sets - sets, 2); /* 0 to 1, and 4 to 5 */
	for (unsigned int v = 0; v < 6; v++)
		fires(v, 1);
	end();
}

static void mask_storm(void **state)
{
	unsigned int sets, commits;

	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	control(ENABLE);
	entry(2, false);
	sets = q->sets;
	commits = l.hv.commits;
	for (unsigned int i = 0; i < 1000; i++) {
		mask(2, true);
		mask(2, false);
	}
	assert_int_equal(q->sets, sets);
	assert_int_equal(l.hv.commits, commits);
	fires(2, 1);
	/* Another message while it is masked: one table of routes. */
	mask(2, true);
	entry(2, true);
	guest_write(&l, guest_msix_entry(&l, 0, 2) + 8, 4, 0x99);
	assert_int_equal(l.hv.commits, commits);
	mask(2, false);
	assert_int_equal(l.hv.commits, commits + 1);
	assert_true(fake_irq_fire(p, MSIX, 2));
	assert_int_equal(delivered(0x42), 0);
	assert_int_equal(delivered(0x99), 1);
	end();
}

static void masked_is_pending(void **state)
{
	(void)state;
	device(130, false);
	start();
	guest_command(&l, 0, ON);
	control(ENABLE);
	entry(0, false);
	entry(129, false);
	mask(129, true);
	assert_false(pending(129));
	fires(129, 0);
	assert_true(pending(129));
	assert_false(pending(0));
	assert_false(pending(128));
	mask(129, false);
	assert_false(pending(129));
	assert_int_equal(delivered(0x40 + 129), 1);
	/* The function's own mask is the same for all. */
	control(ALL_MASKED);
	fires(0, 0);
	fires(0, 0);
	assert_true(pending(0));
	control(ENABLE);
	assert_int_equal(delivered(0x40), 2);
	assert_false(pending(0));
	end();
}

/* The host has four vectors: those work, the others are told once. */
static void too_few(bool noresize, bool at_once)
{
	device(16, noresize);
	q->limit = 4;
	start();
	guest_command(&l, 0, ON);
	control(at_once ? ALL_MASKED : ENABLE);
	for (unsigned int v = 0; v < 8; v++)
		entry(v, false);
	control(ENABLE);
	for (unsigned int v = 0; v < 4; v++) {
		(void)delivered(0x40 + v);
		fires(v, 1);
	}
	assert_int_equal(triggers(q), 4);
	assert_int_equal(routes(), 4);
	assert_non_null(strstr(fake_sys_said(),
			       "0000:01:00.0: the host refused an interrupt "
			       "vector"));
	for (unsigned int i = 0; i < 3; i++) {
		mask(6, true);
		mask(6, false);
		mask(1, true);
		fires(1, 0);
		mask(1, false);
		assert_int_equal(delivered(0x41), 1);
	}
	assert_null(strchr(strchr(fake_sys_said(), '\n') + 1, '\n'));
	/* From off to on the host may have more. */
	control(0);
	q->limit = 0;
	control(ENABLE);
	fires(6, 1);
	end();
}

static void too_few_vectors(void **state)
{
	(void)state;
	too_few(false, false);
}

static void too_few_vectors_at_once(void **state)
{
	(void)state;
	too_few(false, true);
}

static void too_few_vectors_noresize(void **state)
{
	(void)state;
	too_few(true, false);
}

static void too_few_vectors_at_once_noresize(void **state)
{
	(void)state;
	too_few(true, true);
}

/* The host refuses to enable them at all: it is asked once, not for ever. */
static void enabling_fails(void **state)
{
	unsigned int calls;

	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON | PCI_COMMAND_INTX_DISABLE);
	p->irq[INTX].enabled = true; /* as if somebody else held it */
	control(ENABLE);
	p->irq[INTX].enabled = false;
	assert_false(q->enabled);
	assert_non_null(strstr(fake_sys_said(), "an interrupt vector"));
	calls = q->sets;
	for (unsigned int v = 0; v < 8; v++)
		entry(v, false);
	assert_int_equal(q->sets, calls);
	assert_int_equal(routes(), 0);
	control(0);
	control(ENABLE);
	entry(1, false);
	fires(1, 1);
	end();
}

/* KVM refuses new routes: what was routed before stays so. */
static void routes_refused(void **state)
{
	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	control(ENABLE);
	entry(0, false);
	mask(0, true);
	guest_write(&l, guest_msix_entry(&l, 0, 0) + 8, 4, 0x77);
	fake_hv_fail(&l.hv, 2, -ENOMEM); /* the commit */
	mask(0, false);
	assert_non_null(strstr(fake_sys_said(), "an interrupt route"));
	mask(0, true);
	mask(0, false);
	assert_true(fake_irq_fire(p, MSIX, 0));
	assert_int_equal(delivered(0x77), 1);
	end();
}

/* --- MSI ------------------------------------------------------------------ */

static unsigned int msi_cap(void)
{
	return guest_cap(&l, 0, PCI_CAP_ID_MSI);
}

/* 1 << @log vectors, messages from 0x50 on. */
static void msi_on(unsigned int log, uint32_t masks)
{
	unsigned int cap = msi_cap();
	uint64_t flags = guest_cfg_read(&l, 0, cap + PCI_MSI_FLAGS, 2);

	guest_cfg_write(&l, 0, cap + PCI_MSI_ADDRESS_LO, 4, MSG_ADDR);
	guest_cfg_write(&l, 0, cap + PCI_MSI_ADDRESS_HI, 4, 0);
	guest_cfg_write(&l, 0, cap + PCI_MSI_DATA_64, 2, 0x50);
	guest_cfg_write(&l, 0, cap + PCI_MSI_MASK_64, 4, masks);
	guest_cfg_write(&l, 0, cap + PCI_MSI_FLAGS, 2,
			(flags & ~(uint64_t)PCI_MSI_FLAGS_QSIZE) | log << 4 |
				1);
}

static void msi_multi(void **state)
{
	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	msi_on(2, 0);
	assert_int_equal(p->irq[MSI].n, 4);
	assert_int_equal(p->irq[MSI].sets, 1);
	assert_int_equal(l.hv.commits, 1);
	for (unsigned int v = 0; v < 4; v++) {
		assert_true(fake_irq_fire(p, MSI, v));
		assert_int_equal(delivered(0x50 + v), 1);
	}
	/* Another number of vectors is another set. */
	msi_on(0, 0);
	assert_int_equal(p->irq[MSI].n, 1);
	assert_true(fake_irq_fire(p, MSI, 0));
	assert_int_equal(delivered(0x50), 1);
	/* More than there are count as all there are. */
	msi_on(5, 0);
	assert_int_equal(p->irq[MSI].n, 8);
	end();
}

static void msi_masks(void **state)
{
	unsigned int cap, sets;

	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	msi_on(2, 0xf);
	assert_true(p->irq[MSI].enabled);
	assert_int_equal(attached(), 0);
	cap = msi_cap();
	guest_cfg_write(&l, 0, cap + PCI_MSI_MASK_64, 4, 0xa);
	sets = p->irq[MSI].sets;
	assert_int_equal(attached(), 2);
	guest_cfg_write(&l, 0, cap + PCI_MSI_MASK_64, 4, 0xb);
	assert_int_equal(attached(), 1);
	assert_int_equal(guest_cfg_read(&l, 0, cap + PCI_MSI_PENDING_64, 4), 0);
	assert_true(fake_irq_fire(p, MSI, 0));
	assert_int_equal(guest_cfg_read(&l, 0, cap + PCI_MSI_PENDING_64, 4), 1);
	/* They are not for the guest to write. */
	guest_cfg_write(&l, 0, cap + PCI_MSI_PENDING_64, 4, 0xff);
	assert_int_equal(guest_cfg_read(&l, 0, cap + PCI_MSI_PENDING_64, 1), 1);
	guest_cfg_write(&l, 0, cap + PCI_MSI_MASK_64, 4, 0xa);
	assert_int_equal(guest_cfg_read(&l, 0, cap + PCI_MSI_PENDING_64, 4), 0);
	assert_int_equal(delivered(0x50), 1);
	assert_int_equal(p->irq[MSI].sets, sets);
	end();
}

/* Eight were asked for, five are there: four work (powers of two). */
static void msi_too_few(void **state)
{
	(void)state;
	device(8, false);
	p->irq[MSI].limit = 5;
	start();
	guest_command(&l, 0, ON);
	msi_on(3, 0);
	assert_int_equal(p->irq[MSI].n, 4);
	assert_int_equal(routes(), 4);
	for (unsigned int v = 0; v < 4; v++) {
		assert_true(fake_irq_fire(p, MSI, v));
		assert_int_equal(delivered(0x50 + v), 1);
	}
	assert_non_null(strstr(fake_sys_said(), "an interrupt vector"));
	end();
}

/* --- INTx ----------------------------------------------------------------- */

static const struct fake_line *line(unsigned int nth)
{
	for (unsigned int i = 0; i < FAKE_IRQFDS; i++) {
		if (l.hv.line[i].fd >= 0 && nth-- == 0)
			return &l.hv.line[i];
	}
	return NULL;
}

/* The guest's handler is done: KVM lets everybody on the line look again. */
static void end_of_interrupt(void)
{
	uint64_t one = 1;

	for (unsigned int i = 0; line(i); i++)
		assert_int_equal(write(line(i)->resample_fd, &one, sizeof(one)),
				 sizeof(one));
}

static uint16_t hw_command(void)
{
	return (uint16_t)fake_cfg_get(p, PCI_COMMAND, 2);
}

static void intx_life(void **state)
{
	(void)state;
	device(8, false);
	start();
	assert_int_equal(guest_cfg_read(&l, 0, PCI_INTERRUPT_PIN, 1), 1);
	/* A guest without a driver for it costs no vector. */
	assert_false(p->irq[INTX].enabled);
	assert_true(hw_command() & PCI_COMMAND_INTX_DISABLE);
	guest_command(&l, 0, PCI_COMMAND_INTX_DISABLE | ON);
	assert_false(p->irq[INTX].enabled);
	guest_command(&l, 0, ON);
	assert_true(p->irq[INTX].enabled);
	assert_false(hw_command() & PCI_COMMAND_INTX_DISABLE);
	assert_non_null(line(0));
	assert_int_equal(line(0)->gsi, LIFE_INTX_GSI);
	assert_true(fake_irq_fire(p, INTX, 0));
	assert_int_equal(drain(line(0)->fd), 1);
	/* The host keeps it masked until the guest is done. */
	assert_false(fake_irq_fire(p, INTX, 0));
	end_of_interrupt();
	assert_true(fake_irq_fire(p, INTX, 0));
	assert_int_equal(drain(line(0)->fd), 1);
	end();
}

/* The guest's own mask and decoding are writes of COMMAND, nothing more. */
static void intx_masking_is_free(void **state)
{
	unsigned int sets, irqfds;

	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	sets = p->irq[INTX].sets;
	irqfds = l.hv.irqfds;
	for (unsigned int i = 0; i < 1000; i++) {
		guest_command(&l, 0, ON | PCI_COMMAND_INTX_DISABLE);
		assert_true(hw_command() & PCI_COMMAND_INTX_DISABLE);
		guest_command(&l, 0, 0);
		guest_command(&l, 0, ON);
		assert_false(hw_command() & PCI_COMMAND_INTX_DISABLE);
	}
	assert_int_equal(p->irq[INTX].sets, sets);
	assert_int_equal(l.hv.irqfds, irqfds);
	end();
}

static void intx_and_msix_take_turns(void **state)
{
	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	for (unsigned int i = 0; i < 3; i++) {
		control(ENABLE);
		assert_false(p->irq[INTX].enabled);
		assert_true(hw_command() & PCI_COMMAND_INTX_DISABLE);
		assert_null(line(0));
		entry(0, false);
		fires(0, 1);
		control(0);
		assert_false(q->enabled);
		assert_true(p->irq[INTX].enabled);
		assert_false(hw_command() & PCI_COMMAND_INTX_DISABLE);
		end_of_interrupt();
		assert_true(fake_irq_fire(p, INTX, 0));
		assert_int_equal(drain(line(0)->fd), 1);
		end_of_interrupt();
	}
	msi_on(1, 0);
	assert_null(line(0));
	assert_int_equal(p->irq[MSI].n, 2);
	control(ENABLE); /* of the two, MSI-X */
	assert_false(p->irq[MSI].enabled);
	assert_true(q->enabled);
	assert_null(strstr(fake_sys_said(), "refused"));
	end();
}

static void intx_shared(void **state)
{
	struct fake_pci *other;

	(void)state;
	device(8, false);
	other = fake_e1000("0000:02:00.0", 9);
	start();
	guest_command(&l, 0, ON);
	guest_command(&l, 1, ON);
	assert_non_null(line(1));
	assert_int_equal(line(0)->gsi, line(1)->gsi);
	assert_true(fake_irq_fire(other, INTX, 0));
	assert_false(fake_irq_fire(other, INTX, 0));
	assert_int_equal(drain(line(0)->fd) + drain(line(1)->fd), 1);
	/* The end of interrupt of one is the other's as well. */
	end_of_interrupt();
	assert_true(fake_irq_fire(other, INTX, 0));
	assert_true(fake_irq_fire(p, INTX, 0));
	assert_int_equal(drain(line(0)->fd) + drain(line(1)->fd), 2);
	control(ENABLE);
	assert_null(line(1));
	end_of_interrupt();
	assert_true(fake_irq_fire(other, INTX, 0));
	assert_int_equal(drain(line(0)->fd), 1);
	end();
}

static void no_intx(void **state)
{
	(void)state;
	device(8, false);
	p->irq[INTX].count = 0; /* the register still says A */
	start();
	assert_int_equal(guest_cfg_read(&l, 0, PCI_INTERRUPT_PIN, 1), 0);
	guest_command(&l, 0, ON);
	assert_false(p->irq[INTX].enabled);
	assert_true(hw_command() & PCI_COMMAND_INTX_DISABLE);
	assert_string_equal(fake_sys_said(), "");
	end();
}

/* Whatever is refused: no INTx, told once, and MSI-X as ever. */
static void intx_refused(void **state)
{
	(void)state;
	for (unsigned int nth = 1; nth <= 6; nth++) {
		fake_host_init();
		device(8, false);
		start();
		/* 1, 2: what a write of COMMAND does before */
		fake_sys_fail(nth + 2, EBUSY);
		guest_command(&l, 0, ON);
		if (!p->irq[INTX].enabled) {
			assert_null(line(0));
			assert_non_null(
				strstr(fake_sys_said(), "0000:01:00.0: "));
			assert_non_null(strstr(fake_sys_said(),
					       "no line interrupt (INTx)"));
			assert_true(hw_command() & PCI_COMMAND_INTX_DISABLE);
			guest_command(&l, 0, 0);
			guest_command(&l, 0, ON);
			assert_false(p->irq[INTX].enabled);
			assert_null(strchr(strchr(fake_sys_said(), '\n') + 1,
					   '\n'));
		}
		control(ENABLE);
		entry(0, false);
		fires(0, 1);
		control(0);
		end();
		fake_host_stop();
	}
}

/* KVM cannot resample (split irqchip). */
static void intx_without_resample(void **state)
{
	(void)state;
	device(8, false);
	start();
	l.hv.no_resample = true;
	guest_command(&l, 0, ON);
	assert_false(p->irq[INTX].enabled);
	assert_non_null(strstr(fake_sys_said(), "KVM cannot pass on a line"));
	control(ENABLE);
	entry(0, false);
	fires(0, 1);
	end();
}

/* A reset by the guest leaves the line as it is. */
static void intx_after_reset(void **state)
{
	unsigned int exp;

	(void)state;
	device(8, false);
	start();
	guest_command(&l, 0, ON);
	exp = guest_cap(&l, 0, PCI_CAP_ID_EXP);
	control(ENABLE);
	entry(0, false);
	guest_cfg_write(&l, 0, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	assert_false(q->enabled);
	assert_int_equal(routes(), 0);
	guest_command(&l, 0, ON);
	assert_true(p->irq[INTX].enabled);
	assert_true(fake_irq_fire(p, INTX, 0));
	assert_int_equal(drain(line(0)->fd), 1);
	end();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(enabled_all_masked),
		T(all_at_once),
		T(all_at_once_noresize),
		T(one_at_a_time),
		T(one_at_a_time_noresize),
		T(last_one_first),
		T(last_one_first_noresize),
		T(sparse),
		T(armed_ones_are_left_alone),
		T(mask_storm),
		T(masked_is_pending),
		T(too_few_vectors),
		T(too_few_vectors_at_once),
		T(too_few_vectors_noresize),
		T(too_few_vectors_at_once_noresize),
		T(enabling_fails),
		T(routes_refused),
		T(msi_multi),
		T(msi_masks),
		T(msi_too_few),
		T(intx_life),
		T(intx_masking_is_free),
		T(intx_and_msix_take_turns),
		T(intx_shared),
		T(no_intx),
		T(intx_refused),
		T(intx_without_resample),
		T(intx_after_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
