/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_SYSFS_TEXT_H
#define VFIO_SYSFS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Readers of what sysfs and procfs print. Pure, and whatever the text holds
 * they end, stay inside it and say no rather than guess.
 */

#define SYSFS_ADDRESS_SIZE 16

/* Whether @s is a PCI address as sysfs prints it: 0000:01:00.0. */
bool sysfs_text_address(const char *s);
/* Whether one component of @path is @word. */
bool sysfs_text_component(const char *path, const char *word);
/*
 * A number in @base (10 or 16, which may begin with 0x), alone but for blanks
 * behind it. 0, or -EINVAL and *out untouched.
 */
int sysfs_text_number(const char *s, unsigned int base, uint64_t *out);
/*
 * The next line of "resource" (linux-sysfs-pci): start, end and flags. Moves
 * *s behind it; -EINVAL if it is none.
 */
int sysfs_text_resource(const char **s, uint64_t v[3]);
/*
 * Keep what looks like names (letters, digits, _ and -), one blank between:
 * "flr bus". In place; anything else in a word drops the word.
 */
void sysfs_text_words(char *s);
/* Replace what could steer a terminal, and what is no ASCII, by '?'. */
void sysfs_text_clean(char *s);
/* The @nth (from 0) blank-separated field of @line; "" when there is none. */
void sysfs_text_field(const char *line, unsigned int nth, char *out,
		      size_t size);

/* One line of mountinfo (Documentation/filesystems/proc.rst, 3.5). */
struct sysfs_mount {
	char dev[24]; /* "259:2" */
	char where[128];
	char source[128];
};

/* 0, or -EINVAL. Octal escapes are undone; long names are cut. */
int sysfs_text_mount(const char *line, struct sysfs_mount *m);

#endif
