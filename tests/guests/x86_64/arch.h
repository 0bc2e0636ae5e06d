/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUESTS_X86_64_ARCH_H
#define TESTS_GUESTS_X86_64_ARCH_H

#include "tests/guests/guest.h"

/* What tiny guests have on x86_64 alone. */

#define COM1		 0x3f8

#define PM_SLEEP_CONTROL 0x600
#define PM_RESET	 0x602
#define PM_SLEEP_S5	 0x34 /* SLP_EN, SLP_TYP 5: acpi-6.4 4.8.3.7 */

struct guest_entry {
	uint64_t zero_page; /* rsi */
	uint64_t rflags;
	uint64_t cr0;
	uint64_t cr4;
	uint16_t cs;
	uint16_t ds;
	uint16_t es;
	uint16_t ss;
	uint32_t efer;
	uint64_t cr3;
};

/* How the loader entered us. */
extern const struct guest_entry guest_entry;

struct e820 {
	uint64_t base;
	uint64_t len;
	uint32_t type;
} __attribute__((packed));

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo;
	uint32_t hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

uint64_t pio_read(uint16_t port, unsigned int len);
void pio_write(uint16_t port, unsigned int len, uint32_t val);

/* From the zero page (linux-zero-page). */
unsigned int e820_count(void);
struct e820 e820_get(unsigned int i);
/* An ACPI table by its signature, or NULL; "RSDP" and "XSDT" are known, too. */
const uint8_t *acpi_find(const char *sig);

/* An interrupt handler is a function with the attribute `interrupt`. */
struct interrupt_frame;
void idt_set(unsigned int vector, void (*handler)(struct interrupt_frame *));
/* A gate table with limit 0: the next exception is a triple fault. */
void idt_drop(void);

#define LAPIC 0xfee00000u
uint32_t lapic_read(unsigned int reg);
void lapic_write(unsigned int reg, uint32_t val);

#endif
