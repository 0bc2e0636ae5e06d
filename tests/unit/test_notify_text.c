/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/notify_text.h"
#include "vmm/vm.h"

static struct notify_text t;

/* The words of @text, a letter each. */
static const char *words(const char *text, size_t len)
{
	static char out[64];
	unsigned int n = 0;

	memset(&t, 0, sizeof(t));
	for (size_t i = 0; i < len; i++) {
		enum notify_word w = notify_text_add(&t, text[i]);

		if (w != NOTIFY_NOTHING)
			out[n++] = " RSE"[w];
	}
	out[n] = '\0';
	return out;
}

static void assert_words(const char *text, const char *expected)
{
	assert_string_equal(words(text, strlen(text)), expected);
}

static void lines(void **state)
{
	(void)state;
	assert_words("READY=1\n", "R");
	assert_words("READY=1", "");
	assert_words("READY=0\nREADY=11\n READY=1\nready=1\n", "");
	assert_words("X=1\nSTATUS=Booting...\nREADY=1\n\n", "SR");
	assert_words("STATUS=a \xff\x1b[2J\x7f\n", "S");
	assert_string_equal(t.value, "a ??[2J?");
	assert_words("EXIT_STATUS=0\n", "E");
	assert_int_equal(t.status, 0);
	assert_words("EXIT_STATUS=255\n", "E");
	assert_int_equal(t.status, 255);
	assert_words("EXIT_STATUS=256\nEXIT_STATUS=\nEXIT_STATUS=-1\n", "");
	assert_words("EXIT_STATUS=1 \nEXIT_STATUS=0001\n", "");
	assert_string_equal(words("READY=1\0\n", 9), "");
}

static void long_lines(void **state)
{
	char text[NOTIFY_LINE_MAX + 20];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "STATUS=", 7);
	text[NOTIFY_LINE_MAX] = '\n';
	assert_string_equal(words(text, NOTIFY_LINE_MAX + 1), "S");
	assert_int_equal(strlen(t.value), NOTIFY_LINE_MAX - 7);
	text[NOTIFY_LINE_MAX] = 'x';
	memcpy(text + NOTIFY_LINE_MAX + 1, "\nREADY=1\n", 9);
	assert_string_equal(words(text, NOTIFY_LINE_MAX + 10), "R");
}

static void command_line(void **state)
{
	struct guest_notify g = {.port = 77};
	char *s = guest_notify_cmdline(&g, "quiet");

	(void)state;
	assert_string_equal(s, "systemd.set_credential=vmm.notify_socket:"
			       "vsock-stream:2:77 quiet");
	free(s);
	s = guest_notify_cmdline(&g, "");
	assert_string_equal(s, "systemd.set_credential=vmm.notify_socket:"
			       "vsock-stream:2:77");
	free(s);
}

/* Streams, more of them than there are places, and what was said in them. */
static void streams(void **state)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct conf c = {.verbose = false};
	int fd[GUEST_NOTIFY_STREAMS];
	struct err e;

	(void)state;
	assert_non_null(vm);
	vm->conf = &c;
	notify_init(&vm->notify);
	guest_notify_init(&vm->guest_notify);
	assert_int_equal(guest_notify_open(&vm->guest_notify, false, &e), 0);
	for (unsigned int i = 0; i < GUEST_NOTIFY_STREAMS; i++) {
		fd[i] = guest_notify_stream(&vm->guest_notify);
		assert_true(fd[i] >= 0);
	}
	assert_true(guest_notify_stream(&vm->guest_notify) < 0);
	assert_int_equal(write(fd[0], "READY=", 6), 6);
	assert_int_equal(write(fd[1], "EXIT_STATUS=9", 13), 13);
	guest_notify_hear(vm);
	assert_false(atomic_load(&vm->notify.ready));
	assert_int_equal(write(fd[0], "1\n", 2), 2);
	guest_notify_hear(vm);
	assert_true(atomic_load(&vm->notify.ready));
	/* the end of it all ends the line */
	assert_int_equal(atomic_load(&vm->guest_notify.status), 0);
	close(fd[1]);
	guest_notify_last(vm);
	assert_int_equal(atomic_load(&vm->guest_notify.status), 9);
	fd[1] = guest_notify_stream(&vm->guest_notify);
	assert_true(fd[1] >= 0);
	guest_notify_close(&vm->guest_notify);
	for (unsigned int i = 0; i < GUEST_NOTIFY_STREAMS; i++)
		close(fd[i]);
	free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(command_line),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
