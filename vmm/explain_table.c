/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/explain_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "vmm/fs_daemon.h"
#include "vmm/ini.h"
#include "vmm/options.h"
#include "vmm/what_if.h"

/*
 * How it works: searched from the top for the first row that fits what
 * happened, the errno and a condition. Each text is a sentence that names the
 * thing, and one of advice. Each kind has a last row that always fits.
 */

struct row {
	enum err_what what;
	int code;			   /* positive errno, 0: any */
	bool (*when)(const struct err *e); /* NULL: always */
	const char *text;
};

/* --- what was meant --------------------------------------------------------
 */

static const char *near_key(const struct err *e)
{
	const char *colon = strchr(e->detail, ':');
	const char *key = colon ? colon + 1 : e->detail;
	const struct option_def *table, *o;
	char name[ERR_DETAIL_MAX];
	unsigned int n;

	const struct option_list *list = option_list_section(e->detail);

	table = option_table(&n);
	if (strncmp(e->detail, "test:", 5) == 0)
		table = option_test_table(&n);
	if (list) {
		table = list->table;
		n = list->n;
	}
	/* "expect.2" */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(key, "."), key);
	o = option_near(table, n, name);
	return o && o->in_ini ? o->name : NULL;
}

/* A wrong area.N is told apart by its row: the table's key is no key. */
static const char *near_what_if(const struct err *e)
{
	const struct option_def *table, *o = NULL;
	char section[ERR_DETAIL_MAX];
	unsigned int n;

	snprintf(section, sizeof(section), "%.*s", (int)strcspn(e->detail, ":"),
		 e->detail);
	table = what_if_keys(section, &n);
	if (table && e->detail[strlen(section)])
		o = option_near(table, n, e->detail + strlen(section) + 1);
	return o && o->type != VALUE_AREA ? o->name : NULL;
}

static const char *near_option(const char *word)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);
	const struct option_def *o = option_near(table, n, word);

	return o ? o->name : NULL;
}

/* @option is that of a list, with two dashes. */
static const char *near_subkey(const char *option, const char *word)
{
	char section[ERR_DETAIL_MAX + 1];
	const struct option_list *list;
	const struct option_def *o = NULL;

	snprintf(section, sizeof(section), "%s.", option + strspn(option, "-"));
	list = option_list_section(section);
	/* The first has no key on the command line. */
	if (list)
		o = option_near(list->table + 1, list->n - 1, word);
	return o ? o->name : NULL;
}

static const char *first_command(uint64_t commands)
{
	const char *const *word = option_commands();

	for (; *word && !(commands & 1); word++)
		commands >>= 1;
	return *word;
}

const char *explain_meant(const struct err *e)
{
	static const char *const sections[] = {"vm", "test", NULL};

	switch (e->what) {
	case ERR_COMMAND_UNKNOWN:
		return option_near_word(option_commands(), e->name);
	case ERR_INI_SECTION:
		return option_near_word(
			e->num2 == INI_WHAT_IF ? what_if_sections() : sections,
			e->detail);
	case ERR_INI_KEY:
		return e->num2 == INI_WHAT_IF ? near_what_if(e) : near_key(e);
	case ERR_OPTION_UNKNOWN:
		return e->detail[0] ? near_subkey(e->detail, e->name)
				    : near_option(e->name);
	case ERR_OPTION_COMMAND:
		return first_command(e->num);
	case ERR_ARGUMENT_EXTRA:
		return near_option(e->name);
	default:
		return NULL;
	}
}

/* --- conditions ------------------------------------------------------------
 */

static bool near(const struct err *e)
{
	return explain_meant(e) != NULL;
}

static bool on_arm(const struct err *e)
{
	struct utsname u;

	(void)e;
	return uname(&u) == 0 && strncmp(u.machine, "aarch64", 7) == 0;
}

static bool about_pmu(const struct err *e)
{
	return strcmp(e->detail, "PMU") == 0;
}

/* Such pages are rarely to be had once the host has run for a while. */
static bool page_of_gib(const struct err *e)
{
	return e->num >= UINT64_C(1) << 30;
}

static bool disk_written(const struct err *e)
{
	return strcmp(e->detail, "disk") == 0 && e->num;
}

static bool blocks_of_4k(const struct err *e)
{
	return e->num <= 4096;
}

static bool no_name(const struct err *e)
{
	return e->name[0] == '\0';
}

static bool no_detail(const struct err *e)
{
	return e->detail[0] == '\0';
}

static bool subkey_near(const struct err *e)
{
	return e->detail[0] && near(e);
}

static bool subkey(const struct err *e)
{
	return e->detail[0] != '\0';
}

static bool about_queues(const struct err *e)
{
	return strcmp(e->detail, "queues") == 0;
}

static bool several(const struct err *e)
{
	return e->num > 1;
}

static bool no_namespace(const struct err *e)
{
	return e->num == FS_DAEMON_NO_NAMESPACE;
}

static bool has_groups(const struct err *e)
{
	return e->num == FS_DAEMON_GROUPS;
}

static bool num_zero(const struct err *e)
{
	return e->num == 0;
}

static bool dash_first(const struct err *e)
{
	return e->name[0] == '-';
}

static bool takes_none(const struct err *e)
{
	return e->num == VALUE_NONE;
}

static bool takes_path(const struct err *e)
{
	return e->num == VALUE_PATH;
}

static bool key_is_list(const struct err *e)
{
	char section[ERR_DETAIL_MAX + 1];

	if (strncmp(e->detail, "vm:", 3) != 0)
		return false;
	snprintf(section, sizeof(section), "%s.", e->detail + 3);
	return option_list_section(section) != NULL;
}

static bool what_if(const struct err *e)
{
	return e->num2 == INI_WHAT_IF;
}

static bool region_like(const struct err *e)
{
	return what_if(e) && strncmp(e->detail, "region", 6) == 0;
}

static bool area_like(const struct err *e)
{
	return what_if(e) && strstr(e->detail, ":area") != NULL;
}

static bool like_vfio(const struct err *e)
{
	return strncmp(e->detail, "vfio", 4) == 0;
}

static bool like_disk(const struct err *e)
{
	return strncmp(e->detail, "disk", 4) == 0;
}

static bool like_net(const struct err *e)
{
	return strncmp(e->detail, "net", 3) == 0;
}

/* --- the table -------------------------------------------------------------
 */

#define BIND "sudo modprobe vfio-pci && sudo barge bind "

/* clang-format off */
static const struct row rows[] = {
	/* the command line */
	{ ERR_OPTION_UNKNOWN, 0, subkey_near,
	  "%d has no key %n. Did you mean %s?" },
	{ ERR_OPTION_UNKNOWN, 0, subkey,
	  "%d has no key %n. See which it has: barge --help" },
	{ ERR_OPTION_UNKNOWN, 0, near,
	  "%n is not an option. Did you mean --%s?" },
	{ ERR_OPTION_UNKNOWN, 0, NULL,
	  "%n is not an option. See which there are: barge --help" },
	{ ERR_SHARE_WHERE, 0, num_zero,
	  "--share %n does not say what is shared. "
	  "Add the directory: --share %n,path=DIR" },
	{ ERR_SHARE_WHERE, 0, NULL,
	  "--share %n has both path and socket. Keep path, or socket if you "
	  "start virtiofsd yourself." },
	{ ERR_SHARE_TWICE, 0, NULL,
	  "two directories have the tag %n. Give each --share its own." },
	{ ERR_OPTION_VALUE, E2BIG, NULL,
	  "%n %d is one device too many. A guest can be given %2." },
	{ ERR_OPTION_VALUE, EDOM, NULL,
	  "%n %M is not a multiple of 64K. Give %v." },
	{ ERR_OPTION_VALUE, ERANGE, NULL,
	  "%n %q is too large. Give %v." },
	{ ERR_OPTION_VALUE, ENAMETOOLONG, NULL,
	  "%n names a file by more than 4095 bytes. Give a shorter name." },
	{ ERR_OPTION_VALUE, 0, takes_none,
	  "%n takes no value, but was given %q. Write only %n." },
	{ ERR_OPTION_VALUE, 0, takes_path,
	  "%n names no file. Give %v." },
	{ ERR_OPTION_VALUE, 0, NULL,
	  "%n does not take %q. Give %v." },
	{ ERR_OPTION_MISSING, 0, NULL,
	  "%n lacks its value. Give %v." },
	{ ERR_OPTION_COMMAND, 0, NULL,
	  "%n is no option of barge %d. Did you mean: barge %s" },
	{ ERR_OPTION_BOTH, 0, NULL,
	  "%n and %d exclude one another. Leave one out." },
	{ ERR_ARGUMENT_EXTRA, E2BIG, NULL,
	  "%n is one argument too many. "
	  "Write it without: barge --help, or barge --version" },
	{ ERR_ARGUMENT_EXTRA, 0, near,
	  "%n is one argument too many. Did you mean --%s?" },
	{ ERR_ARGUMENT_EXTRA, 0, NULL,
	  "%n is one argument too many. "
	  "Only one INI file can be named, before or after the options." },
	{ ERR_ADDRESS_NONE, 0, NULL,
	  "barge %n lacks the address of a device. "
	  "Give one or more, as listed by: barge devices" },
	{ ERR_ADDRESS_MANY, 0, NULL,
	  "%n is one address too many. Give at most %1 at a time." },
	{ ERR_COMMAND_UNKNOWN, 0, no_name,
	  "the command is missing. "
	  "Start a VM with: barge run --kernel FILE, or see: barge --help" },
	{ ERR_COMMAND_UNKNOWN, 0, dash_first,
	  "%n stands where a command is due. Write: barge run %n" },
	{ ERR_COMMAND_UNKNOWN, 0, near,
	  "%n is not a command. Did you mean barge %s?" },
	{ ERR_COMMAND_UNKNOWN, 0, NULL,
	  "%n is not a command; they are run, plan, devices, doctor, bind, "
	  "unbind, test and help. "
	  "To start the VM that an INI file describes: barge run %n" },

	/* the INI file */
	{ ERR_INI_OPEN, ENOENT, NULL,
	  "%n: there is no such INI file. Check the name; "
	  "what is no option is read as one." },
	{ ERR_INI_OPEN, EACCES, NULL,
	  "%n: permission denied. Make it readable: sudo chmod a+r %n" },
	{ ERR_INI_OPEN, EISDIR, NULL,
	  "%n is a folder, not an INI file. Name the file in it." },
	{ ERR_INI_OPEN, EFBIG, NULL,
	  "%n is longer than 256K, too much for an INI file. "
	  "To boot it as a kernel: barge run --kernel %n" },
	{ ERR_INI_OPEN, 0, NULL,
	  "%n: the INI file cannot be read: %e. Check the name." },
	{ ERR_INI_SYNTAX, EILSEQ, NULL,
	  "%n is a binary, not an INI file. "
	  "To boot it as a kernel: barge run --kernel %n" },
	{ ERR_INI_SYNTAX, E2BIG, NULL,
	  "%n:%1: the line is too long. "
	  "Keep it, with the lines a backslash joins to it, to 1022 bytes." },
	{ ERR_INI_SYNTAX, 0, NULL,
	  "%n:%1: %q is neither [section] nor key = value. "
	  "A value with a quote, ; or # in it stands in quotes." },
	{ ERR_INI_SECTION, ENODATA, NULL,
	  "%n describes no region. Add a section [%d] with a size in it." },
	{ ERR_INI_SECTION, ENOENT, what_if,
	  "%n:%1: %d stands before any section. "
	  "Put [host], [region.N] or [msix] above it." },
	{ ERR_INI_SECTION, ENOENT, NULL,
	  "%n:%1: %d stands before any section. Put [vm] above it." },
	{ ERR_INI_SECTION, EEXIST, NULL,
	  "%n:%1: section [%d] is there twice. Make it one." },
	{ ERR_INI_SECTION, E2BIG, NULL,
	  "%n:%1: section [%d] is one too many. "
	  "A guest can be given 16 of them." },
	{ ERR_INI_SECTION, 0, region_like,
	  "%n:%1: there is no section [%d]. "
	  "Use [region.0] to [region.5], one for each BAR." },
	{ ERR_INI_SECTION, 0, near,
	  "%n:%1: there is no section [%d]. Did you mean [%s]?" },
	{ ERR_INI_SECTION, 0, what_if,
	  "%n:%1: there is no section [%d]. "
	  "Use [host], [region.0] to [region.5] and [msix]." },
	{ ERR_INI_SECTION, 0, like_vfio,
	  "%n:%1: there is no section [%d]. Did you mean [vfio.LABEL], the "
	  "label being up to 34 letters, digits, points, - and _?" },
	{ ERR_INI_SECTION, 0, like_disk,
	  "%n:%1: there is no section [%d]. Did you mean [disk.LABEL], the "
	  "label being up to 34 letters, digits, points, - and _?" },
	{ ERR_INI_SECTION, 0, like_net,
	  "%n:%1: there is no section [%d]. Did you mean [net.LABEL], the "
	  "label being up to 34 letters, digits, points, - and _?" },
	{ ERR_INI_SECTION, 0, NULL,
	  "%n:%1: there is no section [%d]. "
	  "Use [vm], [test], and for each device a section such as "
	  "[disk.LABEL] or [vfio.LABEL]." },
	{ ERR_INI_KEY, EEXIST, NULL,
	  "%n:%1: %k is set twice in [%g]. Remove one." },
	{ ERR_INI_KEY, ENODATA, what_if,
	  "%n:%1: section [%g] has no %k. Add a line: %k = VALUE" },
	{ ERR_INI_KEY, ENODATA, NULL,
	  "%n: section [%g] has no %k. Add a line: %k = VALUE" },
	{ ERR_INI_KEY, 0, key_is_list,
	  "%n:%1: [vm] has no key %k. Did you mean a section of its own, "
	  "[%k.LABEL]?" },
	{ ERR_INI_KEY, 0, near,
	  "%n:%1: [%g] has no key %k. Did you mean %s?" },
	{ ERR_INI_KEY, 0, area_like,
	  "%n:%1: [%g] has no key %k. Did you mean area.N, "
	  "N being a number from 0 to 65535?" },
	{ ERR_INI_KEY, 0, what_if,
	  "%n:%1: [%g] has no key %k. See which it has: man barge" },
	{ ERR_INI_KEY, 0, NULL,
	  "%n:%1: [%g] has no key %k. See which it has: man barge.ini" },

	/* what was asked for */
	{ ERR_NO_KERNEL, 0, NULL,
	  "no kernel is named. Name one: --kernel FILE, "
	  "or kernel = FILE under [vm] in the INI file." },
	{ ERR_MEMORY_SMALL, 0, NULL,
	  "%m of memory is too little. Give at least: --memory %M" },
	{ ERR_MEMORY_LARGE, 0, NULL,
	  "%m of memory is more than this host can give a guest. "
	  "Give at most: --memory %M" },
	{ ERR_PCI_SLOTS, 0, NULL,
	  "There are more devices than the guest's PCI bus has room for. "
	  "Give at most %1." },
	{ ERR_CPUS, 0, num_zero,
	  "--cpus 0 leaves the guest no processor. Give 1 to %2." },
	{ ERR_CPUS, 0, NULL,
	  "--cpus %1 is more than is possible. Give at most: --cpus %2" },
	{ ERR_AFFINITY_CPUS, 0, NULL,
	  "--cpu-affinity has host CPUs for %1 of %2 vCPUs. Give one CPU for "
	  "each, as in 0-3, or a set for each, as in 0-1/2-3." },
	{ ERR_RT_LARGE, 0, NULL,
	  "--rt-priority %1 is more than there is. Give 1 to 99." },
	{ ERR_VFIO_ADDRESS, 0, no_detail,
	  "%n is not a PCI address. "
	  "Give one like 0000:01:00.0; all are listed by: barge devices" },
	{ ERR_VFIO_ADDRESS, 0, NULL,
	  "%d: %n is not a PCI address. "
	  "Give one like 0000:01:00.0; all are listed by: barge devices" },
	{ ERR_VFIO_TWICE, 0, NULL,
	  "%n is given to the guest twice. "
	  "Remove one --vfio, or one [vfio.LABEL] of the INI file." },

	{ ERR_NET_KEY, 0, about_queues,
	  "--net %n has one pair of queues. "
	  "Leave out queues, or use tap:NAME." },
	{ ERR_NET_KEY, 0, NULL,
	  "--net %n is not moved by the kernel. "
	  "Leave out vhost, or use tap:NAME." },
	{ ERR_BALLOON_PINNED, 0, NULL,
	  "--balloon gets nothing from a guest with %n, whose memory all "
	  "stays with it. Leave one out." },
	{ ERR_BALLOON_LARGE, 0, NULL,
	  "The guest cannot give back %m, as it has %M. "
	  "Ask for less than that by --balloon; 0 leaves it to the guest." },
	{ ERR_NET_TWICE, 0, NULL,
	  "%n is given to the guest as two network cards. "
	  "Remove one --net, or one [net.LABEL] of the INI file." },
	{ ERR_PORT_TWICE, 0, NULL,
	  "Two ports are called %n, and the guest finds them by name. "
	  "Give one another name: --port NAME." },
	{ ERR_DISK_TWICE, 0, NULL,
	  "%n is given to the guest as two disks, which it may write to. "
	  "Remove one --disk, or one [disk.LABEL] of the INI file." },

	/* kernel and initrd */
	{ ERR_FILE_OPEN, ENOENT, NULL,
	  "%n: there is no such file for the %d. Check the name." },
	{ ERR_FILE_OPEN, EACCES, disk_written,
	  "%n: you may not write to this disk. If the guest need not either, "
	  "add to its --disk: readonly=yes; or: sudo chown $USER %n" },
	{ ERR_FILE_OPEN, EACCES, NULL,
	  "%n: permission denied, opening the %d. "
	  "Make it readable: sudo chmod a+r %n" },
	{ ERR_FILE_OPEN, EROFS, NULL,
	  "%n lies on a read-only file system. "
	  "If the guest need not write to it, add to its --disk: readonly=yes" },
	{ ERR_FILE_OPEN, EISDIR, NULL,
	  "%n is a folder, not a file for the %d. Name the file in it." },
	{ ERR_FILE_OPEN, 0, NULL,
	  "%n: the %d cannot be opened: %e. Check the name." },
	{ ERR_FILE_READ, EISDIR, NULL,
	  "%n is a folder, not a file for the %d. Name the file in it." },
	{ ERR_FILE_READ, ESPIPE, NULL,
	  "%n is not a regular file, which the %d has to be. "
	  "Copy it to one first." },
	{ ERR_FILE_READ, ENODATA, NULL,
	  "%n: the %d became shorter while it was read. "
	  "Start again when nothing writes it." },
	{ ERR_FILE_READ, 0, NULL,
	  "%n: the %d cannot be read: %e. "
	  "Check that it is a whole file on a healthy disk: cksum %n" },
	{ ERR_FILE_WRITE, ENOENT, NULL,
	  "%n cannot be written: its folder does not exist. "
	  "Make the folder with mkdir -p, or name another file." },
	{ ERR_FILE_WRITE, EISDIR, NULL,
	  "%n is a folder. Name a file in it." },
	{ ERR_FILE_WRITE, 0, NULL,
	  "%n cannot be written: %e. Name a file that you may write." },
	{ ERR_FILE_EMPTY, 0, NULL,
	  "%n: the %d is an empty file. Copy or build it again." },
	{ ERR_KERNEL_FORMAT, 0, no_detail,
	  "%n is not a kernel that barge knows. This barge boots %b." },
	{ ERR_KERNEL_FORMAT, 0, NULL,
	  "%n is %d. This barge boots %b." },
	{ ERR_KERNEL_BAD, 0, no_detail,
	  "%n is a damaged kernel. Copy or build it again." },
	{ ERR_KERNEL_BAD, 0, NULL,
	  "%n is a damaged kernel: %d. Copy or build it again." },
	{ ERR_ROM_BAD, 0, NULL,
	  "%n is no ROM image of a PCI device: it %d. Read one with: "
	  "echo 1 >/sys/bus/pci/devices/ADDRESS/rom, then copy that file." },
	{ ERR_REGEX, 0, NULL,
	  "%n is no regular expression: %d. Write a POSIX extended one, with a "
	  "backslash before what is meant as it is." },
	{ ERR_REGEX_MANY, 0, NULL,
	  "%n is one too many: there can be %1 of them. Join some with |." },
	{ ERR_MODULE_SPACE, 0, num_zero,
	  "%n: the modules are larger than a kernel can have them. "
	  "Use smaller ones." },
	{ ERR_MODULE_SPACE, 0, NULL,
	  "%n: the module does not fit into the guest's memory. "
	  "Give at least: --memory %u" },
	{ ERR_NO_MODULES, 0, NULL,
	  "%n is no multiboot kernel, and only those take modules. "
	  "Leave out --module, or give the file to --initrd." },
	{ ERR_NO_FLAT, 0, NULL,
	  "%n: flat images are for aarch64. On x86_64, build a multiboot "
	  "kernel and leave out --kernel-format." },
	{ ERR_DISK_KIND, 0, NULL,
	  "%n is %d, and a disk is a regular file or a block device. "
	  "Make an image: truncate -s 8G disk.img" },
	{ ERR_DISK_FORMAT, 0, NULL,
	  "%n looks like %d, and barge has raw disks only. Convert it: "
	  "qemu-img convert -O raw %n %n.raw (or, if it is a raw disk that "
	  "only begins like that, add to its --disk: format=raw)" },
	{ ERR_DISK_SIZE, 0, NULL,
	  "%n has %1 bytes, not a multiple of its block size, %d. "
	  "If it is a raw image, fill it up: truncate -s %2 %n" },
	{ ERR_DISK_BLOCKS, 0, blocks_of_4k,
	  "%n can be used past the page cache in blocks of 4K only. "
	  "Give its --disk: block-size=4096, or leave out direct=yes" },
	{ ERR_DISK_BLOCKS, 0, NULL,
	  "%n can be used past the page cache in blocks of %m only, which "
	  "barge has not. Leave out direct=yes." },
	{ ERR_NO_FDT, 0, NULL,
	  "%n: there is no device tree to write: ACPI tables describe the "
	  "machine to a guest on x86_64. Leave out --dump-fdt." },
	{ ERR_KERNEL_PAGES, 0, NULL,
	  "%n is a kernel for pages of %m, which this processor does not "
	  "have. Boot one for pages of another size." },
	{ ERR_KERNEL_SPACE, 0, num_zero,
	  "%n: the kernel does not fit into the guest's memory. "
	  "Give more with --memory." },
	{ ERR_KERNEL_SPACE, 0, NULL,
	  "%n: the kernel does not fit into the guest's memory. "
	  "Give at least: --memory %u" },
	{ ERR_INITRD_SPACE, 0, num_zero,
	  "%n: the initrd is larger than this kernel can use, whatever the "
	  "memory. Use a smaller one." },
	{ ERR_INITRD_SPACE, 0, NULL,
	  "%n: the initrd does not fit into the guest's memory. "
	  "Give at least: --memory %u" },
	{ ERR_FDT_SPACE, 0, NULL,
	  "the device tree of this machine is larger than %m. "
	  "Give fewer --cpus or a shorter --cmdline." },
	{ ERR_CMDLINE_LONG, 0, NULL,
	  "--cmdline has %1 bytes, and this kernel takes %2. Shorten it." },

	/* tests */
	{ ERR_TEST_NONE, ENOENT, NULL,
	  "%n has no *.ini in it, and what is below it is not looked at. "
	  "Name the folder that holds the tests." },
	{ ERR_TEST_NONE, 0, NULL,
	  "barge test lacks its tests. Name INI files, or a folder of them, "
	  "or a command for a guest: barge test --init COMMAND --kernel FILE" },
	{ ERR_TEST_FILTER, 0, NULL,
	  "no test is called like %n. Give --filter another pattern, such as "
	  "'net-*', in quotes." },
	{ ERR_TEST_NAME, 0, NULL,
	  "%n: a test cannot be called %q, which becomes a file name. "
	  "Give it name = ... of up to 80 characters without / under [test]." },
	{ ERR_TEST_TWICE, 0, NULL,
	  "two tests are called %n, the second in %d. "
	  "Give one of them another name = ... under [test]." },
	{ ERR_TEST_NEEDS, 0, NULL,
	  "%n: needs does not know %q. "
	  "Give kvm, vfio, root, or the name of a file with a / in it." },
	{ ERR_ROOT, ENOENT, NULL,
	  "%n: there is no such folder to be packed. "
	  "Check the name behind root." },
	{ ERR_ROOT, ENOTDIR, NULL,
	  "%n is not a folder that could be packed. "
	  "To use a ready archive: --initrd %n" },
	{ ERR_ROOT, EACCES, NULL,
	  "%n: permission denied, packing the initramfs. "
	  "Make it readable: sudo chmod a+rX %n" },
	{ ERR_ROOT, EFBIG, NULL,
	  "%n has 4G or more, which no initramfs can hold. Leave it out." },
	{ ERR_ROOT, ENAMETOOLONG, NULL,
	  "%n: the name is too long to be packed. "
	  "Pack fewer levels of folders." },
	{ ERR_ROOT, ENODATA, NULL,
	  "%n became shorter while it was packed. "
	  "Start again when nothing writes it." },
	{ ERR_ROOT, 0, NULL,
	  "%n cannot be packed: %e. Check the folder: find %n -ls" },
	{ ERR_ROOT_LARGE, 0, NULL,
	  "%n does not fit into the guest: there are %m of memory for it. "
	  "Give more with --memory, or pack a smaller folder." },
	{ ERR_ROOT_INIT, 0, NULL,
	  "%n has no file init, which a kernel would start. Add one, name the "
	  "program with rdinit=/PROGRAM in the kernel command line, or give a "
	  "command: init = COMMAND, or --init" },

	/* KVM */
	{ ERR_KVM_OPEN, EACCES, NULL,
	  "/dev/kvm: permission denied. Add yourself to its group: "
	  "sudo usermod -aG kvm $USER, and log in again." },
	{ ERR_KVM_OPEN, ENOENT, on_arm,
	  "/dev/kvm does not exist. Boot the host at EL2 with a kernel that "
	  "has CONFIG_KVM; in a VM, turn on nested virtualisation." },
	{ ERR_KVM_OPEN, ENOENT, NULL,
	  "/dev/kvm does not exist. Load KVM: sudo modprobe kvm_intel "
	  "(AMD: kvm_amd); if that fails, turn on VT-x or AMD-V in the "
	  "firmware setup, or in a VM nested virtualisation." },
	{ ERR_KVM_OPEN, ENODEV, on_arm,
	  "/dev/kvm has no driver behind it. Boot the host at EL2 with a "
	  "kernel that has CONFIG_KVM; in a VM, turn on nested "
	  "virtualisation." },
	{ ERR_KVM_OPEN, ENODEV, NULL,
	  "/dev/kvm has no driver behind it. Load KVM: sudo modprobe kvm_intel "
	  "(AMD: kvm_amd); if that fails, turn on VT-x or AMD-V in the "
	  "firmware setup." },
	{ ERR_KVM_OPEN, 0, NULL,
	  "/dev/kvm cannot be opened: %e. Look for KVM's reason: "
	  "sudo dmesg | grep -i kvm" },
	/* kvm-api 4.1: anything but 12 is before Linux 2.6.22 */
	{ ERR_KVM_VERSION, 0, NULL,
	  "/dev/kvm speaks version %1 of the KVM API, not 12. "
	  "Boot a newer host kernel." },
	{ ERR_KVM_CAP, 0, NULL,
	  "/dev/kvm lacks %n. Boot a newer host kernel." },
	{ ERR_KVM_IOCTL, EBUSY, NULL,
	  "%n failed: the processor's virtualisation is taken. "
	  "Stop the other hypervisor, such as VirtualBox." },
	{ ERR_KVM_IOCTL, ENOMEM, NULL,
	  "%n failed: the host is out of memory. See what is left: free -h" },
	{ ERR_KVM_IOCTL, 0, about_pmu,
	  "%n failed for a processor's counters: %e. "
	  "Do without them: --cpu-off pmu" },
	{ ERR_KVM_IOCTL, 0, NULL,
	  "%n failed: %e. Look for KVM's reason: sudo dmesg | grep -i kvm" },

	/* other things of the host */
	{ ERR_RAM, ENOMEM, NULL,
	  "%m of guest memory is more than the host has left. "
	  "Give less with --memory, or make room: free -h" },
	{ ERR_RAM, 0, NULL,
	  "%m of guest memory cannot be had: %e. "
	  "Give less with --memory, or make room: free -h" },
	{ ERR_HUGEPAGES, ENOENT, NULL,
	  "the host has no huge pages of %m. Give --hugepages one of the sizes "
	  "it has: ls /sys/kernel/mm/hugepages" },
	{ ERR_HUGEPAGES, 0, page_of_gib,
	  "too few huge pages of %m: %d. Boot the host with hugepagesz=1G "
	  "hugepages=%2, or while memory is in one piece: "
	  "sudo sh -c 'echo %2 > %n'" },
	{ ERR_HUGEPAGES, 0, NULL,
	  "too few huge pages of %m: %d. Reserve more: "
	  "sudo sh -c 'echo %2 > %n'" },
	{ ERR_AFFINITY, ENODEV, NULL,
	  "the host has no CPU %1, or it is off. "
	  "Give --cpu-affinity some of: %d" },
	{ ERR_AFFINITY, 0, NULL,
	  "CPU %1 of the host is not for this process: its cpuset leaves it "
	  "out. Give --cpu-affinity others, or allow it (systemd: "
	  "AllowedCPUs=)." },
	{ ERR_RT_PRIORITY, EPERM, NULL,
	  "the host allows no real-time priority %1. Allow it: "
	  "sudo prlimit --pid $$ --rtprio=%1 (systemd: LimitRTPRIO=%1), "
	  "or run barge with CAP_SYS_NICE." },
	{ ERR_RT_PRIORITY, 0, NULL,
	  "the vCPUs cannot have real-time priority %1: %e. "
	  "Leave out --rt-priority." },
	{ ERR_PIDFILE, EBUSY, NULL,
	  "%n is the pid file of a barge that runs, as process %1. "
	  "End that one, or give another: --pidfile FILE" },
	{ ERR_PIDFILE, EEXIST, NULL,
	  "%n is there and is no pid file. "
	  "Give another name: --pidfile FILE" },
	{ ERR_PIDFILE, ENOENT, NULL,
	  "%n: the folder of the pid file does not exist. "
	  "Make it with mkdir -p, or name another: --pidfile FILE" },
	{ ERR_PIDFILE, 0, NULL,
	  "%n: the pid file cannot be written: %e. "
	  "Name one that you may write: --pidfile FILE" },
	{ ERR_CONSOLE_OPEN, ENOENT, NULL,
	  "%n: the folder of the console does not exist. "
	  "Make it with mkdir -p, or name another" },
	{ ERR_CONSOLE_OPEN, EISDIR, NULL,
	  "%n is a folder, not a file for the console. "
	  "Name the file in it: --console file:PATH" },
	{ ERR_CONSOLE_OPEN, EADDRINUSE, NULL,
	  "%n: another program listens at this socket. "
	  "Name another: --console socket:PATH" },
	{ ERR_CONSOLE_OPEN, EEXIST, NULL,
	  "%n is there already and no console of an earlier run. "
	  "Name another place, or remove it" },
	{ ERR_CONSOLE_OPEN, ENAMETOOLONG, NULL,
	  "%n: that name is too long for a socket, which has 107 bytes. "
	  "Name one in another folder, or a relative one" },
	{ ERR_CONSOLE_OPEN, ENOTSUP, NULL,
	  "%n is no ordinary file and cannot be rotated. "
	  "Leave out max-size, or name another file" },
	{ ERR_CONSOLE_OPEN, EBUSY, NULL,
	  "%n is the place of two consoles. "
	  "Give each a place of its own" },
	{ ERR_CONSOLE_OPEN, 0, NULL,
	  "%n: the console cannot be opened there: %e. "
	  "Name one that you may write: --console file:PATH" },
	{ ERR_SOCKET, EADDRINUSE, NULL,
	  "%n: another program listens at this socket. "
	  "Name another: --vsock 3,socket=PATH" },
	{ ERR_SOCKET, EEXIST, NULL,
	  "%n is there already and no socket of an earlier run. "
	  "Name another place, or remove it" },
	{ ERR_SOCKET, ENOENT, NULL,
	  "%n: the folder of the socket does not exist. "
	  "Make it with mkdir -p, or name another: --vsock 3,socket=PATH" },
	{ ERR_SOCKET, ENAMETOOLONG, NULL,
	  "%n: that name is too long for a socket, which has 107 bytes, 11 of "
	  "them for a port. Name one in another folder, or a relative one" },
	{ ERR_SOCKET, 0, NULL,
	  "%n: no socket can be made there: %e. "
	  "Name a place that you may write to: --vsock 3,socket=PATH" },
	/* vhost: in-kernel halves of virtio devices */
	{ ERR_VHOST, ENOENT, NULL,
	  "%n, which %d needs, does not exist. Load its driver: "
	  "sudo modprobe -a vhost_net vhost_vsock" },
	{ ERR_VHOST, ENODEV, NULL,
	  "%n, which %d needs, has no driver behind it. Load it: "
	  "sudo modprobe -a vhost_net vhost_vsock" },
	{ ERR_VHOST, EACCES, NULL,
	  "%n, which %d needs: permission denied. "
	  "Make it yours: sudo chown $USER %n" },
	{ ERR_VHOST, ENOTSUP, NULL,
	  "%n, which %d needs, is too old for virtio 1. "
	  "Boot a newer host kernel." },
	{ ERR_VHOST, 0, NULL,
	  "%n, which %d needs, cannot be used: %e. "
	  "Look for the reason: sudo dmesg | grep -i vhost" },
	{ ERR_VSOCK_CID, EADDRINUSE, num_zero,
	  "no address for the guest's sockets is free. "
	  "Name one: --vsock CID" },
	{ ERR_VSOCK_CID, EADDRINUSE, NULL,
	  "another guest of this host has the address %1 for its sockets. "
	  "Give another, or: --vsock auto" },
	{ ERR_VSOCK_CID, 0, NULL,
	  "the kernel does not take the address %1 for the guest's sockets: %e. "
	  "Give another, or: --vsock auto" },
	{ ERR_SHARE_DIR, ENOENT, NULL,
	  "%n, which the guest was to share, does not exist. "
	  "Make it: mkdir -p %n" },
	{ ERR_SHARE_DIR, ENOTDIR, NULL,
	  "%n, which the guest was to share, is no directory. "
	  "Name the one that it is in." },
	{ ERR_SHARE_DIR, 0, NULL,
	  "%n, which the guest was to share, cannot be entered: %e. "
	  "Name one that you may read." },
	{ ERR_SHARE_PROGRAM, ENOENT, no_detail,
	  "there is no virtiofsd to serve %n. Install it: sudo apt install "
	  "virtiofsd (Debian 12: qemu-system-common)" },
	{ ERR_SHARE_PROGRAM, 0, NULL,
	  "%d, which is to serve %n, cannot be started: %e. "
	  "Start it yourself, and give: --share TAG,socket=PATH" },
	{ ERR_SHARE_DAEMON, ENOTSUP, NULL,
	  "the virtiofsd that serves %n is too old for virtio 1. "
	  "Install a newer one." },
	{ ERR_SHARE_DAEMON, 0, no_namespace,
	  "virtiofsd, which serves %n, needs root or user namespaces. Allow "
	  "them: sudo sysctl kernel.unprivileged_userns_clone=1" },
	{ ERR_SHARE_DAEMON, 0, has_groups,
	  "the virtiofsd in C, which is to serve %n, does not work for a user "
	  "with more than one group. Install the one in Rust, or use sudo." },
	{ ERR_SHARE_DAEMON, 0, NULL,
	  "virtiofsd, which serves %n, failed with status %1: %e. "
	  "What it says by itself: virtiofsd --socket-path=/tmp/s -o source=%n" },
	{ ERR_SHARE_SOCKET, ENOENT, NULL,
	  "%n: no virtiofsd listens there. "
	  "Start it first: virtiofsd --socket-path=%n -o source=DIR" },
	{ ERR_SHARE_SOCKET, ECONNREFUSED, NULL,
	  "%n: no virtiofsd listens there any more. "
	  "Start it anew: virtiofsd --socket-path=%n -o source=DIR" },
	{ ERR_SHARE_SOCKET, ENOTSUP, NULL,
	  "%n: what listens there is too old for virtio 1. "
	  "Install a newer virtiofsd." },
	{ ERR_SHARE_SOCKET, 0, NULL,
	  "%n: what listens there does not speak vhost-user: %e. "
	  "Start virtiofsd: virtiofsd --socket-path=%n -o source=DIR" },
	{ ERR_DISK_LOCKED, EBUSY, NULL,
	  "%n is in use by the host: mounted, or part of something. "
	  "See by what: lsblk %n" },
	{ ERR_DISK_LOCKED, 0, num_zero,
	  "%n is being written by another program. See by which: fuser -v %n" },
	{ ERR_DISK_LOCKED, 0, NULL,
	  "%n is in use by another program, so nobody else may write to it. "
	  "See by which: fuser -v %n; to share it: readonly=yes, in both." },
	{ ERR_DISK_DIRECT, 0, NULL,
	  "%n lies on a file system that cannot do without its page cache. "
	  "Leave out direct=yes, or move it to ext4 or XFS." },
	{ ERR_DISK_URING, 0, NULL,
	  "this kernel does not allow io_uring: %e. Use io=auto, or allow it: "
	  "sudo sysctl kernel.io_uring_disabled=0" },
	{ ERR_TAP_OPEN, ENOENT, NULL,
	  "/dev/net/tun, which %n needs, does not exist. "
	  "Load its driver: sudo modprobe tun" },
	{ ERR_TAP_OPEN, ENODEV, NULL,
	  "/dev/net/tun, which %n needs, has no driver behind it. "
	  "Load it: sudo modprobe tun" },
	{ ERR_TAP_OPEN, EACCES, NULL,
	  "/dev/net/tun, which %n needs: permission denied. "
	  "Let everybody open it: sudo chmod a+rw /dev/net/tun" },
	{ ERR_TAP_OPEN, EPERM, NULL,
	  "%n is no tap that you may use. Make it once: "
	  "sudo ip tuntap add dev %n mode tap user $USER" },
	{ ERR_TAP_OPEN, EBUSY, NULL,
	  "%n is used by another program, or by another interface than a tap. "
	  "See by which: sudo fuser -v /dev/net/tun" },
	{ ERR_TAP_OPEN, E2BIG, NULL,
	  "%n has no room for %1 more queues. "
	  "Give fewer: queues=N" },
	{ ERR_TAP_OPEN, EINVAL, several,
	  "%n is no tap for several queues. Make it anew: "
	  "sudo ip link del %n; "
	  "sudo ip tuntap add dev %n mode tap multi_queue user $USER" },
	{ ERR_TAP_OPEN, EINVAL, NULL,
	  "%n is an interface that is no tap. Name another one; "
	  "these there are: ip tuntap" },
	{ ERR_TAP_OPEN, 0, NULL,
	  "%n cannot be opened as a tap: %e. "
	  "Look for the reason: sudo dmesg | grep -i tun" },
	{ ERR_TAP, 0, NULL,
	  "%n: %d failed: %e. Boot a newer host kernel." },
	{ ERR_TAP_FD, EBADF, NULL,
	  "file descriptor %1 was not given to barge open. "
	  "Open the tap as that one and let it be inherited." },
	{ ERR_TAP_FD, EPROTO, NULL,
	  "file descriptor %1 is a tap without IFF_VNET_HDR or IFF_NO_PI. "
	  "Open it with both." },
	{ ERR_TAP_FD, 0, NULL,
	  "file descriptor %1 is no tap: %e. "
	  "Open /dev/net/tun and set it up by TUNSETIFF first." },
	{ ERR_PASST, ENOENT, NULL,
	  "%n: there is no such socket. Start passt first: "
	  "passt --socket %n" },
	{ ERR_PASST, ECONNREFUSED, NULL,
	  "%n: nobody listens there. Start passt: passt --socket %n" },
	{ ERR_PASST, EAGAIN, NULL,
	  "%n: passt serves another guest. Start one more: "
	  "passt --socket PATH" },
	{ ERR_PASST, EACCES, NULL,
	  "%n: permission denied. Start a passt of your own: "
	  "passt --socket PATH" },
	{ ERR_PASST, ENAMETOOLONG, NULL,
	  "%n: that name is too long for a socket, which has 107 bytes. "
	  "Use one in another folder, or a relative one." },
	{ ERR_PASST, 0, NULL,
	  "%n is no socket of passt: %e. Start one: passt --socket PATH" },
	{ ERR_PASST_START, ENOENT, NULL,
	  "there is no program passt here. Install it: "
	  "sudo apt-get install passt" },
	{ ERR_PASST_START, 0, NULL,
	  "passt cannot be started: %e. Try it by hand: passt --foreground" },
	{ ERR_HOST_CALL, EMFILE, NULL,
	  "%n failed: too many files are open. Allow more: ulimit -n 4096" },
	{ ERR_HOST_CALL, ENOMEM, NULL,
	  "%n failed: the host is out of memory. See what is left: free -h" },
	{ ERR_HOST_CALL, EAGAIN, NULL,
	  "%n failed: a limit of this user is reached. "
	  "See the limits: ulimit -a" },
	{ ERR_HOST_CALL, 0, NULL,
	  "%n failed: %e. Nothing is known to cause this: please report it, "
	  "with: barge --version; uname -a" },

	/* PCI and VFIO */
	{ ERR_PCI_NO_DEVICE, 0, NULL,
	  "%n: the host has no such PCI device. List those it has: barge devices" },
	{ ERR_PCI_SYSFS, EACCES, NULL,
	  "%n: only root may read all of its configuration space. "
	  "Run the same with sudo." },
	{ ERR_PCI_SYSFS, 0, NULL,
	  "%n cannot be used: %e. "
	  "Check that sysfs is mounted: findmnt /sys" },
	{ ERR_VFIO_DRIVER, 0, no_detail,
	  "%n has no driver; it needs vfio-pci. Bind it: " BIND "%n" },
	{ ERR_VFIO_DRIVER, 0, NULL,
	  "%n is bound to %d, not to vfio-pci. Bind it: " BIND "%n" },
	{ ERR_VFIO_NO_IOMMU, 0, on_arm,
	  "%n is in no IOMMU group. Give the host an SMMU that its firmware "
	  "describes: sudo dmesg | grep -i smmu" },
	{ ERR_VFIO_NO_IOMMU, 0, NULL,
	  "%n is in no IOMMU group. Turn on VT-d or AMD-Vi in the firmware "
	  "setup, and on Intel boot the host with intel_iommu=on." },
	{ ERR_VFIO_GROUP_OPEN, EACCES, NULL,
	  "/dev/vfio/%1 of %n: permission denied. "
	  "Make it yours: sudo chown $USER /dev/vfio/%1" },
	{ ERR_VFIO_GROUP_OPEN, EBUSY, NULL,
	  "/dev/vfio/%1 of %n is used by another program. "
	  "See which: sudo fuser -v /dev/vfio/%1 /dev/vfio/devices/*" },
	{ ERR_VFIO_GROUP_OPEN, ENOENT, NULL,
	  "/dev/vfio/%1 of %n does not exist. "
	  "Load the driver: sudo modprobe vfio-pci" },
	{ ERR_VFIO_GROUP_OPEN, 0, NULL,
	  "/dev/vfio/%1 of %n cannot be opened: %e. "
	  "Look for VFIO's reason: sudo dmesg | grep -i vfio" },
	{ ERR_VFIO_NOT_VIABLE, 0, no_detail,
	  "%n shares IOMMU group %1 with devices that the host uses. "
	  "Bind them to vfio-pci too: ls /sys/kernel/iommu_groups/%1/devices" },
	{ ERR_VFIO_NOT_VIABLE, 0, NULL,
	  "%n shares IOMMU group %1 with devices that the host uses: %d. "
	  "Bind them to vfio-pci too: sudo barge bind%A" },
	{ ERR_VFIO_CONTAINER, EACCES, NULL,
	  "/dev/vfio/vfio: permission denied. "
	  "Let everybody open it: sudo chmod a+rw /dev/vfio/vfio" },
	{ ERR_VFIO_CONTAINER, ENOENT, NULL,
	  "/dev/vfio/vfio does not exist. "
	  "Load the driver: sudo modprobe vfio-pci" },
	{ ERR_VFIO_CONTAINER, ENODEV, NULL,
	  "/dev/vfio/vfio has no driver behind it. "
	  "Load the driver: sudo modprobe vfio-pci" },
	{ ERR_VFIO_CONTAINER, ENOTSUP, NULL,
	  "/dev/vfio/vfio speaks another version of VFIO. "
	  "Boot another host kernel." },
	{ ERR_VFIO_CONTAINER, 0, NULL,
	  "/dev/vfio/vfio cannot be used: %e. "
	  "Look for VFIO's reason: sudo dmesg | grep -i vfio" },
	/* What type 1 answers where interrupts are not remapped. */
	{ ERR_VFIO_IOMMU_TYPE, EPERM, on_arm,
	  "%n: nothing keeps the interrupts of the host's devices apart, as an "
	  "ITS does, so VFIO refuses the device. If you trust the guest, take "
	  "the risk: sudo sh -c 'echo 1 > /sys/module/vfio_iommu_type1/"
	  "parameters/allow_unsafe_interrupts'" },
	{ ERR_VFIO_IOMMU_TYPE, EPERM, NULL,
	  "%n: the host cannot remap interrupts, so VFIO refuses the device. "
	  "Turn that on in the firmware setup, or take the risk: sudo sh -c "
	  "'echo 1 > /sys/module/vfio_iommu_type1/parameters/"
	  "allow_unsafe_interrupts'" },
	{ ERR_VFIO_IOMMU_TYPE, ENOTSUP, NULL,
	  "/dev/vfio/vfio offers no type 1 IOMMU. "
	  "Load it: sudo modprobe vfio_iommu_type1" },
	{ ERR_VFIO_IOMMU_TYPE, 0, NULL,
	  "%n: its IOMMU cannot be used: %e. "
	  "Look for VFIO's reason: sudo dmesg | grep -i -e vfio -e iommu" },
	{ ERR_VFIO_IOMMUFD, ENOENT, NULL,
	  "there is no %n. Use --iommu type1, or boot a host kernel with "
	  "CONFIG_IOMMUFD and load it: sudo modprobe iommufd" },
	{ ERR_VFIO_IOMMUFD, EACCES, NULL,
	  "%n: permission denied. "
	  "Make it yours: sudo chown $USER %n" },
	{ ERR_VFIO_IOMMUFD, ENODEV, NULL,
	  "%n has no driver behind it. Use --iommu type1, or load it: "
	  "sudo modprobe iommufd" },
	{ ERR_VFIO_IOMMUFD, 0, no_detail,
	  "%n cannot be opened: %e. "
	  "Look for the reason: sudo dmesg | grep -i iommu" },
	{ ERR_VFIO_IOMMUFD, 0, NULL,
	  "%n: %d failed: %e. "
	  "Look for the reason: sudo dmesg | grep -i iommu" },
	{ ERR_VFIO_CDEV, 0, no_detail,
	  "%n has no file below /dev/vfio/devices. Use --iommu type1, or boot "
	  "a host kernel with CONFIG_VFIO_DEVICE_CDEV (Linux 6.6 or newer)." },
	{ ERR_VFIO_CDEV, EACCES, NULL,
	  "%d of %n: permission denied. "
	  "Make it yours: sudo chown $USER %d" },
	{ ERR_VFIO_CDEV, ENOENT, NULL,
	  "%d of %n does not exist, although the kernel has such a device. "
	  "Use --iommu type1, or let udev make it: sudo udevadm trigger" },
	{ ERR_VFIO_CDEV, 0, NULL,
	  "%d of %n cannot be opened: %e. "
	  "Look for VFIO's reason: sudo dmesg | grep -e vfio -e %n" },
	/* drivers/iommu/iommufd/device.c: interrupts are not isolated */
	{ ERR_VFIO_BIND, EPERM, on_arm,
	  "%n: nothing keeps the interrupts of the host's devices apart, as an "
	  "ITS does, so iommufd refuses the device. If you trust the guest, "
	  "take the risk: sudo sh -c 'echo 1 > /sys/module/iommufd/parameters/"
	  "allow_unsafe_interrupts'" },
	{ ERR_VFIO_BIND, EPERM, NULL,
	  "%n: the host cannot remap interrupts, so iommufd refuses the "
	  "device. Turn that on in the firmware setup, or take the risk: sudo "
	  "sh -c 'echo 1 > /sys/module/iommufd/parameters/"
	  "allow_unsafe_interrupts'" },
	{ ERR_VFIO_BIND, EBUSY, NULL,
	  "%n is used through its IOMMU group by another program. "
	  "See which: sudo fuser -v /dev/vfio/*" },
	/* drivers/vfio/vfio_main.c: its file serves one program at a time */
	{ ERR_VFIO_BIND, EINVAL, NULL,
	  "%n is used by another program, or its IOMMU is not coherent with "
	  "the processors' caches. See by which: sudo fuser -v %d" },
	{ ERR_VFIO_BIND, 0, NULL,
	  "%n cannot be bound to /dev/iommu: %e. "
	  "Look for VFIO's reason: sudo dmesg | grep -e vfio -e %n" },
	{ ERR_VFIO_IOCTL, ENODEV, NULL,
	  "%n: %d failed: the device is gone, or its driver lets it go. "
	  "See whether it is there: lspci -D -s %n" },
	{ ERR_VFIO_IOCTL, EBUSY, NULL,
	  "%n: %d failed: the device is in use. "
	  "See by which program: sudo fuser -v /dev/vfio/*" },
	{ ERR_VFIO_IOCTL, 0, NULL,
	  "%n: %d failed: %e. "
	  "Look for VFIO's reason: sudo dmesg | grep -e vfio -e %n" },
	{ ERR_VFIO_MEMLOCK, 0, NULL,
	  "%m of guest memory has to be locked for devices, and the limit "
	  "RLIMIT_MEMLOCK is %d KiB. Allow %K KiB: "
	  "sudo prlimit --pid $$ --memlock=$((%K * 1024)) "
	  "(systemd: LimitMEMLOCK=%KK), or run barge with CAP_IPC_LOCK." },
	{ ERR_VFIO_DMA_MAP, ENOMEM, NULL,
	  "%M of guest memory at %x cannot be locked for the device: over the "
	  "limit RLIMIT_MEMLOCK. Allow %K KiB: ulimit -l %K "
	  "(systemd: LimitMEMLOCK=%KK), or run barge with CAP_IPC_LOCK." },
	{ ERR_VFIO_DMA_MAP, ENOSPC, NULL,
	  "%M of guest memory at %x is one IOMMU mapping too many. Allow more: "
	  "sudo sh -c 'echo 1048576 > /sys/module/vfio_iommu_type1/parameters/"
	  "dma_entry_limit'" },
	{ ERR_VFIO_DMA_MAP, 0, NULL,
	  "%M of guest memory at %x cannot be mapped in the IOMMU: %e. "
	  "Look for the reason: sudo dmesg | grep -i -e vfio -e iommu" },
	{ ERR_VFIO_IOVA, 0, NULL,
	  "%M of guest memory at %x is where the device's IOMMU reaches "
	  "nothing. Give less with --memory; what is taken is listed in: "
	  "/sys/kernel/iommu_groups/*/reserved_regions" },
	{ ERR_VFIO_BAR_SPACE, 0, no_name,
	  "the IOMMU leaves no room for the BARs of devices. "
	  "See what is taken: /sys/kernel/iommu_groups/*/reserved_regions" },
	{ ERR_VFIO_BAR_SPACE, 0, NULL,
	  "%n: BAR %1 of %M finds no room in the guest's address space. "
	  "Give less with --memory, or fewer devices." },
	{ ERR_VFIO_DEVICE_ERROR, 0, NULL,
	  "%n: the host reports an error of this device, so the VM was ended. "
	  "Look for it: sudo dmesg | grep -e AER -e %n; to let the guest go on "
	  "another time, add to its --vfio: on-error=ignore" },
	{ ERR_VFIO_REQUESTED, 0, num_zero,
	  "%n: the host wanted this device back, so the VM was ended. To have "
	  "the guest asked for it, add to its --vfio: request-timeout=10" },
	{ ERR_VFIO_REQUESTED, 0, NULL,
	  "%n: the host wanted this device back and the guest did not give it "
	  "up within %1 s, so the VM was ended. To leave it more time, add to "
	  "its --vfio: request-timeout=SECONDS" },
	/* PCI-3.0 6.1: header type 0 is a device, 1 a bridge, 2 CardBus */
	{ ERR_VFIO_HEADER, 0, NULL,
	  "%n is a bridge (header type %1), which no guest can be given. "
	  "Name a device behind it: lspci -tv" },

	/* binding */
	{ ERR_BIND_DRIVER, 0, NULL,
	  "%n cannot be bound to vfio-pci, which is not loaded. "
	  "Load it: sudo modprobe vfio-pci" },
	{ ERR_BIND_HOST, 0, NULL,
	  "%n is in use by the host: %d. Stop using it first, "
	  "or take it away nevertheless: sudo barge bind --force %n" },
	{ ERR_BIND_VM, 0, NULL,
	  "%n is in use by a VM: %d has it. End that VM first, "
	  "or ask it for the device and wait: sudo barge unbind --force %n" },
	{ ERR_BIND_WRITE, EACCES, NULL,
	  "%n: only root may change which driver a device has. "
	  "Run the same with sudo." },
	{ ERR_BIND_WRITE, EROFS, NULL,
	  "%n: sysfs is read-only here. Bind devices outside this container." },
	{ ERR_BIND_WRITE, 0, NULL,
	  "%n: the kernel refused: %e. Look for its reason: sudo dmesg | tail" },
	{ ERR_BUSYBOX, 0, NULL,
	  "this host has no static busybox, which runs the command in the "
	  "guest. Install it: sudo apt-get install busybox-static" },
	{ ERR_DOCTOR, 0, NULL,
	  "VMs with passed-through devices cannot run here. Change what "
	  "stands behind the word bad (%1) above." },
	{ ERR_BIND_REFUSED, EBUSY, NULL,
	  "%n is still bound to a VFIO driver. "
	  "Look for the kernel's reason: sudo dmesg | grep -e vfio -e %n" },
	{ ERR_BIND_REFUSED, 0, NULL,
	  "%n: vfio-pci does not take the device: %e. "
	  "Look for its reason: sudo dmesg | grep -e vfio -e %n" },
};
/* clang-format on */

static bool fits(const struct row *r, const struct err *e)
{
	return r->what == e->what && (r->code == 0 || r->code == -e->code) &&
	       (!r->when || r->when(e));
}

const char *explain_text(const struct err *e)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (fits(&rows[i], e))
			return rows[i].text;
	}
	return "an error without a name: %e. Please report it as a bug, with: "
	       "barge --version; uname -a";
}
