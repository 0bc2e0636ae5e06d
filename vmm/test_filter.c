// SPDX-License-Identifier: Apache-2.0
#include "vmm/test_filter.h"

#include <string.h>

#include "vmm/initramfs.h"

enum { BEFORE, WITHIN, STATUS, BEHIND };

#define STATUS_MOST 255u

/*
 * One byte against @mark: how much of it is matched then. Both marks begin with
 * a newline and have no second one before their last byte, so what does not
 * go on may only begin anew.
 */
static size_t step(const char *mark, size_t matched, char c)
{
	if (mark[matched] == c)
		return matched + 1;
	return c == mark[0];
}

static size_t within(struct test_filter *f, char c, char *out)
{
	static const char mark[] = INITRAMFS_END;
	size_t matched = step(mark, f->matched, c);
	size_t n = 0;

	if (matched == f->matched + 1) {
		f->matched = matched;
		if (matched == sizeof(mark) - 1)
			f->stage = STATUS;
		return 0;
	}
	/* It was no mark so far. */
	memcpy(out, mark, f->matched);
	n = f->matched;
	f->matched = matched;
	if (!matched)
		out[n++] = c;
	return n;
}

static void before(struct test_filter *f, char c)
{
	static const char mark[] = INITRAMFS_BEGIN;

	f->matched = step(mark, f->matched, c);
	if (f->matched < sizeof(mark) - 1)
		return;
	f->stage = WITHIN;
	f->matched = 0;
}

static void in_status(struct test_filter *f, char c)
{
	if (c < '0' || c > '9') {
		f->ended = true;
		f->stage = BEHIND;
		return;
	}
	f->status = f->status * 10 + (unsigned int)(c - '0');
	if (f->status > STATUS_MOST)
		f->status = STATUS_MOST;
}

size_t test_filter(struct test_filter *f, const char *in, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		switch (f->stage) {
		case BEFORE:
			before(f, in[i]);
			break;
		case WITHIN:
			n += within(f, in[i], out + n);
			break;
		case STATUS:
			in_status(f, in[i]);
			break;
		default:
			break;
		}
	}
	return n;
}

size_t test_filter_end(struct test_filter *f, char *out)
{
	static const char mark[] = INITRAMFS_END;
	size_t n = f->stage == WITHIN ? f->matched : 0;

	memcpy(out, mark, n);
	f->matched = 0;
	return n;
}
