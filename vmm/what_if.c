// SPDX-License-Identifier: Apache-2.0
#include "vmm/what_if.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "vmm/host_facts.h"
#include "vmm/ini.h"

/* area.N: N below this. A file of 256 KiB has no room for more of them. */
#define AREA_NUMBERS 65536u
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

enum section { SECTION_HOST, SECTION_REGION, SECTION_MSIX, SECTIONS };

struct reader {
	struct what_if *w;
	bool reads; /* not: checks only */
	/* the section */
	enum section section;
	unsigned int line;	 /* of its [name] */
	unsigned int page_line;	 /* of page_size */
	unsigned int keys;	 /* seen, by index in its table */
	struct bar_shape *shape; /* of SECTION_REGION */
	uint8_t areas[AREA_NUMBERS / 8];
};

/* --- keys ------------------------------------------------------------------
 */

enum { HOST_PAGE_SIZE, HOST_ARCH, HOST_THP, HOST_KERNEL };
enum { REGION_SIZE, REGION_BAR, REGION_MAPPABLE, REGION_MSIX, REGION_AREA };
enum { MSIX_TABLE, MSIX_PBA, MSIX_VECTORS, MSIX_POLICY };

#define KEY(key, value_type)                                                   \
	{                                                                      \
		.name = (key), .in_ini = true, .type = (value_type)            \
	}

static const struct option_def host_keys[] = {
	[HOST_PAGE_SIZE] = KEY("page_size", VALUE_PAGE_SIZE),
	[HOST_ARCH] = KEY("arch", VALUE_ARCH),
	[HOST_THP] = KEY("thp", VALUE_THP),
	[HOST_KERNEL] = KEY("kernel", VALUE_KERNEL),
};

static const struct option_def region_keys[] = {
	[REGION_SIZE] = KEY("size", VALUE_BYTES),
	[REGION_BAR] = KEY("bar", VALUE_BAR),
	[REGION_MAPPABLE] = KEY("mappable", VALUE_BOOL),
	[REGION_MSIX] = KEY("msix_mappable", VALUE_BOOL),
	[REGION_AREA] = KEY("area", VALUE_AREA),
};

static const struct option_def msix_keys[] = {
	[MSIX_TABLE] = KEY("table", VALUE_BAR_OFFSET),
	[MSIX_PBA] = KEY("pba", VALUE_BAR_OFFSET),
	[MSIX_VECTORS] = KEY("vectors", VALUE_NUMBER),
	[MSIX_POLICY] = KEY("policy", VALUE_MSIX),
};

static const struct {
	const struct option_def *keys;
	unsigned int n;
} tables[SECTIONS] = {
	[SECTION_HOST] = {host_keys, COUNT(host_keys)},
	[SECTION_REGION] = {region_keys, COUNT(region_keys)},
	[SECTION_MSIX] = {msix_keys, COUNT(msix_keys)},
};

/* "host", "msix", "region.0" to "region.5"; *number is that of a region. */
static int section_of(const char *name, unsigned int *number)
{
	if (strcmp(name, "host") == 0)
		return SECTION_HOST;
	if (strcmp(name, "msix") == 0)
		return SECTION_MSIX;
	if (strncmp(name, "region.", 7) != 0 || name[7] < '0' ||
	    name[7] >= '0' + (int)PCI_BARS || name[8] != '\0')
		return -EINVAL;
	*number = (unsigned int)(name[7] - '0');
	return SECTION_REGION;
}

const struct option_def *what_if_keys(const char *section, unsigned int *n)
{
	unsigned int number;
	int s = section_of(section, &number);

	*n = s < 0 ? 0 : tables[s].n;
	return s < 0 ? NULL : tables[s].keys;
}

const char *const *what_if_sections(void)
{
	static const char *const names[] = {"host", "region.0", "msix", NULL};

	return names;
}

/* --- values ----------------------------------------------------------------
 */

int what_if_bytes(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	if (s[0] != '0')
		return option_size(s, out);
	if (s[1] == '\0') {
		*out = 0;
		return 0;
	}
	if ((s[1] != 'x' && s[1] != 'X') || s[2] == '\0')
		return s[1] == 'x' || s[1] == 'X' ? -EINVAL
						  : option_size(s, out);
	for (s += 2; *s; s++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = strchr(
			digits, *s >= 'A' && *s <= 'F' ? *s - 'A' + 'a' : *s);

		if (!d)
			return -EINVAL;
		if (v >> 60)
			return -ERANGE;
		v = v << 4 | (uint64_t)(d - digits);
	}
	*out = v;
	return 0;
}

/* "A+B" or "A:B", blanks around the sign allowed: cut @buf in two. */
static char *halve(char *buf, char sign)
{
	char *at = strchr(buf, sign);
	char *end = at;

	if (!at)
		return NULL;
	*at++ = '\0';
	while (end > buf && end[-1] == ' ')
		*--end = '\0';
	while (*at == ' ')
		at++;
	return at;
}

static int two_numbers(const char *s, char sign, uint64_t out[2])
{
	char buf[128];
	char *second;
	int ret;

	if ((size_t)snprintf(buf, sizeof(buf), "%s", s) >= sizeof(buf))
		return -EINVAL;
	second = halve(buf, sign);
	if (!second)
		return -EINVAL;
	ret = what_if_bytes(buf, &out[0]);
	return ret ? ret : what_if_bytes(second, &out[1]);
}

/* A device has three bits to name a BAR (PCI-3.0 6.8.2.4). */
static int set_bar_offset(const char *s, unsigned int *bar, uint64_t *off)
{
	uint64_t v[2];
	int ret = two_numbers(s, ':', v);

	if (ret == 0 && v[0] > 7)
		ret = -EINVAL;
	if (ret)
		return ret;
	*bar = (unsigned int)v[0];
	*off = v[1];
	return 0;
}

/* Areas beyond BAR_AREAS_MAX are only counted, as vfio/info.c does. */
static int set_area(struct bar_shape *shape, const char *s)
{
	uint64_t v[2];
	int ret = two_numbers(s, '+', v);

	if (ret)
		return ret;
	shape->sparse = true;
	if (shape->n_areas < BAR_AREAS_MAX)
		shape->area[shape->n_areas] = (struct span){v[0], v[1]};
	shape->n_areas++;
	return 0;
}

static int word_index(const char *s, const char *const *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (strcasecmp(s, words[i]) == 0)
			return (int)i;
	}
	return -EINVAL;
}

static int set_bar_kind(const char *s, enum pci_bar_kind *out)
{
	static const char *const words[] = {"io", "mem32", "mem64"};
	static const enum pci_bar_kind kinds[] = {PCI_BAR_IO, PCI_BAR_MEM32,
						  PCI_BAR_MEM64};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = kinds[i];
	return 0;
}

static int set_page(const char *s, uint64_t *out)
{
	uint64_t v;
	int ret = what_if_bytes(s, &v);

	if (ret || (v != 4096 && v != 16384 && v != 65536))
		return -EINVAL;
	*out = v;
	return 0;
}

static int set_thp(const char *s, enum reach_thp *out)
{
	static const char *const words[] = {
		[REACH_THP_ABSENT] = "absent",
		[REACH_THP_NEVER] = "never",
		[REACH_THP_MADVISE] = "madvise",
		[REACH_THP_ALWAYS] = "always",
	};
	int i = word_index(s, words, COUNT(words));

	if (i < 0)
		return i;
	*out = (enum reach_thp)i;
	return 0;
}

/* "6.12": two numbers of at most four digits. */
static int set_kernel(const char *s, struct reach_host *h)
{
	char major[5], minor[5];
	size_t n = strspn(s, "0123456789");
	size_t m = s[n] == '.' ? strspn(s + n + 1, "0123456789") : 0;

	if (n == 0 || n > 4 || m == 0 || m > 4 || s[n + 1 + m])
		return -EINVAL;
	snprintf(major, sizeof(major), "%.*s", (int)n, s);
	snprintf(minor, sizeof(minor), "%.*s", (int)m, s + n + 1);
	if (option_number(major, &h->kernel_major) || h->kernel_major == 0)
		return -EINVAL;
	return option_number(minor, &h->kernel_minor);
}

static int set_host(struct reach_host *h, unsigned int key, const char *value)
{
	static const char *const archs[] = {
		[REACH_X86_64] = "x86_64",
		[REACH_AARCH64] = "aarch64",
	};
	int i;

	switch (key) {
	case HOST_PAGE_SIZE:
		return set_page(value, &h->page);
	case HOST_ARCH:
		i = word_index(value, archs, 2);
		if (i >= 0)
			h->arch = (enum reach_arch)i;
		return i < 0 ? i : 0;
	case HOST_THP:
		return set_thp(value, &h->thp);
	default:
		return set_kernel(value, h);
	}
}

static int set_region(struct bar_shape *shape, unsigned int key,
		      const char *value)
{
	switch (key) {
	case REGION_SIZE:
		return what_if_bytes(value, &shape->size);
	case REGION_BAR:
		return set_bar_kind(value, &shape->kind);
	case REGION_MAPPABLE:
		return option_bool(value, &shape->mappable);
	case REGION_MSIX:
		return option_bool(value, &shape->msix_mappable);
	default:
		return set_area(shape, value);
	}
}

static int set_msix(struct msix_shape *m, unsigned int key, const char *value)
{
	switch (key) {
	case MSIX_TABLE:
		return set_bar_offset(value, &m->table_bar, &m->table_off);
	case MSIX_PBA:
		return set_bar_offset(value, &m->pba_bar, &m->pba_off);
	case MSIX_VECTORS:
		return option_number(value, &m->n);
	default:
		return option_msix(value, &m->policy);
	}
}

static int set_key(struct reader *r, unsigned int key, const char *value)
{
	switch (r->section) {
	case SECTION_HOST:
		return set_host(&r->w->host, key, value);
	case SECTION_REGION:
		return set_region(r->shape, key, value);
	case SECTION_MSIX:
	case SECTIONS:
		break;
	}
	return set_msix(&r->w->msix, key, value);
}

/* --- the walk --------------------------------------------------------------
 */

static int value_error(struct ini *ini, unsigned int line, int code,
		       const char *key, const char *value)
{
	char what[ERR_NAME_MAX];

	ini_place(ini, line, key, what);
	return err_set(ini_err(ini), code, ERR_OPTION_VALUE, what, value);
}

static int key_error(struct ini *ini, unsigned int line, int code,
		     const char *key)
{
	char detail[ERR_DETAIL_MAX];

	snprintf(detail, sizeof(detail), "%s:%s", ini_section(ini), key);
	return ini_error_at(ini, line, code, ERR_INI_KEY, detail);
}

/* The best there is, but for what the file says: that is being asked. */
static void reader_begin(void *ctx)
{
	struct reader *r = ctx;
	struct what_if *w = r->w;
	struct reach_host here;

	host_facts_read(&here, "");
	memset(w, 0, sizeof(*w));
	w->host.arch = here.arch;
	w->host.page = here.page;
	w->host.thp = REACH_THP_MADVISE;
	w->host.cpu_1g = REACH_YES;
	w->host.guest_1g = REACH_YES;
	w->msix.policy = MSIX_AUTO;
}

static int reader_section(struct ini *ini, void *ctx, const char *name)
{
	struct reader *r = ctx;
	unsigned int number = 0;
	int s = section_of(name, &number);

	if (s < 0)
		return ini_error(ini, -EINVAL, ERR_INI_SECTION, name);
	r->section = (enum section)s;
	r->line = ini_line(ini);
	r->keys = 0;
	if (s != SECTION_REGION)
		return 0;
	memset(r->areas, 0, sizeof(r->areas));
	r->shape = &r->w->shape[number];
	r->shape->kind = PCI_BAR_MEM64;
	r->shape->mappable = true;
	r->shape->msix_mappable = true;
	r->w->regions |= 1u << number;
	return 0;
}

/* N of "area.N", without leading zeros; or -EINVAL. */
static int area_number(const char *key)
{
	unsigned int n;

	if (strncmp(key, "area.", 5) != 0 || (key[5] == '0' && key[6]) ||
	    option_number(key + 5, &n) || n >= AREA_NUMBERS)
		return -EINVAL;
	return (int)n;
}

/* Index of @key in the section's table, a second time refused. */
static int find_key(struct ini *ini, struct reader *r, const char *key)
{
	const struct option_def *keys = tables[r->section].keys;
	int area = r->section == SECTION_REGION ? area_number(key) : -1;
	const struct option_def *o;
	bool again;
	long i;

	if (area >= 0) {
		again = r->areas[area / 8] >> area % 8 & 1;
		r->areas[area / 8] |= (uint8_t)(1u << area % 8);
		i = REGION_AREA;
	} else {
		o = option_find(keys, tables[r->section].n, key, strlen(key));
		if (!o || o->type == VALUE_AREA)
			return key_error(ini, ini_line(ini), -ENOENT, key);
		i = o - keys;
		again = r->keys >> i & 1;
	}
	if (again)
		return key_error(ini, ini_line(ini), -EEXIST, key);
	r->keys |= 1u << i;
	return (int)i;
}

static int reader_key(struct ini *ini, void *ctx, const char *key)
{
	struct reader *r = ctx;
	const char *value;
	int i = find_key(ini, r, key);
	int ret = i < 0 ? i : ini_value(ini, key, &value);

	if (ret)
		return ret;
	if (r->section == SECTION_HOST && i == HOST_PAGE_SIZE)
		r->page_line = ini_line(ini);
	r->reads = value != NULL;
	if (!value)
		return 0;
	ret = set_key(r, (unsigned int)i, value);
	if (ret == 0)
		return 0;
	ret = value_error(ini, ini_line(ini), ret, key, value);
	ini_err(ini)->num = (uint64_t)tables[r->section].keys[i].type;
	return ret;
}

/* A page size alone tells the architecture, where ours has no such pages. */
static int host_end(struct ini *ini, struct reader *r)
{
	struct reach_host *h = &r->w->host;
	bool page = r->keys >> HOST_PAGE_SIZE & 1;
	bool arch = r->keys >> HOST_ARCH & 1;
	int ret;

	if (!r->reads || h->page == 4096 || h->arch != REACH_X86_64)
		return 0;
	if (!arch)
		h->arch = REACH_AARCH64;
	if (!page)
		h->page = 4096;
	if (!arch || !page)
		return 0;
	ret = value_error(ini, r->page_line, -EINVAL, "page_size",
			  h->page == 16384 ? "16384" : "65536");
	ini_err(ini)->num = VALUE_PAGE_X86;
	return ret;
}

static int section_end(struct ini *ini, void *ctx)
{
	/* what has to be there, by index */
	static const unsigned int needed[SECTIONS] = {
		[SECTION_REGION] = 1u << REGION_SIZE,
		[SECTION_MSIX] =
			1u << MSIX_TABLE | 1u << MSIX_PBA | 1u << MSIX_VECTORS,
	};
	struct reader *r = ctx;
	unsigned int lacks = needed[r->section] & ~r->keys;

	for (unsigned int i = 0; i < tables[r->section].n; i++) {
		if (lacks >> i & 1)
			return key_error(ini, r->line, -ENODATA,
					 tables[r->section].keys[i].name);
	}
	return r->section == SECTION_HOST ? host_end(ini, r) : 0;
}

int what_if_load(const char *file, struct what_if *w, struct err *e)
{
	static const struct ini_grammar grammar = {
		.kind = INI_WHAT_IF,
		.sections = PCI_BARS + 2,
		.begin = reader_begin,
		.section = reader_section,
		.key = reader_key,
		.section_end = section_end,
	};
	struct reader r = {.w = w};
	int ret = ini_load(file, &grammar, &r, e);

	if (ret == 0 && w->regions == 0) {
		ret = err_set(e, -ENODATA, ERR_INI_SECTION, file, "region.0");
		e->num2 = INI_WHAT_IF;
	}
	return ret;
}
