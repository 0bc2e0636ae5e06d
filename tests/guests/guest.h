/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GUESTS_GUEST_H
#define TESTS_GUESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What every tiny guest is made of, on each architecture. A guest is one
 * program with guest_main(); returning from it means PASS and power off.
 * tests/guests/run looks for PASS on the serial port and at barge's exit
 * status. What only one architecture has is in its folder's arch.h.
 */
void guest_main(void);

/* guest.c */

/* All-ones of @len bytes. */
uint64_t ones(unsigned int len);
uint64_t get_le(const uint8_t *p, unsigned int len);
uint64_t get_be(const uint8_t *p, unsigned int len);
bool same_text(const char *a, const char *b);

void print(const char *s);
void print_hex(uint64_t v);
void pass(void) __attribute__((noreturn));
void fail(const char *what) __attribute__((noreturn));
void check(bool ok, const char *what);
void check_eq(uint64_t got, uint64_t want, const char *what);
/* The number after "NAME=" on the command line, or 0. */
uint64_t cmdline_number(const char *name);

/* xorshift: any full-period generator does. */
struct rnd {
	uint64_t s;
};

uint64_t rnd(struct rnd *r);

/*
 * The architecture's: in its arch.c, or beside its share of the guest that
 * wants it.
 */

/* Memory-mapped access of 1, 2, 4 or 8 bytes, exactly one instruction. */
uint64_t mmio_read(uint64_t addr, unsigned int len);
void mmio_write(uint64_t addr, unsigned int len, uint64_t val);

/* Registers of the 16550 (PC16550D 8.1 to 8.6.8), 0 to 7. */
uint8_t uart_in(unsigned int reg);
void uart_out(unsigned int reg, uint8_t v);

const char *cmdline(void);
/* The first byte past the RAM that holds us. */
uint64_t ram_end(void);
/* The @i-th piece of RAM that is ours to try; false: there are no more. */
bool ram_piece(unsigned int i, uint64_t *base, uint64_t *end);
/* An access that begins in the last bytes of RAM and ends beyond. */
void edge_across(uint64_t end);
/* Configuration space of bus 0, 4096 bytes for each function. */
uint64_t ecam_base(void);
/* An address below 4 GiB where there is neither RAM nor device; 0: no more. */
uint64_t nowhere(unsigned int i);

/* What only this architecture can do with the serial port. */
void serial_more(void);
/* Start the second processor in @main. */
void ap_start(void (*main)(void));
/* Tell pvpanic. */
void panic_report(void);
/* The exit device. */
uint64_t exit_read(unsigned int len);
void exit_write(unsigned int off, unsigned int len, uint64_t val);
/* One access to somewhere, but not to what ends the VM. */
void garbage_step(struct rnd *r);

void power_off(void) __attribute__((noreturn));
void halt(void) __attribute__((noreturn));

#endif
