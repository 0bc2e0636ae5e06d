// SPDX-License-Identifier: Apache-2.0
/*
 * Memory that the guest does without goes back to the host, at once and in
 * whole pages of the host. What the guest touches again is there again, zeroed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/virtio_balloon.h"
#include "vmm/virtio.h"

#define BATCH 256u

struct balloon {
	struct virtio_balloon model; /* first */
	struct worker worker;
	struct virtq_chain chain;
	struct balloon_map map;
	uint32_t pfn[BATCH];
};

/*
 * @p is guest memory. Errors leave the guest's memory with it, which does no
 * harm.
 */
static void give_back(const struct virtio *v, void *p, uint64_t len)
{
	const struct balloon *b = v->host;
	uint64_t at = (uintptr_t)p;

	if (!virtio_balloon_inside(&at, &len, b->map.page))
		return;
	for (unsigned int i = 0; i < v->mem->n; i++) {
		const struct gmem_region *g = &v->mem->region[i];
		uint64_t off = at - (uintptr_t)g->hva;

		if (at < (uintptr_t)g->hva || off >= g->gpa.len)
			continue;
		if (g->fd < 0)
			(void)madvise(g->hva + off, len, MADV_DONTNEED);
		else
			(void)fallocate(g->fd,
					FALLOC_FL_PUNCH_HOLE |
						FALLOC_FL_KEEP_SIZE,
					(off_t)(g->fd_off + off), (off_t)len);
	}
}

/* Pages come one by one, but mostly one behind the other: one call for many. */
struct run {
	uint64_t gpa;
	uint64_t len;
};

static void run_end(const struct virtio *v, struct run *run)
{
	void *p = gmem_at(v->mem, run->gpa, run->len);

	if (p)
		give_back(v, p, run->len);
	run->len = 0;
}

static void run_add(const struct virtio *v, struct run *run, uint64_t gpa,
		    uint64_t page)
{
	if (run->len && gpa >= run->gpa && gpa < run->gpa + run->len)
		return;
	if (run->len && gpa + page == run->gpa) {
		run->gpa = gpa;
		run->len += page;
		return;
	}
	if (run->len && gpa != run->gpa + run->len)
		run_end(v, run);
	if (!run->len)
		run->gpa = gpa;
	run->len += page;
}

/*
 * Who need not tell before using a page again may use what was named earlier:
 * then parts of a page only count together if they are named together.
 */
static void inflate(struct virtio *v)
{
	struct balloon *b = v->host;
	struct run run = {0, 0};
	uint64_t done = 0, gpa;
	unsigned int n;

	while (!atomic_load(&b->worker.stop) &&
	       (n = virtio_balloon_pfns(&b->chain, done, b->pfn, BATCH))) {
		for (unsigned int i = 0; i < n; i++) {
			if (balloon_map_in(&b->map, b->pfn[i], &gpa))
				run_add(v, &run, gpa, b->map.page);
		}
		run_end(v, &run);
		for (unsigned int i = 0;
		     i < n && !virtio_has(v, VIRTIO_BALLOON_F_MUST_TELL_HOST);
		     i++)
			balloon_map_out(&b->map, b->pfn[i]);
		done += n;
	}
}

static void deflate(struct virtio *v)
{
	struct balloon *b = v->host;
	uint64_t done = 0;
	unsigned int n;

	while (!atomic_load(&b->worker.stop) &&
	       (n = virtio_balloon_pfns(&b->chain, done, b->pfn, BATCH))) {
		for (unsigned int i = 0; i < n; i++)
			balloon_map_out(&b->map, b->pfn[i]);
		done += n;
	}
}

/* virtio-1.3 5.5.6.7: what the device may write to is free until we answer. */
static void reported(struct virtio *v)
{
	const struct virtq_chain *c = &((struct balloon *)v->host)->chain;

	for (unsigned int i = c->n_out; i < c->n_out + c->n_in; i++)
		give_back(v, c->iov[i].iov_base, c->iov[i].iov_len);
}

/* A chain may name very many pages: once stop() was called no more are done. */
static void request(struct virtio *v, unsigned int q)
{
	if (q == VIRTIO_BALLOON_INFLATE)
		inflate(v);
	else if (q == VIRTIO_BALLOON_DEFLATE)
		deflate(v);
	else if (virtio_has(v, VIRTIO_BALLOON_F_REPORTING))
		reported(v);
}

static void requests(struct virtio *v, unsigned int q)
{
	struct balloon *b = v->host;
	struct virtq *vq = &v->queue[q];
	int r;

	do {
		virtq_busy(vq);
		while ((r = virtq_pop(vq, &b->chain)) > 0) {
			request(v, q);
			virtq_push(vq, b->chain.head, 0);
		}
		virtio_signal(v, q);
	} while (virtq_wait(vq));
	if (r < 0)
		virtio_fail(v);
}

static void halt(struct virtio *v)
{
	struct balloon *b = v->host;

	worker_stop(&b->worker);
	for (unsigned int q = 0; q < v->n_queues; q++)
		virtio_unwatch(&b->worker, v, q);
	free(b->map.part);
	b->map.part = NULL;
}

/* After a reset nothing is in the balloon (virtio-1.3 5.5.5). */
static int balloon_start(struct virtio *v)
{
	struct balloon *b = v->host;
	int r = 0;

	atomic_store(&b->model.actual, 0);
	b->map.mem = v->mem;
	b->map.part = calloc(balloon_map_len(v->mem, b->map.page),
			     sizeof(*b->map.part));
	if (!b->map.part)
		return -ENOMEM;
	for (unsigned int q = 0; r == 0 && q < v->n_queues; q++) {
		if (virtq_live(&v->queue[q]))
			r = virtio_watch(&b->worker, v, q, requests);
	}
	if (r == 0)
		r = worker_start(&b->worker, "virtio-balloon");
	if (r < 0)
		halt(v);
	return r;
}

static void balloon_close(struct virtio *v)
{
	struct balloon *b = v->host;

	worker_fini(&b->worker);
	free(b);
}

static const struct virtio_host_ops balloon_host_ops = {balloon_start, halt};

static uint64_t host_page(void)
{
	long page = sysconf(_SC_PAGESIZE);

	return page > 0 ? (uint64_t)page : VIRTIO_BALLOON_PAGE;
}

int balloon_host_open(struct virtio_unit *u, const struct conf *c,
		      unsigned int index, struct err *e)
{
	struct balloon *b = calloc(1, sizeof(*b));
	int r;

	(void)index;
	if (!b)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	r = worker_init(&b->worker);
	if (r < 0) {
		free(b);
		return err_set(e, r, ERR_HOST_CALL, "epoll_create1", NULL);
	}
	b->model.wanted = (uint32_t)(c->balloon.size / VIRTIO_BALLOON_PAGE);
	b->map.page = host_page();
	u->v.ops = &virtio_balloon_ops;
	u->v.host_ops = &balloon_host_ops;
	u->v.host = b;
	u->v.offered = virtio_balloon_features();
	u->v.n_queues = VIRTIO_BALLOON_QUEUES;
	u->close = balloon_close;
	return 0;
}
