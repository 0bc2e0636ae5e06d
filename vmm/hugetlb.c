// SPDX-License-Identifier: Apache-2.0
#include "vmm/hugetlb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vmm/host_facts.h"

#define POOL	  "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s"
#define PATH_SIZE 96

/* linux asm-generic/hugetlb_encode.h: the exponent stands in 31:26. */
static unsigned int size_bits(uint64_t page)
{
	return (unsigned int)__builtin_ctzll(page) << 26;
}

int hugetlb_mmap_flags(uint64_t page)
{
	return MAP_HUGETLB | (int)size_bits(page);
}

unsigned int hugetlb_memfd_flags(uint64_t page)
{
	return MFD_HUGETLB | size_bits(page);
}

static int pool_number(const char *root, uint64_t page, const char *file,
		       uint64_t *out)
{
	char path[PATH_SIZE];
	char text[32];
	char *end;
	int r;

	snprintf(path, sizeof(path), POOL, page >> 10, file);
	r = host_read(root, path, text, sizeof(text));
	if (r < 0)
		return r;
	*out = strtoull(text, &end, 10);
	return end == text || *end ? -EINVAL : 0;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

int hugetlb_check(const char *root, uint64_t page, uint64_t bytes,
		  struct err *e)
{
	/* surplus pages are made when they are wanted, up to overcommit */
	uint64_t total, idle, reserved, overcommit, surplus, can;
	uint64_t need = bytes / page + (bytes % page != 0);
	char path[PATH_SIZE];
	char detail[80];
	int r;

	if (pool_number(root, page, "nr_hugepages", &total) ||
	    pool_number(root, page, "free_hugepages", &idle) ||
	    pool_number(root, page, "resv_hugepages", &reserved) ||
	    pool_number(root, page, "nr_overcommit_hugepages", &overcommit) ||
	    pool_number(root, page, "surplus_hugepages", &surplus))
		return err_set_num(e, -ENOENT, ERR_HUGEPAGES, NULL, page, 0);
	idle = minus(idle, reserved);
	can = idle + minus(overcommit, surplus);
	if (need <= can)
		return 0;
	snprintf(path, sizeof(path), POOL, page >> 10, "nr_hugepages");
	snprintf(detail, sizeof(detail), "%" PRIu64 " wanted, %" PRIu64 " free",
		 need, can);
	r = err_set(e, -ENOMEM, ERR_HUGEPAGES, path, detail);
	e->num = page;
	e->num2 = minus(total, surplus) + minus(need, idle);
	return r;
}
