/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/explain.h"
#include "vmm/options.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define A	 "0000:01:00.0"

struct golden {
	struct err e;
	const char *text;
};

/* clang-format off */
static const struct golden goldens[] = {
	{ { -EINVAL, ERR_OPTION_UNKNOWN, 0, 0, "--kernl", "" },
	  "--kernl is not an option. Did you mean --kernel?" },
	{ { -EINVAL, ERR_OPTION_UNKNOWN, 0, 0, "--frobnicate", "" },
	  "--frobnicate is not an option. See which there are: barge --help" },
	{ { -EINVAL, ERR_OPTION_UNKNOWN, 0, 0, "msx", "--vfio" },
	  "--vfio has no key msx. Did you mean msix?" },
	{ { -EINVAL, ERR_OPTION_UNKNOWN, 0, 0, "address", "--vfio" },
	  "--vfio has no key address. See which it has: barge --help" },
	{ { -EINVAL, ERR_OPTION_VALUE, VALUE_SIZE, 0, "--memory", "12Q" },
	  "--memory does not take \"12Q\". Give a size such as 512M or 4G." },
	{ { -ERANGE, ERR_OPTION_VALUE, VALUE_SIZE, 0, "vm.ini:3: memory",
	    "9999999999T" },
	  "vm.ini:3: memory \"9999999999T\" is too large. "
	  "Give a size such as 512M or 4G." },
	{ { -EINVAL, ERR_OPTION_VALUE, VALUE_PATH, 0, "--kernel", "" },
	  "--kernel names no file. Give the name of a file." },
	{ { -EINVAL, ERR_OPTION_VALUE, VALUE_MSIX, 0, "--vfio msix", "no" },
	  "--vfio msix does not take \"no\". "
	  "Give auto, inplace or relocate." },
	{ { -EINVAL, ERR_OPTION_UNKNOWN, 0, 0, "romfile", "--vfio" },
	  "--vfio has no key romfile. Did you mean rom?" },
	{ { -EINVAL, ERR_ROM_BAD, 0, 0, "v.rom", "is too short" },
	  "v.rom is no ROM image of a PCI device: it is too short. "
	  "Read one with: echo 1 >/sys/bus/pci/devices/ADDRESS/rom, "
	  "then copy that file." },
	{ { -EINVAL, ERR_OPTION_VALUE, VALUE_CPU_OFF, 0, "--cpu-off", "fpu" },
	  "--cpu-off does not take \"fpu\". "
	  "Give some of pmu,sve,pauth, or none." },
	{ { -ENOTSUP, ERR_NO_MODULES, 0, 0, "bzImage", "" },
	  "bzImage is no multiboot kernel, and only those take modules. "
	  "Leave out --module, or give the file to --initrd." },
	{ { -ENOTSUP, ERR_NO_FLAT, 0, 0, "x.flat", "" },
	  "x.flat: flat images are for aarch64. On x86_64, build a multiboot "
	  "kernel and leave out --kernel-format." },
	{ { -ENOTSUP, ERR_NO_FDT, 0, 0, "vm.dtb", "" },
	  "vm.dtb: there is no device tree to write: ACPI tables describe the "
	  "machine to a guest on x86_64. Leave out --dump-fdt." },
	{ { -ENXIO, ERR_KVM_IOCTL, 0, 0, "KVM_SET_DEVICE_ATTR", "PMU" },
	  "KVM_SET_DEVICE_ATTR failed for a processor's counters: no such "
	  "device or address. Do without them: --cpu-off pmu" },
	{ { -ENOSPC, ERR_FDT_SPACE, 65536, 0, "", "" },
	  "the device tree of this machine is larger than 64K. "
	  "Give fewer --cpus or a shorter --cmdline." },
	{ { -ENOEXEC, ERR_KERNEL_PAGES, 16384, 0, "Image", "" },
	  "Image is a kernel for pages of 16K, which this processor does not "
	  "have. Boot one for pages of another size." },
	{ { -EADDRINUSE, ERR_SOCKET, 0, 0, "/run/v", "" },
	  "/run/v: another program listens at this socket. "
	  "Name another: --vsock 3,socket=PATH" },
	{ { -EADDRINUSE, ERR_VSOCK_CID, 5, 0, "", "" },
	  "another guest of this host has the address 5 for its sockets. "
	  "Give another, or: --vsock auto" },
	{ { -EADDRINUSE, ERR_VSOCK_CID, 0, 0, "", "" },
	  "no address for the guest's sockets is free. "
	  "Name one: --vsock CID" },
	{ { -ENOENT, ERR_SHARE_PROGRAM, 0, 0, "/srv", "" },
	  "there is no virtiofsd to serve /srv. Install it: sudo apt install "
	  "virtiofsd (Debian 12: qemu-system-common)" },
	{ { -EPIPE, ERR_SHARE_DAEMON, 125, 0, "/srv", "" },
	  "the virtiofsd in C, which is to serve /srv, does not work for a "
	  "user with more than one group. Install the one in Rust, or use "
	  "sudo." },
	{ { -EPIPE, ERR_SHARE_DAEMON, 126, 0, "/srv", "" },
	  "virtiofsd, which serves /srv, needs root or user namespaces. Allow "
	  "them: sudo sysctl kernel.unprivileged_userns_clone=1" },
	{ { -ECONNREFUSED, ERR_SHARE_SOCKET, 0, 0, "/run/v", "" },
	  "/run/v: no virtiofsd listens there any more. "
	  "Start it anew: virtiofsd --socket-path=/run/v -o source=DIR" },
	{ { -E2BIG, ERR_OPTION_VALUE, VALUE_VFIO, 16, "--vfio", A },
	  "--vfio " A " is one device too many. A guest can be given 16." },
	{ { -EINVAL, ERR_OPTION_MISSING, VALUE_PATH, 0, "--kernel", "" },
	  "--kernel lacks its value. Give the name of a file." },
	{ { -EINVAL, ERR_ARGUMENT_EXTRA, 0, 0, "memory=4G", "" },
	  "memory=4G is one argument too many. Did you mean --memory?" },
	{ { -EINVAL, ERR_COMMAND_UNKNOWN, 0, 0, "", "" },
	  "the command is missing. Start a VM with: barge run --kernel FILE, "
	  "or see: barge --help" },
	{ { -EINVAL, ERR_COMMAND_UNKNOWN, 0, 0, "--kernel", "" },
	  "--kernel stands where a command is due. Write: barge run --kernel" },
	{ { -EINVAL, ERR_COMMAND_UNKNOWN, 0, 0, "plna", "" },
	  "plna is not a command. Did you mean barge plan?" },
	{ { -ENOENT, ERR_INI_KEY, 7, 0, "vm.ini", "vm:memroy" },
	  "vm.ini:7: [vm] has no key memroy. Did you mean memory?" },
	{ { -ENOENT, ERR_INI_KEY, 7, 0, "vm.ini", "vfio.a:misx" },
	  "vm.ini:7: [vfio.a] has no key misx. Did you mean msix?" },
	{ { -ENOENT, ERR_INI_KEY, 7, 0, "vm.ini", "vm:halp" },
	  "vm.ini:7: [vm] has no key halp. See which it has: man barge.ini" },
	{ { -EINVAL, ERR_INI_SECTION, 1, 0, "vm.ini", "mv" },
	  "vm.ini:1: there is no section [mv]. Did you mean [vm]?" },
	{ { -EISDIR, ERR_INI_OPEN, 0, 0, "/tmp", "" },
	  "/tmp is a folder, not an INI file. Name the file in it." },
	{ { -ERANGE, ERR_MEMORY_SMALL, 15 << 20, 16 << 20, "", "" },
	  "15M of memory is too little. Give at least: --memory 16M" },
	{ { -ERANGE, ERR_MEMORY_LARGE, 4ull << 40, 3ull << 30, "", "" },
	  "4096G of memory is more than this host can give a guest. "
	  "Give at most: --memory 3G" },
	{ { -ERANGE, ERR_CPUS, 0, 255, "", "" },
	  "--cpus 0 leaves the guest no processor. Give 1 to 255." },
	{ { -ERANGE, ERR_CPUS, 256, 255, "", "" },
	  "--cpus 256 is more than is possible. Give at most: --cpus 255" },
	{ { -EINVAL, ERR_VFIO_ADDRESS, 0, 0, "01:00.8", "--vfio" },
	  "--vfio: 01:00.8 is not a PCI address. "
	  "Give one like 0000:01:00.0; all are listed by: barge devices" },
	{ { -ENOENT, ERR_FILE_OPEN, 0, 0, "bzImage", "kernel" },
	  "bzImage: there is no such file for the kernel. Check the name." },
	{ { -EACCES, ERR_FILE_OPEN, 0, 0, "/boot/vmlinuz", "kernel" },
	  "/boot/vmlinuz: permission denied, opening the kernel. "
	  "Make it readable: sudo chmod a+r /boot/vmlinuz" },
	{ { -ELOOP, ERR_FILE_OPEN, 0, 0, "x", "initrd" },
	  "x: the initrd cannot be opened: too many levels of symbolic links. "
	  "Check the name." },
	{ { -EINVAL, ERR_KERNEL_SPACE, (100 << 20) + 1, 0, "bzImage", "" },
	  "bzImage: the kernel does not fit into the guest's memory. "
	  "Give at least: --memory 101M" },
	{ { -EACCES, ERR_KVM_OPEN, 0, 0, "", "" },
	  "/dev/kvm: permission denied. Add yourself to its group: "
	  "sudo usermod -aG kvm $USER, and log in again." },
	{ { -ENOENT, ERR_HUGEPAGES, 8 << 20, 0, "", "" },
	  "the host has no huge pages of 8M. Give --hugepages one of the sizes "
	  "it has: ls /sys/kernel/mm/hugepages" },
	{ { -ENOMEM, ERR_HUGEPAGES, 2 << 20, 600, "/sys/x/nr_hugepages",
	    "512 wanted, 3 free" },
	  "too few huge pages of 2M: 512 wanted, 3 free. Reserve more: "
	  "sudo sh -c 'echo 600 > /sys/x/nr_hugepages'" },
	{ { -ENOMEM, ERR_HUGEPAGES, 1 << 30, 4, "/sys/x/nr_hugepages",
	    "4 wanted, 0 free" },
	  "too few huge pages of 1G: 4 wanted, 0 free. Boot the host with "
	  "hugepagesz=1G hugepages=4, or while memory is in one piece: "
	  "sudo sh -c 'echo 4 > /sys/x/nr_hugepages'" },
	{ { 0, ERR_VFIO_DRIVER, 0, 0, A, "nvme" },
	  A " is bound to nvme, not to vfio-pci. Bind it: "
	  "sudo modprobe vfio-pci && sudo barge bind " A },
	{ { 0, ERR_VFIO_DRIVER, 0, 0, A, "" },
	  A " has no driver; it needs vfio-pci. Bind it: "
	  "sudo modprobe vfio-pci && sudo barge bind " A },
	{ { -EPERM, ERR_VFIO_NOT_VIABLE, 12, 0, A,
	    "0000:01:00.1 (snd_hda_intel) 0000:01:00.2 (xhci_hcd)" },
	  A " shares IOMMU group 12 with devices that the host uses: "
	  "0000:01:00.1 (snd_hda_intel) 0000:01:00.2 (xhci_hcd). "
	  "Bind them to vfio-pci too: "
	  "sudo barge bind 0000:01:00.1 0000:01:00.2" },
	{ { -EBUSY, ERR_BIND_HOST, 0, 0, A, "nvme0n1 is mounted on /" },
	  A " is in use by the host: nvme0n1 is mounted on /. Stop using it "
	  "first, or take it away nevertheless: sudo barge bind --force " A },
	{ { -EACCES, ERR_BIND_WRITE, 0, 0, "/sys/x", "" },
	  "/sys/x: only root may change which driver a device has. "
	  "Run the same with sudo." },
	{ { -EINVAL, ERR_ADDRESS_NONE, 0, 0, "bind", "" },
	  "barge bind lacks the address of a device. "
	  "Give one or more, as listed by: barge devices" },
	{ { -EBUSY, ERR_VFIO_GROUP_OPEN, 12, 0, A, "" },
	  "/dev/vfio/12 of " A " is used by another program. "
	  "See which: sudo fuser -v /dev/vfio/12 /dev/vfio/devices/*" },
	{ { -ENOENT, ERR_VFIO_IOMMUFD, 0, 0, "/dev/iommu", "" },
	  "there is no /dev/iommu. Use --iommu type1, or boot a host kernel "
	  "with CONFIG_IOMMUFD and load it: sudo modprobe iommufd" },
	{ { -ENOENT, ERR_VFIO_CDEV, 0, 0, A, "" },
	  A " has no file below /dev/vfio/devices. Use --iommu type1, or boot "
	  "a host kernel with CONFIG_VFIO_DEVICE_CDEV (Linux 6.6 or newer)." },
	{ { -EACCES, ERR_VFIO_CDEV, 0, 0, A, "/dev/vfio/devices/vfio3" },
	  "/dev/vfio/devices/vfio3 of " A ": permission denied. "
	  "Make it yours: sudo chown $USER /dev/vfio/devices/vfio3" },
	{ { -EBUSY, ERR_VFIO_BIND, 0, 0, A, "/dev/vfio/devices/vfio3" },
	  A " is used through its IOMMU group by another program. "
	  "See which: sudo fuser -v /dev/vfio/*" },
	{ { -ENOMEM, ERR_VFIO_MEMLOCK, 4ull << 30, 1ull << 20, "", "8192" },
	  "4G of guest memory has to be locked for devices, and the limit "
	  "RLIMIT_MEMLOCK is 8192 KiB. Allow 4195328 KiB: "
	  "sudo prlimit --pid $$ --memlock=$((4195328 * 1024)) "
	  "(systemd: LimitMEMLOCK=4195328K), "
	  "or run barge with CAP_IPC_LOCK." },
	{ { -ENODEV, ERR_VFIO_IOCTL, 0, 0, A, "VFIO_DEVICE_GET_INFO" },
	  A ": VFIO_DEVICE_GET_INFO failed: the device is gone, or its driver "
	  "lets it go. See whether it is there: lspci -D -s " A },
	{ { -ENOMEM, ERR_VFIO_DMA_MAP, 0x100000000, 1ull << 30, "", "" },
	  "1G of guest memory at 0x100000000 cannot be locked for the device: "
	  "over the limit RLIMIT_MEMLOCK. Allow 5242880 KiB: "
	  "ulimit -l 5242880 (systemd: LimitMEMLOCK=5242880K), "
	  "or run barge with CAP_IPC_LOCK." },
	{ { -ECANCELED, ERR_VFIO_REQUESTED, 10, 0, A, "" },
	  A ": the host wanted this device back and the guest did not give "
	  "it up within 10 s, so the VM was ended. To leave it more time, add "
	  "to its --vfio: request-timeout=SECONDS" },
	{ { 0, ERR_VFIO_HEADER, 1, 0, A, "" },
	  A " is a bridge (header type 1), which no guest can be given. "
	  "Name a device behind it: lspci -tv" },
};
/* clang-format on */

static void golden_texts(void **state)
{
	char buf[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(goldens); i++) {
		explain(&goldens[i].e, buf, sizeof(buf));
		assert_string_equal(buf, goldens[i].text);
	}
}

static const int codes[] = {0,	    EACCES, EPERM,  ENOENT, EBUSY,
			    EINVAL, ENOMEM, ENODEV, ERANGE, EISDIR,
			    EMFILE, ENOSPC, EILSEQ, E2BIG,  EDOM,
			    EEXIST, EFBIG,  EAGAIN, 9999};

static void hostile(char *s, size_t size, unsigned int from)
{
	for (size_t i = 0; i + 1 < size; i++)
		s[i] = (char)(1 + (i + from) % 255);
	s[size - 1] = '\0';
}

/* One line of printable ASCII and whole UTF-8: here, no byte above 0x7e. */
static void assert_printable(const char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			fail_msg("byte %02x in: %s", (unsigned char)*s, s);
	}
}

/* Each kind with each errno says something whole, whatever the fields hold. */
static void every_kind(void **state)
{
	char buf[4096];
	struct err e = {.num = UINT64_MAX, .num2 = UINT64_MAX - 4096};

	(void)state;
	for (unsigned int w = ERR_NONE; w < ERR_WHAT_MAX; w++) {
		for (size_t i = 0; i < COUNT(codes); i++) {
			e.what = (enum err_what)w;
			e.code = -codes[i];
			hostile(e.name, sizeof(e.name), w);
			hostile(e.detail, sizeof(e.detail), w + 100);
			explain(&e, buf, sizeof(buf));
			assert_true(strlen(buf) + 1 < sizeof(buf));
			assert_printable(buf);
			if (w != ERR_NONE && strstr(buf, "an error without"))
				fail_msg("kind %u has no text", w);
			/* two sentences: the thing, the advice */
			assert_non_null(strstr(buf, ". "));
			e.detail[0] = '\0';
			e.name[0] = '\0';
			explain(&e, buf, sizeof(buf));
			assert_printable(buf);
			/* nothing of the table is left unfilled */
			assert_null(strchr(buf, '%'));
		}
	}
}

static void never_too_long(void **state)
{
	struct err e = {.what = ERR_VFIO_NOT_VIABLE, .code = -EPERM};
	char whole[4096], buf[4096];

	(void)state;
	hostile(e.name, sizeof(e.name), 0);
	hostile(e.detail, sizeof(e.detail), 0);
	explain(&e, whole, sizeof(whole));
	for (size_t size = 1; size < strlen(whole) + 8; size++) {
		size_t want =
			size - 1 < strlen(whole) ? size - 1 : strlen(whole);

		memset(buf, 'Z', sizeof(buf));
		explain(&e, buf, size);
		assert_int_equal(strlen(buf), want);
		assert_memory_equal(buf, whole, want);
		assert_int_equal(buf[size], 'Z');
	}
	buf[0] = 'Z';
	explain(&e, buf, 0);
	assert_int_equal(buf[0], 'Z');
}

static void says(struct err *e, const char *name, const char *begin)
{
	char buf[1024];

	snprintf(e->name, sizeof(e->name), "%s", name);
	explain(e, buf, sizeof(buf));
	if (strncmp(buf, begin, strlen(begin)) != 0)
		fail_msg("%s", buf);
}

/* Names are words of a shell, because they stand in commands. */
static void names_quoted(void **state)
{
	struct err e = {.what = ERR_FILE_EMPTY, .detail = "kernel"};

	(void)state;
	says(&e, "a/b-c_1.2", "a/b-c_1.2: ");
	says(&e, "my kernel", "'my kernel': ");
	says(&e, "", "'': ");
	says(&e, "$(reboot)", "'$(reboot)': ");
	says(&e, "it's", "'it'\\''s': ");
	says(&e, "'", "''\\''': ");
	says(&e, "a\nb", "'a\\x0ab': ");
	says(&e, "a\033[2Jb", "'a\\x1b[2Jb': ");
	says(&e, "gr\xc3\xbc\xc3\x9f", "'gr\xc3\xbc\xc3\x9f': ");
	says(&e, "\xe2\x82\xac", "'\xe2\x82\xac': ");
	says(&e, "\xf0\x9f\x9a\xa2", "'\xf0\x9f\x9a\xa2': ");
	/* C1 controls, overlong, surrogates, beyond Unicode, cut, alone */
	says(&e, "\xc2\x9b", "'\\xc2\\x9b': ");
	says(&e, "\xc0\x9b", "'\\xc0\\x9b': ");
	says(&e, "\xe0\x82\x9b", "'\\xe0\\x82\\x9b': ");
	says(&e, "\xed\xa0\x80", "'\\xed\\xa0\\x80': ");
	says(&e, "\xf4\x90\x80\x80", "'\\xf4\\x90\\x80\\x80': ");
	says(&e, "\xe2\x82", "'\\xe2\\x82': ");
	says(&e, "\x80", "'\\x80': ");
}

static void status(void **state)
{
	struct err e = {.code = 0};

	(void)state;
	for (unsigned int w = ERR_NONE + 1; w < ERR_WHAT_MAX; w++) {
		e.what = (enum err_what)w;
		assert_int_equal(explain_status(&e), w < ERR_KVM_OPEN ? 1 : 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_texts),
		cmocka_unit_test(every_kind),
		cmocka_unit_test(never_too_long),
		cmocka_unit_test(names_quoted),
		cmocka_unit_test(status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
