// SPDX-License-Identifier: Apache-2.0
#include "vmm/test_plan.h"

/* @used may be beyond the budget: then a large one is running. */
static bool fits(const struct test_need *need, const struct test_budget *budget,
		 const struct test_budget *used)
{
	return used->cpus <= budget->cpus && used->memory <= budget->memory &&
	       need->cpus <= budget->cpus - used->cpus &&
	       need->memory <= budget->memory - used->memory;
}

int test_next(const struct test_need *need, unsigned int n,
	      const struct test_budget *budget, const struct test_budget *used)
{
	if (used->jobs && used->jobs >= budget->jobs)
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		if (need[i].waiting &&
		    (used->jobs == 0 || fits(&need[i], budget, used)))
			return (int)i;
	}
	return -1;
}
