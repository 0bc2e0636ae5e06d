/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_NET_H
#define VMM_NET_H

#include <net/if.h>
#include <sys/types.h>

#include "devices/virtio_net.h"
#include "vmm/vhost.h"
#include "vmm/virtio.h"

/*
 * The host side of network devices: where frames come from and go to.
 *
 * - vmm/net_host.c: life, control queue, pairs of queues, vhost-net;
 * - vmm/net_pump.c: frames between a pair's queues and its file;
 * - vmm/net_tap.c: taps, and what happens to them;
 * - vmm/net_passt.c: passt's socket, and passt itself.
 *
 * Each pair of queues has a worker of its own. That of the first has the
 * control queue as well, and starts and stops the others; with vhost-net it is
 * the only one.
 */

struct net;

/* Room for any frame that a tap hands out, and more. */
#define NET_FRAME_ROOM (1u << 17)

struct net_pair {
	struct net *net;
	unsigned int index;
	int fd;	      /* a queue of the tap, or the socket; -1: none */
	bool watched; /* fd is in the worker's loop */
	struct worker worker;
	struct vhost vhost;
	struct virtq_chain chain; /* the request at hand */
	struct virtio_net_rx rx;
	uint32_t held; /* bytes in frame[]: waits for buffers */
	uint8_t frame[NET_FRAME_ROOM];
};

/* How frames are moved. Called by the worker of @p. */
struct net_kind {
	/*
	 * Send the frame of @bytes behind the header in p->chain, or drop it:
	 * 0. -EAGAIN: not now; net_pump_send() is due later. Others:
	 * net_lost().
	 */
	int (*send)(struct net_pair *p, uint32_t bytes);
	/*
	 * 1: a frame was given to the guest, or dropped; 0: there is none;
	 * -ENOBUFS: the guest has no room; -EINVAL: it broke the rules.
	 * Others: net_lost().
	 */
	int (*receive)(struct net_pair *p);
	/* The file is of no use any more; once for each. */
	void (*lost)(struct net_pair *p);
	/* Around the workers' life. */
	int (*start)(struct net *n);
	void (*stop)(struct net *n);
	void (*close)(struct net *n);
};

struct net_passt;

struct net {
	struct virtio_net model; /* first: what v->host begins with */
	struct virtio *v;
	const struct net_kind *kind;
	char name[24];	    /* in messages: "tap0" */
	unsigned int pairs; /* that are open */
	unsigned int active;
	bool vhost;
	uint64_t offloads; /* that the host can do */
	_Atomic bool gone;
	int link_fd; /* netlink; -1: nothing to be heard of the tap */
	struct net_passt *passt;
	struct net_pair *pair; /* heap: `pairs` of them */
};

/* --- net_host.c ----------------------------------------------------------- */

/* Heap for @pairs pairs; -ENOMEM. */
int net_pairs_alloc(struct net *n, unsigned int pairs);
/* The guest's cable; from any thread. True: it changed. */
bool net_link(struct net *n, bool up);

/* --- net_pump.c ----------------------------------------------------------- */

int net_pump_start(struct net_pair *p);
/* After worker_stop(). */
void net_pump_stop(struct net_pair *p);
void net_pump_send(struct net_pair *p);
/* Wait for frames of p->fd, or do not. */
int net_pump_watch(struct net_pair *p);
void net_pump_unwatch(struct net_pair *p);
/*
 * Room for a frame of @bytes, header included. 1: there is, and it may be
 * written; 0: never, drop it; -ENOBUFS, -EINVAL as in struct net_kind.
 */
int net_pump_room(struct net_pair *p, uint64_t bytes);
void net_pump_placed(struct net_pair *p, uint64_t bytes);

/* --- net_tap.c ------------------------------------------------------------ */

/* Open @queues queues of tap @name, or make it. */
int net_tap_open(struct net *n, const char *name, unsigned int queues,
		 struct err *e);
/*
 * Use the tap that file @fd is. It stays open, for the next machine after a
 * reboot; children do not get it.
 */
int net_tap_adopt(struct net *n, unsigned int fd, struct err *e);
/* Have the host do @offloads (VIRTIO_NET_GUEST_OFFLOADS) to frames. */
int net_tap_offload(struct net *n, uint64_t offloads);
/* Whether frames go to this queue of the tap. */
int net_tap_queue(struct net_pair *p, bool on);

/* --- net_passt.c ---------------------------------------------------------- */

/* NULL: start a passt. */
int net_passt_open(struct net *n, const char *path, struct err *e);

#endif
