// SPDX-License-Identifier: Apache-2.0
/*
 * Each tree is read back with libfdt: every property has to be what the plan
 * says, and there has to be none besides; then dtc has to be content with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libfdt.h>

#include "arch-aarch64/fdt.h"
#include "arch-aarch64/layout.h"
#include "vmm/arch.h"
#include "vmm/conf.h"
#include "vmm/plan.h"

#define MIB	  (1ULL << 20)
#define GIB	  (1ULL << 30)
#define TWO(n)	  (uint32_t)((uint64_t)(n) >> 32), (uint32_t)(n)

#define HIGH	  4 /* interrupt flags: level, active high or low */
#define LOW	  8
#define GIC	  "/interrupt-controller@a000000"
#define ITS	  GIC "/msi-controller@a020000"
#define V2M	  GIC "/v2m@9050000"
#define PCIE	  "/pcie@e000000"
#define GUARD	  64
#define PATH_SIZE 64

static char fdt[FDT_SPACE];
static struct plan plan;
static struct fdt_spec spec;
static unsigned int checked; /* properties */

/* --- reading back ----------------------------------------------------------
 */

static void is_bytes(const char *path, const char *name, const void *want,
		     size_t len)
{
	int node = fdt_path_offset(fdt, path);
	int n = -1;
	const void *got;

	if (node < 0)
		fail_msg("there is no %s", path);
	got = fdt_getprop(fdt, node, name, &n);
	if (n != (int)len)
		fail_msg("%s %s has %d bytes, not %zu", path, name, n, len);
	if (len && memcmp(got, want, len) != 0)
		fail_msg("%s %s has another value", path, name);
	checked++;
}

static void is_cells(const char *path, const char *name, const uint32_t *want,
		     size_t n)
{
	fdt32_t be[16];

	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(want[i]);
	is_bytes(path, name, be, n * 4);
}

#define IS_FLAG(path, name)	  is_bytes(path, name, NULL, 0)
#define IS_TEXT(path, name, text) is_bytes(path, name, text, sizeof(text))
#define IS_CELLS(path, name, ...)                                              \
	is_cells(path, name, (const uint32_t[]){__VA_ARGS__},                  \
		 sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static bool exists(const char *path)
{
	return fdt_path_offset(fdt, path) >= 0;
}

static uint32_t phandle_of(const char *path)
{
	int node = fdt_path_offset(fdt, path);

	return node < 0 ? 0 : fdt_get_phandle(fdt, node);
}

/* All cells of a property; returns how many there are. */
static unsigned int read_cells(const char *path, const char *name,
			       uint32_t *out, unsigned int max)
{
	int n;
	const void *at = fdt_getprop(fdt, fdt_path_offset(fdt, path), name, &n);

	assert_non_null(at);
	assert_true(n % 4 == 0 && n / 4 <= (int)max);
	for (int i = 0; i < n / 4; i++)
		out[i] = fdt32_ld((const fdt32_t *)at + i);
	return (unsigned int)n / 4;
}

static unsigned int count_props(void)
{
	unsigned int n = 0;
	int prop;

	for (int node = 0; node >= 0; node = fdt_next_node(fdt, node, NULL)) {
		fdt_for_each_property_offset(prop, fdt, node) n++;
	}
	return n;
}

/* --- what has to be there --------------------------------------------------
 */

static void check_root(void)
{
	IS_TEXT("/", "compatible", "linux,dummy-virt");
	IS_TEXT("/", "model", "barge");
	IS_CELLS("/", "#address-cells", 2);
	IS_CELLS("/", "#size-cells", 2);
	IS_CELLS("/", "interrupt-parent", phandle_of(GIC));
	IS_TEXT("/aliases", "serial0", "/serial@9000000");
	assert_non_null(fdt_get_alias(fdt, "serial0"));
	assert_true(exists(fdt_get_alias(fdt, "serial0")));
}

static void check_chosen(void)
{
	bool initrd = spec.initrd.len != 0;

	is_bytes("/chosen", "bootargs", spec.cmdline, strlen(spec.cmdline) + 1);
	IS_TEXT("/chosen", "stdout-path", "serial0:115200n8");
	if (spec.rng_seed[31]) {
		is_bytes("/chosen", "kaslr-seed", spec.kaslr_seed, 8);
		is_bytes("/chosen", "rng-seed", spec.rng_seed, 32);
	}
	if (initrd) {
		IS_CELLS("/chosen", "linux,initrd-start",
			 TWO(spec.initrd.base));
		IS_CELLS("/chosen", "linux,initrd-end",
			 TWO(spec.initrd.base + spec.initrd.len));
	}
}

static void check_memory(void)
{
	IS_TEXT("/memory@40000000", "device_type", "memory");
	IS_CELLS("/memory@40000000", "reg", TWO(RAM_BASE),
		 TWO(plan.ram[0].len));
}

/* How KVM numbers them: 16 in a row of Aff0, then Aff1. */
static void check_cpus(void)
{
	char path[PATH_SIZE];
	int cpus = fdt_path_offset(fdt, "/cpus");
	unsigned int n = 0;
	int node;

	IS_CELLS("/cpus", "#address-cells", 1);
	IS_CELLS("/cpus", "#size-cells", 0);
	for (unsigned int i = 0; i < plan.cpus; i++) {
		uint32_t id = i % 16 + i / 16 * 0x100;

		snprintf(path, sizeof(path), "/cpus/cpu@%x", id);
		IS_TEXT(path, "device_type", "cpu");
		IS_TEXT(path, "compatible", "arm,armv8");
		IS_TEXT(path, "enable-method", "psci");
		IS_CELLS(path, "reg", id);
	}
	fdt_for_each_subnode(node, fdt, cpus) n++;
	assert_int_equal(n, plan.cpus);
}

/* Processors that have a PPI: a GICv2 has to be told. */
static uint32_t ppi(uint32_t flags)
{
	uint32_t all = plan.cpus < 8 ? (1u << plan.cpus) - 1 : 0xff;

	return spec.gic == FDT_GIC_V2 ? flags | all << 8 : flags;
}

static void check_firmware(void)
{
	if (spec.psci == 0x00002)
		IS_TEXT("/psci", "compatible", "arm,psci-0.2");
	else
		IS_TEXT("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2");
	IS_TEXT("/psci", "method", "hvc");
	IS_TEXT("/timer", "compatible", "arm,armv8-timer");
	IS_CELLS("/timer", "interrupts", 1, 13, ppi(LOW), 1, 14, ppi(LOW), 1,
		 11, ppi(LOW), 1, 10, ppi(LOW));
	IS_FLAG("/timer", "always-on");
	assert_int_equal(exists("/pmu"), spec.pmu);
	if (!spec.pmu)
		return;
	IS_TEXT("/pmu", "compatible", "arm,armv8-pmuv3");
	IS_CELLS("/pmu", "interrupts", 1, 7, ppi(HIGH));
}

static void check_its(void)
{
	assert_false(exists(V2M));
	assert_int_equal(exists(ITS), spec.msi);
	if (!spec.msi)
		return;
	IS_CELLS(ITS, "phandle", phandle_of(ITS));
	IS_TEXT(ITS, "compatible", "arm,gic-v3-its");
	IS_FLAG(ITS, "msi-controller");
	IS_CELLS(ITS, "#msi-cells", 1);
	IS_CELLS(ITS, "reg", 0, 0x0a020000, 0, 0x20000);
}

static void check_v2m(void)
{
	assert_false(exists(ITS));
	assert_int_equal(exists(V2M), spec.msi);
	if (!spec.msi)
		return;
	IS_CELLS(V2M, "phandle", phandle_of(V2M));
	IS_TEXT(V2M, "compatible", "arm,gic-v2m-frame");
	IS_FLAG(V2M, "msi-controller");
	IS_CELLS(V2M, "reg", 0, 0x09050000, 0, 0x1000);
	IS_CELLS(V2M, "arm,msi-base-spi", 96);
	IS_CELLS(V2M, "arm,msi-num-spis", 192);
}

static void check_gic(void)
{
	IS_CELLS(GIC, "phandle", phandle_of(GIC));
	IS_FLAG(GIC, "interrupt-controller");
	IS_CELLS(GIC, "#interrupt-cells", 3);
	IS_CELLS(GIC, "#address-cells", 2);
	IS_CELLS(GIC, "#size-cells", 2);
	IS_FLAG(GIC, "ranges");
	if (spec.gic == FDT_GIC_V2) {
		IS_TEXT(GIC, "compatible", "arm,cortex-a15-gic");
		IS_CELLS(GIC, "reg", 0, 0x0a000000, 0, 0x10000, 0, 0x0a010000,
			 0, 0x2000);
		check_v2m();
		return;
	}
	IS_TEXT(GIC, "compatible", "arm,gic-v3");
	IS_CELLS(GIC, "#redistributor-regions", 1);
	IS_CELLS(GIC, "reg", 0, 0x0a000000, 0, 0x10000, 0, 0x0b000000, 0,
		 plan.cpus * 0x20000);
	check_its();
}

/* What each device on the board has. */
static void check_reg(const char *path, uint32_t addr, uint32_t len,
		      uint32_t spi)
{
	IS_CELLS(path, "reg", 0, addr, 0, len);
	if (spi)
		IS_CELLS(path, "interrupts", 0, spi, HIGH);
}

static void check_clocked(const char *path)
{
	IS_CELLS(path, "clocks", phandle_of("/apb-pclk"));
	IS_TEXT(path, "clock-names", "apb_pclk");
}

static void check_button(void)
{
	IS_TEXT("/gpio@9020000", "compatible", "arm,pl061\0arm,primecell");
	check_reg("/gpio@9020000", 0x09020000, 0x1000, 3);
	check_clocked("/gpio@9020000");
	IS_CELLS("/gpio@9020000", "phandle", phandle_of("/gpio@9020000"));
	IS_FLAG("/gpio@9020000", "gpio-controller");
	IS_CELLS("/gpio@9020000", "#gpio-cells", 2);
	IS_FLAG("/gpio@9020000", "interrupt-controller");
	IS_CELLS("/gpio@9020000", "#interrupt-cells", 2);
	IS_CELLS("/gpio@9020000", "#address-cells", 0);
	IS_TEXT("/gpio-keys", "compatible", "gpio-keys");
	IS_TEXT("/gpio-keys/key-power", "label", "power button");
	IS_CELLS("/gpio-keys/key-power", "linux,code", 116);
	IS_CELLS("/gpio-keys/key-power", "gpios", phandle_of("/gpio@9020000"),
		 3, 0);
}

static void check_devices(void)
{
	IS_CELLS("/apb-pclk", "phandle", phandle_of("/apb-pclk"));
	IS_TEXT("/apb-pclk", "compatible", "fixed-clock");
	IS_CELLS("/apb-pclk", "#clock-cells", 0);
	IS_CELLS("/apb-pclk", "clock-frequency", 24000000);
	IS_TEXT("/serial@9000000", "compatible", "ns16550a");
	check_reg("/serial@9000000", 0x09000000, 8, 1);
	IS_CELLS("/serial@9000000", "clock-frequency", 1843200);
	IS_CELLS("/serial@9000000", "current-speed", 115200);
	IS_TEXT("/rtc@9010000", "compatible", "arm,pl031\0arm,primecell");
	check_reg("/rtc@9010000", 0x09010000, 0x1000, 0);
	check_clocked("/rtc@9010000");
	check_button();
	IS_TEXT("/pvpanic@9030000", "compatible", "qemu,pvpanic-mmio");
	check_reg("/pvpanic@9030000", 0x09030000, 2, 0);
	IS_TEXT("/exit@9040000", "compatible", "barge,exit");
	check_reg("/exit@9040000", 0x09040000, 4, 0);
}

static void check_ranges(void)
{
	uint32_t io = 0x01000000, mem32 = 0x02000000, mem64 = 0x03000000;
	const uint32_t want[] = {
		io,
		TWO(0),
		TWO(IO_MMIO),
		TWO(0x10000),
		mem32,
		TWO(plan.mem32.base),
		TWO(plan.mem32.base),
		TWO(plan.mem32.len),
		mem64,
		TWO(plan.mem64.base),
		TWO(plan.mem64.base),
		TWO(plan.mem64.len),
	};
	uint32_t got[22];

	assert_int_equal(read_cells(PCIE, "ranges", got, 22),
			 plan.mem64.len ? 21 : 14);
	assert_memory_equal(got, want, plan.mem64.len ? 21 * 4 : 14 * 4);
	checked++;
}

/*
 * As a guest does it: the entry that is what the mask leaves of slot and pin;
 * there may be no second one. @pin counts from 1.
 */
static uint32_t route(unsigned int slot, unsigned int pin)
{
	uint32_t mask[4], map[32 * 10], n, found = 0, spi = 0;

	assert_int_equal(read_cells(PCIE, "interrupt-map-mask", mask, 4), 4);
	n = read_cells(PCIE, "interrupt-map", map, 32 * 10);
	assert_int_equal(n % 10, 0);
	for (const uint32_t *e = map; e < map + n; e += 10) {
		if (e[0] != (slot << 11 & mask[0]) || e[1] || e[2] ||
		    e[3] != (pin & mask[3]))
			continue;
		found++;
		assert_int_equal(e[4], phandle_of(GIC));
		assert_int_equal(e[5] | e[6] | e[7], 0);
		assert_int_equal(e[9], HIGH);
		spi = e[8];
	}
	assert_int_equal(found, 1);
	return spi;
}

static void check_intx(void)
{
	for (unsigned int slot = 0; slot < 32; slot++) {
		for (unsigned int pin = 0; pin < 4; pin++)
			assert_int_equal(route(slot, pin + 1),
					 arch_intx_gsi(slot, pin));
	}
	assert_int_equal(route(3, 2), 16 + 4);
	assert_int_equal(route(31, 4), 16 + 2);
	IS_CELLS(PCIE, "interrupt-map-mask", 0x3800, 0, 0, 7);
	checked++; /* interrupt-map */
}

static void check_msi(void)
{
	if (spec.msi && spec.gic == FDT_GIC_V3)
		IS_CELLS(PCIE, "msi-map", 0, phandle_of(ITS), 0, 0x10000);
	else if (spec.msi)
		IS_CELLS(PCIE, "msi-parent", phandle_of(V2M));
}

static void check_pcie(void)
{
	IS_TEXT(PCIE, "compatible", "pci-host-ecam-generic");
	IS_TEXT(PCIE, "device_type", "pci");
	IS_CELLS(PCIE, "#address-cells", 3);
	IS_CELLS(PCIE, "#size-cells", 2);
	IS_CELLS(PCIE, "#interrupt-cells", 1);
	IS_CELLS(PCIE, "reg", 0, 0x0e000000, 0, 0x100000);
	IS_CELLS(PCIE, "bus-range", 0, 0);
	IS_CELLS(PCIE, "linux,pci-domain", 0);
	IS_FLAG(PCIE, "dma-coherent");
	check_ranges();
	check_intx();
	check_msi();
}

/* --- dtc -------------------------------------------------------------------
 */

static bool have_dtc(void)
{
	return system("dtc --version >/dev/null 2>&1") == 0;
}

/* Everything that dtc can warn of, the checks apart that it leaves out. */
#define DTC                                                                    \
	"dtc -I dtb -O dts -o /dev/null -W node_name_chars_strict "            \
	"-W property_name_chars_strict -W unique_unit_address_if_enabled "

static void dtc_is_content(void)
{
	char name[] = "/tmp/test_aarch64_fdt.XXXXXX", cmd[512], said[512];
	int fd = mkstemp(name);
	uint32_t len = fdt_totalsize(fdt);
	FILE *f;
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, fdt, len), len);
	close(fd);
	snprintf(cmd, sizeof(cmd), DTC "%s 2>&1", name);
	f = popen(cmd, "r");
	assert_non_null(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	if (pclose(f) != 0 || n != 0) {
		unlink(name);
		fail_msg("dtc: %s", said);
	}
	unlink(name);
}

/* --- cases -----------------------------------------------------------------
 */

static void check_all(void)
{
	memset(fdt, 0xcc, sizeof(fdt));
	assert_int_equal(fdt_build(fdt, sizeof(fdt), &spec), 0);
	assert_int_equal(fdt_check_full(fdt, sizeof(fdt)), 0);
	checked = 0;
	check_root();
	check_chosen();
	check_memory();
	check_cpus();
	check_firmware();
	check_gic();
	check_devices();
	check_pcie();
	assert_int_equal(checked, count_props());
}

/* A machine with @cpus and @memory bytes, without devices. */
static void machine(unsigned int cpus, uint64_t memory)
{
	struct arch_layout layout;
	struct err e;

	memset(&plan, 0, sizeof(plan));
	assert_int_equal(arch_layout_make(&layout, memory, 40, &e), 0);
	assert_int_equal(plan_make(&plan, &layout, cpus, NULL, 0, &e), 0);
	spec = (struct fdt_spec){
		.plan = &plan,
		.cmdline = "console=ttyS0 panic=-1",
		.kaslr_seed = {1, 2, 3, 4, 5, 6, 7, 8},
		.gic = FDT_GIC_V3,
		.msi = true,
		.pmu = true,
		.psci = 0x10001,
	};
	for (unsigned int i = 0; i < sizeof(spec.rng_seed); i++)
		spec.rng_seed[i] = (uint8_t)(0xa0 + i);
}

static void every_cpu_count(void **state)
{
	static const unsigned int cpus[] = {1, 4, 9, 16, 17, 255};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		machine(cpus[i], 512 * MIB);
		check_all();
	}
	/* the last one: 254 is 15 * 16 + 14 */
	assert_true(exists("/cpus/cpu@f0e"));
}

static void every_gic(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		machine(i & 1 ? 8 : 1, 64 * MIB);
		spec.gic = i & 2 ? FDT_GIC_V2 : FDT_GIC_V3;
		spec.msi = i & 4;
		check_all();
	}
	machine(255, 64 * MIB);
	spec.gic = FDT_GIC_V2;
	check_all();
}

static void with_initrd(void **state)
{
	(void)state;
	machine(2, 8 * GIB);
	spec.initrd = (struct span){0x1fffff000, 0x1001};
	check_all();
	assert_int_equal(plan.ram[0].len, 8 * GIB);
	spec.initrd.len = 0;
	check_all();
}

static void without_pmu(void **state)
{
	(void)state;
	machine(3, 64 * MIB);
	spec.pmu = false;
	check_all();
}

static void every_psci(void **state)
{
	static const uint32_t versions[] = {0x00002, 0x10000, 0x10001, 0x10003};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		machine(1, 64 * MIB);
		spec.psci = versions[i];
		check_all();
	}
}

static void without_randomness(void **state)
{
	(void)state;
	machine(1, 64 * MIB);
	memset(spec.kaslr_seed, 0, sizeof(spec.kaslr_seed));
	memset(spec.rng_seed, 0, sizeof(spec.rng_seed));
	check_all();
	spec.kaslr_seed[7] = 1;
	spec.rng_seed[31] = 1;
	check_all();
}

static void empty_cmdline(void **state)
{
	(void)state;
	machine(1, 64 * MIB);
	spec.cmdline = "";
	check_all();
}

/* --- devices ---------------------------------------------------------------
 */

static void add_bar(struct plan_pci *p, unsigned int bar,
		    enum pci_bar_kind kind, uint64_t size)
{
	p->bar[bar] = (struct plan_bar){
		.kind = kind,
		.size = size,
		.align = size,
		.prefetch = kind == PCI_BAR_MEM64 && bar > 1,
	};
}

/* A drive and a card in turn, one of them with ports. */
static void machine_with(unsigned int devices)
{
	struct arch_layout layout;
	struct err e;

	machine(2, 512 * MIB);
	plan.n_pci = devices;
	for (unsigned int i = 0; i < devices; i++) {
		struct plan_pci *p = &plan.pci[i];

		snprintf(p->name, sizeof(p->name), "0000:%02x:00.0", i & 0xff);
		add_bar(p, 0, PCI_BAR_MEM64, 0x10000);
		add_bar(p, 2, PCI_BAR_MEM64, i ? 256 * MIB : 16 * GIB);
		add_bar(p, 4, PCI_BAR_MEM32, 1 * MIB);
		add_bar(p, 5, PCI_BAR_IO, 32);
		p->intx_pin = (uint8_t)(1 + i % 4);
	}
	assert_int_equal(arch_layout_make(&layout, 512 * MIB, 40, &e), 0);
	assert_int_equal(plan_make(&plan, &layout, 2, NULL, 0, &e), 0);
}

/* Whether a guest finds @b in a window that it can be in. */
static bool in_window(const struct plan_bar *b)
{
	uint32_t space = b->kind == PCI_BAR_IO ? 1 : 2;
	uint32_t r[21];
	unsigned int n = read_cells(PCIE, "ranges", r, 21);

	for (const uint32_t *c = r; c < r + n; c += 7) {
		uint64_t base = (uint64_t)c[1] << 32 | c[2];
		uint64_t len = (uint64_t)c[5] << 32 | c[6];

		assert_int_equal(c[0] & 0x40000000, 0);
		if ((c[0] >> 24 & space) && b->addr >= base &&
		    b->addr - base + b->size <= len)
			return true;
	}
	return false;
}

static void bars_are_in_windows(void)
{
	for (unsigned int i = 0; i < plan.n_pci; i++) {
		const struct plan_pci *p = &plan.pci[i];

		for (unsigned int b = 0; b < PLAN_BARS; b++) {
			if (p->bar[b].kind != PCI_BAR_NONE)
				assert_true(in_window(&p->bar[b]));
		}
		assert_int_equal(route(p->devfn >> 3, p->intx_pin),
				 arch_intx_gsi(p->devfn >> 3, p->intx_pin - 1));
	}
}

static void every_device_count(void **state)
{
	static const unsigned int counts[] = {0, 1, 2, 16, PLAN_PCI_MAX};

	(void)state;
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		machine_with(counts[i]);
		assert_int_equal(plan.mem64.len != 0, counts[i] != 0);
		check_all();
		bars_are_in_windows();
	}
}

/* --- room ------------------------------------------------------------------
 */

static void no_room(void **state)
{
	size_t len;
	uint8_t *room;

	(void)state;
	machine_with(1);
	spec.initrd = (struct span){0x48000000, 0x1000};
	assert_int_equal(fdt_build(fdt, sizeof(fdt), &spec), 0);
	len = fdt_totalsize(fdt);
	room = malloc(len + 2 * GUARD);
	assert_non_null(room);
	for (size_t size = 0; size <= len; size++) {
		memset(room, 0xcc, len + 2 * GUARD);
		assert_int_equal(fdt_build(room + GUARD, size, &spec),
				 size < len ? -ENOSPC : 0);
		for (size_t i = 0; i < GUARD; i++) {
			assert_int_equal(room[i], 0xcc);
			assert_int_equal(room[GUARD + size + i], 0xcc);
		}
	}
	assert_memory_equal(room + GUARD, fdt, len);
	free(room);
}

static void the_longest_fits(void **state)
{
	static char cmdline[FDT_CMDLINE_MAX + 1];

	(void)state;
	machine(CONF_CPUS_MAX, 512 * GIB);
	memset(cmdline, 'x', FDT_CMDLINE_MAX);
	spec.cmdline = cmdline;
	spec.initrd = (struct span){0x48000000, 0x1000};
	plan.mem64 = (struct span){GIB << 8, GIB << 8};
	check_all();
	assert_true(fdt_totalsize(fdt) <= FDT_SPACE / 2);
}

/* --- dtc and --dump-fdt ----------------------------------------------------
 */

static void dtc_warns_of_nothing(void **state)
{
	(void)state;
	if (!have_dtc()) {
		print_message("there is no dtc here\n");
		skip();
	}
	for (unsigned int i = 0; i < 16; i++) {
		machine_with(i & 1 ? 3 : 0);
		plan.cpus = i & 8 ? 8 : 1;
		spec.gic = i & 2 ? FDT_GIC_V2 : FDT_GIC_V3;
		spec.msi = i & 4;
		spec.initrd.len = i & 1 ? 0x1000 : 0;
		assert_int_equal(fdt_build(fdt, sizeof(fdt), &spec), 0);
		dtc_is_content();
	}
	machine(255, 512 * MIB);
	assert_int_equal(fdt_build(fdt, sizeof(fdt), &spec), 0);
	dtc_is_content();
}

static void dump(void **state)
{
	char name[] = "/tmp/test_aarch64_fdt.XXXXXX";
	static char copy[FDT_SPACE];
	struct arch_boot b = {.fdt_name = name};
	struct err e = {.what = ERR_NONE};

	(void)state;
	machine(4, 512 * MIB);
	assert_int_equal(fdt_build(fdt, sizeof(fdt), &spec), 0);
	b.fdt_fd = mkstemp(name);
	assert_true(b.fdt_fd >= 0);
	assert_int_equal(fdt_dump(&b, fdt, &e), 0);
	assert_int_equal(pread(b.fdt_fd, copy, sizeof(copy), 0),
			 fdt_totalsize(fdt));
	assert_memory_equal(copy, fdt, fdt_totalsize(fdt));
	close(b.fdt_fd);
	unlink(name);
}

static void dump_nowhere(void **state)
{
	struct arch_boot b = {.fdt_fd = -1};
	struct err e = {.what = ERR_NONE};

	(void)state;
	machine(1, 64 * MIB);
	assert_int_equal(fdt_build(fdt, sizeof(fdt), &spec), 0);
	assert_int_equal(fdt_dump(&b, fdt, &e), 0);
	b.fdt_name = "/dev/full";
	b.fdt_fd = open(b.fdt_name, O_WRONLY | O_CLOEXEC);
	assert_true(b.fdt_fd >= 0);
	assert_int_equal(fdt_dump(&b, fdt, &e), -ENOSPC);
	assert_int_equal(e.what, ERR_FILE_WRITE);
	assert_string_equal(e.name, "/dev/full");
	close(b.fdt_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cpu_count),
		cmocka_unit_test(every_gic),
		cmocka_unit_test(with_initrd),
		cmocka_unit_test(without_pmu),
		cmocka_unit_test(every_psci),
		cmocka_unit_test(without_randomness),
		cmocka_unit_test(empty_cmdline),
		cmocka_unit_test(every_device_count),
		cmocka_unit_test(no_room),
		cmocka_unit_test(the_longest_fits),
		cmocka_unit_test(dtc_warns_of_nothing),
		cmocka_unit_test(dump),
		cmocka_unit_test(dump_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
