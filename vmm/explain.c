/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/explain.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "vmm/explain_table.h"
#include "vmm/options.h"
#include "vmm/utf8.h"

/*
 * Fills in the texts of vmm/explain_table.c. Names come from users, from files
 * and from sysfs: whatever could steer a terminal is printed escaped, and what
 * a shell would not take as one plain word stands in single quotes.
 */

struct out {
	char *buf;
	size_t size; /* > 0 */
	size_t len;  /* < size */
};

static void put_char(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len++] = c;
}

static void put(struct out *o, const char *s)
{
	while (*s)
		put_char(o, *s++);
}

static void put_number(struct out *o, uint64_t v)
{
	char b[24];

	snprintf(b, sizeof(b), "%" PRIu64, v);
	put(o, b);
}

static void put_hex(struct out *o, uint64_t v)
{
	char b[24];

	snprintf(b, sizeof(b), "0x%" PRIx64, v);
	put(o, b);
}

/* Exactly, in the largest unit that divides it: what --memory takes. */
static void put_size(struct out *o, uint64_t v)
{
	static const char units[] = {'G', 'M', 'K'};

	for (unsigned int i = 0; i < 3; i++) {
		unsigned int shift = 30 - 10 * i;

		if (v && v % (UINT64_C(1) << shift) == 0) {
			put_number(o, v >> shift);
			put_char(o, units[i]);
			return;
		}
	}
	put_number(o, v);
	put(o, " bytes");
}

/* --- foreign text ----------------------------------------------------------
 */

static void put_escaped(struct out *o, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char b[8];

	while (*s) {
		unsigned int n = *s >= ' ' && *s < 0x7f ? 1 : utf8_len(s);

		if (n == 0) {
			snprintf(b, sizeof(b), "\\x%02x", *s++);
			put(o, b);
		}
		for (; n > 0; n--)
			put_char(o, (char)*s++);
	}
}

static bool plain_word(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_./:,+@%=-")] == '\0';
}

/* One word of a shell: names stand in commands that will be copied. */
static void put_name(struct out *o, const char *s)
{
	if (plain_word(s)) {
		put(o, s);
		return;
	}
	put_char(o, '\'');
	for (size_t n = strcspn(s, "'"); *s; s += n, n = strcspn(s, "'")) {
		char part[ERR_NAME_MAX + ERR_DETAIL_MAX];

		if (n == 0) {
			put(o, "'\\''");
			n = 1;
			continue;
		}
		snprintf(part, sizeof(part), "%.*s", (int)n, s);
		put_escaped(o, part);
	}
	put_char(o, '\'');
}

/* "vm.ini:7: memory" and "--vfio msix" are several words, not one name. */
static void put_thing(struct out *o, const struct err *e)
{
	if (e->what == ERR_OPTION_VALUE || e->what == ERR_OPTION_MISSING ||
	    e->what == ERR_REGEX || e->what == ERR_REGEX_MANY)
		put_escaped(o, e->name);
	else
		put_name(o, e->name);
}

/* --- the rest --------------------------------------------------------------
 */

static void put_errno(struct out *o, int code)
{
	const char *s = strerror(code < 0 ? -code : code);

	/* "Permission denied" goes inside a sentence, "RPC ..." stays. */
	if (s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z') {
		put_char(o, (char)(s[0] - 'A' + 'a'));
		s++;
	}
	put(o, s);
}

/* The words of @text that are PCI addresses, a blank before each. */
static void put_addresses(struct out *o, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " ,()");
		char word[OPTION_ADDRESS_SIZE], address[OPTION_ADDRESS_SIZE];

		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		if (n < sizeof(word) && option_address(word, address) == 0) {
			put_char(o, ' ');
			put(o, address);
		}
		text += n + (text[n] != '\0');
	}
}

/* Which formats an architecture loads is also in the detail of the refusal. */
static void put_kernels(struct out *o)
{
	struct utsname u;

	if (uname(&u) == 0 && strncmp(u.machine, "aarch64", 7) == 0)
		put(o, "arm64 Image, Image.gz, Image.zst and EFI zboot files, "
		       "and any program as it is with --kernel-format flat");
	else
		put(o, "x86_64 bzImage, ELF vmlinux and multiboot files");
}

/* Before (@behind: after) the first ':' of a detail "section:key". */
static void put_part(struct out *o, const char *detail, bool behind)
{
	const char *colon = strchr(detail, ':');
	char part[ERR_DETAIL_MAX];

	if (behind)
		snprintf(part, sizeof(part), "%s", colon ? colon + 1 : "");
	else
		snprintf(part, sizeof(part), "%.*s", (int)strcspn(detail, ":"),
			 detail);
	put_escaped(o, part);
}

static uint64_t round_up_m(uint64_t v)
{
	const uint64_t m = UINT64_C(1) << 20;

	return v > UINT64_MAX - m ? v : (v + m - 1) & ~(m - 1);
}

static uint64_t kib(uint64_t a, uint64_t b)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		sum = UINT64_MAX;
	return sum / 1024 + (sum % 1024 != 0);
}

static void put_text(struct out *o, const struct err *e, char what)
{
	const char *word;

	switch (what) {
	case 'n':
		put_thing(o, e);
		break;
	case 'd':
		put_escaped(o, e->detail);
		break;
	case 'q':
		put_char(o, '"');
		put_escaped(o, e->detail);
		put_char(o, '"');
		break;
	case 'g':
	case 'k':
		put_part(o, e->detail, what == 'k');
		break;
	case 's':
		word = explain_meant(e);
		put(o, word ? word : "another");
		break;
	case 'A':
		put_addresses(o, e->detail);
		break;
	default:
		put_char(o, what);
		break;
	}
}

static void put_item(struct out *o, const struct err *e, char what)
{
	switch (what) {
	case '1':
		put_number(o, e->num);
		break;
	case '2':
		put_number(o, e->num2);
		break;
	case 'x':
		put_hex(o, e->num);
		break;
	case 'm':
		put_size(o, e->num);
		break;
	case 'M':
		put_size(o, e->num2);
		break;
	case 'u':
		put_size(o, round_up_m(e->num));
		break;
	case 'K':
		put_number(o, kib(e->num, e->num2));
		break;
	case 'e':
		put_errno(o, e->code);
		break;
	case 'v':
		put(o, option_expected((enum value_type)e->num));
		break;
	case 'b':
		put_kernels(o);
		break;
	default:
		put_text(o, e, what);
		break;
	}
}

void explain(const struct err *e, char *buf, size_t size)
{
	struct out o = {.buf = buf, .size = size};
	const char *text = explain_text(e);

	if (size == 0)
		return;
	for (; *text; text++) {
		if (*text == '%' && text[1])
			put_item(&o, e, *++text);
		else
			put_char(&o, *text);
	}
	buf[o.len] = '\0';
}

void explain_escape(const char *text, char *buf, size_t size)
{
	struct out o = {.buf = buf, .size = size};

	if (size == 0)
		return;
	put_escaped(&o, text);
	buf[o.len] = '\0';
}

int explain_status(const struct err *e)
{
	return e->what >= ERR_KVM_OPEN ? 2 : 1;
}
