/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/x86_64/arch.h"

#define AP_BASE		0x70000u

#define ZP_ACPI_RSDP	0x070
#define ZP_E820_ENTRIES 0x1e8
#define ZP_CMD_LINE_PTR 0x228
#define ZP_E820_TABLE	0x2d0

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t flags;
	uint16_t offset_mid;
	uint32_t offset_high;
	uint32_t zero;
};

struct table_ptr {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const uint8_t exception_doors[];
extern const uint8_t ap_code[];
extern const uint8_t ap_code_end[];
void (*ap_main)(void);

void guest_start(void);
void guest_exception(uint64_t vector, uint64_t code, uint64_t rip);

static struct gate idt[256] __attribute__((aligned(16)));

/* The compiler may call these even in a freestanding program. */
void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep movsb"
			 : "+D"(d), "+S"(src), "+c"(n)
			 :
			 : "memory");
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

uint64_t mmio_read(uint64_t addr, unsigned int len)
{
	uint64_t v = 0;

	switch (len) {
	case 1:
		__asm__ volatile("movzbl (%1), %k0"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
		break;
	case 2:
		__asm__ volatile("movzwl (%1), %k0"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
		break;
	case 4:
		__asm__ volatile("movl (%1), %k0"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
		break;
	default:
		__asm__ volatile("movq (%1), %0"
				 : "=r"(v)
				 : "r"(addr)
				 : "memory");
		break;
	}
	return v;
}

void mmio_write(uint64_t addr, unsigned int len, uint64_t val)
{
	switch (len) {
	case 1:
		__asm__ volatile("movb %b0, (%1)"
				 :
				 : "q"(val), "r"(addr)
				 : "memory");
		break;
	case 2:
		__asm__ volatile("movw %w0, (%1)"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
		break;
	case 4:
		__asm__ volatile("movl %k0, (%1)"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
		break;
	default:
		__asm__ volatile("movq %0, (%1)"
				 :
				 : "r"(val), "r"(addr)
				 : "memory");
		break;
	}
}

uint64_t pio_read(uint16_t port, unsigned int len)
{
	if (len == 1)
		return inb(port);
	if (len == 2)
		return inw(port);
	return inl(port);
}

void pio_write(uint16_t port, unsigned int len, uint32_t val)
{
	if (len == 1)
		outb(port, (uint8_t)val);
	else if (len == 2)
		outw(port, (uint16_t)val);
	else
		outl(port, val);
}

uint8_t uart_in(unsigned int reg)
{
	return inb((uint16_t)(COM1 + reg));
}

void uart_out(unsigned int reg, uint8_t v)
{
	outb((uint16_t)(COM1 + reg), v);
}

void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void power_off(void)
{
	outb(PM_SLEEP_CONTROL, PM_SLEEP_S5);
	halt();
}

/* --- what the loader left --- */

static const uint8_t *zero_page(void)
{
	return (const uint8_t *)guest_entry.zero_page;
}

const char *cmdline(void)
{
	return (const char *)get_le(zero_page() + ZP_CMD_LINE_PTR, 4);
}

unsigned int e820_count(void)
{
	return zero_page()[ZP_E820_ENTRIES];
}

struct e820 e820_get(unsigned int i)
{
	struct e820 e;

	memcpy(&e, zero_page() + ZP_E820_TABLE + i * sizeof(e), sizeof(e));
	return e;
}

uint64_t ram_end(void)
{
	uint64_t here = (uint64_t)&guest_main;

	for (unsigned int i = 0; i < e820_count(); i++) {
		struct e820 e = e820_get(i);

		if (e.type == 1 && here >= e.base && here - e.base < e.len)
			return e.base + e.len;
	}
	fail("no RAM around this code in the e820 map");
}

static bool same_sig(const uint8_t *p, const char *sig)
{
	for (int i = 0; i < 4; i++) {
		if (p[i] != (uint8_t)sig[i])
			return false;
	}
	return true;
}

const uint8_t *acpi_find(const char *sig)
{
	uint64_t at = get_le(zero_page() + ZP_ACPI_RSDP, 8);
	const uint8_t *xsdt;
	uint64_t len;

	check(at != 0, "no acpi_rsdp_addr in the zero page");
	if (same_sig((const uint8_t *)"RSDP", sig))
		return (const uint8_t *)at;
	/* acpi-6.4 5.2.5.3: the XSDT's address is at 24. */
	xsdt = (const uint8_t *)get_le((const uint8_t *)at + 24, 8);
	if (same_sig((const uint8_t *)"XSDT", sig))
		return xsdt;
	len = get_le(xsdt + 4, 4);
	check(len >= 36 && len < 4096, "an XSDT of odd length");
	for (uint64_t off = 36; off + 8 <= len; off += 8) {
		const uint8_t *t = (const uint8_t *)get_le(xsdt + off, 8);

		if (same_sig(t, sig))
			return t;
	}
	return NULL;
}

uint64_t ecam_base(void)
{
	const uint8_t *mcfg = acpi_find("MCFG");

	check(mcfg != NULL, "no MCFG");
	check(get_le(mcfg + 4, 4) >= 60, "MCFG is too short");
	check_eq(get_le(mcfg + 52, 2), 0, "segment");
	check_eq(mcfg[54], 0, "first bus");
	return get_le(mcfg + 44, 8);
}

uint64_t nowhere(unsigned int i)
{
	static const uint64_t at[] = {0xfed40000, 0xfffffff0 - 8, 0};

	return at[i];
}

void panic_report(void)
{
	outb(0x505, 1);
}

/* --- exceptions and interrupts --- */

static void gate_set(unsigned int vector, uint64_t to)
{
	/* SDM 3A 6.14.1: present, interrupt gate. */
	idt[vector] = (struct gate){
		.offset_low = (uint16_t)to,
		.selector = 0x10,
		.flags = 0x8e00,
		.offset_mid = (uint16_t)(to >> 16),
		.offset_high = (uint32_t)(to >> 32),
	};
}

void idt_set(unsigned int vector, void (*handler)(struct interrupt_frame *))
{
	gate_set(vector, (uint64_t)handler);
}

void idt_drop(void)
{
	struct table_ptr none = {0, 0};

	__asm__ volatile("lidt %0" : : "m"(none));
}

static void idt_load(void)
{
	struct table_ptr p = {sizeof(idt) - 1, (uint64_t)idt};

	for (unsigned int i = 0; i < 32; i++)
		gate_set(i, (uint64_t)exception_doors + 16ul * i);
	__asm__ volatile("lidt %0" : : "m"(p));
}

void guest_exception(uint64_t vector, uint64_t code, uint64_t rip)
{
	uint64_t cr2;

	__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
	print("\nexception ");
	print_hex(vector);
	print(" code ");
	print_hex(code);
	print(" at ");
	print_hex(rip);
	print(" cr2 ");
	print_hex(cr2);
	print("\n");
	fail("exception");
}

uint32_t lapic_read(unsigned int reg)
{
	return (uint32_t)mmio_read(LAPIC + reg, 4);
}

void lapic_write(unsigned int reg, uint32_t val)
{
	mmio_write(LAPIC + reg, 4, val);
}

void ap_start(void (*main)(void))
{
	ap_main = main;
	memcpy((void *)(uintptr_t)AP_BASE, ap_code,
	       (size_t)(ap_code_end - ap_code));
	lapic_write(0xf0, 0x1ff);
	/* SDM 3A 8.4.4: INIT, then the start-up message twice. */
	lapic_write(0x310, 1u << 24);
	lapic_write(0x300, 0x4500);
	for (int i = 0; i < 2; i++) {
		lapic_write(0x310, 1u << 24);
		lapic_write(0x300, 0x4600 | AP_BASE >> 12);
	}
}

void guest_start(void)
{
	idt_load();
	guest_main();
	pass();
}
