/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_VIRTIO_CONSOLE_H
#define DEVICES_VIRTIO_CONSOLE_H

#include "core/virtio.h"

/*
 * Console device (virtio-1.3 5.3): up to VCON_PORTS_MAX ports, each with a
 * queue for input and one for output, and, where the driver takes multiport, a
 * pair of control queues by which ports are announced, named and opened.
 */
extern const struct virtio_ops virtio_console_ops;

#define VCON_PORTS_MAX 31u
#define VCON_NAME_MAX  64u
/* The longest control message: its header and a name. */
#define VCON_MESSAGE_MAX (8u + VCON_NAME_MAX)

/* Queues (virtio-1.3 5.3.2): port 0, control, port 1 and so on. */
#define VCON_CONTROL_RX 2u /* to the driver */
#define VCON_CONTROL_TX 3u
static inline unsigned int vcon_rx(unsigned int port)
{
	return port == 0 ? 0 : 2 + 2 * port;
}
static inline unsigned int vcon_tx(unsigned int port)
{
	return vcon_rx(port) + 1;
}

struct vcon_port {
	char name[VCON_NAME_MAX]; /* "": none */
	bool console; /* a console, hvcN, rather than a plain port */
	bool open;    /* the guest has it open */
	uint8_t due;  /* messages that are to be sent */
};

/* v.host_ops etc. are the caller's; v.ops reads the rest of this. */
struct vcon {
	unsigned int n_ports; /* at least 1 */
	struct vcon_port port[VCON_PORTS_MAX];
};

/* Features and queues of @v for these ports. */
void vcon_describe(const struct vcon *c, struct virtio *v);
/* DRIVER_OK; @multiport: it was negotiated. Without it port 0 is open now. */
void vcon_started(struct vcon *c, bool multiport);
/* Reset: nothing is open. */
void vcon_stopped(struct vcon *c);
/*
 * A control message of the driver, in the readable part of @m. False if it is
 * none that can be understood; it has no effect then.
 */
bool vcon_control(struct vcon *c, const struct virtq_chain *m);
/* The next control message for the driver; its bytes, 0: none is due. */
size_t vcon_message(struct vcon *c, uint8_t out[VCON_MESSAGE_MAX]);

#endif
