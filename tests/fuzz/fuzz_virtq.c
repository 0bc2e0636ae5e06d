/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory of exactly its size is all input: rings, tables, buffers. What
 * is popped lies in it, is in order, and no walk is longer than the queue.
 */
#include <string.h>

#include "core/virtq.h"
#include "tests/fuzz/fuzz_in.h"

#define BASE 0x10000u
#define MEM  0x800u

static uint8_t *mem;
static struct virtq_chain chain;

static void check_piece(const struct iovec *v)
{
	const uint8_t *p = v->iov_base;

	REQUIRE(v->iov_len > 0 && v->iov_len <= MEM);
	REQUIRE(p >= mem && p + v->iov_len <= mem + MEM);
}

static void check_chain(const struct virtq *q)
{
	uint64_t out = 0;
	uint64_t in = 0;
	struct iovec v[4];
	uint8_t byte = 0x5a;

	REQUIRE(chain.head < q->regs.size);
	REQUIRE(chain.n_out + chain.n_in <= q->regs.size);
	for (unsigned int i = 0; i < chain.n_out + chain.n_in; i++) {
		check_piece(&chain.iov[i]);
		*(i < chain.n_out ? &out : &in) += chain.iov[i].iov_len;
	}
	REQUIRE(out == chain.out_len && in == chain.in_len);
	REQUIRE(virtq_copy_in(&chain, in, &byte, 1) == 0);
	REQUIRE(virtq_copy_out(&chain, out, &byte, 1) == 0);
	if (in)
		REQUIRE(virtq_copy_in(&chain, in - 1, &byte, 1) == 1);
	for (unsigned int i = 0;
	     i < virtq_slice(&chain, true, in / 2, in, v, 4); i++)
		check_piece(&v[i]);
}

static void step(struct virtq *q, struct fuzz_in *in)
{
	switch (fuzz_u8(in) % 8) {
	case 0:
		virtq_push(q, (uint16_t)fuzz_u(in, 2), (uint32_t)fuzz_u(in, 4));
		break;
	case 1:
		(void)virtq_signal_due(q);
		break;
	case 2:
		(void)virtq_wait(q);
		break;
	case 3:
		virtq_busy(q);
		break;
	case 4:
		mem[fuzz_u(in, 2) % MEM] = fuzz_u8(in);
		break;
	default:
		if (virtq_pop(q, &chain) > 0)
			check_chain(q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct gmem gmem = {0};
	struct virtq q;
	uint64_t features = (uint64_t)fuzz_u8(&in) << 28;

	virtq_reset(&q, (uint16_t)fuzz_u(&in, 2));
	q.regs.desc = fuzz_u8(&in) & 1 ? fuzz_u(&in, 8) : BASE;
	q.regs.avail = BASE + fuzz_u(&in, 2) % (MEM + 2);
	q.regs.used = BASE + fuzz_u(&in, 2) % (MEM + 2);
	mem = malloc(MEM);
	REQUIRE(mem && gmem_add(&gmem, (struct span){BASE, MEM}, mem) == 0);
	memset(mem, 0, MEM);
	memcpy(mem, in.data, in.left < MEM / 2 ? in.left : MEM / 2);
	in.data += in.left < MEM / 2 ? in.left : MEM / 2;
	in.left -= in.left < MEM / 2 ? in.left : MEM / 2;
	if (virtq_start(&q, &gmem, features) == 0) {
		for (unsigned int i = 0; in.left && i < 512; i++)
			step(&q, &in);
		for (unsigned int i = 0; i < 64; i++) {
			if (virtq_pop(&q, &chain) > 0)
				check_chain(&q);
		}
	}
	free(mem);
	return 0;
}
