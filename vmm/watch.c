// SPDX-License-Identifier: Apache-2.0
#include "vmm/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vmm/thread.h"

#define MS	  UINT64_C(1000000)
#define GATHER_MS 2
#define PEEK_NS	  (20 * MS)   /* then an unfinished line is looked at */
#define END_NS	  (1000 * MS) /* then its end counts as one */
#define SETTLE_NS (10000 * MS)
#define QUEUE_MAX (16u << 20)
#define PIECE	  4096u
/* An oops is many lines: they are waited for, until the guest is quiet. */
#define LAST_WORDS_NS (5000 * MS)
#define QUIET_NS      (500 * MS)

/* Some output on its way to the thread. */
struct piece {
	struct piece *next;
	unsigned int console;
	bool breaks; /* no output: all lines end here */
	size_t n;
	uint8_t byte[PIECE];
};

struct console_line {
	struct watch_line line;
	bool met; /* watch_judge_look() */
	unsigned int
		due;	/* looks at the unfinished line that are due: 2 to 0 */
	uint64_t since; /* when its last byte was taken, ns */
};

struct watch {
	pthread_t thread;
	pthread_mutex_t lock; /* of everything up to `over` */
	pthread_cond_t more;
	pthread_cond_t less;
	struct piece *first;
	struct piece *last;
	size_t queued;	 /* bytes in them */
	size_t pieces;	 /* how many they are, breaks apart */
	uint64_t unseen; /* bytes for which there was no room */
	uint64_t put;	 /* pieces ever queued, */
	uint64_t done;	 /* and worked off */
	enum watch_verdict verdict;
	bool stop;
	bool over;
	const struct conf *conf; /* borrowed; not for the thread */
	/* the thread's own */
	watch_fn fn;
	void *ctx;
	bool told;
	uint64_t verdict_ns;
	uint64_t heard_ns;
	struct watch_judge judge;
	struct console_line console[WATCH_CONSOLES];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};

	return t;
}

/* --- bringing it ----------------------------------------------------------
 */

/* The piece that takes the next bytes, or NULL. Holds the lock. */
static struct piece *room(struct watch *w, unsigned int console)
{
	struct piece *p = w->last;

	if (p && !p->breaks && p->console == console && p->n < PIECE)
		return p;
	if (w->pieces >= QUEUE_MAX / PIECE)
		return NULL;
	p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	w->pieces++;
	p->next = NULL;
	p->console = console;
	p->breaks = false;
	p->n = 0;
	if (w->last)
		w->last->next = p;
	else
		w->first = p;
	w->last = p;
	w->put++;
	return p;
}

static size_t put_some(struct watch *w, unsigned int console,
		       const uint8_t *buf, size_t len)
{
	struct piece *p = room(w, console);
	size_t n;

	if (!p) {
		w->unseen += len;
		return len;
	}
	n = len < PIECE - p->n ? len : PIECE - p->n;
	memcpy(p->byte + p->n, buf, n);
	p->n += n;
	w->queued += n;
	return n;
}

void watch_feed(struct watch *w, unsigned int console, const uint8_t *buf,
		size_t len)
{
	if (!w)
		return;
	if (console >= WATCH_CONSOLES)
		console = WATCH_CONSOLES - 1;
	pthread_mutex_lock(&w->lock);
	while (len) {
		size_t n = put_some(w, console, buf, len);

		buf += n;
		len -= n;
	}
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

/* --- looking at it --------------------------------------------------------
 */

static void look(struct watch *w, struct console_line *c, bool whole)
{
	watch_judge_look(&w->judge, c->line.text, whole, &c->met);
}

static void complete(struct watch *w, struct console_line *c)
{
	look(w, c, true);
	watch_line_clear(&c->line);
	c->met = false;
	c->due = 0;
}

static void take(struct watch *w, struct console_line *c, const uint8_t *buf,
		 size_t len)
{
	while (len) {
		bool whole;
		size_t n = watch_line_take(&c->line, buf, len, &whole);

		if (whole)
			complete(w, c);
		buf += n;
		len -= n;
	}
	c->due = c->line.n ? 2 : 0;
	c->since = now_ns();
}

static void complete_all(struct watch *w)
{
	for (unsigned int i = 0; i < WATCH_CONSOLES; i++) {
		struct console_line *c = &w->console[i];

		if (c->line.n)
			complete(w, c);
		memset(&c->line, 0, sizeof(c->line));
	}
}

/* Work off a list of pieces: how many there were. */
static unsigned int take_pieces(struct watch *w, struct piece *p)
{
	unsigned int n = 0;

	while (p) {
		struct piece *next = p->next;

		if (p->breaks)
			complete_all(w);
		else
			take(w, &w->console[p->console], p->byte, p->n);
		free(p);
		p = next;
		n++;
	}
	if (n)
		w->heard_ns = now_ns();
	return n;
}

static uint64_t due_at(const struct console_line *c)
{
	return c->since + (c->due == 2 ? PEEK_NS : END_NS);
}

/* Look at unfinished lines whose time has come. */
static void peek(struct watch *w, uint64_t now)
{
	for (unsigned int i = 0; i < WATCH_CONSOLES; i++) {
		struct console_line *c = &w->console[i];

		while (c->due && now >= due_at(c)) {
			c->due--;
			look(w, c, c->due == 0);
		}
	}
}

/* When the verdict may be told. */
static uint64_t tell_at(const struct watch *w)
{
	uint64_t quiet = w->heard_ns + QUIET_NS;
	uint64_t last = w->verdict_ns + LAST_WORDS_NS;

	if (w->judge.verdict != WATCH_KERNEL)
		return 0;
	return quiet < last ? quiet : last;
}

/* Not behind watch_finish(): nobody is there any more. Holds the lock. */
static void tell(struct watch *w, uint64_t now)
{
	if (w->judge.verdict == WATCH_NONE || w->told || w->stop)
		return;
	if (!w->verdict_ns)
		w->verdict_ns = now;
	if (now < tell_at(w))
		return;
	w->told = true;
	w->fn(w->ctx, w->judge.verdict);
}

/* --- the thread -----------------------------------------------------------
 */

/* When there is something to do without more output; UINT64_MAX: never. */
static uint64_t next_at(const struct watch *w)
{
	uint64_t at = UINT64_MAX;

	for (unsigned int i = 0; i < WATCH_CONSOLES; i++) {
		const struct console_line *c = &w->console[i];

		if (c->due && due_at(c) < at)
			at = due_at(c);
	}
	if (w->judge.verdict != WATCH_NONE && !w->told && tell_at(w) < at)
		at = tell_at(w);
	return at;
}

/* Until there is output, or something else to do. Holds the lock. */
static void wait_more(struct watch *w)
{
	uint64_t at = next_at(w);
	struct timespec until = to_timespec(at);

	while (!w->first && !w->stop) {
		int r = at == UINT64_MAX ? pthread_cond_wait(&w->more, &w->lock)
					 : pthread_cond_timedwait(
						   &w->more, &w->lock, &until);

		if (r == ETIMEDOUT)
			return;
	}
	if (w->stop)
		return;
	/* A guest writes bytes: let a few come together. */
	pthread_mutex_unlock(&w->lock);
	(void)poll(NULL, 0, GATHER_MS);
	pthread_mutex_lock(&w->lock);
}

static struct piece *take_list(struct watch *w)
{
	struct piece *p = w->first;

	w->first = NULL;
	w->last = NULL;
	w->queued = 0;
	w->pieces = 0;
	return p;
}

static void round_of(struct watch *w)
{
	struct piece *list = take_list(w);
	unsigned int n;
	uint64_t now;

	pthread_mutex_unlock(&w->lock);
	n = take_pieces(w, list);
	now = now_ns();
	peek(w, now);
	pthread_mutex_lock(&w->lock);
	tell(w, now);
	w->verdict = w->judge.verdict;
	w->done += n;
	pthread_cond_broadcast(&w->less);
}

static void *watcher(void *arg)
{
	struct watch *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stop || w->first) {
		wait_more(w);
		round_of(w);
	}
	w->over = true;
	pthread_cond_broadcast(&w->less);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- its life -------------------------------------------------------------
 */

static void fini(struct watch *w)
{
	watch_judge_fini(&w->judge);
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->less);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void init_locks(struct watch *w)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->more, &attr);
	pthread_cond_init(&w->less, &attr);
	pthread_condattr_destroy(&attr);
}

int watch_start(struct watch **out, const struct conf *c, watch_fn fn,
		void *ctx)
{
	struct watch *w;
	int r;

	*out = NULL;
	if (!c->expect.n && !c->fail_on.n && !c->until.n && !c->fail_on_oops)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	init_locks(w);
	w->conf = c;
	w->fn = fn;
	w->ctx = ctx;
	r = watch_judge_init(&w->judge, c);
	if (r == 0)
		r = thread_start(&w->thread, "watch", watcher, w);
	if (r < 0) {
		fini(w);
		return r;
	}
	*out = w;
	return 0;
}

/* All lines end here; what is queued was before. Holds the lock. */
static void put_break(struct watch *w)
{
	struct piece *p = calloc(1, sizeof(*p));

	if (!p) /* an unfinished line goes on: what comes is looked at */
		return;
	p->breaks = true;
	if (w->last)
		w->last->next = p;
	else
		w->first = p;
	w->last = p;
	w->put++;
	pthread_cond_signal(&w->more);
}

/* Wait for @until pieces, or the end of the thread. Holds the lock. */
static void wait_done(struct watch *w, uint64_t until)
{
	struct timespec t = to_timespec(now_ns() + SETTLE_NS);

	while (w->done < until && !w->over) {
		if (pthread_cond_timedwait(&w->less, &w->lock, &t) == ETIMEDOUT)
			return;
	}
}

enum watch_verdict watch_settle(struct watch *w)
{
	enum watch_verdict v;

	if (!w)
		return WATCH_NONE;
	pthread_mutex_lock(&w->lock);
	put_break(w);
	wait_done(w, w->put);
	v = w->verdict;
	pthread_mutex_unlock(&w->lock);
	return v;
}

static void report(const struct watch *w, struct watch_result *r)
{
	const struct watch_judge *j = &w->judge;

	r->verdict = j->verdict;
	if (j->verdict == WATCH_FAIL_ON)
		r->by = w->conf->fail_on.at[j->by].text;
	r->met = j->met;
	if (j->met < j->expect.n)
		r->unmet = w->conf->expect.at[j->met].text;
	memcpy(r->line, j->line, sizeof(r->line));
}

void watch_finish(struct watch *w, struct watch_result *r)
{
	bool over;

	memset(r, 0, sizeof(*r));
	if (!w)
		return;
	r->total = w->judge.expect.n;
	pthread_mutex_lock(&w->lock);
	put_break(w);
	w->stop = true;
	pthread_cond_signal(&w->more);
	wait_done(w, UINT64_MAX);
	over = w->over;
	r->unseen = w->unseen;
	if (!over)
		r->unseen += w->queued + 1;
	pthread_mutex_unlock(&w->lock);
	if (!over) {
		/* Deep in a regular expression: it ends with the process. */
		pthread_detach(w->thread);
		return;
	}
	pthread_join(w->thread, NULL);
	report(w, r);
	fini(w);
}
