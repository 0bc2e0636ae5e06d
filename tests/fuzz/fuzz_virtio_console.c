/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages of any kind: what is said back is bounded and whole. */
#include <string.h>

#include "devices/virtio_console.h"
#include "tests/fuzz/fuzz_in.h"

static void check_messages(struct vcon *c)
{
	uint8_t out[VCON_MESSAGE_MAX];
	unsigned int n = 0;
	size_t len;

	while ((len = vcon_message(c, out))) {
		uint32_t port;

		memcpy(&port, out, sizeof(port));
		REQUIRE(len >= 8 && len <= VCON_MESSAGE_MAX);
		REQUIRE(port < c->n_ports);
		REQUIRE(++n <= 4 * c->n_ports);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct vcon c = {.n_ports = 1 + fuzz_u8(&in) % VCON_PORTS_MAX};
	struct virtq_chain chain = {0};
	uint8_t *msg;

	for (unsigned int i = 0; i < c.n_ports; i++) {
		c.port[i].console = fuzz_u8(&in) & 1;
		memset(c.port[i].name, 'n', fuzz_u8(&in) % VCON_NAME_MAX);
	}
	vcon_started(&c, fuzz_u8(&in) & 1);
	while (in.left) {
		size_t len = fuzz_u8(&in) % 12;

		msg = malloc(len + 1);
		REQUIRE(msg);
		for (size_t i = 0; i < len; i++)
			msg[i] = fuzz_u8(&in) & (i ? 7 : 31);
		chain.n_out = len ? 1 : 0;
		chain.out_len = len;
		chain.iov[0] = (struct iovec){msg, len};
		REQUIRE(!vcon_control(&c, &chain) || len >= 8);
		free(msg);
		if (fuzz_u8(&in) & 1)
			check_messages(&c);
	}
	check_messages(&c);
	vcon_stopped(&c);
	for (unsigned int i = 0; i < c.n_ports; i++)
		REQUIRE(!c.port[i].open && !c.port[i].due);
	return 0;
}
