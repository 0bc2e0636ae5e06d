// SPDX-License-Identifier: Apache-2.0
/*
 * The host side of network cards, with its threads. A tap is one end of a pair
 * of sockets that keep frames apart; what ioctl() does to it is told here. The
 * peer of passt's socket is the test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_ring.h"
#include "vmm/net.h"

#define F(name) (1ull << VIRTIO_NET_F_##name)

/* --- taps ----------------------------------------------------------------- */

static struct {
	unsigned int opened;
	ino_t inode[VIRTIO_NET_PAIRS_MAX]; /* of barge's ends */
	int peer[VIRTIO_NET_PAIRS_MAX];	   /* the network's */
	bool attached[VIRTIO_NET_PAIRS_MAX];
	int setiff_errno;
	int flags; /* of TUNGETIFF, when somebody else opened it */
	bool multi_only;
	bool no_uso;
	bool odd; /* the next frame is of a kind without a name */
	bool deleted;
	bool down;
	int header;
	_Atomic unsigned long offload;
	bool vhost;
	int backend[2];
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

static int refuse(int code)
{
	errno = code;
	return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	struct stat tap;
	int fd[2];

	if (strcmp(path, "/dev/vhost-net") == 0)
		return host.vhost ? eventfd(0, EFD_CLOEXEC) : refuse(ENOENT);
	if (strcmp(path, "/dev/net/tun") != 0)
		return __real_open(path, flags);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(fstat(fd[0], &tap), 0);
	host.inode[host.opened] = tap.st_ino;
	host.peer[host.opened++] = fd[1];
	return fd[0];
}

static int tap_at(int fd);

ssize_t __real_readv(int fd, const struct iovec *iov, int n);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int n);
ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);

ssize_t __wrap_readv(int fd, const struct iovec *iov, int n)
{
	ssize_t r;

	if (host.deleted && tap_at(fd) >= 0)
		return refuse(EBADFD);
	r = __real_readv(fd, iov, n);
	if (r > 0 && host.odd && tap_at(fd) >= 0) {
		host.odd = false;
		return refuse(EINVAL);
	}
	return r;
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	if (host.deleted && tap_at(fd) >= 0)
		return refuse(EBADFD);
	return __real_writev(fd, iov, n);
}

/* By its inode: a descriptor may be a copy. */
static int tap_at(int fd)
{
	struct stat tap;

	for (unsigned int i = 0; i < host.opened && !fstat(fd, &tap); i++) {
		if (host.inode[i] == tap.st_ino)
			return (int)i;
	}
	return -1;
}

static int set_iff(int i, const struct ifreq *ifr)
{
	bool multi = ifr->ifr_flags & IFF_MULTI_QUEUE;

	if (host.setiff_errno)
		return refuse(host.setiff_errno);
	if (host.multi_only && !multi)
		return refuse(EINVAL);
	assert_true(ifr->ifr_flags & IFF_TAP);
	assert_true(ifr->ifr_flags & IFF_NO_PI);
	assert_true(ifr->ifr_flags & IFF_VNET_HDR);
	assert_string_equal(ifr->ifr_name, "tap7");
	host.attached[i] = true;
	return 0;
}

static int set_queue(int i, const struct ifreq *ifr)
{
	bool on = ifr->ifr_flags & IFF_ATTACH_QUEUE;

	if (host.attached[i] == on)
		return refuse(EINVAL);
	host.attached[i] = on;
	return 0;
}

static int set_offload(unsigned long flags)
{
	if (host.no_uso && flags & 0x60)
		return refuse(EINVAL);
	if (flags && !(flags & TUN_F_CSUM))
		return refuse(EINVAL);
	atomic_store(&host.offload, flags);
	return 0;
}

static int get_iff(struct ifreq *ifr)
{
	if (host.deleted)
		return refuse(EBADFD);
	strcpy(ifr->ifr_name, "tap7");
	ifr->ifr_flags = (short)host.flags;
	return 0;
}

static int tap_ioctl(int i, unsigned long request, void *arg)
{
	switch (request) {
	case TUNSETIFF:
		return set_iff(i, arg);
	case TUNGETIFF:
		return get_iff(arg);
	case TUNSETQUEUE:
		return set_queue(i, arg);
	case TUNSETOFFLOAD:
		return set_offload((unsigned long)arg);
	case TUNSETVNETHDRSZ:
		host.header = *(int *)arg;
		return 0;
	default: /* TUNGETDEVNETNS: as on an old kernel */
		return refuse(EINVAL);
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct ifreq *ifr;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (tap_at(fd) >= 0)
		return tap_ioctl(tap_at(fd), request, arg);
	if (request != SIOCGIFFLAGS)
		return __real_ioctl(fd, request, arg);
	ifr = arg;
	ifr->ifr_flags = host.down ? 0 : IFF_UP;
	return 0;
}

/* --- a machine with one card ---------------------------------------------- */

static struct fake_ring ring;
static struct conf conf;
static struct err err;

static struct net *net(void)
{
	return ring.unit.v.host;
}

static int machine_open(const char *kind, unsigned int queues)
{
	memset(&ring, 0, sizeof(ring));
	memset(&err, 0, sizeof(err));
	conf.n_net = 1;
	snprintf(conf.net[0].kind, sizeof(conf.net[0].kind), "%s", kind);
	conf.net[0].queues = queues;
	strcpy(ring.unit.name, "net");
	return net_host_open(&ring.unit, &conf, 0, &err);
}

static void start(uint64_t features)
{
	struct virtio *v = &ring.unit.v;

	features &= v->offered;
	fake_ring_up(&ring, features | VIRTIO_RING_FEATURES);
	assert_int_equal(v->host_ops->start(v), 0);
}

static void stop(void)
{
	struct virtio *v = &ring.unit.v;

	v->host_ops->stop(v);
	fake_ring_down(&ring);
}

static void machine_up(const char *kind, unsigned int queues)
{
	assert_int_equal(machine_open(kind, queues), 0);
	fake_ring_init(&ring);
}

static void machine_close(void)
{
	if (ring.unit.close)
		ring.unit.close(&ring.unit.v);
	if (ring.ram)
		fake_ring_fini(&ring);
	memset(&ring, 0, sizeof(ring));
}

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	memset(&conf, 0, sizeof(conf));
	conf.net[0].vhost = VHOST_OFF;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	machine_close();
	for (unsigned int i = 0; i < host.opened; i++)
		close(host.peer[i]);
	return 0;
}

static uint8_t byte_of(unsigned int seed, unsigned int i)
{
	return (uint8_t)(seed * 31 + i * 7 + i / 251);
}

static void make_frame(uint8_t *at, unsigned int seed, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		at[i] = byte_of(seed, i);
}

static void same_frame(const uint8_t *at, unsigned int seed, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++) {
		if (at[i] != byte_of(seed, i))
			fail_msg("byte %u of frame %u", i, seed);
	}
}

/* From the network, as a tap hands it out: with a header. */
static void tap_frame(unsigned int tap, unsigned int seed, unsigned int len)
{
	static uint8_t b[70000];

	memset(b, 0, VIRTIO_NET_HDR);
	b[10] = b[11] = 0xee; /* no tap writes these */
	make_frame(b + VIRTIO_NET_HDR, seed, len);
	assert_int_equal(send(host.peer[tap], b, VIRTIO_NET_HDR + len, 0),
			 VIRTIO_NET_HDR + len);
}

static bool wait_for(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

static void guest_sends(unsigned int q, unsigned int seed, unsigned int len)
{
	uint8_t *at = ring.ram + FAKE_RING_DATA;

	memset(at, 0, VIRTIO_NET_HDR);
	make_frame(at + VIRTIO_NET_HDR, seed, len);
	fake_ring_add(&ring, q, FAKE_RING_DATA, VIRTIO_NET_HDR + 20, false,
		      false);
	fake_ring_add(&ring, q, FAKE_RING_DATA + VIRTIO_NET_HDR + 20, len - 20,
		      false, true);
	fake_ring_notify(&ring, q);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Whatever happened: threads sleep afterwards. */
static void nobody_spins(void)
{
	double before = cpu_seconds();

	poll(NULL, 0, 300);
	assert_true(cpu_seconds() - before < 0.1);
}

static void link_becomes(bool up)
{
	for (int ms = 0; ms < 5000; ms++) {
		if (atomic_load(&net()->model.link) == up)
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("the link never became %s", up ? "up" : "down");
}

/* --- taps: frames --------------------------------------------------------- */

static void tap_sends(void **state)
{
	uint8_t b[2000];
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	assert_int_equal(host.header, VIRTIO_NET_HDR);
	guest_sends(1, 5, 900);
	assert_true(wait_for(host.peer[0], 5000));
	assert_int_equal(recv(host.peer[0], b, sizeof(b), 0), 912);
	same_frame(b + VIRTIO_NET_HDR, 5, 900);
	assert_true(fake_ring_used(&ring, 1, &len));
	assert_int_equal(len, 0);
	stop();
}

static void tap_receives_merged(void **state)
{
	uint8_t got[9000];
	uint32_t len, sum = 0;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	for (unsigned int i = 0; i < 8; i++)
		fake_ring_add(&ring, 0, FAKE_RING_DATA + i * 0x1000, 1000, true,
			      true);
	fake_ring_notify(&ring, 0);
	tap_frame(0, 3, 2500);
	tap_frame(0, 4, 60);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(fake_ring_used(&ring, 0, &len));
		memcpy(got + sum, ring.ram + FAKE_RING_DATA + i * 0x1000, len);
		sum += len;
	}
	assert_int_equal(sum, 2512);
	assert_int_equal(got[10] | got[11] << 8, 3);
	same_frame(got + VIRTIO_NET_HDR, 3, 2500);
	assert_true(fake_ring_used(&ring, 0, &len));
	assert_int_equal(len, 72);
	assert_int_equal(ring.ram[FAKE_RING_DATA + 0x3000 + 10], 1);
	same_frame(ring.ram + FAKE_RING_DATA + 0x3000 + 12, 4, 60);
	stop();
}

/* Larger than what the guest has made available: it waits for more. */
static void tap_holds_a_frame(void **state)
{
	uint8_t got[9000];
	uint32_t len, sum = 0;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	fake_ring_add(&ring, 0, FAKE_RING_DATA, 1000, true, true);
	fake_ring_notify(&ring, 0);
	tap_frame(0, 9, 2500);
	poll(NULL, 0, 50);
	nobody_spins();
	for (unsigned int i = 1; i < 4; i++)
		fake_ring_add(&ring, 0, FAKE_RING_DATA + i * 0x1000, 1000, true,
			      true);
	fake_ring_notify(&ring, 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(fake_ring_used(&ring, 0, &len));
		memcpy(got + sum, ring.ram + FAKE_RING_DATA + i * 0x1000, len);
		sum += len;
	}
	assert_int_equal(sum, 2512);
	same_frame(got + VIRTIO_NET_HDR, 9, 2500);
	stop();
}

/* Without merging a frame that is too large is dropped, the next is not. */
static void tap_drops_too_large(void **state)
{
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX & ~F(MRG_RXBUF));
	fake_ring_add(&ring, 0, FAKE_RING_DATA, 1526, true, true);
	fake_ring_notify(&ring, 0);
	tap_frame(0, 1, 4000);
	tap_frame(0, 2, 600);
	assert_true(fake_ring_used(&ring, 0, &len));
	assert_int_equal(len, 612);
	same_frame(ring.ram + FAKE_RING_DATA + 12, 2, 600);
	assert_int_equal(ring.ram[FAKE_RING_DATA + 10], 1);
	stop();
}

static void no_buffers_no_spinning(void **state)
{
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	tap_frame(0, 1, 100);
	tap_frame(0, 2, 100);
	poll(NULL, 0, 20);
	nobody_spins();
	fake_ring_add(&ring, 0, FAKE_RING_DATA, 1526, true, true);
	fake_ring_add(&ring, 0, FAKE_RING_DATA + 0x1000, 1526, true, true);
	fake_ring_notify(&ring, 0);
	assert_true(fake_ring_used(&ring, 0, &len));
	assert_true(fake_ring_used(&ring, 0, &len));
	same_frame(ring.ram + FAKE_RING_DATA + 0x1000 + 12, 2, 100);
	assert_true(fake_ring_interrupt(&ring, 0));
	stop();
}

/* A frame that is none is dropped; the queue goes on. */
static void bad_frames_are_dropped(void **state)
{
	uint8_t b[2000];
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 1);
	start(F(MRG_RXBUF));
	fake_ring_add(&ring, 1, FAKE_RING_DATA, 20, false, true);
	memset(ring.ram + FAKE_RING_DATA + 0x1000, 0, 100);
	ring.ram[FAKE_RING_DATA + 0x1001] = 1; /* TSO, not negotiated */
	fake_ring_add(&ring, 1, FAKE_RING_DATA + 0x1000, 100, false, true);
	guest_sends(1, 6, 80);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(fake_ring_used(&ring, 1, &len));
	assert_int_equal(recv(host.peer[0], b, sizeof(b), 0), 92);
	assert_false(wait_for(host.peer[0], 0));
	stop();
}

static void broken_ring_needs_reset(void **state)
{
	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	fake_ring_add(&ring, 1, FAKE_RING_RAM + 0x1000, 100, false, true);
	fake_ring_notify(&ring, 1);
	for (int ms = 0; ms < 5000 && !ring.config_signals; ms++)
		poll(NULL, 0, 1);
	assert_true(atomic_load(&ring.unit.v.status) &
		    VIRTIO_CONFIG_S_NEEDS_RESET);
	nobody_spins();
	stop();
	start(UINT64_MAX);
	guest_sends(1, 6, 80);
	assert_true(wait_for(host.peer[0], 5000));
	stop();
}

/* --- taps: everything else ------------------------------------------------ */

static void offloads_follow_features(void **state)
{
	(void)state;
	machine_up("tap:tap7", 1);
	assert_int_equal(host.offload, 0);
	start(F(GUEST_CSUM) | F(GUEST_TSO4));
	assert_int_equal(host.offload, TUN_F_CSUM | TUN_F_TSO4);
	stop();
	assert_int_equal(host.offload, 0);
	start(UINT64_MAX);
	assert_int_equal(host.offload, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
					       TUN_F_TSO_ECN | 0x60);
	stop();
}

static void old_kernel_without_uso(void **state)
{
	(void)state;
	host.no_uso = true;
	machine_up("tap:tap7", 1);
	assert_int_equal(ring.unit.v.offered & VIRTIO_NET_OFFLOADS_USO, 0);
	assert_int_equal(ring.unit.v.offered & F(HOST_UFO), 0);
	start(UINT64_MAX);
	assert_int_equal(host.offload,
			 TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN);
	stop();
}

static uint8_t command(uint8_t class, uint8_t cmd, const void *body,
		       uint32_t bytes)
{
	unsigned int q = virtio_net_control_queue(&ring.unit.v);
	uint8_t *at = ring.ram + FAKE_RING_DATA + 0x80000;
	uint32_t gpa = FAKE_RING_DATA + 0x80000, len;

	at[0] = class;
	at[1] = cmd;
	memcpy(at + 2, body, bytes);
	at[100] = 0xaa;
	fake_ring_add(&ring, q, gpa, 2, false, false);
	fake_ring_add(&ring, q, gpa + 2, bytes, false, false);
	fake_ring_add(&ring, q, gpa + 100, 1, true, true);
	fake_ring_notify(&ring, q);
	assert_true(fake_ring_used(&ring, q, &len));
	assert_int_equal(len, 1);
	return at[100];
}

static void offloads_by_command(void **state)
{
	uint64_t bits = F(GUEST_CSUM), more = F(GUEST_CSUM) | F(GUEST_TSO6);

	(void)state;
	machine_up("tap:tap7", 1);
	start(F(CTRL_VQ) | F(CTRL_GUEST_OFFLOADS) | F(GUEST_CSUM) |
	      F(GUEST_TSO4));
	assert_int_equal(command(5, 0, &bits, 8), VIRTIO_NET_OK);
	assert_int_equal(host.offload, TUN_F_CSUM);
	assert_int_equal(command(5, 0, &more, 8), VIRTIO_NET_ERR);
	assert_int_equal(host.offload, TUN_F_CSUM);
	stop();
}

static void pairs_come_and_go(void **state)
{
	uint16_t two = 2, one = 1, four = 4;
	uint8_t b[200];
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 3);
	assert_int_equal(host.opened, 3);
	start(UINT64_MAX);
	assert_true(host.attached[0]);
	assert_false(host.attached[1] || host.attached[2]);
	nobody_spins();
	assert_int_equal(command(4, 0, &two, 2), VIRTIO_NET_OK);
	assert_true(host.attached[1] && !host.attached[2]);
	guest_sends(3, 8, 100);
	assert_true(wait_for(host.peer[1], 5000));
	assert_int_equal(recv(host.peer[1], b, sizeof(b), 0), 112);
	assert_int_equal(command(4, 0, &four, 2), VIRTIO_NET_ERR);
	assert_int_equal(command(4, 0, &one, 2), VIRTIO_NET_OK);
	assert_false(host.attached[1]);
	assert_int_equal(command(4, 0, &two, 2), VIRTIO_NET_OK);
	/* no buffer is lost with the pair that took them */
	for (uint32_t i = 0; i < 4; i++)
		fake_ring_add(&ring, 2, FAKE_RING_DATA + i * 0x1000, 1526, true,
			      true);
	fake_ring_notify(&ring, 2);
	tap_frame(1, 3, 100);
	assert_true(fake_ring_used(&ring, 2, &len));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(command(4, 0, &one, 2), VIRTIO_NET_OK);
		assert_int_equal(command(4, 0, &two, 2), VIRTIO_NET_OK);
		tap_frame(1, 4 + i, 200);
		assert_true(fake_ring_used(&ring, 2, &len));
		assert_int_equal(len, 212);
	}
	stop();
	/* a driver that knows of one pair only */
	start(UINT64_MAX & ~F(MQ));
	assert_false(host.attached[1]);
	assert_int_equal(command(4, 0, &two, 2), VIRTIO_NET_ERR);
	stop();
}

/* The next driver finds the card as it was. */
static void mac_until_reset(void **state)
{
	static const uint8_t other[6] = {2, 1, 2, 3, 4, 5};
	uint64_t mac;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	assert_int_equal(command(1, 1, other, 6), VIRTIO_NET_OK);
	mac = atomic_load(&net()->model.mac);
	assert_memory_equal(&mac, other, 6);
	stop();
	mac = atomic_load(&net()->model.mac);
	assert_memory_equal(&mac, net()->model.mac_first, 6);
}

/* A frame of a kind that no guest can be told is skipped. */
static void tap_has_an_odd_frame(void **state)
{
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	host.odd = true;
	fake_ring_add(&ring, 0, FAKE_RING_DATA, 1526, true, true);
	fake_ring_notify(&ring, 0);
	tap_frame(0, 1, 100);
	tap_frame(0, 2, 300);
	assert_true(fake_ring_used(&ring, 0, &len));
	assert_int_equal(len, 312);
	assert_false(atomic_load(&net()->gone));
	stop();
}

static void tap_for_several_queues(void **state)
{
	(void)state;
	host.multi_only = true;
	machine_up("tap:tap7", 1);
	assert_int_equal(host.opened, 2);
	assert_int_equal(tap_at(net()->pair[0].fd) >= 0, 1);
}

static void tap_goes_away(void **state)
{
	uint32_t len;

	(void)state;
	machine_up("tap:tap7", 1);
	start(UINT64_MAX);
	link_becomes(true);
	fake_ring_add(&ring, 0, FAKE_RING_DATA + 0x8000, 1526, true, true);
	fake_ring_notify(&ring, 0);
	host.deleted = true;
	close(host.peer[0]); /* poll() tells, and goes on telling */
	host.peer[0] = -1;
	link_becomes(false);
	assert_int_equal(ring.config_signals, 1);
	nobody_spins();
	guest_sends(1, 8, 100);
	assert_true(fake_ring_used(&ring, 1, &len));
	nobody_spins();
	stop();
	start(UINT64_MAX);
	assert_false(atomic_load(&net()->model.link));
	nobody_spins();
	stop();
}

static void tap_is_down_at_first(void **state)
{
	(void)state;
	host.down = true;
	machine_up("tap:tap7", 1);
	assert_true(net()->link_fd >= 0);
	start(UINT64_MAX);
	assert_false(atomic_load(&net()->model.link));
	stop();
	host.down = false;
	start(UINT64_MAX);
	assert_true(atomic_load(&net()->model.link));
	stop();
	host.deleted = true;
	start(UINT64_MAX);
	assert_false(atomic_load(&net()->model.link));
	assert_true(atomic_load(&net()->gone));
	/* frames vanish */
	guest_sends(1, 8, 100);
	poll(NULL, 0, 20);
	assert_false(wait_for(host.peer[0], 0));
	stop();
}

static void refusals(void **state)
{
	(void)state;
	host.setiff_errno = EPERM;
	assert_int_equal(machine_open("tap:tap7", 2), -EPERM);
	assert_int_equal(err.what, ERR_TAP_OPEN);
	assert_string_equal(err.name, "tap7");
	assert_int_equal(err.num, 2);
	machine_close();
	host.setiff_errno = 0;
	conf.net[0].vhost = VHOST_ON;
	assert_int_equal(machine_open("tap:tap7", 1), -ENOENT);
	assert_int_equal(err.what, ERR_VHOST);
	machine_close();
	assert_int_equal(machine_open("fd:1000", 1), -EBADF);
	assert_int_equal(err.what, ERR_TAP_FD);
	machine_close();
	assert_int_equal(machine_open("fd:1", 1), -EBADF);
}

static void adopted(void **state)
{
	char kind[16];
	int fd;

	(void)state;
	fd = open("/dev/net/tun", O_RDWR);
	snprintf(kind, sizeof(kind), "fd:%d", fd);
	host.flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	assert_int_equal(machine_open(kind, 1), -ENOTTY);
	machine_close();
	host.flags = IFF_TAP | IFF_NO_PI;
	assert_int_equal(machine_open(kind, 1), -EPROTO);
	machine_close();
	host.flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	machine_up(kind, 1);
	assert_string_equal(net()->name, "tap7");
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	/* it is there for the next machine, after a reboot */
	machine_close();
	machine_up(kind, 1);
	machine_close();
	close(fd);
}

/* Made up, but always the same; another card's is another one. */
static void made_up_mac(void **state)
{
	uint8_t first[6];

	(void)state;
	machine_up("tap:tap7", 1);
	memcpy(first, net()->model.mac_first, 6);
	assert_int_equal(first[0] & 3, 2);
	machine_close();
	machine_up("tap:tap7", 1);
	assert_memory_equal(first, net()->model.mac_first, 6);
	machine_close();
	conf.net[1] = conf.net[0];
	memset(&ring, 0, sizeof(ring));
	assert_int_equal(net_host_open(&ring.unit, &conf, 1, &err), 0);
	assert_memory_not_equal(first, net()->model.mac_first, 6);
}

/* --- passt ---------------------------------------------------------------- */

static char path[64];
static int listener = -1;

static int passt_listen(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(path, sizeof(path), "/tmp/test_net.%d", (int)getpid());
	strcpy(a.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	listener = fd;
	return fd;
}

static int passt_accept(void)
{
	assert_true(wait_for(listener, 5000));
	return accept(listener, NULL, NULL);
}

static void passt_up(void)
{
	char kind[80];

	snprintf(kind, sizeof(kind), "passt:%s", path);
	machine_up(kind, 1);
}

static int passt_down(void **state)
{
	close(listener);
	unlink(path);
	return tear_down(state);
}

static void read_all(int fd, uint8_t *at, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t r = read(fd, at + done, len - done);

		assert_true(r > 0);
		done += (size_t)r;
	}
}

/* A card on passt, whose end of the connection it is. */
static int passt_start(void)
{
	int fd;

	passt_listen();
	passt_up();
	fd = passt_accept();
	start(UINT64_MAX);
	return fd;
}

static void expect_frame(int fd, unsigned int seed, unsigned int len)
{
	static uint8_t b[70000];
	uint32_t n;

	read_all(fd, (uint8_t *)&n, 4);
	assert_int_equal(ntohl(n), len);
	read_all(fd, b, len);
	same_frame(b, seed, len);
}

static void passt_both_ways(void **state)
{
	uint8_t b[3000];
	uint32_t len, head;
	int fd;

	(void)state;
	passt_listen();
	passt_up();
	fd = passt_accept();
	/* nothing that only a tap can do */
	assert_int_equal(ring.unit.v.offered & (VIRTIO_NET_OFFLOADS_CSUM |
						VIRTIO_NET_OFFLOADS_TSO |
						F(CTRL_GUEST_OFFLOADS)),
			 0);
	start(UINT64_MAX);
	guest_sends(1, 4, 700);
	expect_frame(fd, 4, 700);
	for (unsigned int i = 0; i < 4; i++)
		fake_ring_add(&ring, 0, FAKE_RING_DATA + i * 0x1000, 1000, true,
			      true);
	fake_ring_notify(&ring, 0);
	/* in pieces, at odd places */
	head = htonl(1500);
	memcpy(b, &head, 4);
	make_frame(b + 4, 11, 1500);
	assert_int_equal(write(fd, b, 3), 3);
	poll(NULL, 0, 20);
	assert_int_equal(write(fd, b + 3, 600), 600);
	poll(NULL, 0, 20);
	assert_int_equal(write(fd, b + 603, 901), 901);
	assert_true(fake_ring_used(&ring, 0, &len));
	assert_int_equal(len, 1000);
	assert_true(fake_ring_used(&ring, 0, &len));
	assert_int_equal(len, 512);
	assert_int_equal(ring.ram[FAKE_RING_DATA + 10], 2);
	same_frame(ring.ram + FAKE_RING_DATA + 12, 11, 988);
	stop();
	close(fd);
}

/* A reader that stops: no thread spins, no frame is torn or lost. */
static void passt_is_slow(void **state)
{
	unsigned int sent = 0;
	uint32_t len;
	int fd;

	(void)state;
	fd = passt_start();
	make_frame(ring.ram + FAKE_RING_DATA + VIRTIO_NET_HDR, 4, 60000);
	for (; sent < 64; sent++) {
		struct vring_used *u = ring.unit.v.queue[1].used;

		fake_ring_add(&ring, 1, FAKE_RING_DATA, 60000 + VIRTIO_NET_HDR,
			      false, true);
		fake_ring_notify(&ring, 1);
		for (int ms = 0; ms < 100; ms++) {
			if (__atomic_load_n(&u->idx, __ATOMIC_ACQUIRE) > sent)
				break;
			poll(NULL, 0, 1);
		}
		if (__atomic_load_n(&u->idx, __ATOMIC_ACQUIRE) <= sent)
			break;
		assert_true(fake_ring_used(&ring, 1, &len));
	}
	assert_in_range(sent, 1, 60);
	nobody_spins();
	for (unsigned int i = 0; i <= sent; i++)
		expect_frame(fd, 4, 60000);
	assert_true(fake_ring_used(&ring, 1, &len));
	stop();
	close(fd);
}

/* Of a frame that went in part the rest follows, with nothing behind it. */
static void passt_gets_the_rest(void **state)
{
	uint32_t len;
	int fd;

	(void)state;
	fd = passt_start();
	make_frame(ring.ram + FAKE_RING_DATA + VIRTIO_NET_HDR, 4, 60000);
	for (unsigned int n = 1; n < 8; n++) {
		for (unsigned int i = 0; i < n; i++) {
			fake_ring_add(&ring, 1, FAKE_RING_DATA,
				      60000 + VIRTIO_NET_HDR, false, true);
			fake_ring_notify(&ring, 1);
			poll(NULL, 0, 5);
		}
		for (unsigned int i = 0; i < n; i++)
			expect_frame(fd, 4, 60000);
		for (unsigned int i = 0; i < n; i++)
			assert_true(fake_ring_used(&ring, 1, &len));
	}
	stop();
	close(fd);
}

static void passt_dies_and_returns(void **state)
{
	int fd;

	(void)state;
	fd = passt_start();
	link_becomes(true);
	close(fd);
	link_becomes(false);
	assert_int_equal(ring.config_signals, 1);
	guest_sends(1, 4, 700);
	nobody_spins();
	fd = passt_accept();
	link_becomes(true);
	guest_sends(1, 5, 700);
	expect_frame(fd, 5, 700);
	stop();
	close(fd);
}

static void passt_talks_nonsense(void **state)
{
	uint32_t head = htonl(1 << 20);
	int fd;

	(void)state;
	fd = passt_start();
	assert_int_equal(write(fd, &head, 4), 4);
	link_becomes(false);
	assert_true(wait_for(fd, 5000));
	assert_int_equal(read(fd, &head, 4), 0);
	close(fd);
	stop();
}

/* In QEMU's user space the child learns alone that there is no program. */
static bool spawn_tells(void)
{
	char name[] = "/nowhere/none", *argv[] = {name, NULL};
	pid_t pid;

	if (posix_spawn(&pid, name, NULL, NULL, argv, NULL) == ENOENT)
		return true;
	waitpid(pid, NULL, 0);
	return false;
}

static void no_passt(void **state)
{
	(void)state;
	assert_int_equal(machine_open("passt:/tmp/test_net.none", 1), -ENOENT);
	assert_int_equal(err.what, ERR_PASST);
	machine_close();
	if (!spawn_tells())
		return;
	setenv("PATH", "/nowhere", 1);
	assert_int_equal(machine_open("passt", 1), -ENOENT);
	assert_int_equal(err.what, ERR_PASST_START);
}

#define TEST(f)	 cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define PASST(f) cmocka_unit_test_setup_teardown(f, set_up, passt_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tap_sends),
		TEST(tap_receives_merged),
		TEST(tap_holds_a_frame),
		TEST(tap_drops_too_large),
		TEST(no_buffers_no_spinning),
		TEST(bad_frames_are_dropped),
		TEST(broken_ring_needs_reset),
		TEST(offloads_follow_features),
		TEST(old_kernel_without_uso),
		TEST(offloads_by_command),
		TEST(pairs_come_and_go),
		TEST(mac_until_reset),
		TEST(tap_has_an_odd_frame),
		TEST(tap_for_several_queues),
		TEST(tap_goes_away),
		TEST(tap_is_down_at_first),
		TEST(refusals),
		TEST(adopted),
		TEST(made_up_mac),
		PASST(passt_both_ways),
		PASST(passt_is_slow),
		PASST(passt_gets_the_rest),
		PASST(passt_dies_and_returns),
		PASST(passt_talks_nonsense),
		TEST(no_passt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
