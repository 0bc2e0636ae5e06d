/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdint.h>

/*
 * Why something could not be done: recorded once, where it happened, and
 * carried up untouched. vmm/explain.c alone turns it into a sentence and a
 * piece of advice, by (what, code). In the comments: name, detail, num are
 * what the fields of struct err hold for that kind.
 */
enum err_what {
	ERR_NONE,
	/* the command line and the configuration: exit status 1 */
	ERR_OPTION_UNKNOWN,  /* name: the option; or its key, detail: option */
	ERR_OPTION_VALUE,    /* name: option, detail: value, num: value_type */
	ERR_OPTION_MISSING,  /* name: option without value, num: value_type */
	ERR_OPTION_COMMAND,  /* name: option, num: the commands that have it */
	ERR_OPTION_BOTH,     /* name, detail: options that exclude another */
	ERR_ARGUMENT_EXTRA,  /* name: the argument */
	ERR_COMMAND_UNKNOWN, /* name: the command */
	ERR_ADDRESS_NONE,    /* name: the command that wants one */
	ERR_ADDRESS_MANY,    /* name: the address, num: how many are possible */
	ERR_INI_OPEN,	     /* name: file */
	ERR_INI_SYNTAX,	     /* name: file, detail: line text, num: line */
	ERR_INI_SECTION,     /* name: file, detail: section, num: line */
	ERR_INI_KEY,	     /* name: file, detail: section:key, num: line */
	ERR_NO_KERNEL,	     /* no kernel was named */
	ERR_MEMORY_SMALL,    /* num: bytes asked, num2: bytes needed */
	ERR_MEMORY_LARGE,    /* num: bytes asked, num2: bytes possible */
	ERR_CPUS,	     /* num: asked, num2: possible */
	ERR_AFFINITY_CPUS,   /* num: vCPUs that have CPUs, num2: vCPUs */
	ERR_RT_LARGE,	     /* num: priority asked for */
	ERR_VFIO_ADDRESS,    /* name: what was given, detail: where */
	ERR_VFIO_TWICE,	     /* name: address */
	ERR_SHARE_WHERE,     /* name: tag; num: 1 if it has both, 0: neither */
	ERR_SHARE_TWICE,     /* name: tag */
	ERR_FILE_OPEN,	     /* name: file, detail: role ("kernel", ...) */
	ERR_FILE_READ,	     /* name: file, detail: role */
	ERR_FILE_WRITE,	     /* name: file */
	ERR_FILE_EMPTY,	     /* name: file, detail: role */
	ERR_KERNEL_FORMAT,   /* name: file, detail: what the file is */
	ERR_KERNEL_BAD,	     /* name: file, detail: what is wrong in it */
	ERR_KERNEL_PAGES,    /* name: file, num: bytes of its pages */
	ERR_KERNEL_SPACE,    /* name: file, num: bytes RAM that would do */
	ERR_INITRD_SPACE,    /* name: file, num: bytes RAM that would do */
	ERR_FDT_SPACE,	     /* num: bytes there are for it */
	ERR_CMDLINE_LONG,    /* num: length, num2: longest possible */
	ERR_ROM_BAD,	     /* name: file, detail: what is wrong with it */
	ERR_MODULE_SPACE,    /* as ERR_INITRD_SPACE */
	ERR_NO_MODULES,	     /* name: a kernel that takes none */
	ERR_REGEX,	     /* name: option, detail: what is wrong, where */
	ERR_REGEX_MANY,	     /* name: option, num: how many are possible */
	ERR_NO_FLAT,	     /* name: a kernel that is to be one */
	ERR_NO_FDT,	     /* name: file that was to get a copy of it */
	ERR_TEST_NONE,	     /* name: folder without tests; "": none named */
	ERR_TEST_FILTER,     /* name: the pattern that no test fits */
	ERR_TEST_NAME,	     /* name: file, detail: its test's name */
	ERR_TEST_TWICE,	     /* name: the test, detail: its second file */
	ERR_TEST_NEEDS,	     /* name: file, detail: a word of needs */
	ERR_ROOT,	     /* name: folder or file, detail: its role */
	ERR_ROOT_LARGE,	     /* name: folder, num: bytes there are for it */
	ERR_ROOT_INIT,	     /* name: folder that has no init */
	ERR_PCI_SLOTS,	     /* num: devices that are possible */
	ERR_DISK_KIND,	     /* name: file, detail: what kind of file it is */
	ERR_DISK_FORMAT,     /* name: file, detail: what format it has */
	ERR_DISK_SIZE,	     /* name: file, num: bytes, num2: that would do,
				detail: bytes of a block */
	ERR_DISK_BLOCKS,     /* name: file, num: bytes that direct needs */
	ERR_NET_KEY,	     /* name: kind of --net, detail: key it lacks */
	ERR_BALLOON_PINNED,  /* name: option that keeps RAM from the host */
	ERR_BALLOON_LARGE,   /* num of --balloon, num2 of --memory: bytes */
	ERR_NET_TWICE,	     /* name: kind of --net */
	ERR_PORT_TWICE,	     /* name: of --port */
	ERR_DISK_TWICE,	     /* name: file */
	/* the host refuses: exit status 2 */
	ERR_KVM_OPEN,	     /* /dev/kvm */
	ERR_KVM_VERSION,     /* num: the API version found */
	ERR_KVM_CAP,	     /* name: the missing capability */
	ERR_KVM_IOCTL,	     /* name: the ioctl */
	ERR_RAM,	     /* num: bytes */
	ERR_HUGEPAGES,	     /* num: bytes of one, name: the pool's file, num2:
				what to put there, detail: needed and free */
	ERR_AFFINITY,	     /* num: CPU, detail: those online */
	ERR_RT_PRIORITY,     /* num: priority */
	ERR_PIDFILE,	     /* name: file, num: who has it */
	ERR_CONSOLE_OPEN,    /* name: file */
	ERR_SOCKET,	     /* name: file, of a socket that we make */
	ERR_VSOCK_CID,	     /* num: address of a guest's sockets; 0: any */
	ERR_SHARE_DIR,	     /* name: directory */
	ERR_SHARE_PROGRAM,   /* name: directory, detail: virtiofsd; "": none */
	ERR_SHARE_DAEMON,    /* name: directory, num: how virtiofsd ended */
	ERR_SHARE_SOCKET,    /* name: socket */
	ERR_HOST_CALL,	     /* name: the call that failed */
	ERR_VHOST,	     /* name: /dev/vhost-..., detail: option for it */
	ERR_DISK_LOCKED,     /* name: file, num: 1 if to be written */
	ERR_DISK_DIRECT,     /* name: file: no O_DIRECT there */
	ERR_DISK_URING,	     /* no io_uring */
	ERR_TAP_OPEN,	     /* name: interface, num: queues wanted */
	ERR_TAP,	     /* name: interface, detail: ioctl */
	ERR_TAP_FD,	     /* num: file descriptor */
	ERR_PASST,	     /* name: socket */
	ERR_PASST_START,     /* passt itself */
	ERR_PCI_NO_DEVICE,   /* name: address */
	ERR_PCI_SYSFS,	     /* name: sysfs file */
	ERR_VFIO_DRIVER,     /* name: address, detail: its driver or "" */
	ERR_VFIO_NO_IOMMU,   /* name: address */
	ERR_VFIO_GROUP_OPEN, /* name: address, num: group */
	ERR_VFIO_NOT_VIABLE, /* name: address, detail: "ADDR (driver) ...", num:
				group */
	ERR_VFIO_CONTAINER,  /* /dev/vfio/vfio */
	ERR_VFIO_IOMMU_TYPE, /* type1 is not offered */
	ERR_VFIO_IOCTL,	     /* name: address, detail: ioctl */
	ERR_VFIO_IOMMUFD,    /* name: /dev/iommu, detail: ioctl or "" */
	ERR_VFIO_CDEV,	     /* name: address, detail: its file, "": none */
	ERR_VFIO_BIND,	     /* name: address, detail: its file */
	ERR_VFIO_MEMLOCK,    /* num: bytes of RAM, num2: bytes locked already,
				detail: the limit in KiB */
	ERR_VFIO_DMA_MAP, /* num: gpa, num2: bytes; RLIMIT_MEMLOCK in -ENOMEM */
	ERR_VFIO_IOVA,	  /* num: gpa, num2: bytes: outside what the IOMMU can
			     address */
	ERR_VFIO_BAR_SPACE,    /* name: address, num: BAR, num2: bytes */
	ERR_VFIO_DEVICE_ERROR, /* name: address; while the guest ran */
	ERR_VFIO_REQUESTED,    /* name: address, num: seconds; likewise */
	ERR_VFIO_HEADER, /* name: address, num: header type: not an endpoint */
	ERR_BIND_DRIVER, /* name: address: vfio-pci is not there */
	ERR_BIND_HOST,	 /* name: address, detail: what the host does with it */
	ERR_BIND_VM,	 /* name: address, detail: who has it open */
	ERR_BIND_WRITE,	 /* name: sysfs file, detail: what was to be written */
	ERR_BIND_REFUSED, /* name: address: no driver has it afterwards */
	ERR_BUSYBOX,	  /* there is no static busybox */
	ERR_DOCTOR,	  /* num: checks that are bad */
	ERR_WHAT_MAX,
};

#define ERR_NAME_MAX   128
#define ERR_DETAIL_MAX 256

struct err {
	int code; /* -errno, or 0 where no call failed */
	enum err_what what;
	uint64_t num;
	uint64_t num2;
	char name[ERR_NAME_MAX];
	char detail[ERR_DETAIL_MAX];
};

/*
 * Record and return @code (if it is 0: -EINVAL), so that a caller can write
 * `return err_set(...)`. Strings may be NULL and are cut to what fits. What is
 * not given becomes 0 or empty: a kind with name, detail and num is recorded
 * first and has its num set in *e afterwards.
 */
int err_set(struct err *e, int code, enum err_what what, const char *name,
	    const char *detail);
int err_set_num(struct err *e, int code, enum err_what what, const char *name,
		uint64_t num, uint64_t num2);

#endif
