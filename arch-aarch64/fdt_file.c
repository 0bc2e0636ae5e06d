// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <libfdt.h>
#include <unistd.h>

#include "arch-aarch64/fdt.h"

/* All @len bytes, whatever a call takes of them. */
static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int fdt_dump(const struct arch_boot *b, const void *fdt, struct err *e)
{
	int r;

	if (!b->fdt_name)
		return 0;
	r = write_all(b->fdt_fd, fdt, fdt_totalsize(fdt));
	if (r < 0)
		return err_set(e, r, ERR_FILE_WRITE, b->fdt_name, NULL);
	return 0;
}
