// SPDX-License-Identifier: Apache-2.0
/* Entropy for the guest, from the host's kernel. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "devices/virtio_rng.h"
#include "vmm/virtio.h"

struct rng {
	struct worker worker;
	struct virtq_chain chain;
};

/* getrandom() gives all of up to 256 bytes, otherwise perhaps less. */
static uint32_t fill(const struct iovec *iov, unsigned int n)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < n; i++) {
		ssize_t r = getrandom(iov[i].iov_base, iov[i].iov_len, 0);

		if (r > 0)
			done += (uint32_t)r;
		if (r < (ssize_t)iov[i].iov_len)
			break;
	}
	return done;
}

static void requests(struct virtio *v, unsigned int q)
{
	struct rng *rng = v->host;
	struct virtq *vq = &v->queue[q];
	struct iovec iov[16];
	uint32_t bytes;
	int r;

	do {
		virtq_busy(vq);
		while ((r = virtq_pop(vq, &rng->chain)) > 0) {
			unsigned int n = virtio_rng_request(&rng->chain, iov,
							    16, &bytes);

			virtq_push(vq, rng->chain.head, fill(iov, n));
		}
		virtio_signal(v, q);
	} while (virtq_wait(vq));
	if (r < 0)
		virtio_fail(v);
}

static int rng_start(struct virtio *v)
{
	struct rng *rng = v->host;
	int r = virtio_watch(&rng->worker, v, 0, requests);

	if (r == 0) {
		r = worker_start(&rng->worker, "virtio-rng");
		if (r < 0)
			virtio_unwatch(&rng->worker, v, 0);
	}
	return r;
}

static void rng_stop(struct virtio *v)
{
	struct rng *rng = v->host;

	worker_stop(&rng->worker);
	virtio_unwatch(&rng->worker, v, 0);
}

static void rng_close(struct virtio *v)
{
	struct rng *rng = v->host;

	worker_fini(&rng->worker);
	free(rng);
}

static const struct virtio_host_ops rng_host_ops = {rng_start, rng_stop};

int rng_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e)
{
	struct rng *rng = calloc(1, sizeof(*rng));
	int r;

	(void)c;
	(void)index;
	if (!rng)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	r = worker_init(&rng->worker);
	if (r < 0) {
		free(rng);
		return err_set(e, r, ERR_HOST_CALL, "epoll_create1", NULL);
	}
	u->v.ops = &virtio_rng_ops;
	u->v.host_ops = &rng_host_ops;
	u->v.host = rng;
	u->v.n_queues = VIRTIO_RNG_QUEUES;
	u->close = rng_close;
	return 0;
}
