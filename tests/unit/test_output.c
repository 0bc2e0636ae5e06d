/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/output.h"

#define RING  65536u
#define PIPE  65536
#define TOTAL (1u << 20)

static struct output *o;
static int p[2];

static int start_on(int *fd)
{
	const struct output_to to = {.write = output_fd, .ctx = fd};

	return output_start(&o, &to);
}

static int setup(void **state)
{
	(void)state;
	o = NULL;
	if (pipe2(p, O_CLOEXEC) < 0 || fcntl(p[1], F_SETPIPE_SZ, PIPE) < PIPE ||
	    start_on(&p[1]) < 0)
		return -1;
	alarm(60); /* what hangs is killed, and that is a failure */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	alarm(0);
	close(p[0]);
	close(p[1]);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void say(const char *s)
{
	output_put(o, (const uint8_t *)s, strlen(s));
}

/* A long text in which every place is different from its neighbours'. */
static void fill(uint8_t *buf, size_t len, uint64_t at)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)((at + i) * 2654435761u >> 13);
}

static bool is_filled(const uint8_t *buf, size_t len, uint64_t at)
{
	uint8_t want[1024];

	for (size_t i = 0; i < len; i += sizeof(want)) {
		size_t n = len - i < sizeof(want) ? len - i : sizeof(want);

		fill(want, n, at + i);
		if (memcmp(buf + i, want, n) != 0)
			return false;
	}
	return true;
}

static size_t read_n(uint8_t *buf, size_t len)
{
	size_t n = 0;
	ssize_t r;

	while (n < len && (r = read(p[0], buf + n, len - n)) > 0)
		n += (size_t)r;
	return n;
}

static void assert_all_written(struct output_end end)
{
	assert_int_equal(end.error, 0);
	assert_int_equal(end.dropped, 0);
}

static void nothing_to_write(void **state)
{
	struct output_end end = output_finish(NULL);

	(void)state;
	assert_all_written(end);
	assert_all_written(output_finish(o));
}

static void written_without_being_asked(void **state)
{
	uint8_t text[32];

	(void)state;
	say("hello ");
	say("world");
	assert_int_equal(read_n(text, 11), 11);
	assert_memory_equal(text, "hello world", 11);
	say("!");
	assert_int_equal(read_n(text, 1), 1);
	assert_all_written(output_finish(o));
}

/* The end waits for what is under way. */
static void finish_writes_the_rest(void **state)
{
	static uint8_t all[RING], out[RING];

	(void)state;
	fill(all, RING, 0);
	output_put(o, all, RING);
	assert_all_written(output_finish(o));
	assert_int_equal(read_n(out, RING), RING);
	assert_true(is_filled(out, RING, 0));
}

struct reader {
	size_t piece;
	unsigned int pause_ms; /* between pieces */
	size_t n;
	bool same;
};

static void *listen_all(void *arg)
{
	struct reader *r = arg;
	uint8_t buf[8192];
	ssize_t n;

	r->same = true;
	while ((n = read(p[0], buf, r->piece)) > 0) {
		r->same &= is_filled(buf, (size_t)n, r->n);
		r->n += (size_t)n;
		if (r->pause_ms)
			(void)poll(NULL, 0, (int)r->pause_ms);
	}
	return NULL;
}

/* All of it, in order, whatever is put in at a time. */
static void order_is_kept(void **state)
{
	static const size_t pieces[] = {1, 7, 1000, RING, RING + 1, TOTAL};
	static uint8_t all[TOTAL];

	fill(all, TOTAL, 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct reader r = {.piece = 3000};
		pthread_t t;

		if (i) {
			teardown(state);
			assert_int_equal(setup(state), 0);
		}
		pthread_create(&t, NULL, listen_all, &r);
		for (size_t at = 0; at < TOTAL; at += pieces[i])
			output_put(o, all + at,
				   TOTAL - at < pieces[i] ? TOTAL - at
							  : pieces[i]);
		assert_all_written(output_finish(o));
		close(p[1]);
		pthread_join(t, NULL);
		assert_int_equal(r.n, TOTAL);
		assert_true(r.same);
	}
}

/* 40 KB/s: slower than the patience for a whole ring, but alive. */
static void slow_reader_loses_nothing(void **state)
{
	static uint8_t all[4 * RING];
	struct reader r = {.piece = 4096, .pause_ms = 100};
	pthread_t t;

	(void)state;
	fill(all, sizeof(all), 0);
	pthread_create(&t, NULL, listen_all, &r);
	output_put(o, all, sizeof(all));
	assert_all_written(output_finish(o));
	close(p[1]);
	pthread_join(t, NULL);
	assert_int_equal(r.n, sizeof(all));
	assert_true(r.same);
}

/* Waited for once, at most a moment; then output is dropped and counted. */
static void stalled_reader_does_not_stop_a_vcpu(void **state)
{
	static uint8_t all[4 * RING], out[4 * RING];
	struct output_end end;
	size_t kept = 0;
	uint64_t t = now_ms();
	struct pollfd in = {.fd = p[0], .events = POLLIN};

	(void)state;
	fill(all, sizeof(all), 0);
	output_put(o, all, sizeof(all));
	for (unsigned int i = 0; i < 10000; i++)
		say("dropped");
	assert_true(now_ms() - t < 4000);
	/* What was kept is the beginning, without a hole. */
	while (poll(&in, 1, 200) == 1)
		kept += (size_t)read(p[0], out + kept, sizeof(out) - kept);
	assert_true(kept >= PIPE + RING && kept <= PIPE + 2 * RING);
	assert_true(is_filled(out, kept, 0));
	/* It reads again: nothing more is dropped. */
	say("back");
	assert_int_equal(read_n(out, 4), 4);
	assert_memory_equal(out, "back", 4);
	end = output_finish(o);
	assert_int_equal(end.error, 0);
	assert_int_equal(end.dropped, sizeof(all) - kept + 7 * 10000);
}

static void finish_does_not_wait_for_ever(void **state)
{
	static uint8_t all[2 * RING];
	/* Its memory ends with the process: this pointer is not for use. */
	static struct output *volatile lost;
	struct output_end end;
	uint64_t t;

	(void)state;
	lost = o;
	output_put(lost, all, sizeof(all));
	t = now_ms();
	end = output_finish(o);
	assert_true(now_ms() - t < 15000);
	assert_true(end.dropped > 0 && end.dropped <= RING);
	assert_true(end.stuck);
}

static void closed_reader(void **state)
{
	struct output_end end;

	(void)state;
	close(p[0]);
	p[0] = -1;
	/* Neither SIGPIPE nor a wait. */
	for (unsigned int i = 0; i < 100000; i++)
		say("nobody hears it");
	end = output_finish(o);
	assert_int_equal(end.error, -EPIPE);
	assert_int_equal(end.dropped, 1500000);
}

static void full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct output_end end;

	(void)state;
	assert_all_written(output_finish(o));
	if (fd < 0)
		skip();
	assert_int_equal(start_on(&fd), 0);
	say("12345");
	end = output_finish(o);
	assert_int_equal(end.error, -ENOSPC);
	assert_int_equal(end.dropped, 5);
	close(fd);
}

/* O_NONBLOCK may be set by whoever shares the file. */
static void nonblocking_file(void **state)
{
	static uint8_t all[4 * RING];
	struct reader r = {.piece = 2000, .pause_ms = 1};
	pthread_t t;

	(void)state;
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
	fill(all, sizeof(all), 0);
	output_put(o, all, PIPE); /* until it is full */
	(void)poll(NULL, 0, 50);
	pthread_create(&t, NULL, listen_all, &r);
	output_put(o, all + PIPE, sizeof(all) - PIPE);
	assert_all_written(output_finish(o));
	close(p[1]);
	pthread_join(t, NULL);
	assert_int_equal(r.n, sizeof(all));
	assert_true(r.same);
}

struct talker {
	uint8_t name;
	pthread_t thread;
};

static void *talk(void *arg)
{
	const struct talker *t = arg;
	uint8_t piece[64];

	memset(piece, t->name, sizeof(piece));
	for (unsigned int i = 0; i < 1000; i++)
		output_put(o, piece, sizeof(piece));
	return NULL;
}

/* Several vCPUs: their bytes are all there, none of them twice. */
static void many_writers(void **state)
{
	static uint8_t out[4 * 64000];
	struct talker t[4];
	unsigned int n[4] = {0};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		t[i].name = (uint8_t)('a' + i);
		pthread_create(&t[i].thread, NULL, talk, &t[i]);
	}
	assert_int_equal(read_n(out, sizeof(out)), sizeof(out));
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(t[i].thread, NULL);
	assert_all_written(output_finish(o));
	for (size_t i = 0; i < sizeof(out); i++) {
		assert_true(out[i] >= 'a' && out[i] <= 'd');
		n[out[i] - 'a']++;
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(n[i], 64000);
}

/* --- a destination of our own --------------------------------------------- */

static struct {
	atomic_int answer;    /* what to say instead of taking; 0: take */
	atomic_uint pause_ms; /* before each answer */
	atomic_bool deaf;     /* takes nothing, and says so */
	atomic_uint most;     /* to take at once; 0: as much as there is */
	atomic_uint calls;
	atomic_size_t n;
	uint8_t got[4 * RING];
} there;

static ssize_t there_write(void *ctx, const uint8_t *buf, size_t len)
{
	unsigned int most = atomic_load(&there.most);

	assert_ptr_equal(ctx, &there);
	assert_true(len > 0);
	atomic_fetch_add(&there.calls, 1);
	if (atomic_load(&there.pause_ms))
		(void)poll(NULL, 0, (int)atomic_load(&there.pause_ms));
	if (atomic_load(&there.answer))
		return atomic_load(&there.answer);
	if (atomic_load(&there.deaf))
		return 0;
	if (most && len > most)
		len = most;
	assert_true(len <= sizeof(there.got) - there.n);
	memcpy(there.got + there.n, buf, len);
	there.n += len;
	return (ssize_t)len;
}

static void start_there(int answer, unsigned int again_ms)
{
	const struct output_to to = {
		.write = there_write, .ctx = &there, .again_ms = again_ms};

	assert_all_written(output_finish(o));
	memset(&there, 0, sizeof(there));
	atomic_store(&there.answer, answer);
	assert_int_equal(output_start(&o, &to), 0);
}

static uint8_t text[4 * RING];

/* The end is kept, whole, for whoever comes. */
static void nobody_is_waited_for(void **state)
{
	static const size_t pieces[] = {1,    999,	RING - 1,
					RING, RING + 1, 3 * RING};
	struct output_end end;

	(void)state;
	fill(text, sizeof(text), 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint64_t t;

		start_there(-ENOTCONN, 0);
		say("x");
		while (!atomic_load(&there.calls))
			(void)poll(NULL, 0, 1);
		(void)poll(NULL, 0, 20);
		t = now_ms();
		for (size_t at = 0; at < 3 * RING; at += pieces[i])
			output_put(o, text + at,
				   3 * RING - at < pieces[i] ? 3 * RING - at
							     : pieces[i]);
		assert_true(now_ms() - t < 900);
		assert_int_equal(atomic_load(&there.calls), 1);
		atomic_store(&there.answer, 0);
		output_again(o);
		end = output_finish(o);
		o = NULL;
		assert_int_equal(end.error, 0);
		assert_int_equal(end.dropped, 0);
		assert_int_equal(end.unseen, 2 * RING + 1);
		assert_int_equal(there.n, RING);
		assert_true(is_filled(there.got, RING, 2 * RING));
	}
}

static void nobody_at_the_end(void **state)
{
	uint64_t t = now_ms();
	struct output_end end;

	(void)state;
	start_there(-ENOTCONN, 0);
	say("12345");
	end = output_finish(o);
	assert_true(now_ms() - t < 900);
	assert_int_equal(end.unseen, 5);
	assert_int_equal(end.dropped, 0);
	assert_int_equal(end.error, 0);
	assert_false(end.stuck);
}

/* Looked for at the end once more, although it is not time yet. */
static void somebody_at_the_last_moment(void **state)
{
	(void)state;
	start_there(-ENOTCONN, 60000);
	say("12345");
	while (!atomic_load(&there.calls))
		(void)poll(NULL, 0, 1);
	(void)poll(NULL, 0, 20);
	atomic_store(&there.answer, 0);
	assert_all_written(output_finish(o));
	assert_int_equal(there.n, 5);
}

static void somebody_is_looked_for(void **state)
{
	(void)state;
	start_there(-ENOTCONN, 20);
	say("12345");
	while (atomic_load(&there.calls) < 3)
		(void)poll(NULL, 0, 1);
	atomic_store(&there.answer, 0);
	for (unsigned int i = 0; i < 1000 && atomic_load(&there.calls) < 4; i++)
		(void)poll(NULL, 0, 1);
	(void)poll(NULL, 0, 20);
	assert_int_equal(there.n, 5);
	assert_all_written(output_finish(o));
}

/* There may be room for the next bytes; for those, nobody waits. */
static void disk_that_is_full_for_a_while(void **state)
{
	struct output_end end;

	(void)state;
	start_there(-ENOSPC, 0);
	say("12345");
	while (!atomic_load(&there.calls))
		(void)poll(NULL, 0, 1);
	(void)poll(NULL, 0, 20);
	atomic_store(&there.answer, 0);
	say("678");
	end = output_finish(o);
	assert_int_equal(end.error, -ENOSPC);
	assert_int_equal(end.dropped, 5);
	assert_int_equal(there.n, 3);
	assert_memory_equal(there.got, "678", 3);
}

/* A byte now and then is not enough to hold a vCPU. */
static void trickle(void **state)
{
	uint64_t t = now_ms();

	(void)state;
	start_there(0, 0);
	atomic_store(&there.most, 1);
	atomic_store(&there.pause_ms, 20);
	for (unsigned int i = 0; i < 16; i++)
		output_put(o, text, RING / 4);
	assert_true(now_ms() - t < 2000);
	atomic_store(&there.most, 0);
	atomic_store(&there.pause_ms, 0);
	assert_true(output_finish(o).dropped > 2 * RING);
}

/* 4 KiB in less than a second is. */
static void steady_reader_loses_nothing(void **state)
{
	(void)state;
	fill(text, sizeof(text), 0);
	start_there(0, 0);
	atomic_store(&there.pause_ms, 400);
	output_put(o, text, RING + 3 * 4096);
	atomic_store(&there.pause_ms, 0);
	assert_all_written(output_finish(o));
	assert_int_equal(there.n, RING + 3 * 4096);
	assert_true(is_filled(there.got, there.n, 0));
}

/* It takes nothing, but its write() comes back: the thread can be ended. */
static void finish_ends_the_thread(void **state)
{
	struct output_end end;
	struct output *other;
	uint64_t t;

	(void)state;
	start_there(0, 0);
	other = o;
	o = NULL;
	start_there(0, 0);
	atomic_store(&there.pause_ms, 100);
	atomic_store(&there.deaf, true);
	output_put(other, (const uint8_t *)"123", 3);
	say("12345");
	t = now_ms();
	output_stop(other);
	end = output_finish(o);
	assert_in_range(now_ms() - t, 4000, 8000);
	assert_int_equal(output_finish(other).dropped, 3);
	assert_in_range(now_ms() - t, 4000, 8000);
	assert_false(end.stuck);
	assert_int_equal(end.dropped, 5);
	assert_int_equal(there.n, 0);
}

static void *put_a_ring(void *arg)
{
	(void)arg;
	output_put(o, text, RING);
	return NULL;
}

/* The patience of five, one after another, is a second, too. */
static void patience_of_many(void **state)
{
	uint64_t t = now_ms();
	pthread_t thread[5];

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		pthread_create(&thread[i], NULL, put_a_ring, NULL);
		/* the first two fill pipe and ring, and do not wait */
		(void)poll(NULL, 0, i < 2 ? 50 : 400);
	}
	for (unsigned int i = 0; i < 5; i++)
		pthread_join(thread[i], NULL);
	assert_in_range(now_ms() - t, 900, 1750);
	close(p[0]);
	p[0] = -1;
	(void)output_finish(o);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(nothing_to_write),
		test(written_without_being_asked),
		test(finish_writes_the_rest),
		test(order_is_kept),
		test(slow_reader_loses_nothing),
		test(stalled_reader_does_not_stop_a_vcpu),
		test(finish_does_not_wait_for_ever),
		test(closed_reader),
		test(full_disk),
		test(nonblocking_file),
		test(many_writers),
		test(nobody_is_waited_for),
		test(nobody_at_the_end),
		test(somebody_at_the_last_moment),
		test(somebody_is_looked_for),
		test(disk_that_is_full_for_a_while),
		test(trickle),
		test(steady_reader_loses_nothing),
		test(finish_ends_the_thread),
		test(patience_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
