/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio/bar_plan.h"
#include "vfio/choice.h"
#include "vmm/conf.h"

/*
 * Everything that can be asked for, once: these tables drive getopt_long, the
 * keys of an INI file, --help, the advice in vmm/explain.c and the test that
 * compares the man pages. Pure: no system call, no allocation.
 */

enum value_type {
	VALUE_NONE, /* takes no value: --help, --version */
	VALUE_PATH,
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_SIZE,
	VALUE_BOOL, /* on the command line the value may be left out */
	VALUE_CONSOLE,
	VALUE_MSIX,
	VALUE_ON_ERROR,
	VALUE_ROM, /* of a struct conf_vfio */
	VALUE_BACKEND,
	VALUE_P2P,
	VALUE_CPU_OFF,
	VALUE_STATUS,
	VALUE_MACHINE, /* the word x86_64 or aarch64, as text */
	VALUE_KERNEL_FORMAT,
	VALUE_HUGEPAGES,
	VALUE_READY,
	VALUE_AFFINITY,
	VALUE_ADDRESS,
	VALUE_SECONDS, /* with a fraction */
	VALUE_REGEX,   /* of a struct conf_regexes; INI: also NAME.NUMBER */
	VALUE_ON_REBOOT,
	VALUE_BALLOON,
	VALUE_WATCHDOG,
	VALUE_FILE,   /* of an item: char[CONF_PATH_MAX] */
	VALUE_WORD,   /* of an item: char[CONF_WORD_MAX] */
	VALUE_LINE,   /* of an item: char[CONF_LINE_MAX] */
	VALUE_MODULE, /* a list, as the next */
	VALUE_PORT,   /* this is a list: see struct option_list */
	VALUE_CID,    /* of a struct conf_vsock */
	VALUE_VSOCK,
	VALUE_TAG, /* of a struct conf_share */
	VALUE_SHARE,
	VALUE_DISK_FORMAT,
	VALUE_DISK_IO,
	VALUE_DISK_QUEUES,
	VALUE_BLOCK_SIZE,
	VALUE_SERIAL, /* of an item: char[CONF_WORD_MAX] */
	VALUE_VFIO,   /* this is a list: see struct option_list */
	VALUE_DISK,   /* likewise */
	VALUE_NET_KIND,
	VALUE_MAC,
	VALUE_PAIRS, /* of queues */
	VALUE_MTU,
	VALUE_VHOST,
	VALUE_NET,
	/* only in the file of --what-if: vmm/what_if.c reads them */
	VALUE_PAGE_SIZE,
	VALUE_PAGE_X86,
	VALUE_ARCH,
	VALUE_THP,
	VALUE_KERNEL,
	VALUE_BYTES,
	VALUE_BAR,
	VALUE_BAR_OFFSET,
	VALUE_AREA,
};

struct option_def {
	const char *name; /* long option, and the key in an INI file */
	char letter;	  /* 0: none */
	bool in_ini;
	enum value_type type;
	size_t offset; /* in struct conf, or struct conf_vfio for a sub-key */
	const char *metavar; /* NULL: takes no value */
	const char *group;   /* heading in --help */
	const char *help;
	const char *alias; /* words of other programs, only for suggestions */
};

/* The options of run and plan = the keys of [vm], but for the lists. */
const struct option_def *option_table(unsigned int *n);

/*
 * A kind of device that a guest may have several of: --NAME
 * FIRST[,KEY=VALUE...] for each, or a section [NAME.LABEL]. FIRST is the value
 * of the first key of its table; it is a string, and says which device is
 * meant.
 */
#define OPTION_LISTS_MAX 8
#define OPTION_ITEM_MAX	 (2 * CONF_PATH_MAX + 512)

struct option_list {
	const char *name;     /* "vfio" */
	enum value_type type; /* of the option */
	const char *example;  /* of a FIRST: "0000:01:00.0" */
	const struct option_def *table;
	unsigned int n;
	size_t size;  /* of one item, at most OPTION_ITEM_MAX */
	size_t items; /* offset in struct conf: an array of `max` */
	size_t count; /* offset in struct conf: unsigned int, how many */
	unsigned int max;
	const void *defaults; /* an item before its keys are set */
};

/* NULL behind the last one. */
const struct option_list *option_list(unsigned int i);
unsigned int option_list_index(const struct option_list *l);
/* NULL if options of that type are no list. */
const struct option_list *option_list_of(enum value_type type);
/* Of a section's name, "vfio.disk"; NULL: of none. */
const struct option_list *option_list_section(const char *section);

/* The keys of [test]. */
const struct option_def *option_test_table(unsigned int *n);

/* Exact match of @len bytes in @table, or NULL. */
const struct option_def *option_find(const struct option_def *table,
				     unsigned int n, const char *name,
				     size_t len);
/*
 * What @word, not in @table, was most likely meant to be, or NULL. Leading
 * dashes and what follows '=' do not count.
 */
const struct option_def *option_near(const struct option_def *table,
				     unsigned int n, const char *word);
/* The word of @words (NULL ends it) nearest to @word, or NULL. */
const char *option_near_word(const char *const *words, const char *word);
/* run, plan, help, in the order of enum conf_command; NULL ends it. */
const char *const *option_commands(void);
/*
 * The commands that @o may be given to: bits 1u << enum conf_command. Run and
 * plan, unless a table in options.c says otherwise.
 */
unsigned int option_for(const struct option_def *o);
/* What a value of @type looks like: "a size such as 512M or 4G". */
const char *option_expected(enum value_type type);

/*
 * Values. 0, -EINVAL (not one), or -ERANGE (does not fit). *out is written on
 * success only.
 */
/* Bytes: 512M, 4G, 1T, 64k, 4GiB, 4GB (all powers of 1024), 4096. Not 0. */
int option_size(const char *s, uint64_t *out);
int option_number(const char *s, unsigned int *out);
/* "1.5", in milliseconds; 0 as well. */
int option_seconds(const char *s, uint64_t *ms);
int option_disk_io(const char *s, enum conf_disk_io *out);
/* Only "raw" is one. */
int option_disk_format(const char *s, bool *raw);
int option_block_size(const char *s, unsigned int *out);
/* 1 to what a virtio disk may have. */
int option_disk_queues(const char *s, unsigned int *out);
int option_on_reboot(const char *s, enum conf_on_reboot *out);
int option_balloon(const char *s, struct conf_balloon *out);
int option_watchdog(const char *s, enum conf_watchdog *out);
int option_bool(const char *s, bool *out);
int option_msix(const char *s, enum msix_policy *out);
int option_on_error(const char *s, enum conf_on_error *out);
int option_backend(const char *s, enum vfio_backend *out);
int option_ready(const char *s, enum conf_ready *out);
int option_p2p(const char *s, enum vfio_p2p *out);
int option_kernel_format(const char *s, enum conf_kernel_format *out);
/* PLAN_CPU_* of the words with commas between; "none": 0. */
int option_cpu_off(const char *s, unsigned int *out);
/* An exit status: 3, or 64+3. */
int option_status(const char *s, unsigned int *out);
/* The size of a huge page, a power of two; "no": 0. */
int option_hugepages(const char *s, uint64_t *out);
/* "auto", or an address of a guest's (vsock(7)), stored without leading zeros.
 */
#define OPTION_CID_SIZE 16
int option_cid(const char *s, char out[OPTION_CID_SIZE]);
/* six bytes, not all zero and no multicast address: 52:54:00:12:34:56 */
int option_mac(const char *s, uint8_t out[6]);
int option_vhost(const char *s, enum conf_vhost *out);
#define OPTION_ADDRESS_SIZE 16
/* [DOMAIN:]BUS:DEVICE.FUNCTION in hex; stored as 0000:01:00.0. */
int option_address(const char *s, char out[OPTION_ADDRESS_SIZE]);

#endif
