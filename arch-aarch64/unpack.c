/* SPDX-License-Identifier: Apache-2.0 */
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_d_stableOutBuffer */
#include "arch-aarch64/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/*
 * How it works: the file comes in chunks of a fixed size and goes out to where
 * it is to stay, at once. Both libraries look back into what they have written:
 * zlib keeps the last 32 KiB itself; zstd, which would allocate a window of up
 * to 128 MiB, is told that the output stays in place, and uses that. Only for
 * the head, which is short, it has a window of its own, the pages of which it
 * hardly touches.
 */

#define CHUNK	 (128u << 10)
#define PEEK_MAX 4 /* bytes that tell what comes next */

struct stream {
	const struct unpack *u;
	struct err *err;
	uint64_t next; /* to be read, offset in the file */
	uint64_t end;
	uint8_t *in;
	size_t pos, have; /* in[pos..have) is to be unpacked */
	uint8_t *out;
	size_t size, len; /* out[0..len) is unpacked */
	bool head;	  /* to stop without complaint when out is full */
};

static int no_memory(const struct stream *s)
{
	return err_set(s->err, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
}

static int bad(const struct stream *s, int code, const char *why)
{
	return boot_file_bad_kernel(s->u->file, code, why, s->err);
}

static int cut_short(const struct stream *s)
{
	return bad(s, -EBADMSG, "its compressed data is cut short");
}

static int corrupt(const struct stream *s)
{
	return bad(s, -EBADMSG, "its compressed data is corrupt");
}

static int full(const struct stream *s)
{
	return s->head ? 0 : -EFBIG;
}

/* See to it that @want bytes, at most PEEK_MAX, or all that are left are in. */
static int fill(struct stream *s, size_t want)
{
	size_t room, n = s->have - s->pos;
	int r;

	if (n >= want || s->next == s->end)
		return 0;
	memmove(s->in, s->in + s->pos, n);
	room = CHUNK - n;
	if (room > s->end - s->next)
		room = (size_t)(s->end - s->next);
	r = boot_file_read(s->u->file, s->in + n, room, s->next, s->err);
	if (r)
		return r;
	s->next += room;
	s->pos = 0;
	s->have = n + room;
	return 0;
}

/* The next four bytes as a number; 0 when there are fewer. */
static int peek(struct stream *s, uint32_t *v)
{
	int r = fill(s, PEEK_MAX);

	*v = 0;
	if (!r && s->have - s->pos >= PEEK_MAX)
		*v = s->in[s->pos] | (uint32_t)s->in[s->pos + 1] << 8 |
		     (uint32_t)s->in[s->pos + 2] << 16 |
		     (uint32_t)s->in[s->pos + 3] << 24;
	return r;
}

/* --- gzip ------------------------------------------------------------------
 */

#define GZIP_MAGIC	0x8b1f /* RFC1952 2.3.1 */
#define GZIP_MAGIC_MASK 0xffff
#define GZIP_WINDOW	(15 + 16)  /* zlib: the largest; gzip alone */
#define OUT_MAX		(1u << 30) /* zlib counts in 32 bits */

/* What inflate() makes of the input that there is. */
static int gzip_step(struct stream *s, z_stream *z)
{
	size_t room = s->size - s->len;
	int r;

	z->next_in = s->in + s->pos;
	z->avail_in = (uInt)(s->have - s->pos);
	z->next_out = s->out + s->len;
	z->avail_out = room < OUT_MAX ? (uInt)room : OUT_MAX;
	r = inflate(z, Z_NO_FLUSH);
	s->pos = s->have - z->avail_in;
	s->len = (size_t)(z->next_out - s->out);
	return r;
}

/* One member: 1 when it is complete, 0 when enough was unpacked, -errno. */
static int gzip_member(struct stream *s, z_stream *z)
{
	int r;

	for (;;) {
		r = fill(s, 1);
		if (r)
			return r;
		if (s->pos == s->have)
			return cut_short(s);
		if (s->head && s->len == s->size)
			return 0;
		switch (gzip_step(s, z)) {
		case Z_OK:
			break;
		case Z_STREAM_END:
			return 1;
		case Z_BUF_ERROR: /* with input, it is output that is full */
			return full(s);
		case Z_MEM_ERROR:
			return no_memory(s);
		default:
			return corrupt(s);
		}
	}
}

static int gzip_members(struct stream *s, z_stream *z)
{
	uint32_t magic;
	int r;

	for (;;) {
		r = gzip_member(s, z);
		if (r <= 0)
			return r;
		r = peek(s, &magic);
		if (r || (magic & GZIP_MAGIC_MASK) != GZIP_MAGIC)
			return r;
		inflateReset(z);
	}
}

static int gzip_unpack(struct stream *s)
{
	z_stream z = {0};
	int r;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return no_memory(s);
	r = gzip_members(s, &z);
	inflateEnd(&z);
	return r;
}

/* --- zstd ------------------------------------------------------------------
 */

/* RFC8878 3.1.1, 3.1.2 */
#define SKIPPABLE_MAGIC 0x184d2a50
#define SKIPPABLE_MASK	0xfffffff0

static int zstd_error(const struct stream *s, size_t code)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		return no_memory(s);
	case ZSTD_error_dstSize_tooSmall:
		return full(s);
	case ZSTD_error_frameParameter_windowTooLarge:
		return bad(s, -ENOEXEC,
			   "compressed by zstd with a window of more than "
			   "128 MiB (--long)");
	default:
		return corrupt(s);
	}
}

/* One frame: returns as gzip_member() does. */
static int zstd_frame(struct stream *s, ZSTD_DStream *d)
{
	ZSTD_inBuffer in;
	ZSTD_outBuffer out;
	size_t left;
	int r;

	for (;;) {
		r = fill(s, 1);
		if (r)
			return r;
		if (s->pos == s->have)
			return cut_short(s);
		in = (ZSTD_inBuffer){s->in, s->have, s->pos};
		out = (ZSTD_outBuffer){s->out, s->size, s->len};
		left = ZSTD_decompressStream(d, &out, &in);
		s->pos = in.pos;
		s->len = out.pos;
		if (ZSTD_isError(left))
			return zstd_error(s, left);
		if (left == 0)
			return 1;
		if (s->head && s->len == s->size)
			return 0;
	}
}

static int zstd_frames(struct stream *s, ZSTD_DStream *d)
{
	uint32_t magic;
	int r;

	for (;;) {
		r = zstd_frame(s, d);
		if (r <= 0)
			return r;
		r = peek(s, &magic);
		if (r || (magic != ZSTD_MAGICNUMBER &&
			  (magic & SKIPPABLE_MASK) != SKIPPABLE_MAGIC))
			return r;
	}
}

static int zstd_unpack(struct stream *s)
{
	ZSTD_DStream *d = ZSTD_createDStream();
	size_t code = 0;
	int r;

	if (!d)
		return no_memory(s);
	if (!s->head)
		code = ZSTD_DCtx_setParameter(d, ZSTD_d_stableOutBuffer, 1);
	r = ZSTD_isError(code) ? zstd_error(s, code) : zstd_frames(s, d);
	ZSTD_freeDStream(d);
	return r;
}

/* --- both ------------------------------------------------------------------
 */

static int run(struct stream *s, size_t *len)
{
	int r;

	s->next = s->u->span.base;
	s->end = s->next + s->u->span.len;
	s->in = malloc(CHUNK);
	if (!s->in)
		return no_memory(s);
	r = s->u->pack == KERNEL_ZSTD ? zstd_unpack(s) : gzip_unpack(s);
	free(s->in);
	*len = s->len;
	return r;
}

int unpack_head(const struct unpack *u, void *buf, size_t size, size_t *len,
		struct err *e)
{
	struct stream s = {
		.u = u, .err = e, .out = buf, .size = size, .head = true};

	return run(&s, len);
}

int unpack_all(const struct unpack *u, void *buf, size_t size, size_t *len,
	       struct err *e)
{
	struct stream s = {.u = u, .err = e, .out = buf, .size = size};
	int r = run(&s, len);

	/* zstd makes use of room that it will not need. */
	if (!r)
		memset(s.out + s.len, 0, size - s.len);
	return r;
}
