// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/virtio_pci.h"
#include "tests/unit/fake_hv.h"
#include "tests/unit/ring.h"

#define BASE	  0x40000000u
#define BAR_ADDR  0x4000000000ull
#define QUEUES	  3u
#define TYPE	  4
#define COMMON(f) offsetof(struct virtio_pci_common_cfg, f)
#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)
#define FEATURE	  (1ull << 5)
#define NOTIFY	  0x3000u
#define TABLE	  0x4000u
#define PBA	  0x5000u

/* A device whose host side only counts. */
static struct {
	struct ring ring;
	struct virtio v;
	struct virtio_pci p;
	struct fake_hv hv;
	unsigned int starts, stops, kicks, kicked;
	int start_result;
	bool live_at_start;
} t;

static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	(void)v;
	return off * 16 + len;
}

static const struct virtio_ops ops = {
	.name = "test",
	.type = TYPE,
	.pci_class = 0x020000,
	.cfg_read = cfg_read,
};

static int host_start(struct virtio *v)
{
	t.starts++;
	t.live_at_start = virtq_live(&v->queue[0]);
	return t.start_result;
}

static void host_stop(struct virtio *v)
{
	assert_true(virtq_live(&v->queue[0]));
	t.stops++;
}

static const struct virtio_host_ops host_ops = {host_start, host_stop};

static void signal_vector(void *ctx, unsigned int vector)
{
	(void)ctx;
	if (vector != VIRTIO_NO_VECTOR)
		assert_int_equal(eventfd_write(t.p.vector[vector].fd, 1), 0);
}

static void kick(void *ctx, unsigned int queue)
{
	(void)ctx;
	t.kicks++;
	t.kicked = queue;
}

static bool fd_pending(int fd)
{
	eventfd_t n;

	if (eventfd_read(fd, &n) < 0)
		return false;
	assert_int_equal(eventfd_write(fd, n), 0);
	return true;
}

static int begin(void **state)
{
	struct plan_pci place;

	(void)state;
	memset(&t, 0, sizeof(t));
	ring_init(&t.ring, BASE);
	fake_hv_init(&t.hv);
	t.v.ops = &ops;
	t.v.host_ops = &host_ops;
	t.v.mem = &t.ring.gmem;
	t.v.offered = FEATURE;
	t.v.n_queues = QUEUES;
	t.v.queue_size = 64;
	t.v.signal = signal_vector;
	t.v.kick = kick;
	for (unsigned int i = 0; i < VIRTIO_PCI_VECTORS_MAX; i++)
		t.p.vector[i].fd = -1;
	for (unsigned int i = 0; i <= QUEUES; i++)
		t.p.vector[i].fd = eventfd(0, EFD_NONBLOCK);
	for (unsigned int i = 0; i < QUEUES; i++)
		t.p.kick_fd[i] = eventfd(0, EFD_NONBLOCK);
	t.p.fd_pending = fd_pending;
	virtio_pci_init(&t.p, &t.v);
	virtio_pci_describe(&place, "test");
	place.devfn = 5 << 3;
	place.bar[0].addr = BAR_ADDR;
	virtio_pci_place(&t.p, &place, &t.hv.hv);
	return 0;
}

static int end(void **state)
{
	const char *left;

	(void)state;
	virtio_pci_stop(&t.p);
	left = fake_hv_left(&t.hv);
	for (unsigned int i = 0; i <= QUEUES; i++)
		close(t.p.vector[i].fd);
	for (unsigned int i = 0; i < QUEUES; i++)
		close(t.p.kick_fd[i]);
	if (left)
		fail_msg("%s", left);
	return 0;
}

/* --- registers ------------------------------------------------------------ */

static uint64_t bar(unsigned int off, unsigned int len)
{
	return t.p.func.ops->bar_read(&t.p.func, 0, off, len) & pci_ones(len);
}

static void bar_set(unsigned int off, unsigned int len, uint64_t val)
{
	t.p.func.ops->bar_write(&t.p.func, 0, off, len, val);
}

static uint64_t cfg(unsigned int off, unsigned int len)
{
	return t.p.func.ops->cfg_read(&t.p.func, off, len) & pci_ones(len);
}

static void cfg_set(unsigned int off, unsigned int len, uint64_t val)
{
	t.p.func.ops->cfg_write(&t.p.func, off, len, val);
}

static uint8_t status(void)
{
	return (uint8_t)bar(COMMON(device_status), 1);
}

static void set_status(unsigned int bits)
{
	bar_set(COMMON(device_status), 1, bits);
}

static bool agree(uint64_t features)
{
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	bar_set(COMMON(guest_feature_select), 4, 0);
	bar_set(COMMON(guest_feature), 4, features & UINT32_MAX);
	bar_set(COMMON(guest_feature_select), 4, 1);
	bar_set(COMMON(guest_feature), 4, features >> 32);
	set_status(status() | VIRTIO_CONFIG_S_FEATURES_OK);
	return status() & VIRTIO_CONFIG_S_FEATURES_OK;
}

static void queue_set(unsigned int q, uint64_t base)
{
	bar_set(COMMON(queue_select), 2, q);
	bar_set(COMMON(queue_size), 2, RING_SIZE);
	bar_set(COMMON(queue_desc_lo), 4, base);
	bar_set(COMMON(queue_desc_hi), 4, base >> 32);
	bar_set(COMMON(queue_avail_lo), 8, base + RING_AVAIL);
	bar_set(COMMON(queue_used_lo), 8, base + RING_USED);
	bar_set(COMMON(queue_enable), 2, 1);
}

static void go(void)
{
	assert_true(agree(VERSION_1));
	queue_set(0, BASE);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void decode(bool on)
{
	cfg_set(PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

static void message(unsigned int v, uint32_t data)
{
	bar_set(TABLE + 16 * v, 4, 0xfee00000);
	bar_set(TABLE + 16 * v + 4, 4, 0);
	bar_set(TABLE + 16 * v + 8, 4, data);
	bar_set(TABLE + 16 * v + 12, 4, 0);
}

static void msix_on(unsigned int flags)
{
	cfg_set(t.p.msix_cap + PCI_MSIX_FLAGS, 2, flags);
}

/* --- tests ---------------------------------------------------------------- */

static void identity(void **state)
{
	uint8_t seen[16] = {0};
	unsigned int at = (unsigned int)cfg(PCI_CAPABILITY_LIST, 1);

	(void)state;
	assert_int_equal(cfg(0, 4), 0x1af4 | (0x1040 + TYPE) << 16);
	assert_int_equal(cfg(PCI_CLASS_REVISION, 4), 0x02000001);
	assert_int_equal(cfg(PCI_INTERRUPT_PIN, 1), 0);
	for (unsigned int n = 0; at; n++, at = (unsigned int)cfg(at + 1, 1)) {
		assert_true(n < 10 && at % 4 == 0);
		if (cfg(at, 1) != PCI_CAP_ID_VNDR)
			continue;
		assert_true(cfg(at + 2, 1) >= 16);
		assert_int_equal(cfg(at + 4, 1), 0);
		seen[cfg(at + 3, 1)]++;
	}
	for (unsigned int type = 1; type <= 5; type++)
		assert_int_equal(seen[type], 1);
	assert_int_equal(cfg(t.p.msix_cap + PCI_MSIX_FLAGS, 2), QUEUES);
}

static void negotiates(void **state)
{
	(void)state;
	bar_set(COMMON(device_feature_select), 4, 0);
	assert_int_equal(bar(COMMON(device_feature), 4),
			 (FEATURE | VIRTIO_RING_FEATURES) & UINT32_MAX);
	bar_set(COMMON(device_feature_select), 4, 1);
	assert_int_equal(bar(COMMON(device_feature), 4), 1);
	bar_set(COMMON(device_feature_select), 4, 2);
	assert_int_equal(bar(COMMON(device_feature), 4), 0);
	assert_false(agree(FEATURE));
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_int_equal(t.starts, 0);
	set_status(0);
	assert_false(agree(VERSION_1 | 1));
	set_status(0);
	assert_true(agree(VERSION_1 | FEATURE));
	bar_set(COMMON(guest_feature), 4, 0); /* too late */
	assert_true(t.v.acked == (VERSION_1 | FEATURE));
	assert_int_equal(bar(COMMON(guest_feature), 4), 1);
}

static void starts_and_resets(void **state)
{
	(void)state;
	go();
	assert_int_equal(t.starts, 1);
	assert_true(t.live_at_start);
	assert_true(t.v.started);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK); /* again */
	assert_int_equal(t.starts, 1);
	bar_set(COMMON(queue_size), 2, 2);
	bar_set(COMMON(queue_desc_lo), 4, 0);
	assert_int_equal(bar(COMMON(queue_size), 2), RING_SIZE);
	assert_int_equal(bar(COMMON(queue_desc_lo), 4), BASE);
	set_status(0);
	assert_int_equal(t.stops, 1);
	assert_int_equal(status(), 0);
	assert_false(virtq_live(&t.v.queue[0]));
	assert_int_equal(bar(COMMON(queue_size), 2), 64);
	set_status(0);
	assert_int_equal(t.stops, 1);
	go();
	assert_int_equal(t.starts, 2);
}

static void refuses_bad_rings(void **state)
{
	(void)state;
	assert_true(agree(VERSION_1));
	queue_set(0, BASE);
	queue_set(1, BASE + RING_MEM);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(t.starts, 0);
	assert_false(virtq_live(&t.v.queue[0]));
	set_status(status() & ~VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	set_status(0);
	go();
	assert_int_equal(t.starts, 1);
}

static void host_refuses(void **state)
{
	(void)state;
	t.start_result = -ENOMEM;
	go();
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	set_status(0);
	assert_int_equal(t.stops, 0);
}

static void queue_registers(void **state)
{
	(void)state;
	for (unsigned int size = 0; size < 200; size++) {
		bool good = size == 64 || size == 32 || size == 16 ||
			    size == 8 || size == 4 || size == 2 || size == 1;

		bar_set(COMMON(queue_size), 2, 64);
		bar_set(COMMON(queue_size), 2, size);
		assert_int_equal(bar(COMMON(queue_size), 2), good ? size : 64);
	}
	bar_set(COMMON(queue_select), 2, QUEUES);
	assert_int_equal(bar(COMMON(queue_size), 2), 0);
	bar_set(COMMON(queue_enable), 2, 1);
	bar_set(COMMON(queue_select), 2, 2);
	assert_int_equal(bar(COMMON(queue_notify_off), 2), 2);
	assert_int_equal(bar(COMMON(num_queues), 2), QUEUES);
	bar_set(COMMON(queue_msix_vector), 2, QUEUES);
	assert_int_equal(bar(COMMON(queue_msix_vector), 2), QUEUES);
	bar_set(COMMON(queue_msix_vector), 2, QUEUES + 1);
	assert_int_equal(bar(COMMON(queue_msix_vector), 2), VIRTIO_NO_VECTOR);
	/* parts of a field are none; reads may be of any */
	bar_set(COMMON(queue_size), 1, 1);
	assert_int_equal(bar(COMMON(queue_size), 2), 64);
	assert_int_equal(bar(COMMON(queue_size) + 1, 1), 0);
	assert_int_equal(bar(60, 8), 0);
	assert_int_equal(bar(0x2000 + 3, 2), 3 * 16 + 2);
	bar_set(0x2000, 4, 1); /* a device without cfg_write */
	assert_int_equal(bar(0x9000, 4), 0);
	bar_set(0x9000, 4, 1);
}

static void notifications(void **state)
{
	uint64_t at = BAR_ADDR + NOTIFY;

	(void)state;
	decode(true);
	assert_int_equal(fake_hv_ioeventfd(&t.hv, at), -1);
	bar_set(NOTIFY, 2, 0);
	assert_int_equal(t.kicks, 0); /* not before DRIVER_OK */
	go();
	for (unsigned int q = 0; q < QUEUES; q++)
		assert_int_equal(fake_hv_ioeventfd(&t.hv, at + 4 * q),
				 t.p.kick_fd[q]);
	decode(false);
	assert_int_equal(fake_hv_ioeventfd(&t.hv, at), -1);
	decode(true);
	assert_int_equal(fake_hv_ioeventfd(&t.hv, at), t.p.kick_fd[0]);
	cfg_set(PCI_BASE_ADDRESS_1, 4, 0x41); /* it moves */
	assert_int_equal(fake_hv_ioeventfd(&t.hv, at), -1);
	assert_int_equal(fake_hv_ioeventfd(&t.hv, 0x4100000000 + NOTIFY),
			 t.p.kick_fd[0]);
	set_status(0);
	assert_int_equal(fake_hv_ioeventfd(&t.hv, 0x4100000000 + NOTIFY), -1);
}

/* Without ioeventfds, and where the last one of them is refused. */
static void trapped_notifications(void **state)
{
	(void)state;
	decode(true);
	fake_hv_fail(&t.hv, QUEUES, -ENOSPC);
	go();
	assert_int_equal(fake_hv_ioeventfd(&t.hv, BAR_ADDR + NOTIFY), -1);
	bar_set(NOTIFY + 8, 2, 2);
	assert_int_equal(t.kicks, 1);
	assert_int_equal(t.kicked, 2);
	bar_set(NOTIFY + 4 * QUEUES, 2, 0);
	bar_set(NOTIFY + 2, 2, 0);
	bar_set(NOTIFY + 0xff8, 8, 0);
	assert_int_equal(t.kicks, 1);
	decode(false);
	decode(true);
}

static void interrupts(void **state)
{
	unsigned int v = 1;

	(void)state;
	bar_set(COMMON(queue_msix_vector), 2, v);
	message(v, 0x4041);
	assert_false(t.p.vector[v].routed); /* MSI-X is off */
	msix_on(PCI_MSIX_FLAGS_ENABLE);
	assert_true(t.p.vector[v].attached);
	assert_int_equal(t.hv.route[0].msi.data, 0x4041);
	assert_int_equal(t.hv.route[0].msi.devid, 5 << 3);
	assert_int_equal(t.hv.route[0].fd, t.p.vector[v].fd);
	assert_false(t.p.vector[0].routed); /* still masked */
	go();
	bar_set(COMMON(queue_select), 2, 0);
	bar_set(COMMON(queue_msix_vector), 2, v);
	virtq_push(&t.v.queue[0], 0, 0);
	virtio_signal(&t.v, 0);
	assert_true(fd_pending(t.p.vector[v].fd));
	virtio_signal(&t.v, 0);

	/* masked: detached, and pending once it fires */
	t.hv.maps = 0;
	assert_int_equal(bar(PBA, 8), 0);
	bar_set(TABLE + 16 * v + 12, 4, 1);
	assert_false(t.p.vector[v].attached);
	assert_int_equal(bar(PBA, 8), 1u << v);
	bar_set(TABLE + 16 * v + 8, 4, 0x4042);
	bar_set(TABLE + 16 * v + 12, 4, 0);
	assert_true(t.p.vector[v].attached);
	assert_int_equal(t.hv.route[0].msi.data, 0x4042);
	assert_int_equal(bar(PBA, 8), 0);
	msix_on(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_false(t.p.vector[v].attached);
	msix_on(0);
	assert_false(t.p.vector[v].attached);
}

/* Whatever is refused: nothing is left, and it can be tried again. */
static void interrupts_refused(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 8; n++) {
		fake_hv_fail(&t.hv, n, -ENOSPC);
		message(0, 0x4041);
		message(2, 0x4043);
		msix_on(PCI_MSIX_FLAGS_ENABLE);
		msix_on(0);
		fake_hv_fail(&t.hv, 0, 0);
		msix_on(PCI_MSIX_FLAGS_ENABLE);
		assert_true(t.p.vector[0].attached);
		assert_true(t.p.vector[2].attached);
		msix_on(0);
	}
}

static void config_changes(void **state)
{
	uint8_t generation = (uint8_t)bar(COMMON(config_generation), 1);

	(void)state;
	bar_set(COMMON(msix_config), 2, 0);
	virtio_config_changed(&t.v);
	assert_false(fd_pending(t.p.vector[0].fd)); /* no driver yet */
	go();
	virtio_config_changed(&t.v);
	assert_true(fd_pending(t.p.vector[0].fd));
	assert_int_equal(bar(COMMON(config_generation), 1),
			 (uint8_t)(generation + 2));
	virtio_fail(&t.v);
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* virtio-1.3 4.1.4.9: the BAR by way of configuration space. */
static void window(void **state)
{
	unsigned int cap = t.p.cfg_cap;
	unsigned int data = cap + sizeof(struct virtio_pci_cap);

	(void)state;
	cfg_set(cap + offsetof(struct virtio_pci_cap, offset), 4,
		COMMON(num_queues));
	cfg_set(cap + offsetof(struct virtio_pci_cap, length), 4, 2);
	assert_int_equal(cfg(data, 2), QUEUES);
	assert_int_equal(cfg(data, 4), 0); /* not the length */
	cfg_set(cap + offsetof(struct virtio_pci_cap, offset), 4,
		COMMON(queue_select));
	cfg_set(data, 2, 2);
	assert_int_equal(bar(COMMON(queue_select), 2), 2);
	cfg_set(cap + offsetof(struct virtio_pci_cap, bar), 1, 1);
	assert_int_equal(cfg(data, 2), 0);
	cfg_set(cap + offsetof(struct virtio_pci_cap, bar), 1, 0);
	cfg_set(cap + offsetof(struct virtio_pci_cap, offset), 4, 0xfffffffe);
	cfg_set(data, 2, 0xffff);
	assert_int_equal(cfg(data, 2), 0);
}

/* The end of the VM, with everything under way. */
static void stops(void **state)
{
	(void)state;
	decode(true);
	message(0, 0x4041);
	msix_on(PCI_MSIX_FLAGS_ENABLE);
	go();
	virtio_pci_stop(&t.p);
	assert_int_equal(t.stops, 1);
	assert_null(fake_hv_left(&t.hv));
	virtio_pci_stop(&t.p);
	assert_int_equal(t.stops, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(negotiates),
		TEST(starts_and_resets),
		TEST(refuses_bad_rings),
		TEST(host_refuses),
		TEST(queue_registers),
		TEST(notifications),
		TEST(trapped_notifications),
		TEST(interrupts),
		TEST(interrupts_refused),
		TEST(config_changes),
		TEST(window),
		TEST(stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
