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
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_vfio_life.h"

/* The whole life of passed-through devices, from opened to given back. */

#define ON 0x0007 /* COMMAND: I/O, memory, bus master */

static struct life l;

static int setup(void **state)
{
	(void)state;
	fake_host_init();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_stop();
	return 0;
}

static void start_by(enum vfio_backend backend)
{
	fake_host_start();
	life_init(&l);
	l.backend = backend;
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
}

static void start(void)
{
	start_by(VFIO_BACKEND_AUTO);
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

static void nvme(void **state)
{
	struct fake_pci *p = fake_nvme("0000:01:00.0", 7);
	uint64_t bar;

	(void)state;
	start();
	assert_int_equal(p->opens, 1);
	fake_bar_put(p, 0, 0x10, 0x1122334455667788);
	fake_bar_put(p, 0, 0x1000, 0x99);
	guest_command(&l, 0, ON);
	bar = guest_bar(&l, 0, 0);
	assert_true(bar > 0xffffffff);
	/* registers and doorbells are the device's memory, the table is not */
	assert_non_null(fake_hv_at(&l.hv, bar));
	assert_non_null(fake_hv_at(&l.hv, bar + 0x1000));
	assert_null(fake_hv_at(&l.hv, guest_msix_entry(&l, 0, 0)));
	assert_int_equal(guest_read(&l, bar + 0x10, 8), 0x1122334455667788);
	guest_write(&l, bar + 0x1000, 4, 0x77);
	assert_int_equal(fake_bar_get(p, 0, 0x1000), 0x77);
	assert_int_equal(p->bar_reads + p->bar_writes, 0);
	/* RAM in two pieces */
	assert_int_equal(fake_dma_count(), 2);
	assert_non_null(fake_dma_at(0x1000));
	assert_non_null(fake_dma_at(4ull << 30));
	end();
	assert_int_equal(p->opens, 0);
	assert_int_equal(fake_dma_count(), 0);
}

static void io_and_memory(void **state)
{
	struct fake_pci *p = fake_e1000("0000:02:00.0", 9);

	(void)state;
	start();
	fake_bar_put(p, 1, 4, 0xabcdef01);
	guest_command(&l, 0, ON);
	assert_int_equal(guest_io_read(&l, guest_bar(&l, 0, 1) + 4, 4),
			 0xabcdef01);
	guest_io_write(&l, guest_bar(&l, 0, 1) + 4, 2, 0x1234);
	assert_int_equal(fake_bar_get(p, 1, 4), 0xabcd1234);
	assert_non_null(fake_hv_at(&l.hv, guest_bar(&l, 0, 0)));
	guest_command(&l, 0, 0);
	assert_null(fake_hv_at(&l.hv, guest_bar(&l, 0, 0)));
	assert_int_equal(guest_read(&l, guest_bar(&l, 0, 0), 4), 0xffffffff);
	end();
}

static void several(void **state)
{
	(void)state;
	fake_nvme("0000:01:00.0", 7);
	fake_e1000("0000:02:00.0", 9);
	fake_gpu("0000:03:00.0", 11);
	fake_ahci("0000:02:00.1", 9); /* of the same group as one before */
	start();
	guest_drive(&l);
	assert_null(l.hv.misuse);
	end();
	for (unsigned int i = 0; i < fake_host.n; i++)
		assert_int_equal(fake_host.pci[i].opens, 0);
}

static void half_open(void **state)
{
	(void)state;
	fake_nvme("0000:01:00.0", 7);
	fake_host_start();
	life_init(&l);
	end(); /* nothing was opened */
	life_init(&l);
	assert_int_equal(life_open(&l), 0);
	end(); /* not attached */
}

/* --- state, not events ------------------------------------------------------
 */

/* Slices of the NVMe's BAR; what the table's page is not. */
static unsigned int slots_on(void)
{
	guest_command(&l, 0, ON);
	return fake_hv_slots(&l.hv);
}

static void toggles(enum vfio_backend backend)
{
	unsigned int slots;
	unsigned int maps;
	unsigned int dma;

	fake_nvme("0000:01:00.0", 7);
	start_by(backend);
	slots = slots_on();
	assert_true(slots > 0);
	maps = l.hv.maps;
	dma = fake_host.dma_maps;
	for (unsigned int i = 0; i < 1000; i++) {
		guest_command(&l, 0, 0);
		assert_int_equal(fake_hv_slots(&l.hv), 0);
		guest_command(&l, 0, ON);
	}
	assert_int_equal(l.hv.maps - maps, 1000 * slots);
	assert_int_equal(fake_host.dma_maps, dma);
	assert_int_equal(fake_host.dma_unmaps, 0);
	/* what changes nothing costs nothing */
	maps = l.hv.maps;
	for (unsigned int i = 0; i < 1000; i++)
		guest_command(&l, 0, ON);
	assert_int_equal(l.hv.maps, maps);
	end();
}

static void toggles_type1(void **state)
{
	(void)state;
	toggles(VFIO_BACKEND_TYPE1);
}

static void toggles_iommufd(void **state)
{
	(void)state;
	toggles(VFIO_BACKEND_IOMMUFD);
}

/* --- RAM that is a file ------------------------------------------------------
 */

static void ram_in_file(bool kernel_can)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);

	assert_true(fd >= 0);
	fake_nvme("0000:01:00.0", 7);
	fake_host.map_file = kernel_can;
	fake_host_start();
	life_init(&l);
	l.backend = VFIO_BACKEND_IOMMUFD;
	for (unsigned int i = 0; i < l.mem.n; i++) {
		l.mem.region[i].fd = fd;
		l.mem.region[i].fd_off = i * l.mem.region[0].gpa.len;
	}
	assert_int_equal(life_open(&l), 0);
	assert_int_equal(life_start(&l), 0);
	assert_int_equal(fake_dma_count(), 2);
	/* by the file where that goes, by its place in barge otherwise */
	assert_int_equal(!fake_dma_at(0)->va, kernel_can);
	assert_int_equal(!fake_dma_at(4ull << 30)->va, kernel_can);
	assert_true(fake_dma_at(0)->write);
	end();
	fake_host_stop();
	close(fd);
}

static void ram_by_file(void **state)
{
	(void)state;
	ram_in_file(true);
}

static void ram_by_address(void **state)
{
	(void)state;
	ram_in_file(false);
}

/* --- capabilities that are there twice ---------------------------------------
 */

/* vfio-pci obeys each of them: what a guest writes to one we do not follow. */
static void second_capabilities(void **state)
{
	struct fake_pci *p = fake_nvme("0000:01:00.0", 7);
	unsigned int pm = fake_cap_pm(p);
	unsigned int exp = fake_cap_express(p);

	(void)state;
	start();
	guest_command(&l, 0, ON);
	assert_int_not_equal(guest_cap(&l, 0, PCI_CAP_ID_PM), 0);
	assert_int_not_equal(guest_cap(&l, 0, PCI_CAP_ID_PM), pm);
	guest_cfg_write(&l, 0, pm + PCI_PM_CTRL, 2, 3);
	guest_cfg_write(&l, 0, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	assert_true(fake_pci_decodes(p));
	assert_int_equal(p->resets, 0);
	end();
}

/* --- peers ------------------------------------------------------------------
 */

/* Whether the GPU's memory is where its BAR says, for DMA of the other. */
static bool reached(void)
{
	uint64_t bar = guest_bar(&l, 1, 2);
	const struct fake_dma *d = fake_dma_at(bar);

	return d && d->bar == &fake_host.pci[1] &&
	       d->off + (bar - d->iova) == 2ull << FAKE_REGION_SHIFT;
}

/* A reset as drivers do it: what is lost by it is put back. */
static void flr(unsigned int i)
{
	unsigned int exp = guest_cap(&l, i, PCI_CAP_ID_EXP);
	uint64_t bar[6];

	for (unsigned int b = 0; b < 6; b++)
		bar[b] = guest_cfg_read(&l, i, PCI_BASE_ADDRESS_0 + 4 * b, 4);
	guest_cfg_write(&l, i, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	assert_int_equal(fake_host.pci[i].resets, 1);
	assert_int_equal(guest_cfg_read(&l, i, PCI_COMMAND, 2), 0);
	assert_false(fake_pci_decodes(&fake_host.pci[i]));
	for (unsigned int b = 0; b < 6; b++)
		guest_cfg_write(&l, i, PCI_BASE_ADDRESS_0 + 4 * b, 4, bar[b]);
	guest_command(&l, i, ON);
}

static void peers(enum vfio_backend backend)
{
	unsigned int maps;
	unsigned int pm;

	fake_nvme("0000:01:00.0", 7);
	fake_gpu("0000:03:00.0", 11);
	start_by(backend);
	assert_false(reached());
	guest_command(&l, 0, ON);
	guest_command(&l, 1, ON);
	assert_true(reached());
	maps = fake_host.dma_maps;
	for (unsigned int i = 0; i < 10; i++) {
		guest_command(&l, 1, 0);
		guest_command(&l, 1, ON);
		assert_true(reached());
	}
	/* type1 keeps what it has; iommufd has lost it and needs it anew */
	if (backend == VFIO_BACKEND_TYPE1)
		assert_int_equal(fake_host.dma_maps, maps);
	flr(1);
	assert_true(reached());
	pm = guest_cap(&l, 1, PCI_CAP_ID_PM);
	guest_cfg_write(&l, 1, pm + PCI_PM_CTRL, 2, 3);
	guest_cfg_write(&l, 1, pm + PCI_PM_CTRL, 2, 0);
	assert_true(reached());
	end();
	assert_int_equal(fake_dma_count(), 0);
}

static void peers_type1(void **state)
{
	(void)state;
	peers(VFIO_BACKEND_TYPE1);
}

static void peers_iommufd(void **state)
{
	(void)state;
	peers(VFIO_BACKEND_IOMMUFD);
}

/* A kernel that cannot, or an IOMMU that is full, is a warning only. */
static void peers_refused(void **state)
{
	(void)state;
	fake_nvme("0000:01:00.0", 7);
	fake_gpu("0000:03:00.0", 11);
	fake_host.dma_buf = false;
	start_by(VFIO_BACKEND_IOMMUFD);
	guest_command(&l, 1, ON);
	assert_false(reached());
	assert_non_null(fake_hv_at(&l.hv, guest_bar(&l, 1, 2)));
	assert_non_null(strstr(fake_sys_said(), "0000:03:00.0"));
	end();
	fake_host_stop();
	fake_host.dma_buf = true;
	fake_host.dma_max = 2; /* RAM alone */
	start_by(VFIO_BACKEND_TYPE1);
	guest_command(&l, 1, ON);
	assert_false(reached());
	assert_non_null(strstr(fake_sys_said(), "dma_entry_limit"));
	end();
}

/*
 * A BAR of a few bytes shares its page with others: type1 maps the page, which
 * the kernel reserved for it, iommufd does not, and nobody is bothered with it.
 */
static void peers_subpage(enum vfio_backend backend)
{
	struct fake_pci *p;

	fake_nvme("0000:01:00.0", 7);
	p = fake_pci_add("0000:05:00.0", 12);
	fake_bar(p, 0, FAKE_MEM32, 256);
	p->region[0].mmap = true; /* alone on its page of the host */
	p->region[0].start = 0x70000000;
	fake_bar(p, 2, FAKE_MEM64, 1 << 20);
	start_by(backend);
	guest_command(&l, 1, ON);
	assert_non_null(fake_dma_at(guest_bar(&l, 1, 2)));
	assert_int_equal(fake_dma_at(guest_bar(&l, 1, 0)) != NULL,
			 backend == VFIO_BACKEND_TYPE1);
	assert_null(strstr(fake_sys_said(), "by DMA"));
	end();
}

static void peers_subpage_type1(void **state)
{
	(void)state;
	peers_subpage(VFIO_BACKEND_TYPE1);
}

static void peers_subpage_iommufd(void **state)
{
	(void)state;
	peers_subpage(VFIO_BACKEND_IOMMUFD);
}

/* Two BARs change places while both decode, and back. */
static void swap(void **state)
{
	struct fake_pci *p = fake_pci_add("0000:04:00.0", 3);
	uint64_t at[2];

	(void)state;
	fake_bar(p, 0, FAKE_MEM32, 0x10000);
	fake_bar(p, 1, FAKE_MEM32, 0x10000);
	start();
	fake_bar_put(p, 0, 8, 0xa0);
	fake_bar_put(p, 1, 8, 0xa1);
	guest_command(&l, 0, ON);
	for (unsigned int i = 0; i < 2; i++)
		at[i] = guest_bar(&l, 0, i);
	for (unsigned int n = 0; n < 5; n++) {
		guest_cfg_write(&l, 0, PCI_BASE_ADDRESS_0, 4, at[!(n & 1)]);
		guest_cfg_write(&l, 0, PCI_BASE_ADDRESS_1, 4, at[n & 1]);
		assert_int_equal(guest_read(&l, at[!(n & 1)] + 8, 4), 0xa0);
		assert_int_equal(guest_read(&l, at[n & 1] + 8, 4), 0xa1);
		assert_int_equal(fake_hv_slots(&l.hv), 2);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nvme, setup, teardown),
		cmocka_unit_test_setup_teardown(io_and_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(several, setup, teardown),
		cmocka_unit_test_setup_teardown(half_open, setup, teardown),
		cmocka_unit_test_setup_teardown(toggles_type1, setup, teardown),
		cmocka_unit_test_setup_teardown(toggles_iommufd, setup,
						teardown),
		cmocka_unit_test_setup_teardown(second_capabilities, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ram_by_file, setup, teardown),
		cmocka_unit_test_setup_teardown(ram_by_address, setup,
						teardown),
		cmocka_unit_test_setup_teardown(peers_type1, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_iommufd, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_subpage_type1, setup,
						teardown),
		cmocka_unit_test_setup_teardown(peers_subpage_iommufd, setup,
						teardown),
		cmocka_unit_test_setup_teardown(swap, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
