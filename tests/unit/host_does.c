/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/host_does.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool host_vm_flag(const void *start, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false, found = false;
	uint64_t base, end;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &base, &end) == 2)
			here = base == (uintptr_t)start;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	fclose(f);
	return found;
}

bool host_takes_advice(void)
{
	size_t len = (size_t)sysconf(_SC_PAGESIZE);
	bool seen;
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	/* A mapping of its own by that, whatever is beside it. */
	(void)madvise(p, len, MADV_DONTDUMP);
	seen = host_vm_flag(p, " dd");
	munmap(p, len);
	return seen;
}

bool host_limits_space(void)
{
	size_t len = (size_t)1 << 30;
	struct rlimit was, now;
	void *p;

	if (getrlimit(RLIMIT_AS, &was) < 0)
		return false;
	now = was;
	now.rlim_cur = 0;
	if (setrlimit(RLIMIT_AS, &now) < 0)
		return false;
	p = mmap(NULL, len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	setrlimit(RLIMIT_AS, &was);
	if (p == MAP_FAILED)
		return true;
	munmap(p, len);
	return false;
}

bool host_denies_thp(void)
{
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
		return false;
	return prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0;
}
