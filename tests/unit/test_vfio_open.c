/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_life.h"

/* What keeps a device from being opened, and infos that make no sense. */

#define NVME   "0000:01:00.0"
#define DRIVER "/sys/devices/pci0000:00/" NVME "/driver"
#define GROUP  "/sys/devices/pci0000:00/" NVME "/iommu_group"
#define GIB    (1ull << 30)

static struct life l;
static struct fake_pci *p;

static int setup(void **state)
{
	(void)state;
	fake_host_init();
	p = fake_nvme(NVME, 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

static void start(enum vfio_backend backend)
{
	fake_host_start();
	life_init(&l);
	l.backend = backend;
}

static void end(void)
{
	const char *left;

	life_end(&l);
	left = fake_host_left();
	if (!left)
		return;
	fake_host_stop(); /* so that the message is seen */
	fail_msg("%s", left);
}

static void refused(enum err_what what, int code)
{
	assert_int_equal(life_open(&l), code);
	assert_int_equal(l.e.what, what);
	assert_int_equal(l.e.code, code);
	end();
	assert_int_equal(p->opens, 0);
}

static void opened(void)
{
	int r = life_open(&l);

	if (r == 0)
		r = life_start(&l);
	if (r == 0)
		return;
	fake_host_stop();
	fail_msg("error %d: what %d, %s, %s", r, l.e.what, l.e.name,
		 l.e.detail);
}

/* --- refused ----------------------------------------------------------------
 */

static void no_device(void **state)
{
	(void)state;
	start(VFIO_BACKEND_AUTO);
	fake_sys_remove("/sys/bus/pci/devices/" NVME);
	refused(ERR_PCI_NO_DEVICE, -ENODEV);
	assert_string_equal(l.e.name, NVME);
}

static void other_driver(void **state)
{
	(void)state;
	start(VFIO_BACKEND_TYPE1);
	fake_sys_link(DRIVER, "../../../bus/pci/drivers/nvme");
	refused(ERR_VFIO_DRIVER, -EBUSY);
	assert_string_equal(l.e.detail, "nvme");
}

static void no_driver(void **state)
{
	(void)state;
	start(VFIO_BACKEND_AUTO);
	fake_sys_remove(DRIVER);
	refused(ERR_VFIO_DRIVER, -EBUSY);
	assert_string_equal(l.e.detail, "");
}

static void no_iommu(void **state)
{
	(void)state;
	start(VFIO_BACKEND_TYPE1);
	fake_sys_remove(GROUP);
	refused(ERR_VFIO_NO_IOMMU, -ENOENT);
}

static void garbled_group(void **state)
{
	(void)state;
	start(VFIO_BACKEND_TYPE1);
	fake_sys_link(GROUP, "../../../kernel/iommu_groups/7x");
	refused(ERR_VFIO_NO_IOMMU, -ENOENT);
}

static void group_of_another(void **state)
{
	static struct life other;

	(void)state;
	start(VFIO_BACKEND_TYPE1);
	assert_int_equal(life_open(&l), 0);
	life_init(&other);
	other.backend = VFIO_BACKEND_TYPE1;
	assert_int_equal(life_open(&other), -EBUSY);
	assert_int_equal(other.e.what, ERR_VFIO_GROUP_OPEN);
	assert_int_equal(other.e.num, 7);
	life_end(&other);
	end();
}

static void not_viable(enum vfio_backend backend)
{
	struct fake_pci *mate = fake_e1000("0000:01:00.1", 7);

	snprintf(mate->driver, sizeof(mate->driver), "e1000e");
	start(backend);
	refused(ERR_VFIO_NOT_VIABLE, -EPERM);
	assert_int_equal(l.e.num, 7);
	assert_string_equal(l.e.detail, "0000:01:00.1 (e1000e)");
}

static void not_viable_type1(void **state)
{
	(void)state;
	not_viable(VFIO_BACKEND_TYPE1);
}

static void not_viable_iommufd(void **state)
{
	(void)state;
	not_viable(VFIO_BACKEND_IOMMUFD);
}

static void no_type1(void **state)
{
	(void)state;
	fake_host.type1 = false;
	start(VFIO_BACKEND_TYPE1);
	refused(ERR_VFIO_IOMMU_TYPE, -ENOTSUP);
}

static void no_iommufd(void **state)
{
	(void)state;
	fake_host.iommufd = false;
	start(VFIO_BACKEND_IOMMUFD);
	refused(ERR_VFIO_IOMMUFD, -ENOENT);
}

static void bridge(void **state)
{
	(void)state;
	fake_cfg_put(p, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
	start(VFIO_BACKEND_AUTO);
	refused(ERR_VFIO_HEADER, -EINVAL);
}

static int not_pci(struct fake_pci *dev, unsigned long req, void *info,
		   uint32_t size)
{
	struct vfio_device_info *i = info;

	(void)dev;
	(void)size;
	if (req == VFIO_DEVICE_GET_INFO)
		i->flags = VFIO_DEVICE_FLAGS_PLATFORM;
	return 0;
}

static int few_regions(struct fake_pci *dev, unsigned long req, void *info,
		       uint32_t size)
{
	struct vfio_device_info *i = info;

	(void)dev;
	(void)size;
	if (req == VFIO_DEVICE_GET_INFO)
		i->num_regions = VFIO_PCI_CONFIG_REGION_INDEX;
	return 0;
}

static void no_pci_device(void **state)
{
	(void)state;
	p->script = not_pci;
	start(VFIO_BACKEND_AUTO);
	refused(ERR_VFIO_IOCTL, -EINVAL);
	fake_host_stop();
	p->script = few_regions;
	start(VFIO_BACKEND_AUTO);
	refused(ERR_VFIO_IOCTL, -EINVAL);
}

static void short_config(void **state)
{
	(void)state;
	start(VFIO_BACKEND_TYPE1);
	p->cfg_size = 100; /* fewer bytes than its region claims */
	refused(ERR_VFIO_IOCTL, -EIO);
}

/* --- which way to the IOMMU -------------------------------------------------
 */

static void chosen(const char *want)
{
	opened();
	assert_string_equal(vfio_iommu_name(&l.v), want);
	end();
}

static void auto_iommufd(void **state)
{
	(void)state;
	start(VFIO_BACKEND_AUTO);
	chosen("iommufd");
}

static void auto_type1(void **state)
{
	(void)state;
	fake_host.iommufd = false;
	start(VFIO_BACKEND_AUTO);
	chosen("type1");
}

/* Devices that are to reach one another, and a kernel without dma-buf. */
static void auto_peers(void **state)
{
	(void)state;
	fake_gpu("0000:03:00.0", 11);
	fake_host.dma_buf = false;
	start(VFIO_BACKEND_AUTO);
	chosen("type1");
}

/* --- what the IOMMU cannot address ------------------------------------------
 */

static void ram_unreachable(void **state)
{
	(void)state;
	fake_host.n_iova = 1;
	fake_host.iova[0] = (struct fake_range){0, 4 * GIB};
	start(VFIO_BACKEND_TYPE1);
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), -ERANGE);
	assert_int_equal(l.e.what, ERR_VFIO_IOVA);
	assert_int_equal(l.e.num, 4 * GIB);
	end();
}

/* 39 bits: the BAR of 64 GiB goes where it can be reached (facts: #7030). */
static void narrow(enum vfio_backend backend)
{
	fake_gpu("0000:03:00.0", 11);
	fake_host.iova[1].len = (512 * GIB) - fake_host.iova[1].base;
	start(backend);
	opened();
	guest_command(&l, 1, 7);
	assert_true(guest_bar(&l, 1, 2) + 64 * GIB <= 512 * GIB);
	assert_int_equal(guest_bar(&l, 1, 2) % (64 * GIB), 0);
	assert_non_null(fake_dma_at(guest_bar(&l, 1, 2)));
	end();
}

static void narrow_type1(void **state)
{
	(void)state;
	narrow(VFIO_BACKEND_TYPE1);
}

static void narrow_iommufd(void **state)
{
	(void)state;
	narrow(VFIO_BACKEND_IOMMUFD);
}

/* --- infos that make no sense -----------------------------------------------
 */

static unsigned int asked;

/* Each time there is more to tell than there was room for. */
static int grows(struct fake_pci *dev, unsigned long req, void *info,
		 uint32_t size)
{
	struct vfio_region_info *i = info;

	(void)dev;
	if (req == VFIO_DEVICE_GET_REGION_INFO && i->index == 0) {
		i->argsz = size + 16;
		i->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		asked++;
	}
	return 0;
}

static int huge_argsz(struct fake_pci *dev, unsigned long req, void *info,
		      uint32_t size)
{
	struct vfio_region_info *i = info;

	(void)dev;
	(void)size;
	if (req == VFIO_DEVICE_GET_REGION_INFO)
		i->argsz = UINT32_MAX;
	return 0;
}

/* Of region 0: a capability that follows itself, or one outside. */
static int loop(struct fake_pci *dev, unsigned long req, void *info,
		uint32_t size)
{
	struct vfio_region_info *i = info;
	struct vfio_info_cap_header *h = (void *)(i + 1);

	(void)dev;
	if (req == VFIO_DEVICE_GET_REGION_INFO && i->index == 0 &&
	    size >= sizeof(*i) + sizeof(*h))
		h->next = i->cap_offset;
	return 0;
}

static int outside(struct fake_pci *dev, unsigned long req, void *info,
		   uint32_t size)
{
	struct vfio_region_info *i = info;

	(void)dev;
	if (req == VFIO_DEVICE_GET_REGION_INFO && i->index == 0)
		i->cap_offset = size - 4;
	return 0;
}

/* The second answer is not the first (NVIDIA's vGPU). */
static int flags_differ(struct fake_pci *dev, unsigned long req, void *info,
			uint32_t size)
{
	struct vfio_region_info *i = info;

	(void)dev;
	if (req == VFIO_DEVICE_GET_REGION_INFO && i->index == 0 &&
	    size == sizeof(*i))
		i->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
	return 0;
}

static int enormous(struct fake_pci *dev, unsigned long req, void *info,
		    uint32_t size)
{
	struct vfio_region_info *i = info;

	(void)dev;
	(void)size;
	if (req == VFIO_DEVICE_GET_REGION_INFO && i->index < 6)
		i->size = UINT64_MAX - i->index;
	return 0;
}

static int no_region(struct fake_pci *dev, unsigned long req, void *info,
		     uint32_t size)
{
	struct vfio_region_info *i = info;

	(void)dev;
	(void)size;
	return req == VFIO_DEVICE_GET_REGION_INFO && i->index < 6 ? -EINVAL : 0;
}

static void nonsense(void **state)
{
	static int (*const script[])(struct fake_pci *, unsigned long, void *,
				     uint32_t) = {
		grows,	      huge_argsz, loop,	     outside,
		flags_differ, enormous,	  no_region,
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		fake_host_init();
		p = fake_nvme(NVME, 7);
		p->script = script[i];
		asked = 0;
		start(i & 1 ? VFIO_BACKEND_TYPE1 : VFIO_BACKEND_IOMMUFD);
		opened();
		guest_drive(&l);
		assert_true(asked < 8);
		end();
		fake_host_stop();
	}
}

static void second_answer_counts(void **state)
{
	(void)state;
	p->script = flags_differ;
	start(VFIO_BACKEND_TYPE1);
	opened();
	guest_command(&l, 0, 7);
	assert_non_null(fake_hv_at(&l.hv, guest_bar(&l, 0, 0)));
	end();
}

/* Areas in any order, over one another, and past the end. */
static void areas(void **state)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct fake_region *r = &p->region[0];
	uint64_t bar;

	(void)state;
	r->size = 16 * page;
	fake_cfg_put(p, PCI_BASE_ADDRESS_0, 4, 0xc);
	r->sparse = true;
	r->n_areas = 5;
	r->area[0] = (struct fake_range){8 * page, 2 * page};
	r->area[1] = (struct fake_range){0, page};
	r->area[2] = (struct fake_range){9 * page, 2 * page};
	r->area[3] = (struct fake_range){15 * page, 2 * page};
	r->area[4] = (struct fake_range){-page, 2 * page};
	start(VFIO_BACKEND_TYPE1);
	opened();
	fake_bar_put(p, 0, 10 * page + 8, 0x55);
	guest_command(&l, 0, 7);
	bar = guest_bar(&l, 0, 0);
	assert_non_null(fake_hv_at(&l.hv, bar));
	assert_null(fake_hv_at(&l.hv, bar + page));
	assert_non_null(fake_hv_at(&l.hv, bar + 8 * page));
	assert_non_null(fake_hv_at(&l.hv, bar + 10 * page));
	assert_null(fake_hv_at(&l.hv, bar + 11 * page));
	assert_null(fake_hv_at(&l.hv, bar + 15 * page));
	assert_int_equal(guest_read(&l, bar + 10 * page + 8, 4), 0x55);
	end();
}

static void more_areas_than_room(void **state)
{
	struct fake_region *r = &p->region[0];

	(void)state;
	r->size = 1 << 20;
	r->sparse = true;
	r->n_areas = FAKE_AREAS;
	for (unsigned int i = 0; i < FAKE_AREAS; i++)
		r->area[i] = (struct fake_range){0x3000ull * i, 0x1000};
	start(VFIO_BACKEND_TYPE1);
	opened();
	guest_drive(&l);
	end();
}

/* --- told to people ---------------------------------------------------------
 */

static void no_reset(void **state)
{
	(void)state;
	p->reset = false;
	start(VFIO_BACKEND_TYPE1);
	opened();
	assert_non_null(strstr(fake_sys_said(), NVME));
	end();
}

/* --- by sysfs alone ---------------------------------------------------------
 */

static int survey(struct dev_plan *dp, struct err *e)
{
	struct vfio_survey seen;
	struct plan_pci pci;
	int r;

	memset(&pci, 0, sizeof(pci));
	r = vfio_survey(NVME, MSIX_AUTO, 4096, &pci, &seen, e);
	*dp = seen.plan;
	return r;
}

static void survey_agrees(void **state)
{
	struct dev_plan dp;
	struct err e;

	(void)state;
	start(VFIO_BACKEND_TYPE1);
	opened();
	assert_int_equal(survey(&dp, &e), 0);
	assert_int_equal(dp.bar[0].size, l.plan.pci[0].bar[0].size);
	assert_int_equal(dp.bar[0].kind, l.plan.pci[0].bar[0].kind);
	end();
}

static void survey_garbled(void **state)
{
	static const char *const text[] = {
		"",
		"\n",
		"0x0 0x1\n",
		"zzz\n",
		"0x10000000000000000 0 0\n",
		"0x0000000000001000 0x0000000000004fff\n",
	};
	struct dev_plan dp;
	struct err e;

	(void)state;
	start(VFIO_BACKEND_TYPE1);
	for (unsigned int i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		fake_sys_text("/sys/devices/pci0000:00/" NVME "/resource",
			      text[i]);
		memset(&e, 0, sizeof(e));
		assert_true(survey(&dp, &e) < 0);
		assert_int_equal(e.what, ERR_PCI_SYSFS);
		assert_null(fake_sys_left());
	}
	fake_sys_remove("/sys/devices/pci0000:00/" NVME "/resource");
	assert_true(survey(&dp, &e) < 0);
	assert_null(fake_sys_left());
}

static void survey_faults(void **state)
{
	struct dev_plan dp;
	struct err e;
	unsigned int nth = 0;
	bool failed;

	(void)state;
	start(VFIO_BACKEND_TYPE1);
	do {
		int r;

		fake_sys_fail(++nth, EIO);
		memset(&e, 0, sizeof(e));
		r = survey(&dp, &e);
		failed = fake_sys_failed();
		assert_true(r == 0 || e.what != ERR_NONE);
		assert_true(r == 0 || failed);
		assert_null(fake_sys_left());
	} while (failed);
	assert_true(nth > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_device),
		TEST(other_driver),
		TEST(no_driver),
		TEST(no_iommu),
		TEST(garbled_group),
		TEST(group_of_another),
		TEST(not_viable_type1),
		TEST(not_viable_iommufd),
		TEST(no_type1),
		TEST(no_iommufd),
		TEST(bridge),
		TEST(no_pci_device),
		TEST(short_config),
		TEST(auto_iommufd),
		TEST(auto_type1),
		TEST(auto_peers),
		TEST(ram_unreachable),
		TEST(narrow_type1),
		TEST(narrow_iommufd),
		TEST(nonsense),
		TEST(second_answer_counts),
		TEST(areas),
		TEST(more_areas_than_room),
		TEST(no_reset),
		TEST(survey_agrees),
		TEST(survey_garbled),
		TEST(survey_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
