/* SPDX-License-Identifier: Apache-2.0 */
/* What is left in the queues of a console when its machine ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/fake_ring.h"
#include "vmm/vm.h"

#define OUT 1u /* the queue that hvc0 writes to */

static struct vm vm;
static struct conf conf;
static struct fake_ring ring;
static char folder[] = "/tmp/barge-hvc-XXXXXX";
static int client;

static const struct virtio_host_ops *ops(void)
{
	return ring.unit.v.host_ops;
}

static void go_round(unsigned int times)
{
	while (times--)
		loop_once(&vm.loop, 50);
}

static void connect_client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(a.sun_path, conf.hvc.path);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
	go_round(4);
}

static int set_up(void **state)
{
	struct err e = {0};

	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&conf, 0, sizeof(conf));
	memset(&ring, 0, sizeof(ring));
	vm.wake_fd = -1;
	vm.conf = &conf;
	conf.hvc.kind = CONSOLE_SOCKET;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(conf.hvc.path, sizeof(conf.hvc.path), "%s/s", folder);
	consoles_init(&vm.consoles);
	assert_int_equal(hvc_consoles_open(&vm, &e), 0);
	assert_int_equal(loop_init(&vm.loop), 0);
	assert_int_equal(consoles_start(&vm.consoles, &vm.loop, NULL, NULL), 0);
	ring.unit.vm = &vm;
	assert_int_equal(hvc_host_open(&ring.unit, &conf, 0, &e), 0);
	fake_ring_init(&ring);
	fake_ring_up(&ring, UINT64_MAX & ~(1ull << 1)); /* one port */
	connect_client();
	assert_int_equal(ops()->start(&ring.unit.v), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(client);
	ring.unit.close(&ring.unit.v);
	fake_ring_fini(&ring);
	consoles_close(&vm.consoles);
	loop_fini(&vm.loop);
	rmdir(folder);
	return 0;
}

/* Takes a little now and then; *arg: bytes. */
static void *slow_reader(void *arg)
{
	char buf[4096];
	size_t *sum = arg;
	ssize_t n;

	while ((n = read(client, buf, sizeof(buf))) > 0) {
		*sum += (size_t)n;
		usleep(100000);
	}
	return NULL;
}

/* 64 MiB are left, at 40 KiB a second: that is not waited for. */
static void much_is_left(void **state)
{
	uint64_t from;
	pthread_t t;
	size_t sum = 0;

	(void)state;
	for (unsigned int i = 0; i < FAKE_RING_SIZE; i++)
		fake_ring_add(&ring, OUT, 0, FAKE_RING_RAM, false,
			      i == FAKE_RING_SIZE - 1);
	assert_int_equal(pthread_create(&t, NULL, slow_reader, &sum), 0);
	fake_ring_notify(&ring, OUT);
	usleep(300000);
	from = vm_now_ns();
	ops()->stop(&ring.unit.v);
	assert_in_range((vm_now_ns() - from) / 1000000, 0, 12000);
	shutdown(client, SHUT_RDWR);
	pthread_join(t, NULL);
	assert_true(sum > 0);
}

/* What there is just when it ends comes out, be it the last moment. */
static void last_words(void **state)
{
	char buf[64];
	size_t n = 0;

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		memcpy(ring.ram + FAKE_RING_DATA, "0123456789", 10);
		fake_ring_add(&ring, OUT, FAKE_RING_DATA, 10, false, true);
		fake_ring_notify(&ring, OUT);
	}
	ops()->stop(&ring.unit.v);
	while (n < 50) {
		ssize_t r = read(client, buf, sizeof(buf));

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_int_equal(n, 50);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(much_is_left),
		TEST(last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
