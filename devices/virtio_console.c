// SPDX-License-Identifier: Apache-2.0
/*
 * What is to be said to the driver is kept as bits of each port, not as a queue
 * of messages: a driver that asks again and again for the same makes nothing
 * grow.
 */
#include "devices/virtio_console.h"

#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <string.h>

/* struct vcon_port.due, in the order of sending */
#define DUE_ADD	    (1u << 0)
#define DUE_CONSOLE (1u << 1)
#define DUE_NAME    (1u << 2)
#define DUE_OPEN    (1u << 3)

static uint64_t cfg_read(struct virtio *v, unsigned int off, unsigned int len)
{
	struct virtio_console_config c = {
		.max_nr_ports = v->n_queues > 2 ? v->n_queues / 2 - 1 : 1,
	};
	uint64_t val = 0;

	if (off < sizeof(c))
		memcpy(&val, (const uint8_t *)&c + off,
		       len < sizeof(c) - off ? len : sizeof(c) - off);
	return val;
}

const struct virtio_ops virtio_console_ops = {
	.name = "virtio-console",
	.type = VIRTIO_ID_CONSOLE,
	.pci_class = 0x078000, /* communication controller, other */
	.cfg_read = cfg_read,
};

void vcon_describe(const struct vcon *c, struct virtio *v)
{
	bool multi = c->n_ports > 1 || !c->port[0].console;

	v->ops = &virtio_console_ops;
	v->offered = multi ? 1u << VIRTIO_CONSOLE_F_MULTIPORT : 0;
	v->n_queues = multi ? 2 * (c->n_ports + 1) : 2;
}

void vcon_started(struct vcon *c, bool multiport)
{
	c->port[0].open = !multiport && c->port[0].console;
}

void vcon_stopped(struct vcon *c)
{
	for (unsigned int i = 0; i < c->n_ports; i++) {
		c->port[i].open = false;
		c->port[i].due = 0;
	}
}

/* virtio-1.3 5.3.6.2: the port is there; what it is called and good for. */
static void port_ready(struct vcon_port *p)
{
	p->due |= p->console ? DUE_CONSOLE : 0;
	p->due |= p->name[0] ? DUE_NAME : 0;
	p->due |= DUE_OPEN;
}

bool vcon_control(struct vcon *c, const struct virtq_chain *m)
{
	struct virtio_console_control msg;

	if (virtq_copy_out(m, 0, &msg, sizeof(msg)) != sizeof(msg))
		return false;
	if (msg.event == VIRTIO_CONSOLE_DEVICE_READY) {
		for (unsigned int i = 0; msg.value == 1 && i < c->n_ports; i++)
			c->port[i].due |= DUE_ADD;
		return true;
	}
	if (msg.id >= c->n_ports)
		return false;
	switch (msg.event) {
	case VIRTIO_CONSOLE_PORT_READY:
		if (msg.value == 1)
			port_ready(&c->port[msg.id]);
		return true;
	case VIRTIO_CONSOLE_PORT_OPEN:
		c->port[msg.id].open = msg.value == 1;
		return true;
	default:
		return false;
	}
}

static size_t message(struct vcon *c, unsigned int port, uint16_t event,
		      uint8_t out[VCON_MESSAGE_MAX])
{
	const struct virtio_console_control msg = {port, event, 1};
	size_t name = 0;

	memcpy(out, &msg, sizeof(msg));
	if (event == VIRTIO_CONSOLE_PORT_NAME) {
		name = strnlen(c->port[port].name, VCON_NAME_MAX);
		memcpy(out + sizeof(msg), c->port[port].name, name);
	}
	return sizeof(msg) + name;
}

size_t vcon_message(struct vcon *c, uint8_t out[VCON_MESSAGE_MAX])
{
	static const struct {
		uint8_t due;
		uint16_t event;
	} events[] = {
		{DUE_ADD, VIRTIO_CONSOLE_PORT_ADD},
		{DUE_CONSOLE, VIRTIO_CONSOLE_CONSOLE_PORT},
		{DUE_NAME, VIRTIO_CONSOLE_PORT_NAME},
		{DUE_OPEN, VIRTIO_CONSOLE_PORT_OPEN},
	};

	for (unsigned int i = 0; i < c->n_ports; i++) {
		for (unsigned int k = 0; k < 4; k++) {
			if (!(c->port[i].due & events[k].due))
				continue;
			c->port[i].due &= (uint8_t)~events[k].due;
			return message(c, i, events[k].event, out);
		}
	}
	return 0;
}
