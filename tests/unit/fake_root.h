/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_ROOT_H
#define TESTS_UNIT_FAKE_ROOT_H

#include <stddef.h>

/*
 * A folder that stands for "/": files of /sys, /proc and /dev with what a test
 * puts there. Folders on the way are made. What fails ends the test.
 */

/* Made new; the name stays valid until fake_root_remove(). */
const char *fake_root_make(void);
void fake_root_remove(void);

/* @path begins with '/' */
void fake_root_put(const char *path, const char *text);
void fake_root_bytes(const char *path, const void *bytes, size_t len);
void fake_root_link(const char *path, const char *target);
void fake_root_folder(const char *path);
void fake_root_fifo(const char *path);
void fake_root_unlink(const char *path);

/*
 * A PCI device as sysfs shows it: class 24 bits, @driver NULL for none,
 * @group < 0 for none. Its memory BAR 0 has 16K.
 */
struct fake_pci {
	const char *address;
	unsigned int class;
	const char *driver;
	int group;
	unsigned int header;
	const char *reset; /* NULL: no such file */
};

void fake_root_pci(const struct fake_pci *p);

#endif
