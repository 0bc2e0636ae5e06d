// SPDX-License-Identifier: Apache-2.0
/*
 * 16550A serial port (PC16550D: National Semiconductor, June 1995, section 8).
 *
 * How it works: the interrupt identification is never stored. It is a ladder
 * over the state (PC16550D 8.6), and the line follows it after each
 * access, so that no order of accesses can make the two disagree.
 *
 * Differences from the chip, all because bytes take no time here:
 * - what is transmitted leaves at once, so that the transmitter is always
 *   empty and its FIFO does not exist;
 * - fewer bytes than the trigger level count as timed out immediately;
 * - a THR write while the THRE interrupt is pending leaves the line up, where
 *   the chip drops it for one character: two calls per byte saved.
 * The line format (length, parity, break, divisor) is kept but has no effect.
 */
#include <linux/serial_reg.h>

#include "devices/devices.h"

#define FIFO_SIZE 16u

struct uart16550 {
	struct device dev;
	struct dev_env env;
	uint8_t dll;
	uint8_t dlm;
	uint8_t ier;
	uint8_t fcr; /* enable and trigger bits */
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scr;
	bool overrun;	   /* LSR OE */
	uint8_t msr_delta; /* low half of the MSR */
	bool thre;	   /* the transmitter became empty, nobody was told */
	bool level;	   /* of the interrupt line, as last set */
	bool refused;	   /* input had to turn bytes away */
	uint8_t head;
	uint8_t count;
	uint8_t fifo[FIFO_SIZE];
};

static unsigned int capacity(const struct uart16550 *u)
{
	return u->fcr & UART_FCR_ENABLE_FIFO ? FIFO_SIZE : 1;
}

static unsigned int trigger(const struct uart16550 *u)
{
	static const uint8_t level[] = {1, 4, 8, 14};

	return level[UART_FCR_R_TRIG_BITS(u->fcr)];
}

static uint8_t receive_cause(const struct uart16550 *u)
{
	if (u->fcr & UART_FCR_ENABLE_FIFO && u->count < trigger(u))
		return UART_IIR_RX_TIMEOUT;
	return UART_IIR_RDI;
}

/* PC16550D 8.6, table IV: the four priorities. */
static uint8_t interrupt_id(const struct uart16550 *u)
{
	if (u->ier & UART_IER_RLSI && u->overrun)
		return UART_IIR_RLSI;
	if (u->ier & UART_IER_RDI && u->count)
		return receive_cause(u);
	if (u->ier & UART_IER_THRI && u->thre)
		return UART_IIR_THRI;
	if (u->ier & UART_IER_MSI && u->msr_delta)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* After every change: bring the outside up to date with the state. */
static void refresh(struct uart16550 *u)
{
	bool level = interrupt_id(u) != UART_IIR_NO_INT;

	if (level != u->level) {
		u->level = level;
		u->env.irq.set(u->env.irq.ctx, u->env.irq.irq, level);
	}
	if (u->refused && !u->count && !(u->mcr & UART_MCR_LOOP)) {
		u->refused = false;
		if (u->env.input_ready)
			u->env.input_ready(u->env.ctx);
	}
}

static void fifo_push(struct uart16550 *u, uint8_t byte)
{
	u->fifo[(u->head + u->count) % FIFO_SIZE] = byte;
	u->count++;
}

static uint8_t fifo_pop(struct uart16550 *u)
{
	uint8_t byte = u->fifo[u->head];

	if (!u->count)
		return 0;
	u->head = (u->head + 1) % FIFO_SIZE;
	u->count--;
	return byte;
}

/*
 * PC16550D 8.4: when the receiver overruns, the FIFO keeps what it has and the
 * new byte is lost; without the FIFO the new byte replaces the old one.
 */
static void receive_looped(struct uart16550 *u, uint8_t byte)
{
	if (u->count == capacity(u)) {
		u->overrun = true;
		if (u->fcr & UART_FCR_ENABLE_FIFO)
			return;
		u->count = 0;
	}
	fifo_push(u, byte);
}

/* High half of the MSR (PC16550D 8.9; 8.8 for the loopback's wiring). */
static uint8_t modem_lines(const struct uart16550 *u)
{
	uint8_t v = 0;

	if (!(u->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (u->mcr & UART_MCR_DTR)
		v |= UART_MSR_DSR;
	if (u->mcr & UART_MCR_RTS)
		v |= UART_MSR_CTS;
	if (u->mcr & UART_MCR_OUT1)
		v |= UART_MSR_RI;
	if (u->mcr & UART_MCR_OUT2)
		v |= UART_MSR_DCD;
	return v;
}

static void write_thr(struct uart16550 *u, uint8_t val)
{
	if (u->mcr & UART_MCR_LOOP)
		receive_looped(u, val);
	else
		u->env.console_write(u->env.ctx, &val, 1);
	u->thre = true;
}

static void write_ier(struct uart16550 *u, uint8_t val)
{
	/* Drivers start transmission by this edge: the THR is empty now. */
	if (val & ~u->ier & UART_IER_THRI)
		u->thre = true;
	u->ier = val & 0x0f;
}

/* PC16550D 8.5: other bits count only when bit 0 is written as 1. */
static void write_fcr(struct uart16550 *u, uint8_t val)
{
	if (!(val & UART_FCR_ENABLE_FIFO))
		val = 0;
	if ((val ^ u->fcr) & UART_FCR_ENABLE_FIFO || val & UART_FCR_CLEAR_RCVR)
		u->count = 0;
	u->fcr = val & (UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_MASK);
}

static void write_mcr(struct uart16550 *u, uint8_t val)
{
	uint8_t before = modem_lines(u);
	uint8_t after;

	u->mcr = val & 0x1f;
	after = modem_lines(u);
	u->msr_delta |= (uint8_t)(((before ^ after) & ~UART_MSR_RI) >> 4);
	if (before & ~after & UART_MSR_RI)
		u->msr_delta |= UART_MSR_TERI;
}

static uint8_t read_iir(struct uart16550 *u)
{
	uint8_t id = interrupt_id(u);

	if (id == UART_IIR_THRI)
		u->thre = false;
	return u->fcr & UART_FCR_ENABLE_FIFO ? id | 0xc0 : id;
}

static uint8_t read_lsr(struct uart16550 *u)
{
	uint8_t v = UART_LSR_THRE | UART_LSR_TEMT;

	if (u->count)
		v |= UART_LSR_DR;
	if (u->overrun)
		v |= UART_LSR_OE;
	u->overrun = false;
	return v;
}

static uint8_t read_msr(struct uart16550 *u)
{
	uint8_t v = modem_lines(u) | u->msr_delta;

	u->msr_delta = 0;
	return v;
}

static uint8_t read_reg(struct uart16550 *u, uint64_t reg)
{
	bool dlab = u->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return dlab ? u->dll : fifo_pop(u);
	case UART_IER:
		return dlab ? u->dlm : u->ier;
	case UART_IIR:
		return read_iir(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return read_lsr(u);
	case UART_MSR:
		return read_msr(u);
	case UART_SCR:
		return u->scr;
	default:
		return 0xff;
	}
}

static void write_latch(struct uart16550 *u, uint64_t reg, uint8_t val)
{
	if (reg == UART_DLL)
		u->dll = val;
	else
		u->dlm = val;
}

static void write_reg(struct uart16550 *u, uint64_t reg, uint8_t val)
{
	if (u->lcr & UART_LCR_DLAB && reg <= UART_DLM) {
		write_latch(u, reg, val);
		return;
	}
	switch (reg) {
	case UART_TX:
		write_thr(u, val);
		break;
	case UART_IER:
		write_ier(u, val);
		break;
	case UART_FCR:
		write_fcr(u, val);
		break;
	case UART_LCR:
		u->lcr = val;
		break;
	case UART_MCR:
		write_mcr(u, val);
		break;
	case UART_SCR:
		u->scr = val;
		break;
	default: /* LSR and MSR are read-only here */
		break;
	}
}

static uint64_t uart_read(struct device *d, unsigned int region, uint64_t off,
			  unsigned int len)
{
	struct uart16550 *u = (struct uart16550 *)d;
	uint64_t v = 0;

	(void)region;
	for (unsigned int i = 0; i < len; i++) {
		v |= (uint64_t)read_reg(u, off + i) << 8 * i;
		refresh(u);
	}
	return v;
}

static void uart_write(struct device *d, unsigned int region, uint64_t off,
		       unsigned int len, uint64_t val)
{
	struct uart16550 *u = (struct uart16550 *)d;

	(void)region;
	for (unsigned int i = 0; i < len; i++) {
		write_reg(u, off + i, (uint8_t)(val >> 8 * i));
		refresh(u);
	}
}

static size_t uart_input(struct device *d, const uint8_t *buf, size_t len)
{
	struct uart16550 *u = (struct uart16550 *)d;
	size_t n = 0;

	/* PC16550D 8.8: in loopback the serial input is disconnected. */
	if (!(u->mcr & UART_MCR_LOOP))
		while (n < len && u->count < capacity(u))
			fifo_push(u, buf[n++]);
	u->refused = n < len;
	refresh(u);
	return n;
}

static void uart_init(struct device *d, const struct dev_env *env)
{
	struct uart16550 *u = (struct uart16550 *)d;

	d->ops = &uart16550_ops;
	u->env = *env;
}

const struct dev_ops uart16550_ops = {
	.name = "uart16550",
	.size = sizeof(struct uart16550),
	.init = uart_init,
	.read = uart_read,
	.write = uart_write,
	.input = uart_input,
};
