/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest says of itself, and what a program says at --vsock's socket. */
#include <string.h>

#include "tests/fuzz/input.h"
#include "vmm/notify_text.h"
#include "vmm/vsock_text.h"

static void greeting(const uint8_t *data, size_t size)
{
	char text[VSOCK_GREETING_MAX];
	size_t n = size < sizeof(text) ? size : sizeof(text);
	uint32_t port = UINT32_MAX;
	int len;

	memcpy(text, data, n);
	len = vsock_greeting(text, n, &port);
	must(len <= (int)n);
	if (len > 0)
		must(port != UINT32_MAX && text[len - 1] == '\n');
	else
		must(port == UINT32_MAX);
	if (len == 0)
		must(n < VSOCK_GREETING_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notify_text t = {.n = 0};

	if (size)
		greeting(data, size);
	for (size_t i = 0; i < size; i++) {
		enum notify_word w = notify_text_add(&t, (char)data[i]);

		must(w == NOTIFY_NOTHING || data[i] == '\n');
		must(w != NOTIFY_EXIT || t.status <= 255);
		for (const char *p = t.value; w == NOTIFY_STATUS && *p; p++)
			must(*p >= ' ' && *p <= '~');
	}
	return 0;
}
