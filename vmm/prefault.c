// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: RAM is cut into chunks, and each thread takes the next one
 * until there is none. The caller is one of the threads, and tells between two
 * chunks how far all have come.
 */
#include "vmm/prefault.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/thread.h"

/* Some 10 ms: short enough to tell progress, long enough to share the work. */
#define CHUNK (64ull << 20)
/* The memory of most hosts is busy with fewer. */
#define THREADS_MAX 16

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

struct work {
	const struct gmem *mem;
	uint64_t chunk;
	uint64_t total; /* bytes */
	uint64_t n;	/* chunks */
	_Atomic uint64_t next;
	_Atomic uint64_t done; /* bytes */
	_Atomic bool populate; /* the kernel knows how */
	_Atomic int error;     /* the first one */
};

static uint64_t chunks_of(const struct work *w, const struct gmem_region *g)
{
	return (g->gpa.len + w->chunk - 1) / w->chunk;
}

/* Chunk @i of all: where it is, and its bytes. */
static uint8_t *chunk_at(const struct work *w, uint64_t i, uint64_t *len)
{
	for (unsigned int k = 0; k < w->mem->n; k++) {
		const struct gmem_region *g = &w->mem->region[k];
		uint64_t n = chunks_of(w, g);

		if (i >= n) {
			i -= n;
			continue;
		}
		*len = g->gpa.len - i * w->chunk;
		if (*len > w->chunk)
			*len = w->chunk;
		return g->hva + i * w->chunk;
	}
	return NULL;
}

/* Write to each page what is there, so that nobody else's write is lost. */
static void touch(uint8_t *p, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (uint64_t at = 0; at < len; at += page)
		__atomic_fetch_or(p + at, 0, __ATOMIC_RELAXED);
}

static int take(struct work *w, uint8_t *p, uint64_t len)
{
	while (atomic_load(&w->populate)) {
		if (madvise(p, len, MADV_POPULATE_WRITE) == 0)
			return 0;
		if (errno == EINVAL)
			atomic_store(&w->populate, false);
		else if (errno == EFAULT) /* an access would be SIGBUS */
			return -ENOMEM;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	touch(p, len);
	return 0;
}

/* One chunk; false: there was none left, or one failed. */
static bool step(struct work *w)
{
	uint64_t i = atomic_fetch_add(&w->next, 1);
	uint64_t len = 0;
	uint8_t *p;
	int r;

	if (i >= w->n || atomic_load(&w->error))
		return false;
	p = chunk_at(w, i, &len);
	r = p ? take(w, p, len) : 0;
	if (r < 0)
		atomic_store(&w->error, r);
	else
		atomic_fetch_add(&w->done, len);
	return r == 0;
}

static void *worker(void *arg)
{
	while (step(arg))
		;
	return NULL;
}

static unsigned int helpers(const struct work *w)
{
	uint64_t n = w->n;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 &&
	    (uint64_t)CPU_COUNT(&set) < n)
		n = (uint64_t)CPU_COUNT(&set);
	if (n > THREADS_MAX)
		n = THREADS_MAX;
	return n > 1 ? (unsigned int)n - 1 : 0;
}

static void work_make(struct work *w, const struct gmem *mem, uint64_t page)
{
	*w = (struct work){.mem = mem, .chunk = page > CHUNK ? page : CHUNK};
	for (unsigned int i = 0; i < mem->n; i++) {
		w->total += mem->region[i].gpa.len;
		w->n += chunks_of(w, &mem->region[i]);
	}
}

int prefault_how(const struct gmem *mem, uint64_t page, bool populate,
		 prefault_fn fn, void *ctx)
{
	pthread_t thread[THREADS_MAX];
	unsigned int n = 0;
	struct work w;

	work_make(&w, mem, page);
	atomic_store(&w.populate, populate);
	while (n < helpers(&w) &&
	       !thread_start(&thread[n], "prefault", worker, &w))
		n++;
	while (step(&w)) {
		if (!fn(ctx, atomic_load(&w.done), w.total))
			atomic_store(&w.next, w.n);
	}
	while (n > 0)
		pthread_join(thread[--n], NULL);
	(void)fn(ctx, atomic_load(&w.done), w.total);
	return atomic_load(&w.error);
}

int prefault_run(const struct gmem *mem, uint64_t page, prefault_fn fn,
		 void *ctx)
{
	return prefault_how(mem, page, true, fn, ctx);
}
