/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_root.h"
#include "vfio/pci_facts.h"
#include "vfio/sysfs.h"
#include "vfio/sysfs_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define A	 "0000:01:00.0"
#define DEV	 "/sys/bus/pci/devices/" A "/"
#define LINE0	 "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

static const char *root;

static int setup(void **state)
{
	(void)state;
	root = fake_root_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_root_remove();
	return 0;
}

/* --- texts ---------------------------------------------------------------- */

static void addresses(void **state)
{
	static const char *const good[] = {A, "10000:e1:00.0", "ffff:ff:1f.7",
					   "ffffff:00:00.0"};
	static const char *const bad[] = {"",
					  "0000",
					  "0000:01:00",
					  "0000:01:00.8",
					  "0000:01:20.0",
					  "0000:01:00.0 ",
					  "000:01:00.0",
					  "0000:1:00.0",
					  "0000:01:0.0",
					  "FFFF:01:00.0",
					  "module",
					  "fffffff:01:00.0",
					  "0000-01-00.0"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(sysfs_text_address(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (sysfs_text_address(bad[i]))
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

static void components(void **state)
{
	(void)state;
	assert_true(sysfs_text_component("../a/" A "/nvme", A));
	assert_true(sysfs_text_component(A, A));
	assert_true(sysfs_text_component("/" A, A));
	assert_false(sysfs_text_component("../" A "1/nvme", A));
	assert_false(sysfs_text_component("../1" A "/nvme", A));
	assert_false(sysfs_text_component("", A));
	assert_false(sysfs_text_component("a//b", ""));
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned int base;
		int ret;
		uint64_t v;
	} t[] = {
		{"0x8086\n", 16, 0, 0x8086},
		{"8086", 16, 0, 0x8086},
		{"1", 10, 0, 1},
		{"18446744073709551615 ", 10, 0, UINT64_MAX},
		{"0xffffffffffffffff", 16, 0, UINT64_MAX},
		{"18446744073709551616", 10, -EINVAL, 0},
		{"0x10000000000000000", 16, -EINVAL, 0},
		{"0x10", 10, -EINVAL, 0},
		{"0x", 16, -EINVAL, 0},
		{"", 10, -EINVAL, 0},
		{"1a", 10, -EINVAL, 0},
		{"-1", 10, -EINVAL, 0},
		{" 1", 10, -EINVAL, 0},
		{"1 2", 10, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		uint64_t v = 77;

		assert_int_equal(sysfs_text_number(t[i].text, t[i].base, &v),
				 t[i].ret);
		if (v != (t[i].ret ? 77 : t[i].v))
			fail_msg("\"%s\" read as %llu", t[i].text,
				 (unsigned long long)v);
	}
}

static void words(void **state)
{
	static const char *const t[][2] = {
		{"flr bus\n", "flr bus"},
		{"  device_specific\t acpi ", "device_specific acpi"},
		{"flr \033[2J pm", "flr pm"},
		{"\xff\xfe", ""},
		{"", ""},
		{"a;b c", "c"},
	};
	char s[64];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		snprintf(s, sizeof(s), "%s", t[i][0]);
		sysfs_text_words(s);
		assert_string_equal(s, t[i][1]);
	}
}

static void mounts(void **state)
{
	struct sysfs_mount m;

	(void)state;
	assert_int_equal(
		sysfs_text_mount("36 35 259:2 / /mnt/my\\040disk rw,noatime "
				 "shared:1 master:2 - ext4 /dev/nvme0n1p2 rw\n",
				 &m),
		0);
	assert_string_equal(m.dev, "259:2");
	assert_string_equal(m.where, "/mnt/my disk");
	assert_string_equal(m.source, "/dev/nvme0n1p2");
	assert_int_equal(
		sysfs_text_mount("1 1 0:5 / / rw - btrfs /dev/sda x", &m), 0);
	assert_string_equal(m.source, "/dev/sda");
	/* no end of the optional fields; cut anywhere; an escape cut short */
	assert_int_equal(sysfs_text_mount("36 35 259:2 / / rw shared:1", &m),
			 -EINVAL);
	assert_int_equal(sysfs_text_mount("36 35", &m), -EINVAL);
	assert_int_equal(sysfs_text_mount("", &m), -EINVAL);
	assert_int_equal(sysfs_text_mount("1 1 8:1 / /a\\04 rw - x y", &m), 0);
	assert_string_equal(m.where, "/a\\04");
}

/* --- files ---------------------------------------------------------------- */

static void hostile_files(void **state)
{
	static char big[1 << 20];
	char path[PATH_MAX], buf[16];

	(void)state;
	memset(big, 'x', sizeof(big));
	fake_root_bytes("/big", big, sizeof(big));
	sysfs_path(path, root, "/big");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "xxxxxxxxxxxxxxx");
	fake_root_put("/steer", "\033[2J\xff\nsecond");
	sysfs_path(path, root, "/steer");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "?[2J?");
	fake_root_bytes("/zero", "a\0b", 3);
	sysfs_path(path, root, "/zero");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "a");
	fake_root_put("/empty", "");
	sysfs_path(path, root, "/empty");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), -ENODATA);
	fake_root_link("/loop", "loop");
	sysfs_path(path, root, "/loop");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), -ELOOP);
	assert_string_equal(buf, "");
	/* neither waited for, nor read */
	fake_root_fifo("/fifo");
	sysfs_path(path, root, "/fifo");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(sysfs_line("/dev/zero", buf, sizeof(buf)), -EINVAL);
	sysfs_path(path, root, "/.");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), -EINVAL);
	sysfs_path(path, root, "/none");
	assert_int_equal(sysfs_line(path, buf, sizeof(buf)), -ENOENT);
}

static void long_paths(void **state)
{
	static char name[PATH_MAX + 10];
	char path[PATH_MAX];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	sysfs_path(path, root, "/%s", name);
	assert_string_equal(path, "");
	sysfs_path(path, name, "/x");
	assert_string_equal(path, "");
}

static int count_lines(void *ctx, const char *line)
{
	unsigned int *n = ctx;

	assert_true(strlen(line) < 1024);
	++*n;
	return line[0] == '!' ? 7 : 0;
}

static void lines(void **state)
{
	static char text[5000];
	char path[PATH_MAX];
	unsigned int n = 0;

	(void)state;
	memset(text, 'l', sizeof(text) - 1);
	memcpy(text + 3000, "\nshort\n", 7);
	fake_root_put("/lines", text);
	sysfs_path(path, root, "/lines");
	/* 3000 bytes, "short", the rest without a newline */
	assert_int_equal(sysfs_each_line(path, count_lines, &n), 0);
	assert_int_equal(n, 3);
	fake_root_put("/lines", "a\n!\nb\n");
	n = 0;
	assert_int_equal(sysfs_each_line(path, count_lines, &n), 7);
	assert_int_equal(n, 2);
	sysfs_path(path, root, "/none");
	assert_int_equal(sysfs_each_line(path, count_lines, &n), -ENOENT);
}

/* --- devices -------------------------------------------------------------- */

static void no_device(void **state)
{
	struct pci_facts *list = NULL;
	struct err e;

	(void)state;
	assert_int_equal(sysfs_exists_at(root, A, &e), -ENODEV);
	assert_int_equal(e.what, ERR_PCI_NO_DEVICE);
	assert_int_equal(pci_facts_read_all(&list, root), -ENOENT);
}

static void one_device(void **state)
{
	static const struct fake_pci p = {A,  0x010802, "nvme",
					  12, 0x80,	"flr bus\n"};
	struct pci_facts *list = NULL;
	struct err e;

	(void)state;
	fake_root_pci(&p);
	fake_root_folder("/sys/bus/pci/devices/no-device");
	assert_int_equal(sysfs_exists_at(root, A, &e), 0);
	assert_int_equal(pci_facts_read_all(&list, root), 1);
	assert_string_equal(list->address, A);
	assert_int_equal(list->vendor, 0x8086);
	assert_int_equal(list->device, 0x0953);
	assert_int_equal(list->class, 0x010802);
	assert_int_equal(list->header, 0);
	assert_string_equal(list->driver, "nvme");
	assert_int_equal(list->group, 12);
	assert_true(list->reset_told);
	assert_string_equal(list->reset, "flr bus");
	assert_int_equal(list->bar[0].size, 0x4000);
	assert_int_equal(list->bar[0].kind, PCI_BAR_MEM64);
	assert_int_equal(list->bar[1].size, 0);
	assert_string_equal(list->use, "");
	free(list);
}

/* Each file wrong in its own way, all at once. */
static void garbled_device(void **state)
{
	struct pci_facts f;

	(void)state;
	fake_root_put(DEV "config", "short");
	fake_root_put(DEV "vendor", "0x12345\n");
	fake_root_put(DEV "device", "nothing");
	fake_root_put(DEV "class", "");
	fake_root_link(DEV "driver", "../\033[2J");
	fake_root_link(DEV "iommu_group", "../-1");
	fake_root_put(DEV "reset_method", "\xff\xff\n");
	fake_root_put(DEV "resource", "0x0 0x1\n");
	pci_facts_read(&f, root, A);
	assert_int_equal(f.vendor, 0);
	assert_int_equal(f.device, 0);
	assert_int_equal(f.class, 0);
	assert_string_equal(f.driver, "?[2J");
	assert_int_equal(f.group, -1);
	assert_string_equal(f.reset, "");
	assert_int_equal(f.bar[0].size, 0);
}

static void resources(void **state)
{
	static const struct {
		const char *line; /* of BAR 0 */
		int ret;
		uint64_t size;
		enum pci_bar_kind kind;
	} t[] = {
		{"0xc000 0xc01f 0x40101\n", 0, 32, PCI_BAR_IO},
		{"0xf0000000 0xf0003fff 0x40200\n", 0, 0x4000, PCI_BAR_MEM32},
		{"0xf0000000 0xf0003fff 0x140204\n", 0, 0x4000, PCI_BAR_MEM64},
		/* ends before it starts, no flags, all there is, nothing */
		{"0xf0003fff 0xf0000000 0x40200\n", 0, 0, PCI_BAR_NONE},
		{"0xf0000000 0xf0003fff 0x0\n", 0, 0, PCI_BAR_NONE},
		{"0x0 0xffffffffffffffff 0x40200\n", 0, 0, PCI_BAR_NONE},
		{"0x0 0x0 0x40200\n", 0, 0, PCI_BAR_NONE},
		{"0xf0000000 0xf0003fff\n", -EINVAL, 0, PCI_BAR_NONE},
		{"0xf0000000 0xf0003fff 0x40200 0x0\n", -EINVAL, 0,
		 PCI_BAR_NONE},
		{"\n", -EINVAL, 0, PCI_BAR_NONE},
		{"0x11110000000000000 0x0 0x40200\n", -EINVAL, 0, PCI_BAR_NONE},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct bar_shape bar[PCI_BARS];
		struct err e;

		snprintf(text, sizeof(text), "%s" LINE0 LINE0 LINE0 LINE0 LINE0,
			 t[i].line);
		fake_root_put(DEV "resource", text);
		assert_int_equal(sysfs_bars_at(root, A, bar, 4096, &e),
				 t[i].ret);
		assert_int_equal(bar[0].size, t[i].size);
		assert_int_equal(bar[0].kind, t[i].kind);
	}
	/* five lines are one too few */
	fake_root_put(DEV "resource", LINE0 LINE0 LINE0 LINE0 LINE0);
	{
		struct bar_shape bar[PCI_BARS];
		struct err e;

		assert_int_equal(sysfs_bars_at(root, A, bar, 4096, &e),
				 -EINVAL);
		assert_int_equal(e.what, ERR_PCI_SYSFS);
	}
}

static void groups(void **state)
{
	static const struct fake_pci p[] = {
		{A, 0x010802, "vfio-pci", 7, 0, NULL},
		{"0000:01:00.1", 0x040300, "snd_hda_intel", 7, 0, NULL},
		{"0000:01:00.2", 0x0c0330, NULL, 7, 0, NULL},
		{"0000:00:01.0", 0x060400, "pcieport", 7, 1, NULL},
		{"0000:01:00.3", 0x0c8000, "xhci_hcd", 7, 0, NULL},
	};
	char buf[256], little[8];

	(void)state;
	for (size_t i = 0; i < COUNT(p); i++)
		fake_root_pci(&p[i]);
	sysfs_group_blockers_at(root, 7, buf, sizeof(buf));
	assert_string_equal(
		buf, "0000:01:00.1 (snd_hda_intel), 0000:01:00.3 (xhci_hcd)");
	sysfs_group_blockers_at(root, 7, little, sizeof(little));
	assert_string_equal(little, "0000:01");
	sysfs_group_blockers_at(root, 8, buf, sizeof(buf));
	assert_string_equal(buf, "");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(components),
		cmocka_unit_test(numbers),
		cmocka_unit_test(words),
		cmocka_unit_test(mounts),
		CASE(hostile_files),
		CASE(long_paths),
		CASE(lines),
		CASE(no_device),
		CASE(one_device),
		CASE(garbled_device),
		CASE(resources),
		CASE(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
