/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch-aarch64/unpack.h"
#include "tests/fuzz/input.h"
#include "tests/unit/fake_aarch64_image.h"

/*
 * Any bytes as packed data, or any bytes packed and then spoilt at one place:
 * the output stays inside its buffer, its head is the same by both ways, and
 * what was not spoilt comes out as it went in.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX	 0x8000
#define GUARD	 64
#define DATA_MAX 0x2000

static uint8_t out[OUT_MAX + GUARD], head[OUT_MAX + GUARD];
static uint8_t packed[2 * (DATA_MAX + 0x1000)];
static struct unpack u = {.file = {"kernel", "kernel", -1}};
static struct err e;

static void make_file(const uint8_t *bytes, size_t len)
{
	if (u.file.fd < 0)
		u.file.fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(u.file.fd >= 0);
	must(ftruncate(u.file.fd, (off_t)len) == 0);
	must(pwrite(u.file.fd, bytes, len, 0) == (ssize_t)len);
	u.span = (struct span){0, len};
}

static void check_guard(const uint8_t *p, size_t size)
{
	size_t i;

	for (i = 0; i < GUARD; i++)
		must(p[size + i] == 0x5a);
}

/* An answer is either right, or -EFBIG, or says what is wrong. */
static void check_answer(int r)
{
	if (r == 0 || r == -EFBIG) {
		must(e.what == ERR_NONE);
		return;
	}
	must(r == -EBADMSG || r == -ENOEXEC);
	must(e.what == (r == -ENOEXEC ? ERR_KERNEL_FORMAT : ERR_KERNEL_BAD));
	must(e.detail[0] && !strcmp(e.name, "kernel"));
}

static int run_all(size_t size, size_t *len)
{
	int r;

	memset(out, 0x5a, sizeof(out));
	e = (struct err){0};
	*len = 0;
	r = unpack_all(&u, out, size, len, &e);
	check_answer(r);
	must(*len <= size);
	check_guard(out, size);
	return r;
}

static int run_head(size_t size, size_t *len)
{
	int r;

	memset(head, 0x5a, sizeof(head));
	e = (struct err){0};
	*len = 0;
	r = unpack_head(&u, head, size, len, &e);
	check_answer(r);
	must(r != -EFBIG && *len <= size);
	check_guard(head, size);
	return r;
}

static void any_bytes(const uint8_t *data, size_t size, size_t room)
{
	size_t all = 0, len = 0;
	int r;

	make_file(data, size);
	r = run_all(room, &all);
	if (run_head(room < 4096 ? room : 4096, &len)) {
		/* the head is a part of it */
		must(r != 0);
		return;
	}
	if (r)
		return;
	must(len == (all < 4096 ? all : 4096));
	must(!memcmp(out, head, len));
}

static size_t pack(uint8_t *to, const uint8_t *data, size_t size)
{
	if (u.pack == KERNEL_GZIP)
		return fake_gzip(to, data, size);
	return fake_zstd(to, data, size);
}

/* Two members, and a byte of them changed by @flip. */
static void there_and_back(const uint8_t *data, size_t size, size_t at,
			   uint8_t flip)
{
	size_t first = at % (size + 1), len = 0, n;
	int r;

	n = pack(packed, data, first);
	n += pack(packed + n, data + first, size - first);
	packed[at % n] ^= flip;
	make_file(packed, n);
	r = run_all(size, &len);
	if (flip)
		return;
	must(r == 0 && len == size);
	must(size == 0 || !memcmp(out, data, size));
	if (size)
		must(run_all(size - 1, &len) == -EFBIG);
	u.span.len = n - 1;
	must(run_all(size, &len) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t how = in_u8(&in), flip;
	size_t at = in_u16(&in);

	u.pack = how & 1 ? KERNEL_ZSTD : KERNEL_GZIP;
	if (how & 2) {
		flip = how & 4 ? in_u8(&in) : 0;
		there_and_back(in.p, in.n < DATA_MAX ? in.n : DATA_MAX, at,
			       flip);
	} else {
		any_bytes(in.p, in.n, at % (OUT_MAX + 1));
	}
	return 0;
}
