/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "vmm/devices_cmd.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define NVME	 0x010802
#define AUDIO	 0x040300
#define BRIDGE	 0x060400

/* --- judgement ------------------------------------------------------------ */

struct judged {
	struct pci_facts list[4];
	unsigned int n;
	enum pci_state state; /* of the first */
	const char *why;
	const char *command;
};

#define DEV(a, c, d, g)                                                        \
	{                                                                      \
		.address = "0000:01:00." a, .class = (c), .driver = d,         \
		.group = (g)                                                   \
	}
#define USED(a, c, d, g, u)                                                    \
	{                                                                      \
		.address = "0000:01:00." a, .class = (c), .driver = d,         \
		.group = (g), .use = u                                         \
	}
#define ROOT_PORT(d, g)                                                        \
	{                                                                      \
		.address = "0000:00:01.0", .class = BRIDGE, .driver = d,       \
		.group = (g), .header = 1                                      \
	}

static const struct judged table[] = {
	{{DEV("0", NVME, "vfio-pci", 1)}, 1, PCI_READY, "", ""},
	{{DEV("0", NVME, "mlx5_vfio_pci", 1)}, 1, PCI_READY, "", ""},
	{{DEV("0", NVME, "nvme", 1)},
	 1,
	 PCI_UNBOUND,
	 "",
	 "barge bind 0000:01:00.0"},
	{{DEV("0", NVME, "", 1)},
	 1,
	 PCI_UNBOUND,
	 "",
	 "barge bind 0000:01:00.0"},
	{{DEV("0", NVME, "nvme", -1)},
	 1,
	 PCI_NO_IOMMU,
	 "it is in no IOMMU group; see: barge doctor",
	 ""},
	/* bridges: by header, by class, and a port that may stay as it is */
	{{ROOT_PORT("pcieport", 1)},
	 1,
	 PCI_BRIDGE,
	 "a bridge cannot be given to a guest, what is behind it can",
	 ""},
	{{DEV("0", 0x060100, "", 1)},
	 1,
	 PCI_BRIDGE,
	 "a bridge cannot be given to a guest, what is behind it can",
	 ""},
	{{DEV("0", NVME, "vfio-pci", 1), ROOT_PORT("pcieport", 1)},
	 2,
	 PCI_READY,
	 "",
	 ""},
	{{DEV("0", NVME, "vfio-pci", 1), ROOT_PORT("pci_x", 1)},
	 2,
	 PCI_HOST_USES,
	 "its IOMMU group 1 also holds 0000:00:01.0 (pci_x), a bridge that "
	 "no guest can be given",
	 ""},
	/* groups */
	{{DEV("0", NVME, "nvme", 1), DEV("1", AUDIO, "snd", 2)},
	 2,
	 PCI_UNBOUND,
	 "",
	 "barge bind 0000:01:00.0"},
	{{DEV("0", NVME, "nvme", 1), DEV("1", AUDIO, "snd", 1),
	  DEV("2", AUDIO, "", 1)},
	 3,
	 PCI_UNBOUND,
	 "its IOMMU group 1 also holds 0000:01:00.1 (snd), to be bound with "
	 "it",
	 "barge bind 0000:01:00.1 0000:01:00.0"},
	{{DEV("0", NVME, "vfio-pci", 1), DEV("1", AUDIO, "snd", 1)},
	 2,
	 PCI_GROUP_OPEN,
	 "its IOMMU group 1 also holds 0000:01:00.1 (snd), to be bound with "
	 "it",
	 "barge bind 0000:01:00.1"},
	{{DEV("0", NVME, "vfio-pci", 1), DEV("1", AUDIO, "vfio-pci", 1)},
	 2,
	 PCI_READY,
	 "",
	 ""},
	/* used by the host, itself or another one of its group */
	{{USED("0", NVME, "nvme", 1, "nvme0n1 is mounted on /")},
	 1,
	 PCI_HOST_USES,
	 "in use by the host: nvme0n1 is mounted on /",
	 ""},
	{{DEV("0", AUDIO, "snd", 1),
	  USED("1", NVME, "nvme", 1, "nvme0n1 is mounted on /")},
	 2,
	 PCI_HOST_USES,
	 "its IOMMU group 1 also holds 0000:01:00.1 (nvme), in use by the "
	 "host: nvme0n1 is mounted on /",
	 ""},
	{{{.address = "0000:01:00.0",
	   .class = NVME,
	   .driver = "vfio-pci",
	   .group = 1,
	   .user = "barge (77)"}},
	 1,
	 PCI_TAKEN,
	 "barge (77) has it",
	 ""},
};

static void judgement(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct judged *t = &table[i];
		struct device_line d = {.facts = t->list};
		char text[DEVICE_WHY_MAX];

		pci_judge(&d.verdict, t->list, t->n, 0);
		if (d.verdict.state != t->state)
			fail_msg("row %zu: state %u", i, d.verdict.state);
		device_why(text, t->list, &d);
		assert_string_equal(text, t->why);
		device_command(text, t->list, &d);
		assert_string_equal(text, t->command);
	}
}

/* A group larger than all tables: cut, never written beyond. */
static void large_group(void **state)
{
	unsigned int n = 300;
	struct pci_facts *list = calloc(n, sizeof(*list));
	struct device_line d = {.facts = list};
	char text[DEVICE_WHY_MAX];

	(void)state;
	assert_non_null(list);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(list[i].address, sizeof(list[i].address),
			 "0000:%02x:%02x.0", i / 32, i % 32);
		snprintf(list[i].driver, sizeof(list[i].driver), "some_driver");
	}
	pci_judge(&d.verdict, list, n, 0);
	assert_int_equal(d.verdict.state, PCI_UNBOUND);
	assert_int_equal(d.verdict.n_mates, PCI_MATES_MAX);
	assert_int_equal(d.verdict.n_bind, PCI_MATES_MAX + 1);
	device_why(text, list, &d);
	assert_true(strlen(text) < sizeof(text));
	device_command(text, list, &d);
	assert_true(strlen(text) < sizeof(text));
	free(list);
}

/* --- what is printed ------------------------------------------------------ */

static char *printed(const struct pci_facts *list, unsigned int n,
		     const struct conf *c, const char *ids)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(
		devices_print(f, list, n, c, ids, ids ? strlen(ids) : 0), 0);
	fclose(f);
	return text;
}

static const struct pci_facts shown[] = {
	{.address = "0000:00:01.0",
	 .vendor = 0x8086,
	 .device = 0x1901,
	 .class = BRIDGE,
	 .header = 1,
	 .driver = "pcieport",
	 .group = 1},
	{.address = "10000:01:00.0",
	 .vendor = 0x8086,
	 .device = 0x0953,
	 .class = NVME,
	 .driver = "nvgrace_gpu_vfio_pci",
	 .group = 1048,
	 .reset_told = true,
	 .reset = "device_specific flr",
	 .bar[0] = {.size = 0x4000, .kind = PCI_BAR_MEM64},
	 .bar[2] = {.size = 64ull << 30,
		    .kind = PCI_BAR_MEM64,
		    .prefetch = true},
	 .bar[4] = {.size = 32, .kind = PCI_BAR_IO}},
	{.address = "0000:02:00.0",
	 .vendor = 0x10ec,
	 .device = 0x8168,
	 .class = 0x020000,
	 .driver = "r8169",
	 .group = 2,
	 .use = "network interface enp2s0 is up and has an address"},
};

static const char ids[] = "# names\n"
			  "8086  Intel Corporation\n"
			  "\t0953  PCIe Data Center SSD\n"
			  "\t\t8086 3702  DC P3700 SSD\n"
			  "10ec  Realtek\n";

static void table_for_people(void **state)
{
	static const struct conf c = {.json = false};
	static const char want[] =
		"ADDRESS       STATE   CLASS              ID         DRIVER    "
		"    GROUP  RESET\n"
		"0000:00:01.0  no      PCI bridge         8086:1901  pcieport  "
		"        1  -\n"
		"10000:01:00.0 ready   NVMe drive         8086:0953  "
		"nvgrace_gpu_vfio_pci   1048  device_specific flr\n"
		"    Intel Corporation, PCIe Data Center SSD\n"
		"    BAR 0: 16K, 2: 64G, 4: 32B of ports\n"
		"0000:02:00.0  in use  Ethernet           10ec:8168  r8169     "
		"        2  -\n"
		"    Realtek\n"
		"    in use by the host: network interface enp2s0 is up and "
		"has an address\n";
	char *text = printed(shown, COUNT(shown), &c, ids);

	(void)state;
	assert_string_equal(text, want);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 100);
	free(text);
}

static void only_named(void **state)
{
	static const struct conf c = {.n_addresses = 1,
				      .address = {"0000:02:00.0"}};
	char *text = printed(shown, COUNT(shown), &c, NULL);

	(void)state;
	assert_null(strstr(text, "0000:00:01.0"));
	assert_non_null(strstr(text, "0000:02:00.0"));
	free(text);
}

static void for_programs(void **state)
{
	static const struct conf c = {.json = true};
	static const char want[] =
		"[{\"address\":\"10000:01:00.0\",\"state\":\"ready\","
		"\"class\":\"NVMe drive\",\"class_code\":\"0x10802\","
		"\"vendor\":\"0x8086\",\"device\":\"0x953\","
		"\"vendor_name\":\"Intel Corporation\","
		"\"device_name\":\"PCIe Data Center SSD\","
		"\"driver\":\"nvgrace_gpu_vfio_pci\",\"group\":1048,"
		"\"group_members\":[],"
		"\"reset\":[\"device_specific\",\"flr\"],"
		"\"bars\":[{\"bar\":0,\"kind\":\"mem64\","
		"\"prefetchable\":false,\"size\":\"0x4000\"},"
		"{\"bar\":2,\"kind\":\"mem64\",\"prefetchable\":true,"
		"\"size\":\"0x1000000000\"},"
		"{\"bar\":4,\"kind\":\"io\",\"prefetchable\":false,"
		"\"size\":\"0x20\"}],\"host_use\":null,\"user\":null,"
		"\"why\":null,\"command\":null}]\n";
	char *text = printed(&shown[1], 1, &c, ids);

	(void)state;
	assert_string_equal(text, want);
	free(text);
	text = printed(shown, 0, &c, NULL);
	assert_string_equal(text, "[]\n");
	free(text);
}

/* What sysfs tells cannot steer the terminal, nor break the JSON. */
static void hostile_host(void **state)
{
	static const struct fake_pci p = {
		"0000:01:00.0",	      NVME, "a\033[2J\"b", 3, 0,
		"flr \"x\" \033[2J\n"};
	struct conf c = {.json = false};
	const char *root = fake_root_make();
	struct pci_facts *list;
	char *text;

	(void)state;
	fake_root_pci(&p);
	fake_root_link("/sys/class/net/e\"\001",
		       "../../devices/0000:01:00.0/net/e");
	fake_root_put("/sys/devices/0000:01:00.0/net/e/flags", "0x1003");
	assert_int_equal(pci_facts_read_all(&list, root), 1);
	text = printed(list, 1, &c, "8086  \033[2J\xff\n");
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
	free(text);
	c.json = true;
	text = printed(list, 1, &c, "8086  \"\\\n");
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "\"driver\":\"a?[2J\\\"b\""));
	assert_non_null(strstr(text, "\"reset\":[\"flr\"]"));
	assert_non_null(strstr(text, "\"vendor_name\":\"\\\"\\\\\""));
	free(text);
	free(list);
	fake_root_remove();
}

static void disk_full(void **state)
{
	static const struct conf c = {.json = false};
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (!f)
		skip();
	assert_true(devices_print(f, shown, COUNT(shown), &c, NULL, 0) < 0);
	fclose(f);
}

/* --- names ---------------------------------------------------------------- */

static void classes(void **state)
{
	(void)state;
	assert_string_equal(pci_class_name(0x010802), "NVMe drive");
	assert_string_equal(pci_class_name(0x010806), "flash drive");
	assert_string_equal(pci_class_name(0x0c0330), "USB 3 controller");
	assert_string_equal(pci_class_name(0x0c0320), "USB controller");
	assert_string_equal(pci_class_name(0x030000), "VGA display");
	assert_string_equal(pci_class_name(0x038000), "display");
	assert_string_equal(pci_class_name(0xffffff), "other device");
	assert_string_equal(pci_class_name(0xffffffff), "other device");
	for (uint32_t c = 0; c < 0x1000000; c += 0x0100)
		assert_true(strlen(pci_class_name(c)) <= 17);
}

struct ids_case {
	const char *text;
	uint16_t vendor;
	uint16_t device;
	const char *vendor_name;
	const char *device_name;
};

static void ids_files(void **state)
{
	static const struct ids_case t[] = {
		{ids, 0x8086, 0x0953, "Intel Corporation",
		 "PCIe Data Center SSD"},
		{ids, 0x8086, 0x3702, "Intel Corporation", ""},
		/* another vendor's device */
		{ids, 0x10ec, 0x0953, "Realtek", ""},
		{ids, 0x1234, 0x0953, "", ""},
		/* cut anywhere, no newline, no name, other lists */
		{"8086  Intel", 0x8086, 1, "Intel", ""},
		{"8086  ", 0x8086, 1, "", ""},
		{"8086", 0x8086, 1, "", ""},
		{"\t", 0x8086, 1, "", ""},
		{"8086  A\n\t0001  B\r\n", 0x8086, 1, "A", "B"},
		{"8086  A\n\n# x\n\t0001  B", 0x8086, 1, "A", "B"},
		{"8086  A\nC 01  Storage\n\t0001  B", 0x8086, 1, "A", ""},
		{"\t0001  B\n8086  A", 0x8086, 1, "A", ""},
		{"8086  A\n\t0001 B\n\t0001  C", 0x8086, 1, "A", "C"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct pci_name name;

		pci_ids_find(&name, t[i].text, strlen(t[i].text), t[i].vendor,
			     t[i].device);
		assert_string_equal(name.vendor, t[i].vendor_name);
		assert_string_equal(name.device, t[i].device_name);
	}
}

static void ids_long_name(void **state)
{
	char text[300];
	struct pci_name name;

	(void)state;
	memset(text, 'n', sizeof(text));
	memcpy(text, "8086  ", 6);
	pci_ids_find(&name, text, sizeof(text), 0x8086, 1);
	assert_int_equal(strlen(name.vendor), PCI_NAME_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judgement),
		cmocka_unit_test(large_group),
		cmocka_unit_test(table_for_people),
		cmocka_unit_test(only_named),
		cmocka_unit_test(for_programs),
		cmocka_unit_test(hostile_host),
		cmocka_unit_test(disk_full),
		cmocka_unit_test(classes),
		cmocka_unit_test(ids_files),
		cmocka_unit_test(ids_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
