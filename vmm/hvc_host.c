// SPDX-License-Identifier: Apache-2.0
/*
 * The host side of virtio-console: each port is a struct console.
 *
 * How it works: output has a thread for each port, because console_write() may
 * wait for a slow reader, and only its own port waits with it. Input is put
 * into the driver's buffers on the event loop's thread; one more thread carries
 * the control messages, and wakes the loop when the driver has new buffers.
 * `lock` guards the model and the input queues.
 */
#include <errno.h>
#include <linux/virtio_console.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtio_console.h"
#include "vmm/console.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

/* What the driver left in the queues has so long to get to slow readers. */
#define LAST_NS (5 * 1000000000ull)
#define PIECE	4096u
/* Control messages in one go: the event loop wants the lock, too. */
#define MESSAGES 256u

struct hvc;

struct hvc_port {
	struct hvc *hvc;
	unsigned int index;
	struct console *console; /* borrowed */
	struct worker worker;	 /* output */
	struct virtq_chain out;	 /* the worker's */
	struct virtq_chain in;	 /* under hvc->lock */
};

struct hvc {
	struct vm *vm;
	struct virtio *v;
	struct vcon model;
	pthread_mutex_t lock;
	bool live; /* between start and stop */
	bool multiport;
	/* When stop() gives up what is not out yet; 0 while the guest runs. */
	_Atomic uint64_t until_ns;
	struct worker worker; /* control, and buffers for input */
	struct virtq_chain control;
	struct virtq_chain message;
	struct hvc_port port[VCON_PORTS_MAX];
};

/* --- output --------------------------------------------------------------- */

static unsigned int port_of_queue(unsigned int q)
{
	return q < 2 ? 0 : q / 2 - 1;
}

/* Whether stop() was called, and long enough ago. */
static bool out_of_time(struct hvc *h)
{
	uint64_t until = atomic_load(&h->until_ns);

	return until && vm_now_ns() >= until;
}

/* A chain may be of many GiB: piece by piece, with a look at the clock. */
static bool write_piece(struct hvc *h, struct hvc_port *p, const uint8_t *buf,
			size_t len)
{
	for (size_t at = 0; at < len; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;

		if (out_of_time(h))
			return false;
		console_write(p->console, buf + at, n);
		/* the serial port is 0 */
		watch_feed(h->vm->watch, p->index + 1, buf + at, n);
	}
	return true;
}

static bool write_out(struct hvc *h, struct hvc_port *p)
{
	for (unsigned int i = 0; i < p->out.n_out; i++) {
		const struct iovec *v = &p->out.iov[i];

		if (!write_piece(h, p, v->iov_base, v->iov_len))
			return false;
	}
	return true;
}

static void output(struct virtio *v, unsigned int q)
{
	struct hvc *h = v->host;
	struct hvc_port *p = &h->port[port_of_queue(q)];
	struct virtq *vq = &v->queue[q];
	int r;

	do {
		virtq_busy(vq);
		while ((r = virtq_pop(vq, &p->out)) > 0) {
			if (!write_out(h, p))
				return;
			virtq_push(vq, p->out.head, 0);
			virtio_signal(v, q);
		}
	} while (virtq_wait(vq));
	if (r < 0)
		virtio_fail(v);
}

/* --- input ---------------------------------------------------------------- */

/* As much as the driver has buffers for. Holds the lock. */
static size_t fill(struct hvc_port *p, const uint8_t *buf, size_t len)
{
	struct virtio *v = p->hvc->v;
	unsigned int q = vcon_rx(p->index);
	struct virtq *vq = &v->queue[q];
	size_t done = 0;
	int r = 0;

	do {
		while (done < len && (r = virtq_pop(vq, &p->in)) > 0) {
			size_t n = virtq_copy_in(&p->in, 0, buf + done,
						 len - done);

			virtq_push(vq, p->in.head, (uint32_t)n);
			done += n;
		}
	} while (done < len && virtq_wait(vq));
	if (r < 0)
		virtio_fail(v);
	virtio_signal(v, q);
	return done;
}

static ssize_t sink(void *ctx, const uint8_t *buf, size_t len)
{
	struct hvc_port *p = ctx;
	struct hvc *h = p->hvc;
	ssize_t took = -ENOTCONN;

	pthread_mutex_lock(&h->lock);
	if (h->live && h->model.port[p->index].open)
		took = (ssize_t)fill(p, buf, len);
	pthread_mutex_unlock(&h->lock);
	return took;
}

static const struct console_ops port_ops = {sink};

/* --- control -------------------------------------------------------------- */

/* Into the buffer at hand: false if there was nothing to be said. */
static bool send_message(struct hvc *h, struct virtq *vq)
{
	uint8_t text[VCON_MESSAGE_MAX];
	size_t len = vcon_message(&h->model, text);

	if (!len) {
		virtq_unpop(vq);
		return false;
	}
	len = virtq_copy_in(&h->message, 0, text, len);
	virtq_push(vq, h->message.head, (uint32_t)len);
	return true;
}

/* Holds the lock. What finds no buffer waits for one. */
static void send_messages(struct hvc *h)
{
	struct virtq *vq = &h->v->queue[VCON_CONTROL_RX];
	int r;

	do {
		r = virtq_pop(vq, &h->message);
		if (r > 0 && !send_message(h, vq))
			break;
	} while (r > 0 || (r == 0 && virtq_wait(vq)));
	if (r < 0)
		virtio_fail(h->v);
	virtio_signal(h->v, VCON_CONTROL_RX);
}

static void control(struct virtio *v, unsigned int q)
{
	struct hvc *h = v->host;
	struct virtq *vq = &v->queue[q];
	unsigned int n = 0;
	bool more;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	do {
		virtq_busy(vq);
		while (n < MESSAGES && (r = virtq_pop(vq, &h->control)) > 0) {
			(void)vcon_control(&h->model, &h->control);
			virtq_push(vq, h->control.head, 0);
			n++;
		}
		virtio_signal(v, q);
		more = virtq_wait(vq);
	} while (more && n < MESSAGES);
	if (r < 0)
		virtio_fail(v);
	send_messages(h);
	pthread_mutex_unlock(&h->lock);
	if (more)
		v->kick(v->ctx, q);
	vm_wake(h->vm); /* a port may have been opened */
}

static void control_buffers(struct virtio *v, unsigned int q)
{
	struct hvc *h = v->host;

	(void)q;
	pthread_mutex_lock(&h->lock);
	send_messages(h);
	pthread_mutex_unlock(&h->lock);
}

static void input_buffers(struct virtio *v, unsigned int q)
{
	struct hvc *h = v->host;

	(void)q;
	vm_wake(h->vm);
}

/* --- life ----------------------------------------------------------------- */

static void set_live(struct hvc *h, bool live)
{
	pthread_mutex_lock(&h->lock);
	h->live = live;
	if (live)
		vcon_started(&h->model, h->multiport);
	else
		vcon_stopped(&h->model);
	pthread_mutex_unlock(&h->lock);
}

static void hvc_stop(struct virtio *v)
{
	struct hvc *h = v->host;

	atomic_store(&h->until_ns, vm_now_ns() + LAST_NS);
	for (unsigned int i = 0; i < h->model.n_ports; i++) {
		worker_stop(&h->port[i].worker);
		virtio_unwatch(&h->port[i].worker, v, vcon_tx(i));
	}
	worker_stop(&h->worker);
	for (unsigned int i = 0; i < h->model.n_ports; i++)
		virtio_unwatch(&h->worker, v, vcon_rx(i));
	if (v->n_queues > 2) {
		virtio_unwatch(&h->worker, v, VCON_CONTROL_RX);
		virtio_unwatch(&h->worker, v, VCON_CONTROL_TX);
	}
	set_live(h, false);
}

static int watch_all(struct hvc *h)
{
	struct virtio *v = h->v;
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < h->model.n_ports; i++) {
		r = virtio_watch(&h->port[i].worker, v, vcon_tx(i), output);
		if (r == 0)
			r = virtio_watch(&h->worker, v, vcon_rx(i),
					 input_buffers);
	}
	if (r == 0 && h->multiport)
		r = virtio_watch(&h->worker, v, VCON_CONTROL_RX,
				 control_buffers);
	if (r == 0 && h->multiport)
		r = virtio_watch(&h->worker, v, VCON_CONTROL_TX, control);
	return r;
}

static int hvc_start(struct virtio *v)
{
	struct hvc *h = v->host;
	int r;

	h->multiport = virtio_has(v, VIRTIO_CONSOLE_F_MULTIPORT);
	atomic_store(&h->until_ns, 0);
	set_live(h, true);
	r = watch_all(h);
	for (unsigned int i = 0; r == 0 && i < h->model.n_ports; i++)
		r = worker_start(&h->port[i].worker, "virtio-console");
	if (r == 0)
		r = worker_start(&h->worker, "virtio-console");
	if (r < 0)
		hvc_stop(v);
	return r;
}

static void hvc_close(struct virtio *v)
{
	struct hvc *h = v->host;

	for (unsigned int i = 0; i < h->model.n_ports; i++) {
		console_connect(h->port[i].console, NULL, NULL);
		worker_fini(&h->port[i].worker);
	}
	worker_fini(&h->worker);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static const struct virtio_host_ops hvc_host_ops = {hvc_start, hvc_stop};

static void model_fill(struct vcon *m, const struct conf *c)
{
	if (c->hvc.kind != CONSOLE_NONE)
		m->port[m->n_ports++].console = true;
	for (unsigned int i = 0; i < c->n_port; i++)
		snprintf(m->port[m->n_ports++].name, VCON_NAME_MAX, "%s",
			 c->port[i].name);
}

static int workers_init(struct hvc *h)
{
	int r = worker_init(&h->worker);

	for (unsigned int i = 0; r == 0 && i < h->model.n_ports; i++)
		r = worker_init(&h->port[i].worker);
	return r;
}

int hvc_host_open(struct virtio_unit *u, const struct conf *c,
		  unsigned int index, struct err *e)
{
	struct hvc *h = calloc(1, sizeof(*h));
	int r;

	(void)index;
	if (!h)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	pthread_mutex_init(&h->lock, NULL);
	h->vm = u->vm;
	h->v = &u->v;
	model_fill(&h->model, c);
	vcon_describe(&h->model, &u->v);
	u->v.host_ops = &hvc_host_ops;
	u->v.host = h;
	u->close = hvc_close;
	for (unsigned int i = 0; i < h->model.n_ports; i++) {
		h->port[i].hvc = h;
		h->port[i].index = i;
		h->port[i].console = u->vm->hvc[i];
		console_connect(u->vm->hvc[i], &port_ops, &h->port[i]);
	}
	r = workers_init(h);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "epoll_create1", NULL);
	return 0;
}

/* --- the ports' consoles, which outlive a restart of the machine ---------- */

static int port_add(struct vm *vm, const struct conf_console *where,
		    const char *name, struct err *e)
{
	int r = console_add(&vm->consoles, where, name, &vm->hvc[vm->n_hvc], e);

	vm->n_hvc += r == 0;
	return r;
}

int hvc_consoles_open(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;
	int r = 0;

	if (c->hvc.kind != CONSOLE_NONE)
		r = port_add(vm, &c->hvc, "hvc0", e);
	for (unsigned int i = 0; r == 0 && i < c->n_port; i++) {
		struct conf_console to = c->port[i].to;

		if (to.kind == CONSOLE_FILE) {
			to.append = to.append || c->port[i].append;
			to.max_size = c->port[i].max_size;
		}
		r = port_add(vm, &to, c->port[i].name, e);
	}
	return r;
}
