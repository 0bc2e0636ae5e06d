// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/virtio_console.h>
#include <string.h>

#include "devices/virtio_console.h"

static struct vcon c;

static int begin(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	c.n_ports = 3;
	c.port[0].console = true;
	strcpy(c.port[1].name, "org.example.log");
	strcpy(c.port[2].name, "b");
	return 0;
}

static bool say(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control m = {id, event, value};
	struct virtq_chain chain = {.n_out = 2, .out_len = sizeof(m)};

	/* in two pieces: a driver may */
	chain.iov[0] = (struct iovec){&m, 3};
	chain.iov[1] = (struct iovec){(uint8_t *)&m + 3, sizeof(m) - 3};
	return vcon_control(&c, &chain);
}

static void expect(uint32_t id, uint16_t event, const char *name)
{
	uint8_t out[VCON_MESSAGE_MAX];
	struct virtio_console_control m;
	size_t len = vcon_message(&c, out);

	memcpy(&m, out, sizeof(m));
	assert_int_equal(len, sizeof(m) + strlen(name));
	assert_int_equal(m.id, id);
	assert_int_equal(m.event, event);
	assert_int_equal(m.value, 1);
	assert_memory_equal(out + sizeof(m), name, strlen(name));
}

static void silence(void)
{
	uint8_t out[VCON_MESSAGE_MAX];

	assert_int_equal(vcon_message(&c, out), 0);
}

/* virtio-1.3 5.3.6.2 */
static void announces(void **state)
{
	(void)state;
	vcon_started(&c, true);
	silence();
	assert_true(say(VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1));
	for (uint32_t i = 0; i < 3; i++)
		expect(i, VIRTIO_CONSOLE_PORT_ADD, "");
	silence();
	assert_true(say(0, VIRTIO_CONSOLE_PORT_READY, 1));
	expect(0, VIRTIO_CONSOLE_CONSOLE_PORT, "");
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, "");
	assert_true(say(1, VIRTIO_CONSOLE_PORT_READY, 1));
	expect(1, VIRTIO_CONSOLE_PORT_NAME, "org.example.log");
	expect(1, VIRTIO_CONSOLE_PORT_OPEN, "");
	silence();
}

static void opens(void **state)
{
	(void)state;
	vcon_started(&c, true);
	assert_false(c.port[0].open);
	assert_true(say(1, VIRTIO_CONSOLE_PORT_OPEN, 1));
	assert_true(c.port[1].open);
	assert_true(say(1, VIRTIO_CONSOLE_PORT_OPEN, 0));
	assert_false(c.port[1].open);
	assert_true(say(2, VIRTIO_CONSOLE_PORT_OPEN, 1));
	vcon_stopped(&c);
	assert_false(c.port[2].open);
}

static void alone(void **state)
{
	struct virtio v = {0};

	(void)state;
	c.n_ports = 1;
	vcon_describe(&c, &v);
	assert_int_equal(v.n_queues, 2);
	assert_true(v.offered == 0);
	vcon_started(&c, false);
	assert_true(c.port[0].open);
}

static void described(void **state)
{
	struct virtio v = {0};

	(void)state;
	vcon_describe(&c, &v);
	assert_int_equal(v.n_queues, 8);
	assert_true(v.offered == 1u << VIRTIO_CONSOLE_F_MULTIPORT);
	assert_int_equal(v.ops->cfg_read(&v, 4, 4), 3);
	assert_int_equal(v.ops->cfg_read(&v, 0, 8), 3ull << 32);
	assert_int_equal(v.ops->cfg_read(&v, 4000, 4), 0);
	assert_int_equal(vcon_tx(0), 1);
	assert_int_equal(vcon_rx(1), 4);
	assert_int_equal(vcon_tx(2), 7);
	/* a port alone is none that a driver without multiport could use */
	c.port[0].console = false;
	c.n_ports = 1;
	vcon_describe(&c, &v);
	assert_int_equal(v.n_queues, 4);
	vcon_started(&c, false);
	assert_false(c.port[0].open);
}

static void nonsense(void **state)
{
	struct virtq_chain empty = {0};

	(void)state;
	vcon_started(&c, true);
	assert_false(vcon_control(&c, &empty));
	assert_false(say(3, VIRTIO_CONSOLE_PORT_READY, 1));
	assert_false(say(UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 1));
	assert_false(say(0, 99, 1));
	assert_false(say(0, VIRTIO_CONSOLE_RESIZE, 1));
	assert_true(say(0, VIRTIO_CONSOLE_DEVICE_READY, 0));
	assert_true(say(1, VIRTIO_CONSOLE_PORT_READY, 0));
	silence();
	/* a thousand times the same is said once */
	for (unsigned int i = 0; i < 1000; i++)
		assert_true(say(0, VIRTIO_CONSOLE_DEVICE_READY, 1));
	for (uint32_t i = 0; i < 3; i++)
		expect(i, VIRTIO_CONSOLE_PORT_ADD, "");
	silence();
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(announces), TEST(opens),	 TEST(alone),
		TEST(described), TEST(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
