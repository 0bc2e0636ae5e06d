/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_NET_H
#define DEVICES_VIRTIO_NET_H

#include <linux/virtio_net.h>

#include "core/virtio.h"

/*
 * Network device (virtio-1.3 5.1): pairs of a receive and a transmit queue,
 * then a control queue. Frames on all of them begin with a header of 12 bytes.
 */
extern const struct virtio_ops virtio_net_ops;

#define VIRTIO_NET_PAIRS_MAX 16u
#define VIRTIO_NET_HDR	     12u /* struct virtio_net_hdr_v1 */
#define VIRTIO_NET_ETH	     14u
/* virtio-1.3 5.1.6.3.1: the largest frame where one may stand for several. */
#define VIRTIO_NET_FRAME_MAX 65550u

/* Newer than the headers of Linux 6.1; since Linux 6.2. */
#define VIRTIO_NET_BIT_GUEST_USO4 54
#define VIRTIO_NET_BIT_GUEST_USO6 55
#define VIRTIO_NET_BIT_HOST_USO	  56
#define VIRTIO_NET_GSO_UDP_L4	  5

/* Features that only make sense if the host side can do something. */
#define VIRTIO_NET_OFFLOADS_CSUM                                               \
	(1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM)
#define VIRTIO_NET_OFFLOADS_TSO                                                \
	(1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_HOST_TSO6 |     \
	 1ull << VIRTIO_NET_F_HOST_ECN | 1ull << VIRTIO_NET_F_GUEST_TSO4 |     \
	 1ull << VIRTIO_NET_F_GUEST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_ECN)
#define VIRTIO_NET_OFFLOADS_USO                                                \
	(1ull << VIRTIO_NET_BIT_HOST_USO | 1ull << VIRTIO_NET_BIT_GUEST_USO4 | \
	 1ull << VIRTIO_NET_BIT_GUEST_USO6)
/* What the host does to received frames: those of CTRL_GUEST_OFFLOADS. */
#define VIRTIO_NET_GUEST_OFFLOADS                                              \
	(1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_GUEST_TSO4 |   \
	 1ull << VIRTIO_NET_F_GUEST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_ECN |    \
	 1ull << VIRTIO_NET_BIT_GUEST_USO4 |                                   \
	 1ull << VIRTIO_NET_BIT_GUEST_USO6)

/* What v->host of a network device begins with. */
struct virtio_net {
	uint8_t mac_first[6]; /* after a reset */
	uint16_t mtu;	      /* 0: the driver is told none */
	uint16_t pairs;	      /* that there are */
	_Atomic bool link;
	_Atomic uint64_t mac; /* in the low 6 bytes, the first lowest */
};

/* What the device offers, @offloads being what the host side can do. */
uint64_t virtio_net_features(const struct virtio_net *n, uint64_t offloads);
unsigned int virtio_net_queues(const struct virtio_net *n);
/* What is not kept over a reset. */
void virtio_net_reset(struct virtio_net *n);
/* virtio-1.3 5.1.2: where it is depends on what was negotiated. */
unsigned int virtio_net_control_queue(const struct virtio *v);
/* Pairs that may be used at all, and the one that is at first. */
unsigned int virtio_net_pairs(const struct virtio *v);

/*
 * A frame to be sent: how many bytes it has behind its header, or -EINVAL: it
 * is none, or wants what was not negotiated.
 */
int virtio_net_tx(const struct virtio *v, const struct virtq_chain *c);

/* --- the control queue ---------------------------------------------------- */

enum virtio_net_what {
	VIRTIO_NET_NOTHING,
	VIRTIO_NET_PAIRS,    /* use `pairs` pairs of queues */
	VIRTIO_NET_OFFLOADS, /* do these to received frames */
};

struct virtio_net_want {
	enum virtio_net_what what;
	unsigned int pairs;
	uint64_t offloads; /* of VIRTIO_NET_GUEST_OFFLOADS */
};

/*
 * Command @c, as far as the model goes. VIRTIO_NET_OK: the host side does what
 * is in *want, if anything; VIRTIO_NET_ERR: it is refused.
 */
uint8_t virtio_net_control(struct virtio *v, const struct virtq_chain *c,
			   struct virtio_net_want *want);
/* Put the answer into the command; how many bytes were written. */
uint32_t virtio_net_answer(const struct virtq_chain *c, uint8_t ack);

/* --- receiving ------------------------------------------------------------ */

/* readv() takes 1024 pieces; one is left for what does not fit. */
#define VIRTIO_NET_RX_PIECES 1023u

/*
 * Buffers that were popped and are still empty, in order, as one long list of
 * pieces. A frame fills as many as it needs; the others stay.
 */
struct virtio_net_rx {
	unsigned int n;
	unsigned int pieces;
	uint64_t room; /* bytes that the next frame may have, with header */
	bool full;     /* the next buffer has more pieces than fit */
	struct {
		uint16_t head;
		uint16_t pieces;
		uint32_t len;
	} buf[VIRTQ_SIZE_MAX];
	struct iovec piece[VIRTIO_NET_RX_PIECES + 1];
};

static inline void virtio_net_rx_reset(struct virtio_net_rx *rx)
{
	rx->n = 0;
	rx->pieces = 0;
	rx->room = 0;
	rx->full = false;
}

/* Bytes, with header, that may arrive as one frame. */
uint32_t virtio_net_rx_most(const struct virtio *v);
/*
 * Pop buffers of @q until there is room for @bytes, or no more of them. Without
 * MRG_RXBUF a frame has to fit into one. 0, or -EINVAL: the queue is broken.
 */
int virtio_net_rx_fill(const struct virtio *v, struct virtio_net_rx *rx,
		       struct virtq *q, struct virtq_chain *c, uint64_t bytes);
/*
 * Whether no further buffer can come: a frame that does not fit now never
 * will.
 */
bool virtio_net_rx_full(const struct virtio *v, const struct virtio_net_rx *rx,
			const struct virtq *q);
/*
 * A frame of @bytes <= rx->room, header included, is in the pieces: complete
 * the header and give the buffers that hold it back to the driver.
 */
void virtio_net_rx_done(const struct virtio *v, struct virtio_net_rx *rx,
			struct virtq *q, uint64_t bytes);
/* Copy @len bytes at offset @off of the pieces, as far as there are any. */
void virtio_net_rx_write(const struct virtio_net_rx *rx, uint64_t off,
			 const void *from, size_t len);
void virtio_net_rx_read(const struct virtio_net_rx *rx, uint64_t off, void *to,
			size_t len);

#endif
