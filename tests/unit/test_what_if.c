// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/well_formed.h"
#include "vmm/explain.h"
#include "vmm/plan_show.h"
#include "vmm/what_if.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct what_if w;
static struct err err;

/* The file as a memfd, which is open until the next one. */
static const char *file_of(const char *text)
{
	static char path[32];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("what-if", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static int load(const char *text)
{
	memset(&err, 0, sizeof(err));
	memset(&w, 0xa5, sizeof(w));
	return what_if_load(file_of(text), &w, &err);
}

static void loaded(const char *text)
{
	char say[1024];

	if (load(text) == 0)
		return;
	explain(&err, say, sizeof(say));
	fail_msg("%s", say);
}

/* --- what is taken ---------------------------------------------------------
 */

static const char issue[] =
	"[host]\n"
	"page_size = 65536          ; 4096, 16384, 65536\n"
	"arch = aarch64             ; block sizes: x86_64 4K 2M 1G; ...\n"
	"[region.0]\n"
	"size = 0x2F00F00000\n"
	"bar = mem64                ; mem32, mem64, io\n"
	"mappable = yes\n"
	"area.0 = 0x0+0x2F00F00000  ; offset+length, any number\n"
	"msix_mappable = yes\n"
	"[msix]\n"
	"table = 0:0x2000           ; bar:offset\n"
	"pba = 0:0x3000\n"
	"vectors = 64\n"
	"policy = auto\n";

static void whole_file(void **state)
{
	(void)state;
	loaded(issue);
	assert_int_equal(w.host.page, 65536);
	assert_int_equal(w.host.arch, REACH_AARCH64);
	assert_int_equal(w.regions, 1);
	assert_int_equal(w.shape[0].size, 0x2f00f00000);
	assert_int_equal(w.shape[0].kind, PCI_BAR_MEM64);
	assert_true(w.shape[0].mappable && w.shape[0].msix_mappable);
	assert_true(w.shape[0].sparse);
	assert_int_equal(w.shape[0].n_areas, 1);
	assert_int_equal(w.shape[0].area[0].base, 0);
	assert_int_equal(w.shape[0].area[0].len, 0x2f00f00000);
	assert_int_equal(w.msix.n, 64);
	assert_int_equal(w.msix.table_off, 0x2000);
	assert_int_equal(w.msix.pba_off, 0x3000);
	assert_int_equal(w.msix.policy, MSIX_AUTO);
}

static void defaults(void **state)
{
	(void)state;
	loaded("[region.3]\nsize = 64G\n");
	assert_int_equal(w.host.page, sysconf(_SC_PAGESIZE));
	assert_int_equal(w.host.thp, REACH_THP_MADVISE);
	assert_int_equal(w.host.kernel_major, 0);
	assert_int_equal(w.regions, 8);
	assert_int_equal(w.shape[3].size, 64ull << 30);
	assert_int_equal(w.shape[3].kind, PCI_BAR_MEM64);
	assert_true(w.shape[3].mappable && w.shape[3].msix_mappable);
	assert_false(w.shape[3].sparse);
	assert_int_equal(w.msix.n, 0);
	assert_int_equal(w.shape[0].size, 0);
	/* Pages that only one architecture has tell which it is. */
	loaded("[host]\npage_size = 16K\n[region.0]\nsize=1\n");
	assert_int_equal(w.host.arch, REACH_AARCH64);
	assert_int_equal(w.host.page, 16384);
}

static void all_of_the_host(void **state)
{
	(void)state;
	loaded("[Region.0]\nSIZE = 4096\nbar = IO\nmappable = off\n"
	       "[HOST]\nthp = never\nkernel = 6.11\narch = x86_64\n"
	       "page_size = 0x1000\n");
	assert_int_equal(w.host.thp, REACH_THP_NEVER);
	assert_int_equal(w.host.kernel_major, 6);
	assert_int_equal(w.host.kernel_minor, 11);
	assert_int_equal(w.shape[0].kind, PCI_BAR_IO);
	assert_false(w.shape[0].mappable);
}

static void numbers(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		int ret;
		uint64_t v;
	} rows[] = {
		{ "0", 0, 0 }, { "0x0", 0, 0 }, { "1", 0, 1 },
		{ "0X2f00F00000", 0, 0x2f00f00000 }, { "64G", 0, 64ull << 30 },
		{ "16384", 0, 16384 }, { "16KiB", 0, 16384 }, { "010", 0, 10 },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "0x10000000000000000", -ERANGE, 0 },
		{ "0x00000000000000000001", 0, 1 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "0x", -EINVAL, 0 }, { "0xg", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { "0x10K", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "0 ", -EINVAL, 0 }, { "x10", -EINVAL, 0 },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t v = 0;
		int ret = what_if_bytes(rows[i].text, &v);

		if (ret != rows[i].ret || v != rows[i].v)
			fail_msg("\"%s\": %d, 0x%llx", rows[i].text, ret,
				 (unsigned long long)v);
	}
}

/* What a hostile kernel or device would say is not nonsense as a file. */
static void hostile_but_taken(void **state)
{
	static char text[200000];
	size_t n;

	(void)state;
	loaded("[region.5]\nsize=0xffffffffffffffff\nbar=mem64\n"
	       "area.7=0xffffffffffffffff+0xffffffffffffffff\n"
	       "area.2 = 64G + 0\n"
	       "[msix]\ntable=7:0xfffffffffffffff8\npba=6:1\n"
	       "vectors=4294967295\npolicy=inplace\n");
	assert_int_equal(w.shape[5].n_areas, 2);
	assert_int_equal(w.shape[5].area[0].base, UINT64_MAX);
	assert_int_equal(w.shape[5].area[1].base, 64ull << 30);
	assert_int_equal(w.msix.table_bar, 7);
	assert_int_equal(w.msix.n, UINT32_MAX);
	/* the order in the file counts, and more than there is room for */
	n = (size_t)snprintf(text, sizeof(text), "[region.0]\nsize=1G\n");
	for (unsigned int i = 5000; i-- > 0;)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "area.%u=0x%x000+4K\n", i, i);
	loaded(text);
	assert_int_equal(w.shape[0].n_areas, 5000);
	assert_int_equal(w.shape[0].area[0].base, 4999 * 4096);
	assert_int_equal(w.shape[0].area[BAR_AREAS_MAX - 1].base,
			 (5000 - BAR_AREAS_MAX) * 4096);
}

/* --- what is refused -------------------------------------------------------
 */

#define R0 "[region.0]\nsize=1G\n"

/* clang-format off */
static const struct {
	const char *text;
	const char *says; /* behind the name of the file */
} nonsense[] = {
	{ "", " describes no region. Add a section [region.0] with a size in "
	  "it." },
	{ "[host]\narch=aarch64\n", " describes no region." },
	{ "size = 1G\n", ":1: size stands before any section. "
	  "Put [host], [region.N] or [msix] above it." },
	{ "[hots]\n", ":1: there is no section [hots]. Did you mean [host]?" },
	{ "[vm]\nmemory = 1G\n", ":1: there is no section [vm]. "
	  "Use [host], [region.0] to [region.5] and [msix]." },
	{ R0 "[region.6]\nsize=1G\n", ":3: there is no section [region.6]. "
	  "Use [region.0] to [region.5], one for each BAR." },
	{ "[region]\nsize=1G\n", ":1: there is no section [region]. "
	  "Use [region.0] to [region.5]" },
	{ "[region.00]\nsize=1G\n", ":1: there is no section [region.00]." },
	{ "[]\n", ":1: there is no section []." },
	{ R0 "[region.0]\nsize=1G\n",
	  ":3: section [region.0] is there twice. Make it one." },
	{ "[region.0]\nbar = mem64\n[host]\n",
	  ":1: section [region.0] has no size. Add a line: size = VALUE" },
	{ "\n[region.1]\n", ":2: section [region.1] has no size." },
	{ R0 "[msix]\ntable=0:0\npba=0:8\n",
	  ":3: section [msix] has no vectors." },
	{ R0 "[msix]\npba=0:8\nvectors=1\n",
	  ":3: section [msix] has no table." },
	{ R0 "szie = 2G\n", ":3: [region.0] has no key szie. "
	  "Did you mean size?" },
	{ R0 "size = 2G\n", ":3: size is set twice in [region.0]. "
	  "Remove one." },
	{ R0 "area.1=0+1\narea.2=0+1\narea.1=0+1\n",
	  ":5: area.1 is set twice in [region.0]." },
	{ R0 "area=0+1\n", ":3: [region.0] has no key area. Did you mean "
	  "area.N, N being a number from 0 to 65535?" },
	{ R0 "area.x=0+1\n", ":3: [region.0] has no key area.x. "
	  "Did you mean area.N" },
	{ R0 "area.65536=0+1\n", ":3: [region.0] has no key area.65536." },
	{ R0 "area.01=0+1\n", ":3: [region.0] has no key area.01." },
	{ R0 "prefetch=yes\n", ":3: [region.0] has no key prefetch. "
	  "See which it has: man barge" },
	{ "[host]\narea.0=0+1\n" R0, ":2: [host] has no key area.0." },
	{ "[host]\npagesize=4096\n" R0, ":2: [host] has no key pagesize. "
	  "Did you mean page_size?" },
	{ "[region.0]\nsize = plenty\n", ":2: size does not take \"plenty\". "
	  "Give bytes such as 0x2f00f00000, 16384 or 64G." },
	{ "[region.0]\nsize = 0x10000000000000000\n",
	  ":2: size \"0x10000000000000000\" is too large." },
	{ "[region.0]\nsize =\n", ":2: size does not take \"\"." },
	{ R0 "bar = mem16\n", ":3: bar does not take \"mem16\". "
	  "Give mem64, mem32 or io." },
	{ R0 "mappable = perhaps\n", ":3: mappable does not take \"perhaps\". "
	  "Give yes or no." },
	{ R0 "area.0 = 0x1000\n", ":3: area.0 does not take \"0x1000\". "
	  "Give an offset and a length such as 0x0+0x10000." },
	{ R0 "area.0 = 0+0+0\n", ":3: area.0 does not take" },
	{ R0 "area.0 = +1\n", ":3: area.0 does not take" },
	{ R0 "area.0 = 0x1ffffffffffffffff+1\n", ":3: area.0 \"0x1fff" },
	{ "[host]\npage_size = 8192\n" R0, ":2: page_size does not take "
	  "\"8192\". Give 4096, 16384 or 65536." },
	{ "[host]\n\npage_size = 65536\narch = x86_64\n" R0,
	  ":3: page_size does not take \"65536\". "
	  "Give 4096, as x86_64 has no other pages." },
	{ "[host]\narch = arm64\n" R0, ":2: arch does not take \"arm64\". "
	  "Give x86_64 or aarch64." },
	{ "[host]\nthp = on\n" R0, ":2: thp does not take \"on\"." },
	{ "[host]\nkernel = six\n" R0, ":2: kernel does not take \"six\". "
	  "Give a version of Linux such as 6.12." },
	{ "[host]\nkernel = 6.12.3\n" R0, ":2: kernel does not take" },
	{ "[host]\nkernel = 0.12\n" R0, ":2: kernel does not take" },
	{ R0 "[msix]\ntable = 0x2000\npba=0:0\nvectors=1\n", ":4: table does not take \"0x2000\"." },
	{ R0 "[msix]\ntable = 8:0\npba=0:0\nvectors=1\n", ":4: table does not take \"8:0\". "
	  "Give a BAR, 0 to 7, and an offset such as 0:0x2000." },
	{ R0 "[msix]\nvectors = -1\ntable=0:0\npba=0:0\n",
	  ":4: vectors does not take \"-1\"." },
	{ R0 "[msix]\nvectors = 4294967296\ntable=0:0\npba=0:0\n",
	  ":4: vectors \"4294967296\"" },
	{ R0 "[msix]\npolicy = no\ntable=0:0\npba=0:0\nvectors=1\n",
	  ":4: policy does not take \"no\". "
	  "Give auto, inplace or relocate." },
	{ R0 "mappable\n", ":3: \"mappable\" is neither [section] nor" },
	{ R0 "[msix\n", ":3: \"[msix\" is neither [section] nor" },
	{ R0 "bar = \"mem64\" x\n", ":3: \"bar = " },
};
/* clang-format on */

static void refusals(void **state)
{
	char say[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(nonsense); i++) {
		size_t len = strlen("/proc/self/fd/");

		if (load(nonsense[i].text) == 0)
			fail_msg("taken: %s", nonsense[i].text);
		explain(&err, say, sizeof(say));
		assert_int_equal(explain_status(&err), 1);
		/* the number of the descriptor */
		len += strspn(say + len, "0123456789");
		if (strncmp(say + len, nonsense[i].says,
			    strlen(nonsense[i].says)) != 0)
			fail_msg("%s\nfor: %s\nsays: %s", nonsense[i].text,
				 nonsense[i].says, say);
	}
	assert_int_equal(what_if_load("/nowhere/x.ini", &w, &err), -ENOENT);
	assert_int_equal(err.what, ERR_INI_OPEN);
}

/* --- what is shown ---------------------------------------------------------
 */

static char out[1 << 20];

/* Standard output of barge plan --what-if. */
static const char *shown(const char *text, bool json)
{
	struct conf c = {.json = json, .what_if = (char *)file_of(text)};
	int keep = dup(1), ret;
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), 1);
	ret = plan_show_what_if(&c, &err);
	fflush(stdout);
	dup2(keep, 1);
	close(keep);
	assert_int_equal(ret, 0);
	rewind(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	fclose(f);
	return out;
}

#define GRACE "[region.0]\nsize = 0x2F00F00000\narea.0 = 0x0+0x2F00F00000\n"

static void json_of_the_issue(void **state)
{
	(void)state;
	assert_string_equal(
		shown("[host]\npage_size=4096\narch=x86_64\n" GRACE, true),
		"{\"regions\":[{\"region\":0,\"size\":\"0x4000000000\","
		"\"align\":\"0x40000000\",\"slices\":[{\"offset\":\"0x0\","
		"\"length\":\"0x2f00f00000\",\"kind\":\"map\"},"
		"{\"offset\":\"0x2f00f00000\",\"length\":\"0x10ff100000\","
		"\"kind\":\"virtual\"}],"
		"\"leaves\":{\"1G\":188,\"2M\":7,\"4K\":256}}]}\n");
}

static void leaves(const char *host, const char *want)
{
	char text[256];

	snprintf(text, sizeof(text), "[host]\n%s" GRACE, host);
	if (!strstr(shown(text, true), want))
		fail_msg("%s: %s", host, out);
}

static void leaves_of_hosts(void **state)
{
	(void)state;
	leaves("page_size=65536\narch=aarch64\n",
	       "\"leaves\":{\"512M\":376,\"64K\":240}}]}");
	leaves("page_size=16384\narch=aarch64\n",
	       "\"leaves\":{\"32M\":6016,\"16K\":960}}]}");
	leaves("page_size=4096\narch=aarch64\n",
	       "\"leaves\":{\"2M\":96263,\"4K\":256}}]}");
	/* 49,286,400 + 512: what a host without huge mappings has to fill in */
	leaves("page_size=4096\narch=x86_64\nthp=never\n",
	       "\"leaves\":{\"1G\":0,\"2M\":0,\"4K\":49286912}}]}");
	leaves("page_size=4096\narch=x86_64\nkernel=6.11\n",
	       "\"leaves\":{\"1G\":0,\"2M\":0,\"4K\":49286912}}]}");
}

static void msix_in_json(void **state)
{
	const char *msix;

	(void)state;
	assert_true(json_well_formed(shown(issue, true)));
	msix = strstr(out, "],\"msix\":{\"vectors\":64,\"place\":\"spare\",");
	assert_non_null(msix);
	assert_non_null(strstr(msix, "\"table\":{\"region\":5,"
				     "\"offset\":\"0x0\"}"));
	/* the BAR it moved to is there, covered by one slice */
	assert_non_null(strstr(out, "{\"region\":5,\"size\":\"0x20000\","
				    "\"align\":\"0x20000\",\"slices\":[{"
				    "\"offset\":\"0x0\",\"length\":\"0x20000\","
				    "\"kind\":\"virtual\"}]"));
}

static void absent_bars(void **state)
{
	(void)state;
	assert_string_equal(shown("[host]\npage_size=4096\narch=x86_64\n"
				  "[region.2]\nsize=0\n",
				  true),
			    "{\"regions\":[{\"region\":2,\"size\":\"0x0\","
			    "\"align\":\"0x0\",\"slices\":[],"
			    "\"leaves\":{\"1G\":0,\"2M\":0,\"4K\":0}}]}\n");
	assert_non_null(
		strstr(shown("[region.5]\nsize=1G\n", false), "BAR 5: absent"));
}

static void for_people(void **state)
{
	(void)state;
	shown("[host]\npage_size=4096\narch=x86_64\nthp=never\n" GRACE, false);
	/* clang-format off */
	assert_string_equal(out,
"a device on x86_64 with pages of 4K\n"
"BAR 0 mem64: 256G, aligned to 1G\n"
"         +0           192527M  mapped   host 4K, EPT/NPT 4K, IOMMU 1G\n"
"           host: transparent huge pages are set to never\n"
"           IOMMU: the BAR's memory ends off a larger page's boundary\n"
"         +2f00f00000   69617M  virtual  past the end of the device's memory\n"
"         entries, host and EPT/NPT: 49286912 x 4K\n"
"  advice: allow huge pages where a program asks for them: sudo sh -c "
"'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled'\n");
	/* clang-format on */
}

/* The example is the issue's, and has the same result. */
static void example(void **state)
{
	static char text[8192];
	char path[PATH_MAX] = "examples/what-if-grace.ini";
	char first[4096];
	ssize_t len = readlink("/proc/self/exe", path + 128, 2048);
	FILE *f = fopen(path, "r");
	size_t n;

	(void)state;
	if (!f && len > 0) {
		path[128 + len] = '\0';
		*strrchr(path + 128, '/') = '\0';
		strcat(path + 128, "/../../../../examples/what-if-grace.ini");
		f = fopen(path + 128, "r");
	}
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	snprintf(first, sizeof(first), "%s", shown(text, true));
	assert_string_equal(first, shown(issue, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file),
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_of_the_host),
		cmocka_unit_test(numbers),
		cmocka_unit_test(hostile_but_taken),
		cmocka_unit_test(refusals),
		cmocka_unit_test(json_of_the_issue),
		cmocka_unit_test(leaves_of_hosts),
		cmocka_unit_test(msix_in_json),
		cmocka_unit_test(absent_bars),
		cmocka_unit_test(for_people),
		cmocka_unit_test(example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
