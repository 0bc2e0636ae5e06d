/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_PIDFILE_H
#define VMM_PIDFILE_H

#include "core/err.h"

/*
 * A file with our process id in it, for as long as a guest runs. It is locked
 * (fcntl OFD, for writing) while we live: a file that nobody has locked was
 * left by one that was killed, and is replaced; one that is locked is refused,
 * whatever number is in it. It comes into being as a whole.
 */
struct pidfile {
	const char *path; /* borrowed; NULL: none is wanted */
	int fd;		  /* -1: not ours yet */
};

/* @path NULL: there is none, and the others do nothing. */
void pidfile_init(struct pidfile *p, const char *path);
/* Whether it could be written, before anything is done. ERR_PIDFILE. */
int pidfile_check(const struct pidfile *p, struct err *e);
/* Write it unless it is written already. */
int pidfile_write(struct pidfile *p, struct err *e);
/* Remove it, if it is still ours. */
void pidfile_remove(struct pidfile *p);

#endif
