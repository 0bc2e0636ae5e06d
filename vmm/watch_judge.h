/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_WATCH_JUDGE_H
#define VMM_WATCH_JUDGE_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmm/conf.h"
#include "vmm/watch_line.h"

/* What the console has said about how it goes. The first one counts. */
enum watch_verdict {
	WATCH_NONE,
	WATCH_UNTIL,   /* a line matched --until */
	WATCH_FAIL_ON, /* ... --fail-on */
	WATCH_KERNEL,  /* ... what --fail-on-oops stands for */
};

struct watch_rules {
	unsigned int n;
	struct {
		char *source; /* owned */
		regex_t regex;
		size_t seen; /* bytes since it was compiled */
	} at[CONF_REGEX_MAX];
};

/* The rules, and how far the lines have come with them. No thread, no clock. */
struct watch_judge {
	struct watch_rules expect;
	struct watch_rules fail_on;
	struct watch_rules until;
	bool fail_on_oops;
	unsigned int met; /* so many of `expect`, in their order */
	enum watch_verdict verdict;
	unsigned int by; /* the verdict's expression, in its list */
	char line[WATCH_LINE_MAX + 1]; /* the line of the verdict */
};

/*
 * Whether @text can be used: 0, or -EINVAL and why not. Back references, which
 * POSIX does not have either, would let a line take for ever.
 */
int watch_regex_check(const char *text, char *why, size_t size);

/* 0, or -errno; watch_judge_fini() is due in both cases. @j is all zeros. */
int watch_judge_init(struct watch_judge *j, const struct conf *c);
void watch_judge_fini(struct watch_judge *j);

/*
 * Look at a line. Of one that is not @whole yet, the end is not the end ('$').
 * A line may be shown again when it has grown: *met says whether it met an
 * expectation already, which it does once at most.
 */
void watch_judge_look(struct watch_judge *j, const char *line, bool whole,
		      bool *met);

#endif
