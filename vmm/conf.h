/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_CONF_H
#define VMM_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "vfio/bar_plan.h"
#include "vfio/choice.h"
#include "vfio/rom.h"

/* What was asked for: plain data, from the command line and an INI file. */

#define CONF_VFIO_MAX 16
/* An IOMMU group may hold more functions than a guest gets. */
#define CONF_ADDRESSES_MAX 64
#define CONF_PATH_MAX	   4096
#define CONF_DISKS_MAX	   16
#define CONF_CPUS_MAX	   255
/* Regular expressions of one option. */
#define CONF_REGEX_MAX	32
#define CONF_WORD_MAX	64
#define CONF_LINE_MAX	1024
#define CONF_MODULE_MAX 16

/* What becomes of the VM when a device has an error. */
enum conf_on_error {
	ON_ERROR_STOP,
	ON_ERROR_IGNORE,
};

struct conf_vfio {
	char address[16]; /* canonical: 0000:01:00.0 */
	enum msix_policy msix;
	enum conf_on_error on_error;
	/* s that the guest has to give the device up when the host asks */
	unsigned int request_timeout;
	enum rom_policy rom;
	char rom_file[CONF_PATH_MAX]; /* of ROM_FILE */
};

#define CONF_VFIO_DEFAULT                                                      \
	{                                                                      \
		.msix = MSIX_AUTO, .on_error = ON_ERROR_STOP,                  \
		.request_timeout = 10                                          \
	}

/* The socket device. */
struct conf_vsock {
	char cid[16];		    /* a number of the guest's own, or "auto" */
	char socket[CONF_PATH_MAX]; /* "": by the kernel's vhost-vsock */
};

/* A directory for the guest: one of path and socket is given. */
struct conf_share {
	char tag[CONF_WORD_MAX];
	char path[CONF_PATH_MAX];
	char socket[CONF_PATH_MAX]; /* of a vhost-user back end */
};

enum conf_disk_io {
	DISK_IO_AUTO,
	DISK_IO_URING,
	DISK_IO_THREADS,
};

struct conf_disk {
	char path[CONF_PATH_MAX];
	bool readonly;
	bool direct; /* O_DIRECT */
	bool discard;
	bool raw;		 /* whatever it looks like */
	unsigned int block_size; /* 0: as it suits the file */
	unsigned int queues;	 /* 0: one for each vCPU */
	enum conf_disk_io io;
	char serial[CONF_WORD_MAX]; /* "": none */
};

#define CONF_DISK_DEFAULT                                                      \
	{                                                                      \
		.discard = true                                                \
	}

enum conf_console_kind {
	CONSOLE_STDIO,
	CONSOLE_NONE,
	CONSOLE_FILE,
	CONSOLE_PTY,
	CONSOLE_SOCKET,
};

/* What a console is connected to; vmm/conf_console.h reads it. */
struct conf_console {
	enum conf_console_kind kind;
	bool append;		  /* this and the next: of a file */
	uint64_t max_size;	  /* bytes; 0: unbounded */
	char path[CONF_PATH_MAX]; /* file, socket, or link to a pty; or "" */
};

/* What a multiboot kernel is given besides; args may be empty. */
struct conf_module {
	char file[CONF_PATH_MAX];
	char args[CONF_LINE_MAX];
};

/* Who says that the VM is up, to a service manager. */
enum conf_ready {
	READY_START, /* it is when the vCPUs run */
	READY_GUEST,
};

/* Memory that the guest is asked to do without. */
struct conf_balloon {
	bool wanted; /* there is such a device */
	uint64_t size;
};

/* What a hang does that the guest's watchdog finds. */
enum conf_watchdog {
	WATCHDOG_OFF, /* there is no watchdog */
	WATCHDOG_RESET,
	WATCHDOG_FAIL,
};

/* What a guest's reboot does. */
enum conf_on_reboot {
	REBOOT_EXIT,
	REBOOT_RESTART,
};

/* In the order of their numbers: see vmm/conf_regex.h. */
struct conf_regexes {
	unsigned int n;
	bool from_ini;
	struct {
		unsigned int number;
		char *text; /* owned; compiles (watch_regex_check) */
	} at[CONF_REGEX_MAX];
};

/* A named port of the virtio console. */
struct conf_port {
	char name[CONF_WORD_MAX];
	struct conf_console to;
	bool append;	   /* this and the next: of a file */
	uint64_t max_size; /* bytes; 0: unbounded */
};

enum conf_kernel_format {
	KERNEL_FORMAT_AUTO,
	KERNEL_FORMAT_FLAT, /* code and data without any header */
};

enum conf_vhost {
	VHOST_AUTO,
	VHOST_ON,
	VHOST_OFF,
};

#define CONF_NET_MAX 16

struct conf_net {
	/* tap:NAME, fd:N, passt, passt:PATH */
	char kind[CONF_PATH_MAX + 8];
	uint8_t mac[6];	     /* all zero: to be made up */
	unsigned int queues; /* pairs */
	unsigned int mtu;    /* 0: the guest is told none */
	enum conf_vhost vhost;
};

enum conf_command {
	COMMAND_RUN,
	COMMAND_PLAN,
	COMMAND_DEVICES,
	COMMAND_DOCTOR,
	COMMAND_BIND,
	COMMAND_UNBIND,
	COMMAND_TEST,
	COMMAND_HELP,
	COMMAND_VERSION,
};

/* Section [test]: what of a file makes it a test (vmm/test.h). */
struct conf_test {
	bool given;	     /* there is such a section */
	char *name;	     /* NULL or owned, as all strings here */
	unsigned int status; /* expected; CONF_STATUS_DEFAULT: see test.h */
	bool xfail;
	char *reason;
	char *arch;
	char *needs;
};

#define CONF_STATUS_DEFAULT 256u

/* What `barge test` is told, tests apart. */
struct conf_suite {
	unsigned int jobs; /* 0: as many as processors */
	uint64_t memory;   /* bytes; 0: from what is available */
	unsigned int cpus; /* vCPUs; 0: processors, but at least jobs */
	unsigned int retries;
	bool tap;
	char *junit;
	char *logs;
	char *filter;
	/* INI files and folders; words that each `barge run` gets, too */
	unsigned int n_paths;
	unsigned int n_words;
	char **path;
	char **word;
};

struct conf {
	enum conf_command command;
	char *ini;    /* NULL or owned */
	char *kernel; /* NULL or owned, as all strings here */
	enum conf_kernel_format kernel_format;
	char *initrd;
	char *cmdline;
	char *init; /* command that an initramfs of our own runs */
	char *root; /* folder to be packed as initramfs */
	struct conf_test test;
	struct conf_suite suite;
	unsigned int cpus;
	uint64_t memory;    /* bytes */
	uint64_t hugepages; /* bytes of a hugetlb page for RAM; 0: none */
	bool prefault;
	char *cpu_affinity; /* vmm/affinity.h */
	unsigned int rt_priority;
	struct conf_console console; /* the serial port's */
	struct conf_console hvc;     /* hvc0's; CONSOLE_NONE: there is none */
	unsigned int n_port;
	struct conf_port port[16];
	bool timestamps;
	char *pidfile;
	enum conf_ready ready;
	bool verbose;
	bool slot_zap_all;    /* struct kvm */
	unsigned int cpu_off; /* PLAN_CPU_* */
	char *dump_fdt;
	bool json;  /* plan, devices, doctor */
	bool force; /* bind, unbind */
	/* What bind, unbind and devices are told to look at, each once. */
	unsigned int n_addresses;
	char address[CONF_ADDRESSES_MAX][16];
	char *svg; /* this and the next: plan only */
	char *what_if;
	enum vfio_backend iommu;
	enum vfio_p2p p2p;
	uint64_t timeout_ms; /* 0: none */
	struct conf_regexes expect;
	struct conf_regexes fail_on;
	struct conf_regexes until;
	bool fail_on_oops;
	enum conf_on_reboot on_reboot;
	bool rng;
	struct conf_balloon balloon;
	enum conf_watchdog watchdog;
	bool guest_notify;
	unsigned int n_module;
	struct conf_module module[CONF_MODULE_MAX];
	unsigned int n_vsock;
	struct conf_vsock vsock[1];
	unsigned int n_share;
	struct conf_share share[8];
	unsigned int n_vfio;
	struct conf_vfio vfio[CONF_VFIO_MAX];
	unsigned int n_disk;
	struct conf_disk disk[CONF_DISKS_MAX];
	unsigned int n_net;
	struct conf_net net[CONF_NET_MAX];
};

/*
 * Parse a whole command line into @c, defaults included. A later word wins
 * over an earlier one and the command line over the file. 0, or -errno with
 * @e set; conf_fini() is due in both cases. Prints nothing.
 */
int conf_parse(struct conf *c, int argc, char *const argv[], struct err *e);
/* Whether what systemd in the guest says is to be heard. */
static inline bool conf_hears_guest(const struct conf *c)
{
	return c->guest_notify || c->ready == READY_GUEST;
}

/* Pure: whether the parsed values make sense together. */
int conf_check(const struct conf *c, struct err *e);
void conf_fini(struct conf *c);

#endif
