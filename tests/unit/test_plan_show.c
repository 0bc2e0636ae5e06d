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
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/well_formed.h"
#include "vmm/explain.h"
#include "vmm/plan.h"
#include "vmm/plan_json.h"
#include "vmm/plan_print.h"
#include "vmm/plan_show.h"
#include "vmm/plan_svg.h"

/* What `barge plan` writes of one machine: text, JSON, picture. */

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)

static const struct arch_layout layout = {
	.ecam = {0xe0000000, MIB},
	.mem32 = {0x80000000, 0x60000000},
	.mem64 = {6 * GIB, 1000 * GIB},
	.io = {0xc000, 0x4000},
	.bar_align = 4096,
	.n_ram = 2,
	.ram = {{0, 2 * GIB}, {4 * GIB, 2 * GIB}},
};

static struct plan plan;
static struct plan_dev dev[3];
static struct plan_view view;
static char text[1 << 20];

static const struct bar_shape nvme[PCI_BARS] = {
	{.kind = PCI_BAR_MEM64, .mappable = true, .size = 16 * KIB},
};

static const struct bar_shape gpu[PCI_BARS] = {
	{.kind = PCI_BAR_MEM32,
	 .mappable = true,
	 .msix_mappable = true,
	 .size = 16 * MIB},
	{.kind = PCI_BAR_MEM64,
	 .mappable = true,
	 .prefetch = true,
	 .size = 64 * GIB},
	{0},
	{.kind = PCI_BAR_MEM64,
	 .mappable = true,
	 .prefetch = true,
	 .size = 32 * MIB},
	{0},
	{.kind = PCI_BAR_IO, .size = 128},
};

static void add(const char *name, const struct bar_shape *shape,
		struct msix_shape msix)
{
	struct plan_dev *d = &dev[view.n];

	memcpy(d->seen.shape, shape, sizeof(d->seen.shape));
	d->seen.msix = msix;
	d->iommu = (struct reach_iommu){REACH_IOMMU_INTEL, 0x40201000, 48};
	vfio_survey_plan(&d->seen, name, 4096, 4096, &plan.pci[view.n]);
	plan.n_pci = ++view.n;
}

static int setup(void **state)
{
	struct err e;

	(void)state;
	memset(&plan, 0, sizeof(plan));
	memset(dev, 0, sizeof(dev));
	view = (struct plan_view){.plan = &plan, .dev = dev};
	view.host = (struct reach_host){.page = 4096,
					.kernel_major = 6,
					.kernel_minor = 12,
					.thp = REACH_THP_MADVISE,
					.cpu_1g = REACH_YES,
					.guest_1g = REACH_NO};
	add("0000:01:00.0", nvme,
	    (struct msix_shape){
		    .n = 65, .table_off = 0x3000, .pba_off = 0x2000});
	add("0000:41:00.0", gpu,
	    (struct msix_shape){.n = 6,
				.table_off = 0xb90000,
				.pba_off = 0xb90800,
				.policy = MSIX_INPLACE});
	plan.pci[1].bar[PCI_ROM_IDX] = (struct plan_bar){
		.kind = PCI_BAR_MEM32, .size = MIB, .align = MIB};
	if (plan_make(&plan, &layout, 2, NULL, 0, &e))
		return -1;
	plan_view_finish(&view, REACH_P2P_OFF);
	return 0;
}

static const char *written(int (*write)(FILE *, const struct plan_view *))
{
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	assert_int_equal(write(f, &view), 0);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* clang-format off */
static const char golden[] =
"2 vCPUs\n"
"guest-physical memory\n"
"  000000000000-00007fffffff        2G  RAM\n"
"  000100000000-00017fffffff        2G  RAM\n"
"  0000e0000000-0000e00fffff        1M  PCI configuration (ECAM, bus 0)\n"
"  000080000000-0000dfffffff     1536M  PCI window, 32-bit BARs\n"
"  000180000000-001fffffffff      122G  PCI window, 64-bit BARs\n"
"I/O ports\n"
"  00000000c000-00000000ffff       16K  PCI window, I/O BARs\n"
"device 0000:01:00.0 at 00:01.0\n"
"  MSI-X: table 0:0x3000, PBA 0:0x2000, in place\n"
"         its host pages hold nothing else\n"
"  IOMMU: BARs are not mapped there for other devices\n"
"  000182000000-000182003fff       16K  BAR 0 mem64\n"
"         +0                8K  mapped   host 4K, EPT/NPT 4K, IOMMU -\n"
"         +2000            16B  virtual  the guest's MSI-X table and pending bits\n"
"         +2010          4080B  trapped  host pages of the MSI-X table\n"
"         +3000          1040B  virtual  the guest's MSI-X table and pending bits\n"
"         +3410          3056B  trapped  host pages of the MSI-X table\n"
"         entries, host and EPT/NPT: 2 x 4K\n"
"device 0000:41:00.0 at 00:02.0\n"
"  MSI-X: table 0:0xb90000, PBA 0:0xb90800, in place\n"
"         as asked\n"
"  IOMMU: BARs are not mapped there for other devices\n"
"  000080000000-000080ffffff       16M  BAR 0 mem32\n"
"         +0            11840K  mapped   host 2M, EPT/NPT 2M, IOMMU -\n"
"           host: the host pages of the MSI-X table are left out\n"
"         +b90000          96B  virtual  the guest's MSI-X table and pending bits\n"
"         +b90060        1952B  trapped  host pages of the MSI-X table\n"
"         +b90800           8B  virtual  the guest's MSI-X table and pending bits\n"
"         +b90808        2040B  trapped  host pages of the MSI-X table\n"
"         +b91000        4540K  mapped   host 2M, EPT/NPT 2M, IOMMU -\n"
"           host: the host pages of the MSI-X table are left out\n"
"         entries, host and EPT/NPT: 7 x 2M, 511 x 4K\n"
"  001000000000-001fffffffff       64G  BAR 1 mem64 prefetchable\n"
"         +0               64G  mapped   host 1G, EPT/NPT 2M, IOMMU -\n"
"           EPT/NPT: the processor's EPT has no pages of 1G\n"
"         entries, host: 64 x 1G\n"
"         entries, EPT/NPT: 32768 x 2M\n"
"  000180000000-000181ffffff       32M  BAR 3 mem64 prefetchable\n"
"         +0               32M  mapped   host 2M, EPT/NPT 2M, IOMMU -\n"
"         entries, host and EPT/NPT: 16 x 2M\n"
"  00000000c000-00000000c07f      128B  BAR 5 io\n"
"         +0              128B  trapped  I/O ports are never mapped\n"
"  000081000000-0000810fffff        1M  ROM\n";
/* clang-format on */

static void in_words(void **state)
{
	(void)state;
	assert_string_equal(written(plan_print), golden);
}

static void has(const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %.2000s", part, text);
}

static void as_json(void **state)
{
	(void)state;
	assert_true(json_well_formed(written(plan_json)));
	has("{\"host\":{\"arch\":\"x86_64\",\"page_size\":4096,"
	    "\"kernel\":\"6.12\",\"thp\":\"madvise\"},\"cpus\":2,"
	    "\"ram\":[{\"base\":\"0x0\",\"length\":\"0x80000000\"},"
	    "{\"base\":\"0x100000000\",\"length\":\"0x80000000\"}],"
	    "\"ecam\":{\"base\":\"0xe0000000\",\"length\":\"0x100000\"},"
	    "\"windows\":{\"mem32\":{");
	has("\"devices\":[{\"address\":\"0000:01:00.0\",\"guest\":\"00:01.0\","
	    "\"regions\":[{\"region\":0,\"size\":\"0x4000\","
	    "\"align\":\"0x4000\",\"slices\":[{\"offset\":\"0x0\","
	    "\"length\":\"0x2000\",\"kind\":\"map\",\"host\":{"
	    "\"page\":\"4K\",\"why\":\"bar-small\",");
	has("\"iommu\":{\"page\":null,\"why\":\"p2p-off\",");
	has("{\"offset\":\"0x2000\",\"length\":\"0x10\",\"kind\":\"virtual\","
	    "\"why\":\"msix\",");
	has("\"stage2\":{\"page\":\"2M\",\"why\":\"ept-no-1g\",");
	has("\"leaves\":{\"1G\":64,\"2M\":0,\"4K\":0},"
	    "\"leaves_stage2\":{\"1G\":0,\"2M\":32768,\"4K\":0},"
	    "\"leaves_iommu\":{\"1G\":0,\"2M\":0,\"4K\":0},"
	    "\"kind\":\"mem64\",\"prefetchable\":true,"
	    "\"address\":\"0x1000000000\",\"device_size\":\"0x1000000000\"}");
	has("\"rom\":{\"base\":\"0x81000000\",\"length\":\"0x100000\"}");
	has("\"msix\":{\"vectors\":65,\"place\":\"inplace\","
	    "\"why\":\"its host pages hold nothing else\","
	    "\"table\":{\"region\":0,\"offset\":\"0x3000\"},"
	    "\"pba\":{\"region\":0,\"offset\":\"0x2000\"}}");
}

/*
 * aarch64: ports are in memory, and KVM says whether it maps what a GPU like
 * Grace's has.
 */
static void on_aarch64(void **state)
{
	(void)state;
	view.host.arch = REACH_AARCH64;
	plan.io = (struct span){0x1000, 0xf000};
	plan.io_mmio = 0x0fff0000;
	written(plan_print);
	has("  00000fff0000-00000fffffff       64K  I/O ports of PCI, from 0 "
	    "on\n"
	    "I/O ports\n"
	    "  000000001000-00000000ffff       60K  PCI window, I/O BARs\n");
	has("mapped   host 2M, stage 2 1G");
	assert_null(strstr(text, "cacheable"));
	assert_true(json_well_formed(written(plan_json)));
	has("\"thp\":\"madvise\",\"cacheable_pfnmap\":null}");
	has("\"io\":{\"base\":\"0x1000\",\"length\":\"0xf000\"},"
	    "\"io_mmio\":\"0xfff0000\"}");
	view.host.cacheable = REACH_YES;
	written(plan_print);
	has("\nKVM maps cacheable device memory (NVIDIA Grace) as such\n");
	written(plan_json);
	has("\"cacheable_pfnmap\":true}");
	view.host.cacheable = REACH_NO;
	written(plan_print);
	has("\nKVM maps cacheable device memory (NVIDIA Grace) as uncached, or "
	    "traps it\n");
	written(plan_json);
	has("\"cacheable_pfnmap\":false}");
}

/* Of reasons that something can be done about, each once and no others. */
static void advice(void **state)
{
	const char *first;

	(void)state;
	view.host.thp = REACH_THP_NEVER;
	written(plan_print);
	first = strstr(text, "advice: allow huge pages");
	assert_non_null(first);
	assert_null(strstr(first + 1, "advice:"));
	/* As if msix=auto had more mapped. */
	dev[1].seen.movable = true;
	plan_view_finish(&view, REACH_P2P_OFF);
	view.host.thp = REACH_THP_MADVISE;
	written(plan_print);
	/* one cure for the slices that it cuts and for those that it traps */
	first = strstr(text, "advice: let the MSI-X table move away");
	assert_non_null(first);
	assert_null(strstr(first + 1, "advice:"));
	view.host.thp = REACH_THP_NEVER;
	written(plan_print);
	first = strstr(text, "advice: let the MSI-X table move away");
	assert_non_null(first);
	assert_null(strstr(first + 1, "advice: let the MSI-X"));
	assert_true(json_well_formed(written(plan_json)));
	has("\"advice\":[\"allow huge pages");
	has(",\"let the MSI-X table move away: msix=auto\"]");
}

/* --- the picture -----------------------------------------------------------
 */

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (const char *s = text; (s = strstr(s, what)); s++)
		n++;
	return n;
}

static void picture(void **state)
{
	(void)state;
	assert_true(xml_well_formed(written(plan_svg)));
	has("<svg xmlns=\"http://www.w3.org/2000/svg\" ");
	has("prefers-color-scheme:dark");
	/* BAR 1 in its window and as a strip: all 2M, as EPT has no 1G */
	assert_int_equal(
		count("0000:41:00.0 BAR 1 +0x0, 64G: mapped in pages of 2M"),
		2);
	has(">32768 x 2M</text>");
	has("class=\"p virt\"><title>0000:41:00.0 ROM, 0x81000000, 1M");
	has(">0x1fffffffff</text>");
	has(">mapped in pages of 1G</text>");
	has("class=\"p trap\"><title>0000:41:00.0 BAR 5 +0x0, 128B: trapped");
	/* nothing is fetched from anywhere */
	assert_null(strstr(text, "href"));
	assert_null(strstr(text, "url("));
	assert_null(strstr(text, "@import"));
	view.host.guest_1g = REACH_YES;
	written(plan_svg);
	has("class=\"p big\"><title>0000:41:00.0 BAR 1 +0x0, 64G: mapped in "
	    "pages of 1G");
}

/* Boxes lie inside the picture and pieces of a strip do not overlap. */
static void boxes_are_inside(void **state)
{
	double width, height, x, y, w, h, right = 0, last_y = -1;
	const char *s = written(plan_svg);

	(void)state;
	s = strstr(s, " width=");
	assert_non_null(s);
	assert_int_equal(sscanf(s, " width=\"%lf\" height=\"%lf\"",
				&width, /* NOLINT */
				&height),
			 2);
	for (s = strstr(s, "<rect"); s; s = strstr(s + 1, "<rect")) {
		assert_int_equal(sscanf(s, /* NOLINT */
					"<rect x=\"%lf\" y=\"%lf\" "
					"width=\"%lf\" height=\"%lf\"",
					&x, &y, &w, &h),
				 4);
		assert_true(x >= 0 && y >= 0 && w > 0 && h > 0);
		assert_true(x + w <= width + 0.2 && y + h <= height);
		if (y == last_y &&
		    strstr(s, "class=\"p ") == strstr(s, "class"))
			assert_true(x + 0.3 >= right || w < 15);
		right = y == last_y || right == 0 ? x + w : 0;
		last_y = y;
	}
}

static void many_slices(void **state)
{
	struct bar_shape *s = &dev[0].seen.shape[0];
	struct err e;

	(void)state;
	s->size = 64 * MIB;
	s->sparse = true;
	s->n_areas = BAR_AREAS_MAX;
	for (unsigned int i = 0; i < BAR_AREAS_MAX; i++)
		s->area[i] = (struct span){(2 * i + 1) * 4096ull, 4096};
	vfio_survey_plan(&dev[0].seen, "<\"&\x01\xff>", 4096, 4096,
			 &plan.pci[0]);
	assert_int_equal(plan_make(&plan, &layout, 2, NULL, 0, &e), 0);
	plan_view_finish(&view, REACH_P2P_ON);
	assert_true(dev[0].seen.plan.bar[0].n > 120);
	assert_true(xml_well_formed(written(plan_svg)));
	has("slices more");
	boxes_are_inside(NULL);
	assert_true(json_well_formed(written(plan_json)));
}

static void without_devices(void **state)
{
	(void)state;
	view.n = 0;
	plan.n_pci = 0;
	assert_true(xml_well_formed(written(plan_svg)));
	assert_true(json_well_formed(written(plan_json)));
	has("\"devices\":[],\"emulated\":[]}");
}

/* Those behind the passed-through ones. */
static void emulated(void **state)
{
	(void)state;
	strcpy(plan.pci[plan.n_pci].name, "disk0");
	plan.pci[plan.n_pci].devfn = 7 << 3;
	plan.pci[plan.n_pci].bar[0].addr = 0x181234000;
	plan.pci[plan.n_pci].bar[0].size = 0x10000;
	plan.n_pci++;
	assert_true(json_well_formed(written(plan_json)));
	has("\"emulated\":[{\"name\":\"disk0\",\"guest\":\"00:07.0\","
	    "\"bar\":{\"base\":\"0x181234000\",\"length\":\"0x10000\"}}]}");
	(void)written(plan_print);
	has("emulated PCI devices\n  00:07.0  disk0       BAR at "
	    "000181234000\n");
}

/* --- files -----------------------------------------------------------------
 */

static void full_disk(void **state)
{
	int (*const write[])(FILE *, const struct plan_view *) = {
		plan_print, plan_json, plan_svg};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		FILE *f = fopen("/dev/full", "w");

		if (!f)
			skip();
		assert_int_equal(write[i](f, &view), -EIO);
		fclose(f);
	}
}

static char folder[] = "/tmp/barge-svg-XXXXXX";
static char svg_path[PATH_MAX];

static int show(const char *file, struct err *e)
{
	struct conf c = {.svg = svg_path, .json = true};
	int keep = dup(1), ret;
	FILE *null = fopen("/dev/null", "w");

	snprintf(svg_path, sizeof(svg_path), "%s%s", folder, file);
	assert_non_null(null);
	fflush(stdout);
	dup2(fileno(null), 1);
	ret = plan_show(&c, &view, e);
	fflush(stdout);
	dup2(keep, 1);
	close(keep);
	fclose(null);
	return ret;
}

static void refused(const char *file, int code, const char *words)
{
	struct err e = {0};
	char say[1024];

	assert_int_equal(show(file, &e), code);
	explain(&e, say, sizeof(say));
	if (!strstr(say, svg_path) || !strstr(say, words))
		fail_msg("%s", say);
	assert_int_equal(explain_status(&e), 1);
}

static void picture_in_a_file(void **state)
{
	struct err e = {0};
	struct stat st;
	mode_t mask = umask(027);

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(show("/a.svg", &e), 0);
	umask(mask);
	assert_int_equal(stat(svg_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(st.st_size > 2000);
	/* over the old one */
	assert_int_equal(show("/a.svg", &e), 0);
	refused("/none/a.svg", -ENOENT, "mkdir -p");
	refused("", -EISDIR, "is a folder");
	assert_int_equal(unlink(strcat(svg_path, "/a.svg")), 0);
	/* nothing else is left in it */
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_words, setup),
		cmocka_unit_test_setup(as_json, setup),
		cmocka_unit_test_setup(on_aarch64, setup),
		cmocka_unit_test_setup(advice, setup),
		cmocka_unit_test_setup(picture, setup),
		cmocka_unit_test_setup(boxes_are_inside, setup),
		cmocka_unit_test_setup(many_slices, setup),
		cmocka_unit_test_setup(without_devices, setup),
		cmocka_unit_test_setup(emulated, setup),
		cmocka_unit_test_setup(full_disk, setup),
		cmocka_unit_test_setup(picture_in_a_file, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
