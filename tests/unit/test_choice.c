// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#include "vfio/choice.h"

static void chosen(enum vfio_backend want, int iommufd, int cdev,
		   enum vfio_backend expected, const char *word)
{
	const struct vfio_offer o = {.iommufd = iommufd, .cdev = cdev};
	const char *why = NULL;

	assert_int_equal(vfio_choose(want, &o, &why), expected);
	assert_non_null(why);
	if (!strstr(why, word))
		fail_msg("%s is not in: %s", word, why);
}

static void by_itself(void **state)
{
	const enum vfio_backend a = VFIO_BACKEND_AUTO;
	const enum vfio_backend t = VFIO_BACKEND_TYPE1;

	(void)state;
	chosen(a, 0, 0, VFIO_BACKEND_IOMMUFD, "every device");
	chosen(a, -ENOENT, 0, t, "no /dev/iommu");
	chosen(a, -EACCES, 0, t, "/dev/iommu may not");
	chosen(a, -ENODEV, 0, t, "/dev/iommu cannot");
	chosen(a, 0, -ENOENT, t, "no file of its own");
	chosen(a, 0, -EACCES, t, "own file may not");
	chosen(a, 0, -EIO, t, "own file cannot");
	chosen(a, -ENOENT, -ENOENT, t, "no /dev/iommu");
}

/* A wish is granted, whatever there is. */
static void as_asked(void **state)
{
	(void)state;
	chosen(VFIO_BACKEND_TYPE1, 0, 0, VFIO_BACKEND_TYPE1, "asked");
	chosen(VFIO_BACKEND_IOMMUFD, -ENOENT, -ENOENT, VFIO_BACKEND_IOMMUFD,
	       "asked");
}

static void peer_to_peer(void **state)
{
	(void)state;
	assert_false(vfio_p2p_wanted(VFIO_P2P_AUTO, 0));
	assert_false(vfio_p2p_wanted(VFIO_P2P_AUTO, 1));
	assert_true(vfio_p2p_wanted(VFIO_P2P_AUTO, 2));
	assert_true(vfio_p2p_wanted(VFIO_P2P_ON, 1));
	assert_false(vfio_p2p_wanted(VFIO_P2P_OFF, 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_itself),
		cmocka_unit_test(as_asked),
		cmocka_unit_test(peer_to_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
