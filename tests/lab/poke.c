/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poke: a hand for PCI devices without a driver, in the lab's guests and in L1.
 * FILE is a file of sysfs that can be mapped
 * (/sys/bus/pci/devices/ADDRESS/resourceN), CONFIG a device's configuration
 * space (.../config). Numbers are decimal or 0x...; SIZE is 1, 2, 4 or 8, 4 if
 * not given.
 *
 *   poke read FILE OFFSET [SIZE]         prints the register, as 0x...
 *   poke write FILE OFFSET VALUE [SIZE]
 *   poke dump FILE OFFSET LENGTH         copies memory to standard output
 *   poke load FILE OFFSET                copies standard input to memory
 *   poke touch FILE STRIDE LENGTH        reads one word at each multiple of
 * STRIDE below LENGTH poke mark FILE STRIDE LENGTH         writes there the
 * word's offset / STRIDE + 1 poke marked FILE STRIDE LENGTH       fails unless
 * they are there poke set CONFIG BITS                 in COMMAND
 * (PCI-3.0 6.2.2) poke clear CONFIG BITS poke toggle CONFIG BITS TIMES clears
 * and sets them TIMES times poke dma FILE FROM TO LENGTH COMMAND one transfer
 * by QEMU's edu device, FILE its resource0 poke edu-ram FILE edu copies a page
 * of this program to its buffer and back poke picture ppm|xrgb WIDTH HEIGHT   a
 * picture to standard output
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Of QEMU's docs/specs/edu. */
#define EDU_DMA_FROM   0x80
#define EDU_DMA_TO     0x88
#define EDU_DMA_LENGTH 0x90
#define EDU_DMA_CMD    0x98
#define EDU_BUFFER     0x40000
/* QEMU 7.2 refuses a transfer of all the 4096 bytes, and ends. */
#define EDU_SOME   2048u
#define EDU_START  1u
#define EDU_TO_RAM 2u

#define BLOCK	   4096ull

static void die(const char *what, const char *name)
{
	fprintf(stderr, "poke: %s %s: %s\n", what, name,
		errno ? strerror(errno) : "no");
	exit(1);
}

static uint64_t page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t number(const char *s)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno || end == s || *end) {
		errno = EINVAL;
		die("number", s);
	}
	return v;
}

static int file_open(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC);

	if (fd < 0)
		die("open", name);
	return fd;
}

/* Map what @len bytes from @off on need; never unmapped but for touch. */
struct window {
	uint8_t *map;
	size_t len;
	volatile uint8_t *at;
};

static struct window window_map(int fd, const char *name, uint64_t off,
				uint64_t len)
{
	uint64_t skip = off % page();
	struct window w = {.len = (size_t)(skip + len)};

	w.map = mmap(NULL, w.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     (off_t)(off - skip));
	if (w.map == MAP_FAILED)
		die("map", name);
	w.at = w.map + skip;
	return w;
}

static volatile uint8_t *reg(const char *name, uint64_t off, uint64_t len)
{
	return window_map(file_open(name, O_RDWR | O_SYNC), name, off, len).at;
}

static uint64_t reg_read(volatile uint8_t *p, uint64_t size)
{
	switch (size) {
	case 1:
		return *p;
	case 2:
		return *(volatile uint16_t *)p;
	case 4:
		return *(volatile uint32_t *)p;
	case 8:
		return *(volatile uint64_t *)p;
	default:
		errno = EINVAL;
		die("size", "of a register");
		return 0;
	}
}

static void reg_write(volatile uint8_t *p, uint64_t v, uint64_t size)
{
	switch (size) {
	case 1:
		*p = (uint8_t)v;
		break;
	case 2:
		*(volatile uint16_t *)p = (uint16_t)v;
		break;
	case 4:
		*(volatile uint32_t *)p = (uint32_t)v;
		break;
	case 8:
		*(volatile uint64_t *)p = v;
		break;
	default:
		errno = EINVAL;
		die("size", "of a register");
	}
}

static int do_read(char **arg)
{
	uint64_t size = arg[2] ? number(arg[2]) : 4;

	printf("0x%llx\n", (unsigned long long)reg_read(
				   reg(arg[0], number(arg[1]), size), size));
	return 0;
}

static int do_write(char **arg)
{
	uint64_t size = arg[3] ? number(arg[3]) : 4;

	reg_write(reg(arg[0], number(arg[1]), size), number(arg[2]), size);
	return 0;
}

/* By words: a device's memory need not bear what memcpy does. */
static int do_dump(char **arg)
{
	uint64_t i, len = number(arg[2]);
	volatile uint8_t *p = reg(arg[0], number(arg[1]), len);

	for (i = 0; i + 4 <= len; i += 4) {
		uint32_t v = (uint32_t)reg_read(p + i, 4);

		if (fwrite(&v, sizeof(v), 1, stdout) != 1)
			die("write", "standard output");
	}
	return 0;
}

static int do_load(char **arg)
{
	uint64_t off = number(arg[1]);
	int fd = file_open(arg[0], O_RDWR | O_SYNC);
	uint32_t buf[BLOCK / 4];
	size_t i, n;

	while ((n = fread(buf, sizeof(buf[0]), BLOCK / 4, stdin)) > 0) {
		struct window w = window_map(fd, arg[0], off, n * 4);

		for (i = 0; i < n; i++)
			reg_write(w.at + i * 4, buf[i], 4);
		munmap(w.map, w.len);
		off += n * 4;
	}
	return 0;
}

enum visit {
	VISIT_TOUCH,
	VISIT_MARK,
	VISIT_MARKED,
};

/*
 * A page at a time: the kernel fills its tables for all of a mapping of a
 * resource at once, which for 64 GiB would be more than a guest has.
 */
static int visit(char **arg, enum visit what)
{
	uint64_t off, n = 0, stride = number(arg[1]), len = number(arg[2]);
	int fd = file_open(arg[0], O_RDWR | O_SYNC);

	for (off = 0; off < len; off += stride) {
		struct window w = window_map(fd, arg[0], off, 4);
		uint64_t v;

		n++;
		if (what == VISIT_MARK)
			reg_write(w.at, n, 4);
		v = reg_read(w.at, 4);
		munmap(w.map, w.len);
		if (what == VISIT_MARKED && v != n) {
			printf("0x%llx is at 0x%llx\n", (unsigned long long)v,
			       (unsigned long long)off);
			return 1;
		}
	}
	printf("%llu\n", (unsigned long long)n);
	return 0;
}

static int do_touch(char **arg)
{
	return visit(arg, VISIT_TOUCH);
}

static int do_mark(char **arg)
{
	return visit(arg, VISIT_MARK);
}

static int do_marked(char **arg)
{
	return visit(arg, VISIT_MARKED);
}

static void command_change(int fd, uint16_t clear, uint16_t set)
{
	uint16_t v;

	if (pread(fd, &v, sizeof(v), 4) != sizeof(v))
		die("read", "COMMAND");
	v = (uint16_t)((v & ~clear) | set);
	if (pwrite(fd, &v, sizeof(v), 4) != sizeof(v))
		die("write", "COMMAND");
}

static int do_set(char **arg)
{
	command_change(file_open(arg[0], O_RDWR), 0, (uint16_t)number(arg[1]));
	return 0;
}

static int do_clear(char **arg)
{
	command_change(file_open(arg[0], O_RDWR), (uint16_t)number(arg[1]), 0);
	return 0;
}

static int do_toggle(char **arg)
{
	int fd = file_open(arg[0], O_RDWR);
	uint16_t bits = (uint16_t)number(arg[1]);
	uint64_t i, times = number(arg[2]);

	for (i = 0; i < times; i++) {
		command_change(fd, bits, 0);
		command_change(fd, 0, bits);
	}
	return 0;
}

/* A transfer takes edu a tenth of a second; 10 s are too many on any machine.
 */
static int edu_dma(volatile uint8_t *edu, uint64_t from, uint64_t to,
		   uint64_t len, uint64_t cmd)
{
	const struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
	int i;

	reg_write(edu + EDU_DMA_FROM, from, 8);
	reg_write(edu + EDU_DMA_TO, to, 8);
	reg_write(edu + EDU_DMA_LENGTH, len, 8);
	reg_write(edu + EDU_DMA_CMD, cmd | EDU_START, 8);
	for (i = 0; i < 2000; i++) {
		if (!(reg_read(edu + EDU_DMA_CMD, 8) & EDU_START))
			return 0;
		nanosleep(&nap, NULL);
	}
	fprintf(stderr, "poke: the transfer does not end\n");
	return 1;
}

static int do_dma(char **arg)
{
	return edu_dma(reg(arg[0], 0, BLOCK), number(arg[1]), number(arg[2]),
		       number(arg[3]), number(arg[4]));
}

/* linux/Documentation/admin-guide/mm/pagemap.rst */
static uint64_t physical(const void *p)
{
	int fd = file_open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry),
		  (off_t)((uintptr_t)p / page() * sizeof(entry))) !=
		    sizeof(entry) ||
	    !(entry >> 63))
		die("find", "a page's physical address");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * page() + (uintptr_t)p % page();
}

static int do_edu_ram(char **arg)
{
	volatile uint8_t *edu = reg(arg[0], 0, BLOCK);
	uint8_t *out, *in;
	unsigned int i;

	out = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (out == MAP_FAILED)
		die("lock", "memory");
	in = out + BLOCK;
	for (i = 0; i < BLOCK; i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	memset(in, 0xa5, BLOCK);
	if (edu_dma(edu, physical(out), EDU_BUFFER, EDU_SOME, 0) ||
	    edu_dma(edu, EDU_BUFFER, physical(in), EDU_SOME, EDU_TO_RAM))
		return 1;
	for (i = 0; i < EDU_SOME; i++)
		if (((volatile uint8_t *)in)[i] != out[i]) {
			printf("byte %u came back as 0x%x, not 0x%x\n", i,
			       in[i], out[i]);
			return 1;
		}
	return 0;
}

/* Something of each colour, and no two lines alike. */
static int do_picture(char **arg)
{
	bool ppm = !strcmp(arg[0], "ppm");
	unsigned int x, y, w = (unsigned int)number(arg[1]);
	unsigned int h = (unsigned int)number(arg[2]);

	if (ppm)
		printf("P6\n%u %u\n255\n", w, h);
	for (y = 0; y < h; y++) {
		for (x = 0; x < w; x++) {
			uint8_t r = (uint8_t)(x * 255 / w);
			uint8_t g = (uint8_t)(y * 255 / h);
			uint8_t b = (uint8_t)(x ^ y);
			uint8_t rgb[] = {r, g, b};
			uint8_t bgrx[] = {b, g, r, 0};

			if (ppm)
				fwrite(rgb, sizeof(rgb), 1, stdout);
			else
				fwrite(bgrx, sizeof(bgrx), 1, stdout);
		}
	}
	return 0;
}

static const struct {
	const char *name;
	int least; /* arguments */
	int (*run)(char **arg);
} commands[] = {
	{"read", 2, do_read},	    {"write", 3, do_write},
	{"dump", 3, do_dump},	    {"load", 2, do_load},
	{"touch", 3, do_touch},	    {"mark", 3, do_mark},
	{"marked", 3, do_marked},   {"set", 2, do_set},
	{"clear", 2, do_clear},	    {"toggle", 3, do_toggle},
	{"dma", 5, do_dma},	    {"edu-ram", 1, do_edu_ram},
	{"picture", 3, do_picture},
};

int main(int argc, char **argv)
{
	size_t i;
	int status;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc < 2 || strcmp(argv[1], commands[i].name) ||
		    argc < commands[i].least + 2)
			continue;
		status = commands[i].run(argv + 2);
		errno = 0;
		if (fflush(stdout) || ferror(stdout))
			die("write", "standard output");
		return status;
	}
	fprintf(stderr, "poke: the head of poke.c says what it does\n");
	return 1;
}
