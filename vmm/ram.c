// SPDX-License-Identifier: Apache-2.0
#include "vmm/ram.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define GIB (1ULL << 30)

static uint64_t host_align(uint64_t len)
{
	uint64_t a = pow2_ceil(len);

	return a > GIB ? GIB : a;
}

/*
 * Host address congruent to the guest's modulo the largest page: RAM begins
 * at 0 or at a multiple of 1 GiB, so an aligned base is enough. Private
 * anonymous memory takes huge pages under THP=madvise, a memfd would not
 * under the usual shmem_enabled=never.
 */
static void *reserve(uint64_t len, uint64_t align, void **map, size_t *map_len)
{
	uint64_t base;
	void *p;

	*map_len = len + align;
	p = mmap(NULL, *map_len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	*map = p;
	if (!align_up((uintptr_t)p, align, &base))
		return NULL;
	p = (void *)(uintptr_t)base;
	if (mprotect(p, len, PROT_READ | PROT_WRITE) < 0)
		return NULL;
	/* Refused only by kernels without THP: then small pages it is. */
	(void)madvise(p, len, MADV_HUGEPAGE);
	/* What the guest stores is not for a core dump of ours. */
	(void)madvise(p, len, MADV_DONTDUMP);
	return p;
}

/* RAM and swap of the host, in bytes. */
static uint64_t host_memory(void)
{
	struct sysinfo s;

	if (sysinfo(&s) < 0)
		return UINT64_MAX;
	return ((uint64_t)s.totalram + s.totalswap) * s.mem_unit;
}

int ram_create(struct ram *r, const struct plan *plan, struct gmem *mem,
	       struct err *e)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < plan->n_ram; i++)
		total += plan->ram[i].len;
	/* It would start, and be killed when the guest uses what it has. */
	if (total > host_memory())
		return err_set_num(e, -ENOMEM, ERR_RAM, NULL, total, 0);
	for (unsigned int i = 0; i < plan->n_ram; i++) {
		struct span s = plan->ram[i];
		void *hva = reserve(s.len, host_align(s.len), &r->part[i].map,
				    &r->part[i].map_len);
		int ret;

		if (r->part[i].map)
			r->n = i + 1;
		if (!hva)
			return err_set_num(e, -errno, ERR_RAM, NULL, total, 0);
		ret = gmem_add(mem, s, hva);
		if (ret < 0)
			return err_set_num(e, ret, ERR_RAM, NULL, total, 0);
	}
	return 0;
}

int ram_map(const struct gmem *mem, struct hv *hv, struct err *e)
{
	unsigned int slot;

	for (unsigned int i = 0; i < mem->n; i++) {
		const struct gmem_region *g = &mem->region[i];
		int ret = hv->ops->map(hv, g->gpa.base, g->hva, g->gpa.len,
				       &slot);

		if (ret < 0)
			return err_set(e, ret, ERR_KVM_IOCTL,
				       "KVM_SET_USER_MEMORY_REGION", NULL);
	}
	return 0;
}

void ram_destroy(struct ram *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		munmap(r->part[i].map, r->part[i].map_len);
	r->n = 0;
}
