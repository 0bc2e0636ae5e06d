/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VHOST_USER_MSG_H
#define VMM_VHOST_USER_MSG_H

#include <linux/vhost_types.h>
#include <stdint.h>

#include "core/gmem.h"

/* The messages of vhost-user that we use; numbers in this machine's order. */

enum {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_SET_VRING_ENABLE = 18,
};

#define VHOST_USER_F_PROTOCOL_FEATURES	30
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3

#define VHOST_USER_VERSION_MASK		3u
#define VHOST_USER_VERSION		1u
#define VHOST_USER_REPLY		(1u << 2)
#define VHOST_USER_NEED_REPLY		(1u << 3)
#define VHOST_USER_VRING_NOFD		(1u << 8) /* beside a queue's index */

struct vhost_user_memory {
	uint32_t n;
	uint32_t padding;
	struct {
		uint64_t gpa;
		uint64_t size;
		uint64_t user_addr; /* by which queues are named */
		uint64_t offset;    /* in the region's file */
	} region[GMEM_MAX];
};

/* Head and payload follow one another without a gap on the wire. */
struct vhost_user_msg {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* of the payload */
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct vhost_user_memory memory;
	} payload;
};

#define VHOST_USER_HEAD 12u

/* vhost-user has room for so many regions. */
_Static_assert(GMEM_MAX <= 8, "regions");

#endif
