// SPDX-License-Identifier: Apache-2.0
#include "vmm/host_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vfio/sysfs.h"
#include "vfio/sysfs_text.h"

#define CLASS_IOMMU "/sys/class/iommu/"
#define PCI_DEVICES "/sys/bus/pci/devices/"
#define THP_ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"
#define OSRELEASE   "/proc/sys/kernel/osrelease"

static bool path_make(char out[PATH_MAX], const char *root, const char *path)
{
	return (size_t)snprintf(out, PATH_MAX, "%s%s", root, path) < PATH_MAX;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int host_read(const char *root, const char *path, char *buf, size_t size)
{
	char full[PATH_MAX];
	ssize_t n;
	int fd, ret;

	buf[0] = '\0';
	if (!path_make(full, root, path))
		return -ENAMETOOLONG;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	ret = n < 0 ? -errno : 0;
	close(fd);
	if (ret < 0)
		n = 0;
	while (n > 0 && is_blank(buf[n - 1]))
		n--;
	buf[n] = '\0';
	return ret < 0 ? ret : (int)strlen(buf);
}

void host_choice(const char *root, const char *path, char *buf, size_t size)
{
	char text[256];
	const char *open, *close;

	buf[0] = '\0';
	if (host_read(root, path, text, sizeof(text)) < 0)
		return;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (close && (size_t)(close - open) <= size)
		snprintf(buf, size, "%.*s", (int)(close - open - 1), open + 1);
}

/* --- the processor ---------------------------------------------------------
 */

/* "flags\t\t: fpu vme ..."; NULL if it is a line of something else. */
static const char *cpu_value(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0)
		return NULL;
	line += len;
	while (is_blank(*line))
		line++;
	return *line == ':' ? line + 1 : NULL;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*text) {
		size_t n;

		while (is_blank(*text))
			text++;
		n = strcspn(text, " \t\n");
		if (n == len && memcmp(text, word, n) == 0)
			return true;
		text += n;
	}
	return false;
}

enum reach_fact host_cpu_flag(const char *root, const char *key,
			      const char *word)
{
	enum reach_fact found = REACH_UNKNOWN;
	char path[PATH_MAX];
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	if (!path_make(path, root, "/proc/cpuinfo"))
		return found;
	f = fopen(path, "re");
	if (!f)
		return found;
	while (found == REACH_UNKNOWN && getline(&line, &size, f) > 0) {
		const char *value = cpu_value(line, key);

		if (value)
			found = has_word(value, word) ? REACH_YES : REACH_NO;
	}
	free(line);
	fclose(f);
	return found;
}

/*
 * NPT has the page sizes of the processor's own tables (APM 2 15.25.1). EPT
 * says it by itself (SDM 3D A.10), and Linux prints that since 5.6.
 */
static enum reach_fact guest_1g(const char *root, enum reach_fact cpu_1g)
{
	if (host_cpu_flag(root, "flags", "svm") == REACH_YES)
		return cpu_1g;
	if (host_cpu_flag(root, "flags", "vmx") == REACH_YES)
		return host_cpu_flag(root, "vmx flags", "ept_1gb");
	return REACH_UNKNOWN;
}

/* --- the kernel ------------------------------------------------------------
 */

static void kernel_read(struct reach_host *h, const char *root)
{
	char text[128];
	unsigned long major, minor;
	const char *from = text;
	char *end;

	if (host_read(root, OSRELEASE, text, sizeof(text)) < 0)
		return;
	major = strtoul(from, &end, 10);
	if (end == from || *end != '.' || major > 9999)
		return;
	from = end + 1;
	minor = strtoul(from, &end, 10);
	if (end == from || minor > 9999)
		return;
	h->kernel_major = (unsigned int)major;
	h->kernel_minor = (unsigned int)minor;
}

static enum reach_thp thp_read(const char *root)
{
	char mode[16];

	host_choice(root, THP_ENABLED, mode, sizeof(mode));
	if (strcmp(mode, "always") == 0)
		return REACH_THP_ALWAYS;
	if (strcmp(mode, "madvise") == 0)
		return REACH_THP_MADVISE;
	return mode[0] ? REACH_THP_NEVER : REACH_THP_ABSENT;
}

void host_facts_read(struct reach_host *h, const char *root)
{
	struct utsname u;

	memset(h, 0, sizeof(*h));
	if (uname(&u) == 0 && strcmp(u.machine, "aarch64") == 0)
		h->arch = REACH_AARCH64;
	h->page = (uint64_t)sysconf(_SC_PAGESIZE);
	kernel_read(h, root);
	h->thp = thp_read(root);
	h->thp_denied = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0;
	if (h->arch != REACH_X86_64)
		return;
	h->cpu_1g = host_cpu_flag(root, "flags", "pdpe1gb");
	h->guest_1g = guest_1g(root, h->cpu_1g);
}

/* --- the IOMMU -------------------------------------------------------------
 */

/* The capability register in hex (linux-sysfs-iommu). */
static bool cap_read(const char *root, const char *name, const char *kind,
		     uint64_t *cap)
{
	char path[256];
	char text[32];
	char *end;

	if (snprintf(path, sizeof(path), CLASS_IOMMU "%s/%s/cap", name, kind) >=
	    (int)sizeof(path))
		return false;
	if (host_read(root, path, text, sizeof(text)) <= 0)
		return false;
	errno = 0;
	*cap = strtoull(text, &end, 16);
	return errno == 0 && *end == '\0' && end != text;
}

/* VT-d-4.1 11.4.2: MGAW in 21:16, SAGAW in 12:8, SLLPS in 37:34 */
static void intel_decode(struct reach_iommu *io, uint64_t cap)
{
	unsigned int mgaw = (unsigned int)(cap >> 16 & 0x3f) + 1;
	unsigned int tables = cap & 1u << 11   ? 57
			      : cap & 1u << 10 ? 48
			      : cap & 1u << 9  ? 39
					       : mgaw;

	io->kind = REACH_IOMMU_INTEL;
	io->bits = mgaw < tables ? mgaw : tables;
	io->pages = 1u << 12;
	if (cap >> 34 & 1)
		io->pages |= 1u << 21;
	if (cap >> 35 & 1)
		io->pages |= 1u << 30;
}

void host_facts_iommu_named(struct reach_iommu *io, const char *root,
			    const char *name)
{
	uint64_t cap;

	memset(io, 0, sizeof(*io));
	if (cap_read(root, name, "intel-iommu", &cap)) {
		intel_decode(io, cap);
	} else if (cap_read(root, name, "amd-iommu", &cap)) {
		/* every power of two from 4 KiB on; six levels: 64 bits */
		io->kind = REACH_IOMMU_AMD;
		io->pages = ~0xfffull;
		io->bits = 64;
	} else {
		io->kind = REACH_IOMMU_OTHER;
	}
}

/* The last component of the link @file of a PCI device; false: no link. */
static bool link_read(const char *root, const char *address, const char *file,
		      char *out, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s" PCI_DEVICES "%s/%s", root,
			     address, file) >= sizeof(path))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	return (size_t)snprintf(out, size, "%s", base) < size;
}

void host_facts_iommu(struct reach_iommu *io, const char *root,
		      const char *address)
{
	char name[64];

	memset(io, 0, sizeof(*io));
	if (link_read(root, address, "iommu", name, sizeof(name)))
		host_facts_iommu_named(io, root, name);
	else if (link_read(root, address, "iommu_group", name, sizeof(name)))
		io->kind = REACH_IOMMU_OTHER;
}

struct reserved {
	struct span *span;
	unsigned int n;
	unsigned int max;
};

static bool reserved_has(const struct reserved *r, struct span s)
{
	for (unsigned int i = 0; i < r->n; i++) {
		if (r->span[i].base == s.base && r->span[i].len == s.len)
			return true;
	}
	return false;
}

/*
 * "0x0000000008000000 0x00000000080fffff msi". What is direct-relaxable is
 * given up when a device is (vfio_iommu_resv_exclude() in Linux).
 */
static int reserved_line(void *ctx, const char *line)
{
	struct reserved *r = ctx;
	char word[3][32];
	uint64_t v[2];
	struct span s;

	for (unsigned int i = 0; i < 3; i++)
		sysfs_text_field(line, i, word[i], sizeof(word[i]));
	if (sysfs_text_number(word[0], 16, &v[0]) ||
	    sysfs_text_number(word[1], 16, &v[1]) || v[1] < v[0] ||
	    v[1] - v[0] == UINT64_MAX ||
	    strcmp(word[2], "direct-relaxable") == 0)
		return 0;
	s = (struct span){v[0], v[1] - v[0] + 1};
	if (r->n < r->max && !reserved_has(r, s))
		r->span[r->n++] = s;
	return 0;
}

unsigned int host_facts_reserved(struct span *out, unsigned int n,
				 unsigned int max, const char *root,
				 const char *address)
{
	struct reserved r = {out, n, max};
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path),
			     "%s" PCI_DEVICES "%s/iommu_group/reserved_regions",
			     root, address) < sizeof(path))
		(void)sysfs_each_line(path, reserved_line, &r);
	return r.n;
}
