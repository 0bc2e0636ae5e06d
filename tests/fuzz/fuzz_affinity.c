/* SPDX-License-Identifier: Apache-2.0 */
/* --cpu-affinity: what is taken gives each vCPU at least one CPU. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/affinity.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define must(x) ((x) ? (void)0 : abort())

static void each_vcpu(const char *text, int n)
{
	int sets = strchr(text, '/') != NULL;
	cpu_set_t set;

	for (int i = 0; i < n && i < 300; i++) {
		affinity_of(text, (unsigned int)i, &set);
		must(CPU_COUNT(&set) > 0);
		must(sets || CPU_COUNT(&set) == 1);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cpu_set_t set;
	char text[512];
	int n, r;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	n = affinity_vcpus(text);
	must(n > 0 || n == -EINVAL || n == -ERANGE);
	r = affinity_set(text, &set);
	must(r || (n > 0 && !strchr(text, '/')));
	each_vcpu(text, n);
	return 0;
}
