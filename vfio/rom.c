// SPDX-License-Identifier: Apache-2.0
/*
 * How it works: the ROM is never mapped. What the guest reads first is read
 * from the device, a piece of 4 KiB at a time and in units of 4 bytes, because
 * hardware exists that answers wider reads with an error on its link; then it
 * is kept, because reading it is slow, and some devices have theirs only until
 * a driver has started them.
 */
#include "vfio/rom.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/span.h"
#include "vfio/device.h"

#define PIECE 4096u
#define UNIT  4u

/* PCI-FW-3.2 5.1: the header of an image, and the structure it points to. */
#define HEAD_PCIR   0x18u
#define PCIR_VENDOR 4u
#define PCIR_DEVICE 6u
#define PCIR_SIZE   24u

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

const char *rom_fault(const uint8_t *bytes, size_t n)
{
	if (n > ROM_SIZE_MAX)
		return "is larger than 16 MiB";
	if (n < HEAD_PCIR + 2)
		return "is too short";
	if (bytes[0] != 0x55 || bytes[1] != 0xaa)
		return "does not begin with the bytes 55 aa";
	return NULL;
}

bool rom_made_for(const uint8_t *bytes, size_t n, uint16_t id[2])
{
	size_t at;

	if (rom_fault(bytes, n))
		return false;
	at = word(bytes + HEAD_PCIR);
	if (at > n || n - at < PCIR_SIZE || memcmp(bytes + at, "PCIR", 4) != 0)
		return false;
	id[0] = word(bytes + at + PCIR_VENDOR);
	id[1] = word(bytes + at + PCIR_DEVICE);
	return true;
}

uint64_t rom_bar_size(uint64_t n)
{
	if (n == 0 || n > ROM_SIZE_MAX)
		return 0;
	return pow2_ceil(n < ROM_SIZE_MIN ? ROM_SIZE_MIN : n);
}

/* --- an image from a file --------------------------------------------------
 */

static const char role[] = "ROM image";

static int file_size(int fd, const char *file, size_t *n, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, ERR_FILE_READ, file, role);
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, ERR_FILE_READ, file, role);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -ESPIPE, ERR_FILE_READ, file, role);
	if (st.st_size == 0)
		return err_set(e, -ENODATA, ERR_FILE_EMPTY, file, role);
	if (st.st_size > ROM_SIZE_MAX)
		return err_set(e, -EFBIG, ERR_ROM_BAD, file,
			       rom_fault(NULL, (size_t)st.st_size));
	*n = (size_t)st.st_size;
	return 0;
}

static int file_read(int fd, uint8_t *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = read(fd, to + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ENODATA;
		done += (size_t)r;
	}
	return 0;
}

static int file_load(int fd, const char *file, uint8_t **bytes, size_t *n,
		     struct err *e)
{
	const char *fault;
	int r = file_size(fd, file, n, e);

	if (r < 0 || *n == 0)
		return r < 0 ? r : -ENODATA;
	*bytes = malloc(*n);
	if (!*bytes)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	r = file_read(fd, *bytes, *n);
	if (r < 0)
		return err_set(e, r, ERR_FILE_READ, file, role);
	fault = rom_fault(*bytes, *n);
	if (fault)
		return err_set(e, -EINVAL, ERR_ROM_BAD, file, fault);
	return 0;
}

int rom_file_load(const char *file, uint8_t **bytes, size_t *n, struct err *e)
{
	/* O_NONBLOCK: a FIFO must not keep us waiting for its writer. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	*bytes = NULL;
	*n = 0;
	if (fd < 0)
		return err_set(e, -errno, ERR_FILE_OPEN, file, role);
	r = file_load(fd, file, bytes, n, e);
	close(fd);
	if (r < 0) {
		free(*bytes);
		*bytes = NULL;
	}
	return r;
}

/* --- a device's own --------------------------------------------------------
 */

static bool device_read(const struct vfio_dev *d, uint64_t off, uint8_t *to)
{
	const struct vfio_region *r = &d->region[VFIO_PCI_ROM_REGION_INDEX];

	return pread(d->fd, to, UNIT, (off_t)(r->fd_off + off)) == UNIT;
}

/*
 * Whether the device shows an image. The kernel reads it only while memory is
 * decoded (vfio_pci_bar_rw() in Linux), so it is for a moment.
 */
static bool device_has(const struct vfio_dev *d)
{
	uint64_t size = d->region[VFIO_PCI_ROM_REGION_INDEX].size;
	uint8_t head[HEAD_PCIR + 4];
	bool ok = true;

	if (size < sizeof(head) || size > ROM_SIZE_MAX)
		return false;
	vfio_cfg_pwrite(d, PCI_COMMAND, 2,
			PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	for (unsigned int i = 0; ok && i < sizeof(head); i += UNIT)
		ok = device_read(d, i, head + i);
	vfio_cfg_pwrite(d, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	return ok && !rom_fault(head, sizeof(head));
}

/* Read piece @p if that was not done. Fails while the device is asleep. */
static bool piece_have(struct vfio_dev *d, uint64_t p)
{
	uint64_t size = d->region[VFIO_PCI_ROM_REGION_INDEX].size;
	uint64_t end = (p + 1) * PIECE < size ? (p + 1) * PIECE : size;

	if (!d->rom.have || d->rom.have[p])
		return true;
	for (uint64_t off = p * PIECE; off + UNIT <= end; off += UNIT) {
		if (!device_read(d, off, d->rom.bytes + off))
			return false;
	}
	d->rom.have[p] = 1;
	return true;
}

uint64_t rom_read(struct vfio_dev *d, uint64_t off, unsigned int len)
{
	uint64_t v = UINT64_MAX;

	if (off >= d->rom.size || len > d->rom.size - off)
		return v;
	for (uint64_t p = off / PIECE; p <= (off + len - 1) / PIECE; p++) {
		if (!piece_have(d, p))
			return v;
	}
	v = 0;
	memcpy(&v, d->rom.bytes + off, len);
	return v;
}

/* --- open and close --------------------------------------------------------
 */

/* A BAR for @n bytes; past them it reads as all-ones. */
static int rom_make(struct vfio_dev *d, size_t n, bool cached)
{
	struct rom *r = &d->rom;
	uint64_t size = rom_bar_size(n);

	if (!size)
		return -EINVAL;
	r->bytes = malloc(size);
	if (cached)
		r->have = calloc(1, (size + PIECE - 1) / PIECE);
	if (!r->bytes || (cached && !r->have)) {
		rom_close(d);
		return -ENOMEM;
	}
	memset(r->bytes, 0xff, size);
	r->size = size;
	return pci_cfg_set_rom(&d->func.cfg, size);
}

/* Not refused: a card of another number often has the same tables. */
static void warn_if_foreign(const struct vfio_dev *d, const char *file,
			    const uint8_t *image, size_t n)
{
	unsigned int vendor =
		(unsigned int)pci_cfg_get(&d->func.cfg, PCI_VENDOR_ID, 2);
	unsigned int device =
		(unsigned int)pci_cfg_get(&d->func.cfg, PCI_DEVICE_ID, 2);
	uint16_t id[2];

	if (!rom_made_for(image, n, id) || (id[0] == vendor && id[1] == device))
		return;
	fprintf(stderr,
		"barge: %s: this ROM image is for a device %04x:%04x, "
		"but %s is %04x:%04x\n",
		file, id[0], id[1], d->address, vendor, device);
}

static int open_file(struct vfio_dev *d, const char *file, struct err *e)
{
	uint8_t *image;
	size_t n;
	int r = rom_file_load(file, &image, &n, e);

	if (r < 0)
		return r;
	warn_if_foreign(d, file, image, n);
	r = rom_make(d, n, false);
	if (r == 0)
		memcpy(d->rom.bytes, image, n);
	else
		r = err_set(e, r, ERR_HOST_CALL, "malloc", NULL);
	free(image);
	return r;
}

int rom_open(struct vfio_dev *d, enum rom_policy how, const char *file,
	     struct err *e)
{
	int r;

	if (how == ROM_OFF)
		return 0;
	if (how == ROM_FILE)
		return open_file(d, file, e);
	if (!device_has(d)) {
		if (how == ROM_ON)
			fprintf(stderr,
				"barge: %s: no ROM can be read from this "
				"device; the guest sees none\n",
				d->address);
		return 0;
	}
	r = rom_make(d, d->region[VFIO_PCI_ROM_REGION_INDEX].size, true);
	return r < 0 ? err_set(e, r, ERR_HOST_CALL, "malloc", NULL) : 0;
}

void rom_close(struct vfio_dev *d)
{
	free(d->rom.bytes);
	free(d->rom.have);
	d->rom = (struct rom){0};
}
