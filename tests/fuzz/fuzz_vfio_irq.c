/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that masks, unmasks, enables and disables interrupts as it likes, on
 * a host that may be short of vectors or fail: a plain model of the registers
 * says which interrupts must arrive, as which message. Spurious ones are
 * allowed, lost ones are not, and nothing may be left behind.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_vfio_life.h"

#define VECTORS	 12u
#define MSI_MOST 4u
#define ADDR	 0xfee00000u
#define PBA	 0x8000
#define MSI_DATA 0x8000u /* of its first vector; MSI-X has others */

static struct life l;
static struct fake_pci *p;
static unsigned int msix_cap, msi_cap;

/* What the guest wrote. */
static struct {
	bool enabled;
	bool all_masked;
	bool masked[VECTORS];
	uint64_t addr[VECTORS]; /* 0 until it was written */
	uint32_t data[VECTORS];
	uint16_t msi_flags;
	uint32_t msi_mask;
	uint16_t command;
	bool fault;
	bool whole; /* nothing was refused so far */
	bool held[VECTORS];
	bool msi_held[MSI_MOST];
} m;

static bool msix_live(unsigned int v)
{
	return m.enabled && !m.all_masked && !m.masked[v];
}

static unsigned int msi_vectors(void)
{
	return 1u << (m.msi_flags >> 4 & 3);
}

static bool msi_on(void)
{
	return !m.enabled && m.msi_flags & PCI_MSI_FLAGS_ENABLE;
}

static bool msi_live(unsigned int v)
{
	return msi_on() && v < msi_vectors() && !(m.msi_mask >> v & 1);
}

/* --- KVM ------------------------------------------------------------------ */

static unsigned int read_all(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) < 0 ? 0 : (unsigned int)n;
}

/* Interrupts that the guest took since the last look, by what they mean. */
static unsigned int got[VECTORS], got_msi[MSI_MOST];

static void sort(const struct hv_msi *msi, unsigned int n)
{
	bool known = false;

	for (unsigned int v = 0; v < VECTORS; v++) {
		if (m.addr[v] == msi->addr && m.data[v] == msi->data) {
			got[v] += n;
			known = true;
		}
	}
	for (unsigned int v = 0; v < MSI_MOST && msi->addr == ADDR; v++) {
		if (MSI_DATA + v == msi->data) {
			got_msi[v] += n;
			known = true;
		}
	}
	/* A message that the guest never wrote. */
	REQUIRE(known || !n || !m.whole);
}

static void look(void)
{
	memset(got, 0, sizeof(got));
	memset(got_msi, 0, sizeof(got_msi));
	for (unsigned int i = 0; i < FAKE_ROUTES; i++) {
		const struct fake_route *r = &l.hv.route[i];

		if (r->taken && r->fd >= 0)
			sort(&r->msi, read_all(r->fd));
	}
}

static const struct fake_line *line(void)
{
	for (unsigned int i = 0; i < FAKE_IRQFDS; i++) {
		if (l.hv.line[i].fd >= 0)
			return &l.hv.line[i];
	}
	return NULL;
}

/* --- what must hold ------------------------------------------------------- */

static bool pending(unsigned int v)
{
	return guest_read(&l, guest_bar(&l, 0, 2) + PBA, 8) >> v & 1;
}

static bool msi_pending(unsigned int v)
{
	return guest_cfg_read(&l, 0, msi_cap + PCI_MSI_PENDING_64, 4) >> v & 1;
}

/* What was held back arrives with the unmask; until then it is pending. */
static void check_held(void)
{
	look();
	for (unsigned int v = 0; v < VECTORS; v++) {
		m.held[v] = m.held[v] && m.enabled;
		if (m.held[v] && msix_live(v)) {
			REQUIRE(got[v] || !m.whole);
			m.held[v] = false;
		}
		if (m.held[v] && m.command & PCI_COMMAND_MEMORY)
			REQUIRE(pending(v) || !m.whole);
	}
	for (unsigned int v = 0; v < MSI_MOST; v++) {
		m.msi_held[v] = m.msi_held[v] && msi_on();
		if (m.msi_held[v] && msi_live(v)) {
			REQUIRE(got_msi[v] || !m.whole);
			m.msi_held[v] = false;
		}
		if (m.msi_held[v])
			REQUIRE(msi_pending(v) || !m.whole);
	}
}

static void check(void)
{
	const struct fake_irq *q = p->irq;

	REQUIRE(!l.hv.misuse);
	REQUIRE(q[0].enabled + q[1].enabled + q[2].enabled <= 1);
	if (!m.whole)
		return;
	REQUIRE(q[VFIO_PCI_MSIX_IRQ_INDEX].enabled == m.enabled);
	REQUIRE(q[VFIO_PCI_MSI_IRQ_INDEX].enabled == msi_on());
	REQUIRE(q[VFIO_PCI_INTX_IRQ_INDEX].enabled == (line() != NULL));
	/* Somebody answers the line, or it is off. */
	REQUIRE((fake_cfg_get(p, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE) ==
		(line() ? m.command & PCI_COMMAND_INTX_DISABLE
			: PCI_COMMAND_INTX_DISABLE));
}

static void fire_msix(unsigned int v)
{
	if (!fake_irq_fire(p, VFIO_PCI_MSIX_IRQ_INDEX, v)) {
		REQUIRE(!m.whole || !msix_live(v));
		return;
	}
	look();
	REQUIRE(!m.whole || got[v] == msix_live(v));
	m.held[v] = m.whole && !msix_live(v);
}

static void fire_msi(unsigned int v)
{
	if (!fake_irq_fire(p, VFIO_PCI_MSI_IRQ_INDEX, v)) {
		REQUIRE(!m.whole || !msi_live(v));
		return;
	}
	look();
	REQUIRE(!m.whole || got_msi[v] == msi_live(v));
	m.msi_held[v] = m.whole && !msi_live(v);
}

/* The line works as long as it is not masked by the guest. */
static void fire_intx(void)
{
	uint64_t one = 1;

	if (!line())
		return;
	(void)read_all(line()->fd);
	/* Calls of ours may be the ones that fail. */
	REQUIRE(write(line()->resample_fd, &one, sizeof(one)) == sizeof(one) ||
		!m.whole);
	REQUIRE(fake_irq_fire(p, VFIO_PCI_INTX_IRQ_INDEX, 0) || !m.whole);
	REQUIRE(read_all(line()->fd) == 1 || !m.whole);
}

/* --- what a guest does ---------------------------------------------------- */

static void write_control(uint8_t how)
{
	m.enabled = how & 1;
	m.all_masked = how & 2;
	guest_cfg_write(&l, 0, msix_cap + PCI_MSIX_FLAGS, 2,
			(m.enabled ? PCI_MSIX_FLAGS_ENABLE : 0u) |
				(m.all_masked ? PCI_MSIX_FLAGS_MASKALL : 0u));
}

static void write_entry(unsigned int v, uint8_t how)
{
	uint64_t at = guest_msix_entry(&l, 0, v);

	if (!(m.command & PCI_COMMAND_MEMORY)) /* nobody answers */
		return;
	if (how & 1) {
		m.addr[v] = ADDR;
		guest_write(&l, at, 8, ADDR);
		m.data[v] = 0x100 + v * 16 + (how >> 4);
		guest_write(&l, at + 8, 4, m.data[v]);
	}
	m.masked[v] = how & 2;
	guest_write(&l, at + 12, 4, m.masked[v]);
}

static void write_msi(uint8_t how)
{
	unsigned int log = how >> 2 & 3;

	/* Another number of vectors begins anew. */
	if (msi_vectors() != 1u << (log < 3 ? log : 2))
		memset(m.msi_held, 0, sizeof(m.msi_held));
	m.msi_flags = (uint16_t)((how & 1) | (log < 3 ? log : 2) << 4);
	m.msi_mask = how >> 4;
	guest_cfg_write(&l, 0, msi_cap + PCI_MSI_ADDRESS_LO, 4, ADDR);
	guest_cfg_write(&l, 0, msi_cap + PCI_MSI_DATA_64, 2, MSI_DATA);
	guest_cfg_write(&l, 0, msi_cap + PCI_MSI_MASK_64, 4, m.msi_mask);
	guest_cfg_write(&l, 0, msi_cap + PCI_MSI_FLAGS, 2, m.msi_flags);
}

static void write_command(uint8_t how)
{
	m.command = (uint16_t)((how & 7) | (how & 8 ? 0x400 : 0));
	guest_command(&l, 0, m.command);
}

static void step(struct fuzz_in *in)
{
	uint8_t op = fuzz_u8(in);
	uint8_t arg = fuzz_u8(in);

	switch (op % 16) {
	case 0:
		write_control(arg);
		break;
	case 1:
		write_command(arg);
		break;
	case 2:
		write_msi(arg);
		break;
	case 3:
		fire_msi(arg % MSI_MOST);
		break;
	case 4:
		fire_intx();
		break;
	case 5:
		if (arg >= 16 || m.fault)
			break;
		m.fault = true; /* one: the host looks away after it */
		fake_sys_fail(arg + 1u, ENOSPC);
		m.whole = false;
		break;
	case 6:
	case 7:
	case 8:
		fire_msix(arg % VECTORS);
		break;
	default:
		write_entry(arg % VECTORS, fuzz_u8(in));
		break;
	}
	check_held();
	check();
}

static void describe(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in);

	fake_host_init();
	p = fake_pci_add("0000:01:00.0", 7);
	p->reset = true;
	fake_bar(p, 0, FAKE_MEM64, 0x10000);
	fake_bar(p, 2, FAKE_MEM64, 0x10000);
	(void)fake_cap_msix(p, VECTORS, 2, 0, PBA);
	(void)fake_cap_msi(p, MSI_MOST, true, true);
	fake_intx(p);
	p->irq[VFIO_PCI_MSIX_IRQ_INDEX].noresize = how & 1;
	if (how & 2) {
		p->irq[VFIO_PCI_MSIX_IRQ_INDEX].limit = 1 + (how >> 3) % 13;
		p->irq[VFIO_PCI_MSI_IRQ_INDEX].limit = 1 + (how >> 3) % 5;
	}
	memset(&m, 0, sizeof(m));
	for (unsigned int v = 0; v < VECTORS; v++)
		m.masked[v] = true;
	m.whole = !(how & 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};

	describe(&in);
	fake_host_start();
	life_init(&l);
	REQUIRE(life_open(&l) == 0 && life_start(&l) == 0);
	msix_cap = guest_cap(&l, 0, PCI_CAP_ID_MSIX);
	msi_cap = guest_cap(&l, 0, PCI_CAP_ID_MSI);
	REQUIRE(msix_cap && msi_cap);
	while (in.left)
		step(&in);
	life_end(&l);
	REQUIRE(!fake_host_left());
	fake_host_stop();
	return 0;
}
