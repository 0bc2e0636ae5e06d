// SPDX-License-Identifier: Apache-2.0
/* Requests of a driver against real files, by each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/blk_guest.h"
#include "vmm/blk_io.h"
#include "vmm/vm.h"

#define MIB	   (1u << 20)
#define DISK	   (4u * MIB)
#define ALL	   (~0ull)
#define BIT(n)	   (1ull << (n))
#define NO_FLUSH   (~BIT(VIRTIO_BLK_F_FLUSH))
#define NO_EVENTS  (~BIT(VIRTIO_RING_F_EVENT_IDX))
#define PATTERN(i) ((uint8_t)((i)*7 + (i) / 509))

struct box {
	char path[64];
	int fd; /* the test's own */
	struct conf_disk d;
	struct blk_guest g;
	char log[64]; /* what goes to standard error */
	int err;      /* the real one */
};

static enum conf_disk_io engine;

static void errors_away(struct box *b)
{
	int fd;

	strcpy(b->log, "/tmp/barge-blk-log-XXXXXX");
	fd = mkstemp(b->log);
	assert_true(fd >= 0);
	fflush(stderr);
	b->err = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* How many lines of standard error have @text. */
static unsigned int told(const struct box *b, const char *text)
{
	FILE *f = fopen(b->log, "r");
	char line[256];
	unsigned int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

static void begin_in(struct box *b, const char *folder)
{
	memset(b, 0, sizeof(*b));
	snprintf(b->path, sizeof(b->path), "%s/barge-blk-XXXXXX", folder);
	b->fd = mkstemp(b->path);
	assert_true(b->fd >= 0);
	assert_int_equal(ftruncate(b->fd, DISK), 0);
	b->d = (struct conf_disk)CONF_DISK_DEFAULT;
	strcpy(b->d.path, b->path);
	b->d.io = engine;
	errors_away(b);
}

static void begin(struct box *b)
{
	begin_in(b, "/tmp");
}

static void start_with(struct box *b, unsigned int cpus, uint64_t features)
{
	struct err e = {0};

	assert_int_equal(bg_open(&b->g, &b->d, cpus, &e), 0);
	assert_int_equal(bg_start(&b->g, features), 0);
}

static void start(struct box *b)
{
	start_with(b, 1, ALL);
}

static void end(struct box *b)
{
	if (b->g.u)
		bg_close(&b->g);
	close(b->fd);
	unlink(b->path);
	unlink(b->log);
	dup2(b->err, STDERR_FILENO);
	close(b->err);
}

static void fill(struct box *b, uint32_t off, uint32_t len, unsigned int seed)
{
	for (uint32_t i = 0; i < len; i++)
		b->g.ram[off + i] = PATTERN(i + seed);
}

static void assert_filled(struct box *b, uint32_t off, uint32_t len,
			  unsigned int seed)
{
	for (uint32_t i = 0; i < len; i++) {
		if (b->g.ram[off + i] != PATTERN(i + seed))
			fail_msg("byte %u of %u", i, len);
	}
}

static void assert_file(struct box *b, off_t at, uint32_t len,
			unsigned int seed)
{
	uint8_t *buf = malloc(len);

	assert_int_equal(pread(b->fd, buf, len, at), len);
	for (uint32_t i = 0; i < len; i++) {
		if (buf[i] != PATTERN(i + seed))
			fail_msg("byte %u of the file", i);
	}
	free(buf);
}

static uint8_t do_write(struct box *b, uint64_t sector, uint32_t len)
{
	return bg_do(&b->g, VIRTIO_BLK_T_OUT, sector, false, BG_DATA, len);
}

static uint8_t do_read(struct box *b, uint64_t sector, uint32_t len)
{
	return bg_do(&b->g, VIRTIO_BLK_T_IN, sector, true, BG_DATA, len);
}

/* --- what disks are for --------------------------------------------------- */

static void write_read(struct box *b)
{
	fill(b, BG_DATA, MIB, 1);
	assert_int_equal(do_write(b, 9, MIB), VIRTIO_BLK_S_OK);
	assert_file(b, 9 * 512, MIB, 1);
	assert_int_equal(bg_do(&b->g, VIRTIO_BLK_T_FLUSH, 0, false, 0, 0),
			 VIRTIO_BLK_S_OK);
	memset(b->g.ram + BG_DATA, 0, MIB);
	assert_int_equal(do_read(b, 9, MIB), VIRTIO_BLK_S_OK);
	assert_filled(b, BG_DATA, MIB, 1);
}

/* At the end nobody has the file open but the test: only then is a lease to be
 * had. */
static void plain(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	write_read(&b);
	bg_close(&b.g);
	b.g.u = NULL;
	if (fcntl(b.fd, F_SETLEASE, F_WRLCK) < 0)
		assert_int_not_equal(errno, EAGAIN);
	end(&b);
}

static void without_events(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	start_with(&b, 1, NO_EVENTS);
	write_read(&b);
	end(&b);
}

/* Each write is durable then; that it is shows only in a trace. */
static void written_through(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	start_with(&b, 1, NO_FLUSH);
	fill(&b, BG_DATA, 4096, 3);
	assert_int_equal(do_write(&b, 8, 4096), VIRTIO_BLK_S_OK);
	assert_file(&b, 4096, 4096, 3);
	assert_int_equal(bg_do(&b.g, VIRTIO_BLK_T_FLUSH, 0, false, 0, 0),
			 VIRTIO_BLK_S_UNSUPP);
	end(&b);
}

static void pieces(void **state)
{
	struct bg_req r = {
		.type = VIRTIO_BLK_T_OUT,
		.sector = 16,
		.pieces = 4,
		.piece = {{BG_DATA, 512},
			  {BG_DATA + 512, 1},
			  {BG_DATA + 513, 1023},
			  {BG_DATA + 1536, 8192 - 1536}},
	};
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	fill(&b, BG_DATA, 8192, 5);
	bg_offer(&b.g, &r);
	bg_kick(&b.g, 0);
	assert_int_equal(bg_await(&b.g, 0), 0);
	assert_int_equal(bg_status(&b.g, 0, 0), VIRTIO_BLK_S_OK);
	assert_file(&b, 8192, 8192, 5);
	memset(b.g.ram + BG_DATA, 0, 8192);
	r.type = VIRTIO_BLK_T_IN;
	r.in = true;
	bg_offer(&b.g, &r);
	bg_kick(&b.g, 0);
	assert_int_equal(bg_await(&b.g, 0), 0);
	assert_filled(&b, BG_DATA, 8192, 5);
	end(&b);
}

/* Many at a time, on several queues; each is answered once. */
static void many(void **state)
{
	unsigned int left[BG_QUEUES] = {0};
	struct box b;

	(void)state;
	begin(&b);
	start_with(&b, BG_QUEUES, ALL);
	assert_int_equal(b.g.u->v.n_queues, BG_QUEUES);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < BG_QUEUES * BG_SLOTS; i++) {
			struct bg_req r = {
				.q = i % BG_QUEUES,
				.slot = i / BG_QUEUES,
				.type = round % 2 ? VIRTIO_BLK_T_IN
						  : VIRTIO_BLK_T_OUT,
				.in = round % 2,
				.sector = i * 8,
				.pieces = 1,
				.piece = {{BG_DATA + i * 4096, 4096}},
			};

			if (!r.in)
				fill(&b, BG_DATA + i * 4096, 4096, i + round);
			bg_offer(&b.g, &r);
			left[r.q]++;
			if (i % 3 == 0 || i / BG_QUEUES == BG_SLOTS - 1)
				bg_kick(&b.g, r.q);
		}
		for (unsigned int q = 0; q < BG_QUEUES; q++) {
			for (; left[q]; left[q]--) {
				int slot = bg_await(&b.g, q);

				assert_true(slot >= 0);
				assert_int_equal(
					bg_status(&b.g, q, (unsigned int)slot),
					VIRTIO_BLK_S_OK);
			}
		}
		for (unsigned int i = 0; i < BG_QUEUES * BG_SLOTS; i++)
			assert_filled(&b, BG_DATA + i * 4096, 4096,
				      i + (round & ~1u));
	}
	end(&b);
}

/*
 * After many at once the device expects many, and the driver is to notify of
 * some only: one alone, before and after that limit, is answered all the same.
 */
static void lone_after_many(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < BG_SLOTS; i++) {
			struct bg_req r = {
				.slot = i,
				.type = VIRTIO_BLK_T_IN,
				.in = true,
				.sector = i * 8,
				.pieces = 1,
				.piece = {{BG_DATA + i * 4096, 4096}},
			};

			bg_offer(&b.g, &r);
		}
		bg_kick(&b.g, 0);
		for (unsigned int i = 0; i < BG_SLOTS; i++)
			assert_true(bg_await(&b.g, 0) >= 0);
		usleep(round % 10 * 20);
		assert_int_equal(do_read(&b, 0, 4096), VIRTIO_BLK_S_OK);
	}
	end(&b);
}

/*
 * Its guest wrote what begins like a qcow2 image: asked about before the first
 * start, but no reason to end a machine that reboots.
 */
static void headed_by_its_guest(void **state)
{
	static struct vm rebooted = {.restarts = 1};
	struct conf *c = calloc(1, sizeof(*c));
	struct virtio_unit u = {.name = "disk"};
	struct err e = {0};
	struct box b;

	(void)state;
	begin(&b);
	assert_non_null(c);
	assert_int_equal(pwrite(b.fd, "QFI\373\0\0\0\3", 8, 0), 8);
	c->cpus = 1;
	c->disk[0] = b.d;
	assert_int_equal(blk_host_open(&u, c, 0, &e), -EINVAL);
	assert_int_equal(e.what, ERR_DISK_FORMAT);
	u.close(&u.v);
	u = (struct virtio_unit){.name = "disk", .vm = &rebooted};
	assert_int_equal(blk_host_open(&u, c, 0, &e), 0);
	u.close(&u.v);
	free(c);
	end(&b);
}

/* --- discard and zero ----------------------------------------------------- */

static uint8_t do_range(struct box *b, uint32_t type, uint64_t sector,
			uint32_t n, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes *x =
		(void *)(b->g.ram + BG_DATA);

	x->sector = sector;
	x->num_sectors = n;
	x->flags = flags;
	return bg_do(&b->g, type, 0, false, BG_DATA, sizeof(*x));
}

static uint64_t allocated(const struct box *b)
{
	struct stat st;

	assert_int_equal(fstat(b->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void assert_zeros(struct box *b, off_t at, uint32_t len)
{
	uint8_t *buf = malloc(len);

	assert_int_equal(pread(b->fd, buf, len, at), len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(buf[i], 0);
	free(buf);
}

static void freed(void **state)
{
	uint64_t full;
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	fill(&b, BG_DATA, 2 * MIB, 1);
	assert_int_equal(do_write(&b, 0, 2 * MIB), VIRTIO_BLK_S_OK);
	full = allocated(&b);
	assert_int_equal(do_range(&b, VIRTIO_BLK_T_DISCARD, 0, 2048, 0),
			 VIRTIO_BLK_S_OK);
	if (!told(&b, "frees no blocks")) {
		assert_true(allocated(&b) + MIB <= full);
		assert_zeros(&b, 0, MIB);
	}
	assert_file(&b, MIB, MIB, 1 + MIB);
	/* with leave to deallocate, and without */
	assert_int_equal(do_range(&b, VIRTIO_BLK_T_WRITE_ZEROES, 2048, 1024,
				  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP),
			 VIRTIO_BLK_S_OK);
	assert_zeros(&b, MIB, MIB / 2);
	assert_file(&b, MIB + MIB / 2, MIB / 2, 1 + MIB + MIB / 2);
	full = allocated(&b);
	assert_int_equal(do_range(&b, VIRTIO_BLK_T_WRITE_ZEROES, 3072, 1024, 0),
			 VIRTIO_BLK_S_OK);
	assert_zeros(&b, MIB, MIB);
	assert_int_equal(allocated(&b), full);
	end(&b);
}

/* tmpfs knows no ZERO_RANGE: zeros are written there. */
static void zeroed_by_writing(void **state)
{
	struct box b;

	(void)state;
	if (access("/dev/shm", W_OK) < 0)
		skip();
	begin_in(&b, "/dev/shm");
	start(&b);
	fill(&b, BG_DATA, 4 * MIB, 1);
	assert_int_equal(do_write(&b, 0, 4 * MIB), VIRTIO_BLK_S_OK);
	assert_int_equal(do_range(&b, VIRTIO_BLK_T_WRITE_ZEROES, 1, 5000, 0),
			 VIRTIO_BLK_S_OK);
	assert_file(&b, 0, 512, 1);
	assert_zeros(&b, 512, 5000 * 512);
	assert_file(&b, 5001 * 512, 4096, 1 + 5001 * 512);
	end(&b);
}

static void kept(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	b.d.discard = false;
	start(&b);
	assert_int_equal(do_range(&b, VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_UNSUPP);
	end(&b);
}

/* --- what may not be ------------------------------------------------------ */

static void readonly(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	b.d.readonly = true;
	start(&b);
	fill(&b, BG_DATA, 4096, 1);
	assert_int_equal(do_write(&b, 0, 4096), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_range(&b, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(do_read(&b, 0, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(b.g.ram[BG_DATA], 0);
	end(&b);
}

static void beyond_the_end(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	assert_int_equal(do_read(&b, DISK / 512, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(&b, DISK / 512 - 1, 1024), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(&b, ~0ull, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(&b, DISK / 512 - 1, 512), VIRTIO_BLK_S_OK);
	end(&b);
}

/* No room for a status: the device needs a reset, and works again after it. */
static void no_status(void **state)
{
	struct bg_req r = {.type = VIRTIO_BLK_T_FLUSH, .no_status = true};
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	bg_offer(&b.g, &r);
	bg_kick(&b.g, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		if (atomic_load(&b.g.u->v.status) & 64)
			break;
		usleep(10000);
	}
	assert_true(atomic_load(&b.g.u->v.status) & 64);
	bg_stop(&b.g);
	assert_int_equal(bg_start(&b.g, ALL), 0);
	write_read(&b);
	end(&b);
}

/* --- faults of the host --------------------------------------------------- */

static void shrunk(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	start(&b);
	assert_int_equal(ftruncate(b.fd, MIB + 700), 0);
	assert_int_equal(do_read(&b, 0, MIB), VIRTIO_BLK_S_OK);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(do_read(&b, 2048, 4096), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(&b, 4096, 4096), VIRTIO_BLK_S_IOERR);
	assert_int_equal(told(&b, "shorter than it was"), 1);
	end(&b);
}

/* What may not grow is full for the guest; the rest of the disk works. */
static void full(void **state)
{
	struct rlimit was, limit;
	struct box b;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	begin(&b);
	start(&b);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = was;
	limit.rlim_cur = MIB;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0) {
		end(&b);
		skip();
	}
	fill(&b, BG_DATA, 2 * MIB, 9);
	assert_int_equal(do_write(&b, 0, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(do_write(&b, 2048, 4096), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_write(&b, 4096, 4096), VIRTIO_BLK_S_IOERR);
	/* half of it fits: short, then refused */
	assert_int_equal(do_write(&b, 1024, MIB), VIRTIO_BLK_S_IOERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(told(&b, "no room left"), 1);
	assert_int_equal(do_write(&b, 2048, 4096), VIRTIO_BLK_S_OK);
	end(&b);
}

/* After stop() nothing is written to the guest's memory any more. */
static void stopped_in_flight(void **state)
{
	struct box b;

	(void)state;
	begin(&b);
	/* past the page cache they take a while, where that can be */
	b.d.direct = true;
	if (bg_open(&b.g, &b.d, 1, &(struct err){0}) < 0)
		b.d.direct = false;
	bg_close(&b.g);
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int given;
		uint8_t *ram;

		start_with(&b, 2, ALL);
		for (unsigned int i = 0; i < BG_SLOTS; i++) {
			struct bg_req r = {
				.q = i % 2,
				.slot = i / 2,
				.type = VIRTIO_BLK_T_IN,
				.in = true,
				.pieces = 1,
				.piece = {{BG_DATA + i * 65536, 65536}},
			};

			bg_offer(&b.g, &r);
		}
		bg_kick(&b.g, 0);
		bg_kick(&b.g, 1);
		if (round % 2)
			usleep(200 * round);
		bg_stop(&b.g);
		given = bg_waiting(&b.g, 0) + bg_waiting(&b.g, 1);
		for (unsigned int q = 0; q < 2; q++)
			assert_int_equal(b.g.u->v.queue[q].seen,
					 b.g.u->v.queue[q].done);
		ram = malloc(BG_RAM);
		memcpy(ram, b.g.ram, BG_RAM);
		usleep(1000);
		assert_memory_equal(ram, b.g.ram, BG_RAM);
		assert_int_equal(given,
				 bg_waiting(&b.g, 0) + bg_waiting(&b.g, 1));
		free(ram);
		bg_close(&b.g);
		b.g.u = NULL;
	}
	end(&b);
}

#define BLOCKS 60u
#define BYTES  65536u

/* Writes and flushes one block after the other, and tells of each. */
static void write_on(struct box *b, int out)
{
	start_with(b, 1, ALL);
	for (unsigned int i = 0;; i = (i + 1) % BLOCKS) {
		fill(b, BG_DATA, BYTES, i);
		if (do_write(b, i * BYTES / 512, BYTES) != VIRTIO_BLK_S_OK ||
		    bg_do(&b->g, VIRTIO_BLK_T_FLUSH, 0, false, 0, 0) !=
			    VIRTIO_BLK_S_OK ||
		    write(out, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

/* Killed while it writes: what the driver was told is flushed is there. */
static void killed(void **state)
{
	unsigned int i, n = 0;
	int told_of[2];
	struct box b;
	pid_t pid;

	(void)state;
	begin(&b);
	assert_int_equal(pipe(told_of), 0);
	pid = fork();
	if (pid == 0)
		write_on(&b, told_of[1]);
	close(told_of[1]);
	while (n < 20 && read(told_of[0], &i, sizeof(i)) == sizeof(i))
		n++;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(told_of[0], &i, sizeof(i)) == sizeof(i))
		n++;
	close(told_of[0]);
	assert_true(n >= 20);
	/* a second round writes the same once more */
	for (i = 0; i < BLOCKS && i < n; i++)
		assert_file(&b, i * BYTES, BYTES, i);
	/* and nobody has it any more */
	start(&b);
	assert_int_equal(do_read(&b, 0, BYTES), VIRTIO_BLK_S_OK);
	assert_filled(&b, BG_DATA, BYTES, 0);
	end(&b);
}

/* --- O_DIRECT ------------------------------------------------------------- */

/* Buffers of any alignment go through copies, longer than one of these. */
static void direct(void **state)
{
	struct err e = {0};
	struct box b;
	uint64_t at;

	(void)state;
	begin(&b);
	b.d.direct = true;
	if (bg_open(&b.g, &b.d, 1, &e) < 0) {
		end(&b);
		skip();
	}
	assert_int_equal(bg_start(&b.g, ALL), 0);
	at = b.g.u->v.ops->cfg_read(&b.g.u->v, 20, 4) == 4096 ? 8 : 9;
	fill(&b, BG_DATA, MIB, 1);
	assert_int_equal(do_write(&b, at, MIB), VIRTIO_BLK_S_OK);
	assert_file(&b, (off_t)at * 512, MIB, 1);
	fill(&b, BG_DATA + 3, MIB, 2);
	assert_int_equal(
		bg_do(&b.g, VIRTIO_BLK_T_OUT, at, false, BG_DATA + 3, MIB),
		VIRTIO_BLK_S_OK);
	assert_file(&b, (off_t)at * 512, MIB, 2);
	memset(b.g.ram + BG_DATA, 0, 2 * MIB);
	assert_int_equal(
		bg_do(&b.g, VIRTIO_BLK_T_IN, at, true, BG_DATA + 5, MIB),
		VIRTIO_BLK_S_OK);
	assert_filled(&b, BG_DATA + 5, MIB, 2);
	assert_int_equal(b.g.ram[BG_DATA + 4], 0);
	assert_int_equal(b.g.ram[BG_DATA + 5 + MIB], 0);
	end(&b);
}

/* Both engines run all of it; io_uring where the kernel has it. */
static int run(enum conf_disk_io io)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(without_events),
		cmocka_unit_test(written_through),
		cmocka_unit_test(pieces),
		cmocka_unit_test(many),
		cmocka_unit_test(lone_after_many),
		cmocka_unit_test(headed_by_its_guest),
		cmocka_unit_test(freed),
		cmocka_unit_test(zeroed_by_writing),
		cmocka_unit_test(kept),
		cmocka_unit_test(readonly),
		cmocka_unit_test(beyond_the_end),
		cmocka_unit_test(no_status),
		cmocka_unit_test(shrunk),
		cmocka_unit_test(full),
		cmocka_unit_test(stopped_in_flight),
		cmocka_unit_test(killed),
		cmocka_unit_test(direct),
	};

	engine = io;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	int failed = run(DISK_IO_THREADS);

	if (blk_uring_probe() == 0)
		failed += run(DISK_IO_URING);
	else
		printf("[  SKIPPED ] io_uring is not to be had here\n");
	return failed;
}
