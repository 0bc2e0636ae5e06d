// SPDX-License-Identifier: Apache-2.0
#include "vmm/pci_names.h"

#include <stdbool.h>
#include <string.h>

/* --- classes -------------------------------------------------------------- */

struct class
{
	uint32_t code;
	uint32_t mask;
	const char *name;
};

/* PCI-3.0 D, and the assignments since; the first that fits counts. */
static const struct class classes[] = {
	{0x010000, 0xffff00, "SCSI controller"},
	{0x010100, 0xffff00, "IDE controller"},
	{0x010400, 0xffff00, "RAID controller"},
	{0x010601, 0xffffff, "AHCI controller"},
	{0x010600, 0xffff00, "SATA controller"},
	{0x010700, 0xffff00, "SAS controller"},
	{0x010802, 0xffffff, "NVMe drive"},
	{0x010800, 0xffff00, "flash drive"},
	{0x010000, 0xff0000, "storage"},
	{0x020000, 0xffff00, "Ethernet"},
	{0x020700, 0xffff00, "InfiniBand"},
	{0x020000, 0xff0000, "network"},
	{0x030000, 0xffff00, "VGA display"},
	{0x030200, 0xffff00, "3D controller"},
	{0x030000, 0xff0000, "display"},
	{0x040100, 0xffff00, "audio"},
	{0x040300, 0xffff00, "HD audio"},
	{0x040000, 0xff0000, "multimedia"},
	{0x050000, 0xffff00, "RAM"},
	{0x050200, 0xffff00, "CXL memory"},
	{0x050000, 0xff0000, "memory"},
	{0x060000, 0xffff00, "host bridge"},
	{0x060100, 0xffff00, "ISA bridge"},
	{0x060400, 0xffff00, "PCI bridge"},
	{0x060000, 0xff0000, "bridge"},
	{0x070000, 0xffff00, "serial port"},
	{0x070000, 0xff0000, "communication"},
	{0x080500, 0xffff00, "SD controller"},
	{0x080600, 0xffff00, "IOMMU"},
	{0x080000, 0xff0000, "system device"},
	{0x090000, 0xff0000, "input device"},
	{0x0b0000, 0xff0000, "processor"},
	{0x0c0330, 0xffffff, "USB 3 controller"},
	{0x0c0300, 0xffff00, "USB controller"},
	{0x0c0500, 0xffff00, "SMBus"},
	{0x0c0000, 0xff0000, "serial bus"},
	{0x0d0000, 0xff0000, "wireless"},
	{0x100000, 0xff0000, "encryption"},
	{0x110000, 0xff0000, "signal processing"},
	{0x120000, 0xff0000, "accelerator"},
};

const char *pci_class_name(uint32_t class)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if ((class & classes[i].mask) == classes[i].code)
			return classes[i].name;
	}
	return "other device";
}

/* --- pci.ids --------------------------------------------------------------
 *
 * A vendor's line is "8086  Intel Corporation", below it those of its devices
 * begin with a tab and those of subsystems with two; after the vendors come
 * other lists, whose lines begin with a letter and a blank ("C 01  ...").
 */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Whether a line of @len bytes is "1234  NAME", and that number @id. */
static bool entry(const char *line, size_t len, uint16_t id)
{
	unsigned int v = 0;

	if (len < 7 || line[4] != ' ' || line[5] != ' ')
		return false;
	for (unsigned int i = 0; i < 4; i++) {
		int d = nibble(line[i]);

		if (d < 0)
			return false;
		v = v << 4 | (unsigned int)d;
	}
	return v == id;
}

static void name_of(char out[PCI_NAME_SIZE], const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 6; i < len && n < PCI_NAME_SIZE - 1; i++)
		out[n++] = line[i];
	while (n && (out[n - 1] == ' ' || out[n - 1] == '\r'))
		n--;
	out[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
	}
}

static size_t line_length(const char *s, size_t len)
{
	const char *end = memchr(s, '\n', len);

	return end ? (size_t)(end - s) : len;
}

void pci_ids_find(struct pci_name *out, const char *ids, size_t len,
		  uint16_t vendor, uint16_t device)
{
	memset(out, 0, sizeof(*out));
	while (len) {
		size_t n = line_length(ids, len);
		bool below = n && ids[0] == '\t';

		if (out->vendor[0] && n && !below && ids[0] != '#')
			return;
		if (out->vendor[0] && below && entry(ids + 1, n - 1, device)) {
			name_of(out->device, ids + 1, n - 1);
			return;
		}
		if (!out->vendor[0] && !below && entry(ids, n, vendor))
			name_of(out->vendor, ids, n);
		n += n < len;
		ids += n;
		len -= n;
	}
}
