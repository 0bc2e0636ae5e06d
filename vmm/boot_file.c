/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/boot_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct boot_file boot_file_kernel(const struct arch_boot *b)
{
	return (struct boot_file){b->kernel_name, "kernel", b->kernel_fd};
}

struct boot_file boot_file_initrd(const struct arch_boot *b)
{
	return (struct boot_file){b->initrd_name, "initrd", b->initrd_fd};
}

struct boot_file boot_file_module(const struct arch_boot *b, unsigned int i)
{
	return (struct boot_file){b->module[i].name, "module", b->module[i].fd};
}

int boot_file_no_modules(const struct arch_boot *b, struct err *e)
{
	if (!b->n_modules)
		return 0;
	return err_set(e, -ENOTSUP, ERR_NO_MODULES, b->kernel_name, NULL);
}

int boot_file_size(struct boot_file f, uint64_t *size, struct err *e)
{
	struct stat st;

	if (fstat(f.fd, &st))
		return err_set(e, -errno, ERR_FILE_READ, f.name, f.role);
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, ERR_FILE_READ, f.name, f.role);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ESPIPE, ERR_FILE_READ, f.name, f.role);
	if (st.st_size == 0)
		return err_set(e, 0, ERR_FILE_EMPTY, f.name, f.role);
	*size = (uint64_t)st.st_size;
	return 0;
}

static int read_full(int fd, void *buf, uint64_t len, uint64_t off)
{
	uint64_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, (uint8_t *)buf + done, len - done,
			  (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		done += (uint64_t)n;
	}
	return 0;
}

int boot_file_read(struct boot_file f, void *buf, uint64_t len, uint64_t off,
		   struct err *e)
{
	int r = read_full(f.fd, buf, len, off);

	if (r)
		return err_set(e, r, ERR_FILE_READ, f.name, f.role);
	return 0;
}

int boot_file_bad_kernel(struct boot_file f, int code, const char *why,
			 struct err *e)
{
	return err_set(e, code,
		       code == -ENOEXEC ? ERR_KERNEL_FORMAT : ERR_KERNEL_BAD,
		       f.name, why);
}
