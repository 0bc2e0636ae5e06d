// SPDX-License-Identifier: Apache-2.0
/* What the kernel's vhost is told; open() and ioctl() lead here. */
#include <errno.h>
#include <linux/vhost.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_ring.h"
#include "vmm/vhost.h"

/* --- the kernel ----------------------------------------------------------- */

static struct {
	int open_errno;
	uint64_t features;
	unsigned int calls;
	unsigned int fail_at; /* the n-th ioctl fails with EIO; 0: none */
	bool owned;
	uint64_t set_features;
	unsigned int n_regions;
	struct vhost_memory_region region;
	struct {
		unsigned int num, base;
		struct vhost_vring_addr addr;
		int kick, call, err;
	} ring[2];
} kernel;

int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_open(const char *path, int flags, ...)
{
	(void)flags;
	assert_string_equal(path, "/dev/vhost-net");
	if (kernel.open_errno) {
		errno = kernel.open_errno;
		return -1;
	}
	return eventfd(0, EFD_CLOEXEC);
}

static void do_memory(const struct vhost_memory *t)
{
	kernel.n_regions = t->nregions;
	kernel.region = t->regions[0];
}

static void do_ring(unsigned long request, void *arg)
{
	struct vhost_vring_state *s = arg; /* all begin with the index */
	struct vhost_vring_file *f = arg;

	assert_in_range(s->index, 0, 1);
	switch (request) {
	case VHOST_SET_VRING_NUM:
		kernel.ring[s->index].num = s->num;
		break;
	case VHOST_SET_VRING_BASE:
		kernel.ring[s->index].base = s->num;
		break;
	case VHOST_GET_VRING_BASE:
		s->num = kernel.ring[s->index].base;
		break;
	case VHOST_SET_VRING_ADDR:
		memcpy(&kernel.ring[s->index].addr, arg,
		       sizeof(struct vhost_vring_addr));
		break;
	case VHOST_SET_VRING_KICK:
		kernel.ring[s->index].kick = f->fd;
		break;
	case VHOST_SET_VRING_CALL:
		kernel.ring[s->index].call = f->fd;
		break;
	case VHOST_SET_VRING_ERR:
		kernel.ring[s->index].err = f->fd;
		break;
	default:
		fail_msg("ioctl %lx", request);
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (++kernel.calls == kernel.fail_at) {
		errno = EIO;
		return -1;
	}
	if (request != VHOST_GET_FEATURES && request != VHOST_SET_OWNER)
		assert_true(kernel.owned);
	if (request == VHOST_GET_FEATURES)
		memcpy(arg, &kernel.features, 8);
	else if (request == VHOST_SET_OWNER)
		kernel.owned = true;
	else if (request == VHOST_SET_FEATURES)
		memcpy(&kernel.set_features, arg, 8);
	else if (request == VHOST_SET_MEM_TABLE)
		do_memory(arg);
	else
		do_ring(request, arg);
	return 0;
}

/* --- the tests ------------------------------------------------------------ */

static struct fake_ring ring;
static struct vhost vhost;
static struct worker worker;

static int set_up(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	memset(&ring, 0, sizeof(ring));
	kernel.features = VIRTIO_RING_FEATURES | 1u << 26 | 1u << 15;
	ring.unit.v.n_queues = 4;
	fake_ring_init(&ring);
	fake_ring_up(&ring, VIRTIO_RING_FEATURES | 1u << 15 | 1u << 5);
	assert_int_equal(worker_init(&worker), 0);
	assert_int_equal(vhost_open(&vhost, "/dev/vhost-net"), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vhost_close(&vhost);
	vhost_close(&vhost);
	worker_fini(&worker);
	fake_ring_fini(&ring);
	return 0;
}

static void told_everything(void **state)
{
	struct virtio *v = &ring.unit.v;

	(void)state;
	v->queue[3].seen = 7;
	assert_int_equal(vhost_start(&vhost, v, 2, 2, &worker), 0);
	/* what both know, and nothing else */
	assert_int_equal(kernel.set_features, VIRTIO_RING_FEATURES | 1u << 15);
	assert_int_equal(kernel.n_regions, 1);
	assert_int_equal(kernel.region.guest_phys_addr, 0);
	assert_int_equal(kernel.region.memory_size, FAKE_RING_RAM);
	assert_int_equal(kernel.region.userspace_addr, (uintptr_t)ring.ram);
	for (unsigned int i = 0; i < 2; i++) {
		const struct virtq *q = &v->queue[2 + i];

		assert_int_equal(kernel.ring[i].num, FAKE_RING_SIZE);
		assert_int_equal(kernel.ring[i].base, i ? 7 : 0);
		assert_int_equal(kernel.ring[i].addr.desc_user_addr,
				 (uintptr_t)q->desc);
		assert_int_equal(kernel.ring[i].addr.avail_user_addr,
				 (uintptr_t)q->avail);
		assert_int_equal(kernel.ring[i].addr.used_user_addr,
				 (uintptr_t)q->used);
		assert_int_equal(kernel.ring[i].kick,
				 ring.unit.pci.kick_fd[2 + i]);
		assert_int_equal(kernel.ring[i].call,
				 ring.unit.pci.vector[2 + i].fd);
		assert_int_equal(kernel.ring[i].err, vhost.err_fd);
	}
}

/* What was put there before the kernel was listening is not forgotten. */
static void kicked_at_first(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 0, 2, &worker), 0);
	assert_int_equal(read(ring.unit.pci.kick_fd[0], &n, 8), 8);
	assert_int_equal(read(ring.unit.pci.kick_fd[1], &n, 8), 8);
	assert_int_equal(read(ring.unit.pci.kick_fd[2], &n, 8), -1);
}

static void no_interrupt_wanted(void **state)
{
	(void)state;
	atomic_store(&ring.unit.v.queue_vector[1], VIRTIO_NO_VECTOR);
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 0, 2, &worker), 0);
	assert_int_equal(kernel.ring[1].call, VHOST_FILE_UNBIND);
	assert_int_not_equal(kernel.ring[0].call, VHOST_FILE_UNBIND);
}

static void takes_back(void **state)
{
	struct virtio *v = &ring.unit.v;

	(void)state;
	assert_int_equal(vhost_start(&vhost, v, 0, 2, &worker), 0);
	kernel.ring[1].base = 12;
	v->queue[1].used->idx = 11;
	vhost_stop(&vhost);
	assert_int_equal(v->queue[1].seen, 12);
	assert_int_equal(v->queue[1].done, 11);
	assert_int_equal(kernel.ring[1].kick, VHOST_FILE_UNBIND);
	assert_int_equal(kernel.ring[1].call, VHOST_FILE_UNBIND);
	assert_int_equal(kernel.ring[1].err, VHOST_FILE_UNBIND);
	vhost_stop(&vhost);
	/* and once more, after a reset */
	assert_int_equal(vhost_start(&vhost, v, 0, 2, &worker), 0);
	assert_int_equal(kernel.ring[1].base, 12);
}

/* virtio-1.3 2.1.2 */
static void error_needs_reset(void **state)
{
	uint64_t one = 1;

	(void)state;
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 0, 2, &worker), 0);
	assert_int_equal(worker_start(&worker, "vhost"), 0);
	assert_int_equal(write(vhost.err_fd, &one, 8), 8);
	for (int ms = 0; ms < 5000 && !ring.config_signals; ms++)
		poll(NULL, 0, 1);
	worker_stop(&worker);
	assert_int_equal(ring.config_signals, 1);
	assert_int_equal(atomic_load(&ring.unit.v.status) & 0x40, 0x40);
}

static void queue_not_live(void **state)
{
	(void)state;
	virtq_stop(&ring.unit.v.queue[1]);
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 0, 2, &worker),
			 -EINVAL);
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 2, 2, &worker), 0);
}

/* Each call may fail; nothing is left then, and later it works. */
static void every_call_fails(void **state)
{
	unsigned int n = kernel.calls;

	(void)state;
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 0, 2, &worker), 0);
	n = kernel.calls - n;
	vhost_stop(&vhost);
	assert_int_equal(n, 2 + 2 * 6);
	for (unsigned int i = 1; i <= n; i++) {
		kernel.fail_at = kernel.calls + i;
		assert_int_equal(
			vhost_start(&vhost, &ring.unit.v, 0, 2, &worker), -EIO);
		assert_null(vhost.v);
		assert_int_equal(vhost.err_fd, -1);
	}
	assert_int_equal(vhost_start(&vhost, &ring.unit.v, 0, 2, &worker), 0);
}

static void opening_fails(void **state)
{
	struct vhost h;

	(void)state;
	kernel.open_errno = EACCES;
	assert_int_equal(vhost_open(&h, "/dev/vhost-net"), -EACCES);
	kernel.open_errno = 0;
	for (unsigned int i = 1; i <= 2; i++) {
		kernel.fail_at = kernel.calls + i;
		assert_int_equal(vhost_open(&h, "/dev/vhost-net"), -EIO);
		assert_int_equal(h.fd, -1);
	}
	kernel.features &= ~(1ull << 29); /* VIRTIO_RING_F_EVENT_IDX */
	assert_int_equal(vhost_open(&h, "/dev/vhost-net"), -ENOTSUP);
	assert_int_equal(h.fd, -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(told_everything),	   TEST(kicked_at_first),
		TEST(no_interrupt_wanted), TEST(takes_back),
		TEST(error_needs_reset),   TEST(queue_not_live),
		TEST(every_call_fails),	   TEST(opening_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
