/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any access to registers and configuration space: the host side is started and
 * stopped in turn, only with negotiated features and live queues, and at the
 * end nothing is attached or taken.
 */
#include <string.h>

#include "devices/virtio_console.h"
#include "devices/virtio_pci.h"
#include "tests/fuzz/fuzz_in.h"

#define BASE	 0x10000u
#define MEM	 0x4000u
#define VECTORS	 64
#define BAR_AREA 0x7000u

static struct {
	bool started;
	unsigned int routes;
	bool irqfd[VECTORS];
	uint64_t ioeventfd[VIRTIO_QUEUES_MAX];
	struct fuzz_in *in;
} host;

static int refuse(void)
{
	return fuzz_u8(host.in) == 0xee ? -1 : 0;
}

static int route_take(struct hv *h, unsigned int *gsi)
{
	(void)h;
	if (refuse())
		return -28;
	*gsi = host.routes++;
	REQUIRE(host.routes <= VECTORS);
	return 0;
}

static void route_give(struct hv *h, unsigned int gsi)
{
	(void)h;
	REQUIRE(!host.irqfd[gsi]);
}

static int route_msi(struct hv *h, unsigned int gsi, struct hv_msi msi)
{
	(void)h;
	(void)msi;
	REQUIRE(gsi < host.routes);
	return refuse();
}

static int route_commit(struct hv *h)
{
	(void)h;
	return refuse();
}

static int irqfd(struct hv *h, unsigned int gsi, int fd, int resample,
		 bool attach)
{
	(void)h;
	REQUIRE(gsi < host.routes && fd >= 0 && resample == -1);
	REQUIRE(host.irqfd[gsi] != attach);
	if (attach && refuse())
		return -22;
	host.irqfd[gsi] = attach;
	return 0;
}

static int ioeventfd(struct hv *h, uint64_t gpa, int fd, bool attach)
{
	uint64_t *at = &host.ioeventfd[fd];

	(void)h;
	REQUIRE(gpa != 0 && host.started);
	if (!attach) {
		REQUIRE(*at == gpa);
		*at = 0;
		return 0;
	}
	REQUIRE(*at == 0);
	if (refuse())
		return -28;
	*at = gpa;
	return 0;
}

static const struct hv_ops hv_ops = {
	.route_take = route_take,
	.route_give = route_give,
	.route_msi = route_msi,
	.route_commit = route_commit,
	.irqfd = irqfd,
	.ioeventfd = ioeventfd,
};

static int start(struct virtio *v)
{
	REQUIRE(!host.started);
	REQUIRE(v->acked >> 32 & 1);
	REQUIRE(!(v->acked & ~(v->offered | VIRTIO_RING_FEATURES)));
	for (unsigned int i = 0; i < v->n_queues; i++)
		REQUIRE(virtq_live(&v->queue[i]) == v->queue[i].regs.enabled);
	if (refuse())
		return -12;
	host.started = true;
	return 0;
}

static void stop(struct virtio *v)
{
	(void)v;
	REQUIRE(host.started);
}

static const struct virtio_host_ops host_ops = {start, stop};

static void signal_vector(void *ctx, unsigned int vector)
{
	(void)ctx;
	REQUIRE(vector == VIRTIO_NO_VECTOR || vector < VECTORS);
}

static void kick(void *ctx, unsigned int queue)
{
	struct virtio *v = ctx;

	REQUIRE(queue < v->n_queues && v->started);
}

static bool fd_pending(int fd)
{
	return fd & 1;
}

static struct virtio v;
static struct virtio_pci p;

static void access_bar(struct fuzz_in *in)
{
	struct fuzz_access a = fuzz_access(in, fuzz_u8(in) & 1, BAR_AREA);

	/* mostly the common configuration */
	if (fuzz_u8(in) & 3)
		a.off %= 64 / a.len * a.len;
	if (a.write)
		p.func.ops->bar_write(&p.func, 0, a.off, a.len, a.val);
	else
		(void)p.func.ops->bar_read(&p.func, 0, a.off, a.len);
}

static void access_cfg(struct fuzz_in *in)
{
	unsigned int len = 1u << fuzz_u8(in) % 3;
	unsigned int off = fuzz_u8(in) / len * len;

	if (fuzz_u8(in) & 1)
		p.func.ops->cfg_write(&p.func, off, len, fuzz_u(in, len));
	else
		(void)p.func.ops->cfg_read(&p.func, off, len);
}

/* As a driver would bring it up: otherwise too few inputs come that far. */
static void bring_up(struct fuzz_in *in)
{
	static const uint8_t steps[][3] = {
		{0x14, 1, 3},  {0x08, 4, 1}, {0x0c, 4, 1},  {0x14, 1, 11},
		{0x18, 2, 16}, {0x1c, 2, 1}, {0x14, 1, 15},
	};

	for (unsigned int i = 0; i < 7; i++) {
		if (i == 5) {
			p.func.ops->bar_write(&p.func, 0, 0x20, 8, BASE);
			p.func.ops->bar_write(&p.func, 0, 0x28, 8,
					      BASE + 0x400);
			p.func.ops->bar_write(&p.func, 0, 0x30, 8,
					      BASE + fuzz_u(in, 2));
		}
		p.func.ops->bar_write(&p.func, 0, steps[i][0], steps[i][1],
				      steps[i][2]);
	}
}

/* What v->started says is what the host side was told. */
static void check_step(void)
{
	if (!v.started)
		host.started = false;
	REQUIRE(v.started == host.started);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t mem[MEM];
	struct fuzz_in in = {data, size};
	struct gmem gmem = {0};
	struct hv hv = {&hv_ops};
	struct vcon model = {.n_ports = 1 + fuzz_u8(&in) % 4};
	struct plan_pci place;

	memset(&host, 0, sizeof(host));
	memset(&v, 0, sizeof(v));
	memset(&p, 0, sizeof(p));
	host.in = &in;
	REQUIRE(gmem_add(&gmem, (struct span){BASE, MEM}, mem) == 0);
	vcon_describe(&model, &v);
	v.host_ops = &host_ops;
	v.mem = &gmem;
	v.queue_size = 64;
	v.signal = signal_vector;
	v.kick = kick;
	v.ctx = &v;
	for (unsigned int i = 0; i < VIRTIO_QUEUES_MAX; i++)
		p.kick_fd[i] = (int)i;
	for (unsigned int i = 0; i < VIRTIO_PCI_VECTORS_MAX; i++)
		p.vector[i].fd = (int)i;
	p.fd_pending = fd_pending;
	virtio_pci_init(&p, &v);
	virtio_pci_describe(&place, "fuzz");
	place.bar[0].addr = 0x100000000;
	virtio_pci_place(&p, &place, &hv);
	for (unsigned int i = 0; in.left && i < 4096; i++) {
		switch (fuzz_u8(&in) % 8) {
		case 0:
			access_cfg(&in);
			break;
		case 1:
			bring_up(&in);
			break;
		default:
			access_bar(&in);
		}
		check_step();
	}
	virtio_pci_stop(&p);
	for (unsigned int i = 0; i < VECTORS; i++)
		REQUIRE(!host.irqfd[i]);
	for (unsigned int i = 0; i < VIRTIO_QUEUES_MAX; i++)
		REQUIRE(!host.ioeventfd[i]);
	return 0;
}
