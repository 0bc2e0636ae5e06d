// SPDX-License-Identifier: Apache-2.0
/*
 * A directory of the host for the guest: virtiofsd carries the requests out,
 * behind vhost-user. When it dies, the guest's requests get an I/O error from
 * here, those that it had already included, so that no program waits for ever.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "devices/virtio_fs.h"
#include "vmm/fs_daemon.h"
#include "vmm/unix_socket.h"
#include "vmm/vhost_user.h"
#include "vmm/virtio.h"

struct share {
	struct virtio_fs model; /* first: see there */
	struct fs_daemon daemon;
	struct vhost_user back;
	struct worker worker;
	int epoll; /* tells of the end of back.fd, and of nothing else */
	bool refusing;
	bool told; /* that it does not start */
	struct virtq_chain chain;
};

/* --- without a back end --------------------------------------------------- */

static void refuse(struct virtio *v, unsigned int q)
{
	struct share *s = v->host;
	struct virtq *vq = &v->queue[q];

	do {
		while (virtq_pop(vq, &s->chain) > 0)
			virtq_push(vq, s->chain.head,
				   virtio_fs_refuse(&s->chain, EIO));
		virtio_signal(v, q);
	} while (virtq_wait(vq));
}

static void refuse_all(struct virtio *v)
{
	struct share *s = v->host;

	s->refusing = true;
	for (unsigned int q = 0; q < v->n_queues; q++)
		(void)virtio_watch(&s->worker, v, q, refuse);
}

static void on_death(void *ctx)
{
	struct virtio *v = ctx;
	struct share *s = v->host;

	loop_remove(&s->worker.loop, s->epoll);
	atomic_store(&s->back.dead, true);
	vhost_user_stop(&s->back);
	virtio_say(v, "virtiofsd is gone; the guest gets I/O errors");
	refuse_all(v);
	virtio_fail(v);
}

/* --- start and stop ------------------------------------------------------- */

static void stop(struct virtio *v)
{
	struct share *s = v->host;

	worker_stop(&s->worker);
	loop_remove(&s->worker.loop, s->epoll);
	for (unsigned int q = 0; s->refusing && q < v->n_queues; q++)
		virtio_unwatch(&s->worker, v, q);
	s->refusing = false;
	vhost_user_stop(&s->back);
	/* One that does not answer could still write to the guest's memory. */
	if (atomic_load(&s->back.dead))
		fs_daemon_stop(&s->daemon, s->back.fd);
}

static void say_gone(struct virtio *v)
{
	struct share *s = v->host;

	if (!s->told)
		virtio_say(v, "virtiofsd does not serve it any more");
	s->told = true;
}

static int start(struct virtio *v)
{
	struct share *s = v->host;
	int r = vhost_user_start(&s->back, v, v->n_queues);

	if (r < 0 && atomic_load(&s->back.dead)) {
		say_gone(v);
		vhost_user_stop(&s->back);
		refuse_all(v);
		r = worker_start(&s->worker, "virtio-fs");
		if (r < 0)
			stop(v);
		return r;
	}
	if (r == 0)
		r = loop_add(&s->worker.loop, s->epoll, on_death, v);
	if (r == 0)
		r = worker_start(&s->worker, "virtio-fs");
	if (r == 0)
		return 0;
	say_gone(v);
	stop(v);
	return r;
}

static const struct virtio_host_ops host_ops = {start, stop};

/* --- open and close ------------------------------------------------------- */

static void share_close(struct virtio *v)
{
	struct share *s = v->host;

	vhost_user_stop(&s->back);
	fs_daemon_stop(&s->daemon, s->back.fd);
	vhost_user_close(&s->back);
	worker_fini(&s->worker);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}

/* The socket of a back end that somebody else, or we, started. */
static int reach(struct share *s, const struct conf_share *w, struct err *e)
{
	int fd;

	if (w->path[0])
		return fs_daemon_start(&s->daemon, w->path, e);
	fd = unix_connect(w->socket);
	return fd < 0 ? err_set(e, fd, ERR_SHARE_SOCKET, w->socket, NULL) : fd;
}

/* It may have said why on standard error; how it ended is known here. */
static int refused(struct share *s, const struct conf_share *w, int code,
		   struct err *e)
{
	int status = -1;

	if (!w->path[0])
		return err_set(e, code, ERR_SHARE_SOCKET, w->socket, NULL);
	for (int ms = 0; ms < 1000 && status < 0; ms += 10) {
		status = fs_daemon_status(&s->daemon);
		if (status < 0)
			usleep(10000);
	}
	return err_set_num(e, code, ERR_SHARE_DAEMON, w->path,
			   status < 0 ? 0 : (uint64_t)status, 0);
}

static int watch_end(struct share *s)
{
	struct epoll_event ev = {.events = EPOLLRDHUP};

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->back.fd, &ev) < 0)
		return -errno;
	return worker_init(&s->worker);
}

static int host_open(struct share *s, const struct conf_share *w, struct err *e)
{
	int r = reach(s, w, e);

	if (r < 0)
		return r;
	r = vhost_user_open(&s->back, r);
	if (r < 0)
		return refused(s, w, r, e);
	r = watch_end(s);
	return r < 0 ? err_set(e, r, ERR_HOST_CALL, "epoll_create1", NULL) : 0;
}

int fs_host_open(struct virtio_unit *u, const struct conf *c,
		 unsigned int index, struct err *e)
{
	const struct conf_share *w = &c->share[index];
	struct share *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	s->epoll = -1;
	s->back.fd = -1;
	memcpy(s->model.tag, w->tag, sizeof(s->model.tag) - 1);
	u->v.ops = &virtio_fs_ops;
	u->v.host_ops = &host_ops;
	u->v.host = s;
	u->v.n_queues = VIRTIO_FS_QUEUES;
	u->close = share_close;
	return host_open(s, w, e);
}
