// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_in.h"
#include "tests/unit/bar_plan_check.h"
#include "tests/unit/reach_check.h"
#include "tests/unit/well_formed.h"
#include "vmm/explain.h"
#include "vmm/plan_json.h"
#include "vmm/plan_print.h"
#include "vmm/plan_svg.h"
#include "vmm/what_if.h"

/*
 * Files of --what-if, from bytes to text, JSON and picture, or to a sentence.
 * What is planned holds every promise of the planner and of vfio/reach.h,
 * with the largest page that the host in the file allows.
 */

static struct what_if w;
static struct plan_dev dev;

static void check_err(const struct err *e)
{
	char text[2048];

	REQUIRE(e->what != ERR_NONE);
	REQUIRE(explain_status(e) == 1);
	explain(e, text, sizeof(text));
	REQUIRE(strlen(text) > 10 && strlen(text) + 1 < sizeof(text));
	for (const char *p = text; *p; p++)
		REQUIRE((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void check_all(uint64_t align)
{
	struct check c = {w.shape, &w.msix, &dev.seen.plan, w.host.page, align};
	unsigned int k = w.host.kernel_major * 10000 + w.host.kernel_minor;
	bool small = w.host.thp == REACH_THP_ABSENT || (k && k < 60012) ||
		     (w.host.thp == REACH_THP_NEVER && k < 70002);
	uint64_t cap = small ? w.host.page : 1ull << 30;
	uint64_t guest = w.host.arch == REACH_X86_64 ? cap : 1ull << 30;

	REQUIRE(!check_plan(&c));
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		REQUIRE(!reach_check(&dev.reach, b, REACH_HOST, cap));
		REQUIRE(!reach_check(&dev.reach, b, REACH_GUEST, guest));
		REQUIRE(!reach_check(&dev.reach, b, REACH_IOMMU, 1ull << 30));
	}
}

static void show(int (*write)(FILE *, const struct plan_view *),
		 bool (*good)(const char *), const struct plan_view *v)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	REQUIRE(write(f, v) == 0);
	fclose(f);
	REQUIRE(len > 20 && strlen(text) == len);
	REQUIRE(!good || good(text));
	free(text);
}

static void take(void)
{
	uint64_t align = w.host.arch == REACH_AARCH64 ? 65536 : 4096;
	struct plan_view v = {.host = w.host, .n = 1, .dev = &dev};

	memset(&dev, 0, sizeof(dev));
	memcpy(dev.seen.shape, w.shape, sizeof(w.shape));
	dev.seen.msix = w.msix;
	dev.iommu.kind = REACH_IOMMU_OTHER;
	dev.iommu.pages = ~0xfffull;
	dev.listed = w.regions;
	vfio_survey_plan(&dev.seen, "", w.host.page, align, &dev.pci);
	plan_view_finish(&v, REACH_P2P_ON);
	check_all(align);
	show(plan_print, NULL, &v);
	show(plan_json, json_well_formed, &v);
	show(plan_svg, xml_well_formed, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz.ini", MFD_CLOEXEC);
	struct err e = {.what = ERR_NONE};
	char path[32];
	int ret;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ret = what_if_load(path, &w, &e);
		REQUIRE(ret <= 0 && (ret == 0) == (e.what == ERR_NONE));
		if (ret)
			check_err(&e);
		else
			take();
	}
	close(fd);
	return 0;
}
