// SPDX-License-Identifier: Apache-2.0
#include "vmm/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "vmm/hugetlb.h"

#define GIB (1ULL << 30)

static uint64_t host_align(uint64_t len)
{
	uint64_t a = pow2_ceil(len);

	return a > GIB ? GIB : a;
}

/*
 * Host address congruent to the guest's modulo the largest page: RAM begins
 * at 0 or at a multiple of 1 GiB, so an aligned base is enough. Nothing can be
 * read or written there yet.
 */
static void *reserve(uint64_t len, void **map, size_t *map_len)
{
	uint64_t align = host_align(len);
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
	return (void *)(uintptr_t)base;
}

/*
 * Lay memory over the reservation at @p. Private anonymous memory takes huge
 * pages under THP=madvise, a memfd would not under the usual
 * shmem_enabled=never. Pages of hugetlbfs are set aside for us here and now,
 * or refused with ENOMEM, so that none is missing later.
 */
static int lay(const struct ram *r, void *p, uint64_t len, uint64_t page,
	       uint64_t off)
{
	int flags = MAP_FIXED | (r->shared ? MAP_SHARED : MAP_PRIVATE);
	int fd = r->shared ? r->fd : -1;

	if (!r->shared && page)
		flags |= MAP_ANONYMOUS | hugetlb_mmap_flags(page);
	else if (!r->shared)
		flags |= MAP_ANONYMOUS | MAP_NORESERVE;
	if (mmap(p, len, PROT_READ | PROT_WRITE, flags, fd, (off_t)off) ==
	    MAP_FAILED)
		return -errno;
	/* Refused only by kernels without THP: then small pages it is. */
	if (!page)
		(void)madvise(p, len, MADV_HUGEPAGE);
	/* What the guest stores is not for a core dump of ours. */
	(void)madvise(p, len, MADV_DONTDUMP);
	return 0;
}

/* RAM and swap of the host, in bytes. */
static uint64_t host_memory(void)
{
	struct sysinfo s;

	if (sysinfo(&s) < 0)
		return UINT64_MAX;
	return ((uint64_t)s.totalram + s.totalswap) * s.mem_unit;
}

/*
 * Whoever gets the file can make it neither shorter nor longer: we would be
 * killed by the access to what is gone.
 */
static int share(struct ram *r, uint64_t total, uint64_t page)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (page)
		flags |= hugetlb_memfd_flags(page);
	r->fd = memfd_create("barge-ram", flags);
	if (r->fd < 0)
		return -errno;
	r->shared = true;
	if (ftruncate(r->fd, (off_t)total) < 0 ||
	    fcntl(r->fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

static int part_create(struct ram *r, unsigned int i, const struct plan *plan,
		       uint64_t off, struct gmem *mem)
{
	struct span s = plan->ram[i];
	void *hva = reserve(s.len, &r->part[i].map, &r->part[i].map_len);
	int ret;

	if (r->part[i].map)
		r->n = i + 1;
	if (!hva)
		return -errno;
	ret = lay(r, hva, s.len, plan->hugepages, off);
	if (ret < 0)
		return ret;
	if (r->shared)
		return gmem_add_file(mem, s, hva, r->fd, off);
	return gmem_add(mem, s, hva);
}

static int refused(int code, uint64_t page, uint64_t total, struct err *e)
{
	int ret = page ? hugetlb_check("", page, total, e) : 0;

	return ret < 0 ? ret : err_set_num(e, code, ERR_RAM, NULL, total, 0);
}

int ram_create(struct ram *r, const struct plan *plan, bool shared,
	       struct gmem *mem, struct err *e)
{
	uint64_t page = plan->hugepages;
	uint64_t total = 0;
	uint64_t off = 0;
	int ret = 0;

	for (unsigned int i = 0; i < plan->n_ram; i++)
		total += plan->ram[i].len;
	/* It would start, and be killed when the guest uses what it has. */
	if (total > host_memory())
		return refused(-ENOMEM, page, total, e);
	if (shared)
		ret = share(r, total, page);
	for (unsigned int i = 0; ret == 0 && i < plan->n_ram; i++) {
		ret = part_create(r, i, plan, off, mem);
		off += plan->ram[i].len;
	}
	return ret < 0 ? refused(ret, page, total, e) : 0;
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
	if (r->shared)
		close(r->fd);
	r->shared = false;
	r->n = 0;
}
