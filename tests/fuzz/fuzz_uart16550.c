// SPDX-License-Identifier: Apache-2.0
/*
 * Any sequence of accesses and input: the interrupt identification is the
 * function of the visible state that PC16550D 8.6 says, the line follows it
 * and is never set twice the same, every byte goes through once and in order.
 */
#include <linux/serial_reg.h>

#include "devices/devices.h"
#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/fake_env.h"

#define STATE_MAX 256

/* What the world knows without looking into the device. */
struct model {
	uint8_t lcr, mcr, ier;
	bool fifo;
	bool thre;
	bool overrun;
	uint8_t delta; /* of the modem lines */
	bool refused;
	unsigned int ready;
	unsigned int n;
	uint8_t queue[16];
	size_t n_out;
	uint8_t last_out;
};

static struct fake_env env;

static void model_push(struct model *m, uint8_t byte)
{
	if (m->n == (m->fifo ? 16u : 1u)) {
		m->overrun = true;
		if (m->fifo)
			return;
		m->n = 0;
	}
	m->queue[m->n++] = byte;
}

static void model_fcr(struct model *m, uint8_t val)
{
	if (!(val & 1) != !m->fifo || (val & 3) == 3)
		m->n = 0;
	m->fifo = val & 1;
}

/* CTS, DSR, RI, DCD from bit 0 on. */
static uint8_t model_lines(uint8_t mcr)
{
	if (!(mcr & UART_MCR_LOOP))
		return 0xb;
	return (uint8_t)((mcr & 2) >> 1 | (mcr & 1) << 1 | (mcr & 0xc));
}

static void model_mcr(struct model *m, uint8_t val)
{
	uint8_t was = model_lines(m->mcr);
	uint8_t is = model_lines(val);

	m->mcr = val & 0x1f;
	m->delta |= (was ^ is) & 0xb;
	if (was & 4 && !(is & 4))
		m->delta |= 4;
}

static void model_write(struct model *m, unsigned int reg, uint8_t val)
{
	if (m->lcr & UART_LCR_DLAB && reg < 2)
		return;
	if (reg == UART_TX) {
		m->thre = true;
		if (m->mcr & UART_MCR_LOOP) {
			model_push(m, val);
		} else {
			m->n_out++;
			m->last_out = val;
		}
	} else if (reg == UART_IER) {
		m->thre = m->thre || (val & 2 && !(m->ier & 2));
		m->ier = val & 0x0f;
	} else if (reg == UART_FCR) {
		model_fcr(m, val);
	} else if (reg == UART_LCR) {
		m->lcr = val;
	} else if (reg == UART_MCR) {
		model_mcr(m, val);
	}
}

static void model_read(struct model *m, unsigned int reg, uint8_t got)
{
	if (m->lcr & UART_LCR_DLAB && reg < 2)
		return;
	if (reg == UART_RX && m->n) {
		REQUIRE(got == m->queue[0]);
		memmove(m->queue, m->queue + 1, --m->n);
	} else if (reg == UART_IIR && (got & 0x0f) == UART_IIR_THRI) {
		REQUIRE(m->thre);
		m->thre = false;
	} else if (reg == UART_LSR) {
		m->overrun = false;
	} else if (reg == UART_MSR) {
		m->delta = 0;
	} else if (reg == UART_MCR) {
		REQUIRE(got == m->mcr);
	}
}

/* The ladder, over what the other registers show. */
static uint8_t ladder(const struct model *m, uint8_t lsr, uint8_t msr)
{
	if (m->ier & UART_IER_RLSI && lsr & UART_LSR_OE)
		return UART_IIR_RLSI;
	if (m->ier & UART_IER_RDI && lsr & UART_LSR_DR)
		return UART_IIR_RDI;
	if (m->ier & UART_IER_THRI && m->thre)
		return UART_IIR_THRI;
	if (m->ier & UART_IER_MSI && msr & UART_MSR_ANY_DELTA)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* Look with the guest's eyes, then take back what looking changed. */
static void check(struct device *d, const struct model *m)
{
	uint8_t saved[STATE_MAX];
	struct fake_env saved_env = env;
	uint8_t iir, lsr, msr;

	REQUIRE(uart16550_ops.size <= STATE_MAX);
	memcpy(saved, d, uart16550_ops.size);
	iir = (uint8_t)dev_read(d, 0, UART_IIR, 1);
	lsr = (uint8_t)dev_read(d, 0, UART_LSR, 1);
	msr = (uint8_t)dev_read(d, 0, UART_MSR, 1);
	memcpy(d, saved, uart16550_ops.size);
	env = saved_env;

	REQUIRE((iir & 0xf0) == (m->fifo ? 0xc0 : 0));
	iir &= 0x0f;
	REQUIRE(env.level == !(iir & UART_IIR_NO_INT));
	if (iir == UART_IIR_RX_TIMEOUT) {
		REQUIRE(m->fifo && m->n < 14);
		iir = UART_IIR_RDI;
	}
	REQUIRE(iir == ladder(m, lsr, msr));
	REQUIRE(lsr == (0x60 | (m->overrun ? 2 : 0) | (m->n ? 1 : 0)));
	REQUIRE(msr == (model_lines(m->mcr) << 4 | m->delta));
	REQUIRE(env.repeats == 0);
	REQUIRE(env.n_out == m->n_out && env.writes == m->n_out);
	REQUIRE(env.ready == m->ready);
}

static void input(struct device *d, struct model *m, struct fuzz_in *in)
{
	uint8_t buf[32];
	unsigned int want = fuzz_u8(in) % (sizeof(buf) + 1);
	unsigned int room = (m->fifo ? 16 : 1) - m->n;
	size_t took;

	for (unsigned int i = 0; i < want; i++)
		buf[i] = fuzz_u8(in);
	if (m->mcr & UART_MCR_LOOP)
		room = 0;
	took = d->ops->input(d, buf, want);
	REQUIRE(took == (want < room ? want : room));
	for (size_t i = 0; i < took; i++)
		m->queue[m->n++] = buf[i];
	m->refused = took < want;
}

static void wake(struct model *m)
{
	if (m->refused && !m->n && !(m->mcr & UART_MCR_LOOP)) {
		m->refused = false;
		m->ready++;
	}
}

static void step(struct device *d, struct model *m, struct fuzz_in *in)
{
	uint8_t op = fuzz_u8(in);
	struct fuzz_access a;
	uint64_t v;

	if (op % 4 == 3) {
		input(d, m, in);
		wake(m);
		return;
	}
	a = fuzz_access(in, op & 1, 8);
	if (a.write) {
		dev_write(d, 0, a.off, a.len, a.val);
		for (unsigned int i = 0; i < a.len; i++) {
			model_write(m, (unsigned int)a.off + i,
				    (uint8_t)(a.val >> 8 * i));
			wake(m);
		}
		return;
	}
	v = dev_read(d, 0, a.off, a.len);
	REQUIRE(a.len == 8 || v >> 8 * a.len == 0);
	for (unsigned int i = 0; i < a.len; i++) {
		model_read(m, (unsigned int)a.off + i, (uint8_t)(v >> 8 * i));
		wake(m);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct model m = {0};
	struct device *d = fake_device(&env, &uart16550_ops);

	while (in.left) {
		step(d, &m, &in);
		check(d, &m);
		if (m.n_out && m.n_out <= sizeof(env.out))
			REQUIRE(env.out[m.n_out - 1] == m.last_out);
	}
	free(d);
	return 0;
}
