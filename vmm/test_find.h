/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_TEST_FIND_H
#define VMM_TEST_FIND_H

#include "vmm/test.h"

/*
 * What `barge run @file WORD...` would be told, checked. @file NULL: the words
 * are all. conf_fini() is due in any case.
 */
int test_conf(struct conf *c, const char *file, const struct conf *suite,
	      struct err *e);
/* Fill in what is asked of the test that @c describes; name and file apart. */
int test_item_fill(struct test_item *t, const struct conf *c, struct err *e);

#endif
