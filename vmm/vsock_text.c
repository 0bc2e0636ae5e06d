// SPDX-License-Identifier: Apache-2.0
#include "vmm/vsock_text.h"

#include <errno.h>
#include <string.h>

static int decimal(const char *s, size_t len, uint32_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 10)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	/* The last one is "any port" (vsock(7)). */
	if (v >= UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

int vsock_greeting(const char *text, size_t len, uint32_t *port)
{
	static const char word[] = "CONNECT ";
	const size_t n = sizeof(word) - 1;
	const char *end = memchr(text, '\n', len);
	size_t digits;

	if (memcmp(text, word, len < n ? len : n) != 0)
		return -EINVAL;
	if (!end)
		return len < VSOCK_GREETING_MAX ? 0 : -EINVAL;
	/* All of the word is there: a newline is not in it. */
	digits = (size_t)(end - text) - n;
	if (digits && text[n + digits - 1] == '\r')
		digits--;
	if (decimal(text + n, digits, port) < 0)
		return -EINVAL;
	return (int)(end - text) + 1;
}
