// SPDX-License-Identifier: Apache-2.0
#include "vmm/virtio.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/virtio_table.h"
#include "vmm/vm.h"

/* --- eventfds ------------------------------------------------------------- */

static void fd_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: that is a signal, too */
}

static void fd_clear(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return; /* somebody else did */
}

static bool fd_pending(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static void unit_signal(void *ctx, unsigned int vector)
{
	struct virtio_unit *u = ctx;

	if (vector < u->pci.msix.n)
		fd_signal(u->pci.vector[vector].fd);
}

static void unit_kick(void *ctx, unsigned int queue)
{
	struct virtio_unit *u = ctx;

	fd_signal(u->pci.kick_fd[queue]);
}

/* The @i-th of all eventfds of a unit, NULL behind the last. */
static int *unit_fd(struct virtio_unit *u, unsigned int i)
{
	if (i < VIRTIO_QUEUES_MAX)
		return &u->pci.kick_fd[i];
	i -= VIRTIO_QUEUES_MAX;
	return i < VIRTIO_PCI_VECTORS_MAX ? &u->pci.vector[i].fd : NULL;
}

static int unit_fds_open(struct virtio_unit *u)
{
	for (unsigned int i = 0; i <= u->v.n_queues; i++) {
		int *kick = i < u->v.n_queues ? &u->pci.kick_fd[i] : NULL;
		int *call = &u->pci.vector[i].fd;

		*call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (kick)
			*kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*call < 0 || (kick && *kick < 0))
			return -errno;
	}
	return 0;
}

static void unit_destroy(struct virtio_unit *u)
{
	if (u->close)
		u->close(&u->v);
	for (unsigned int i = 0; unit_fd(u, i); i++) {
		if (*unit_fd(u, i) >= 0)
			close(*unit_fd(u, i));
	}
	free(u);
}

static struct virtio_unit *unit_create(const char *name)
{
	struct virtio_unit *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	snprintf(u->name, sizeof(u->name), "%s", name);
	u->v.queue_size = VIRTQ_SIZE_MAX;
	u->v.signal = unit_signal;
	u->v.kick = unit_kick;
	u->v.ctx = u;
	u->pci.fd_pending = fd_pending;
	for (unsigned int i = 0; unit_fd(u, i); i++)
		*unit_fd(u, i) = -1;
	return u;
}

/* --- for host sides ------------------------------------------------------- */

int virtio_kick_fd(struct virtio *v, unsigned int q)
{
	return virtio_unit(v)->pci.kick_fd[q];
}

int virtio_call_fd(struct virtio *v, unsigned int q)
{
	struct virtio_unit *u = virtio_unit(v);
	unsigned int vector = atomic_load(&v->queue_vector[q]);

	return vector < u->pci.msix.n ? u->pci.vector[vector].fd : -1;
}

void virtio_say(const struct virtio *v, const char *text)
{
	const struct virtio_unit *u = (const struct virtio_unit *)v;

	fprintf(stderr, "barge: %s: %s\r\n", u->name, text);
}

static void on_kick(void *ctx)
{
	struct virtio_watch *w = ctx;

	fd_clear(virtio_kick_fd(w->v, w->queue));
	w->fn(w->v, w->queue);
}

int virtio_watch(struct worker *w, struct virtio *v, unsigned int q,
		 void (*fn)(struct virtio *v, unsigned int queue))
{
	struct virtio_watch *x = &virtio_unit(v)->watch[q];

	*x = (struct virtio_watch){v, q, fn};
	fd_signal(virtio_kick_fd(v, q));
	return loop_add(&w->loop, virtio_kick_fd(v, q), on_kick, x);
}

void virtio_unwatch(struct worker *w, struct virtio *v, unsigned int q)
{
	loop_remove(&w->loop, virtio_kick_fd(v, q));
}

/* --- for the machine ------------------------------------------------------ */

int virtio_describe(const struct conf *c, struct plan *plan, struct err *e)
{
	struct virtio_entry x;

	for (unsigned int i = 0; virtio_entry(c, i, &x); i++) {
		if (plan->n_pci == PLAN_PCI_MAX)
			return err_set_num(e, -E2BIG, ERR_PCI_SLOTS, NULL,
					   PLAN_PCI_MAX, 0);
		virtio_pci_describe(&plan->pci[plan->n_pci++], x.name);
	}
	return 0;
}

static int unit_open(struct vm *vm, const struct virtio_entry *x, struct err *e)
{
	struct virtio_unit *u = unit_create(x->name);
	int r;

	if (!u)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	u->notify = &vm->guest_notify;
	vm->virtio[vm->n_virtio++] = u;
	u->vm = vm;
	r = x->open(u, vm->conf, x->index, e);
	if (r < 0)
		return r;
	r = unit_fds_open(u);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "eventfd", NULL);
	u->v.mem = &vm->mem;
	virtio_pci_init(&u->pci, &u->v);
	return 0;
}

int vm_virtio_open(struct vm *vm, struct err *e)
{
	struct virtio_entry x;
	int r = 0;

	for (unsigned int i = 0; r == 0 && virtio_entry(vm->conf, i, &x); i++)
		r = unit_open(vm, &x, e);
	return r;
}

/* The plan has them behind the passed-through devices, in the same order. */
int vm_virtio_attach(struct vm *vm, struct err *e)
{
	unsigned int first =
		vm->plan.n_pci - vm->n_virtio - watchdog_functions(vm->conf);

	for (unsigned int i = 0; i < vm->n_virtio; i++) {
		struct virtio_unit *u = vm->virtio[i];
		int r;

		virtio_pci_place(&u->pci, &vm->plan.pci[first + i],
				 &vm->kvm.hv);
		r = pci_host_add(&vm->pci_host, &u->pci.func);
		if (r < 0)
			return err_set(e, r, ERR_HOST_CALL, u->name, NULL);
	}
	return 0;
}

void vm_virtio_stop(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->n_virtio; i++)
		virtio_pci_stop(&vm->virtio[i]->pci);
}

void vm_virtio_close(struct vm *vm)
{
	vm_virtio_stop(vm);
	while (vm->n_virtio)
		unit_destroy(vm->virtio[--vm->n_virtio]);
}
