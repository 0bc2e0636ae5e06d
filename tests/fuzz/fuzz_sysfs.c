// SPDX-License-Identifier: Apache-2.0
/*
 * What sysfs, procfs and pci.ids print, as any bytes: readers end, stay inside
 * the text (which is exactly as large as its allocation), write no further
 * than they may, and what they find is printable and makes sense.
 */
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "vfio/sysfs_text.h"
#include "vmm/pci_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable(const char *s, size_t room)
{
	must(strlen(s) < room);
	for (; *s; s++)
		must(*s >= ' ' && *s <= '~');
}

static void numbers(const char *s)
{
	uint64_t v = 77;
	char again[32];

	if (sysfs_text_number(s, 10, &v) == 0) {
		uint64_t w = 0;

		for (; *s >= '0' && *s <= '9'; s++)
			w = w * 10 + (uint64_t)(*s - '0');
		must(w == v);
	} else {
		must(v == 77);
	}
	(void)sysfs_text_number(s, 16, &v);
	sysfs_text_field(s, 3, again, sizeof(again));
	must(!strpbrk(again, " \t\r\n"));
}

static void resource(const char *s)
{
	const char *end = s + strlen(s);
	uint64_t v[3];

	for (unsigned int i = 0; i < 64; i++) {
		const char *before = s;

		if (sysfs_text_resource(&s, v)) {
			must(s == before);
			return;
		}
		must(s > before && s <= end);
	}
}

static void words(char *s)
{
	size_t len = strlen(s);
	bool blank = true; /* at the beginning none may stand */

	const char *start = s;

	sysfs_text_words(s);
	must(strlen(s) <= len);
	for (; *s; s++) {
		must(*s == ' '
			     ? !blank
			     : (*s >= '0' && *s <= '9') || *s == '-' ||
				       *s == '_' || (*s >= 'A' && *s <= 'Z') ||
				       (*s >= 'a' && *s <= 'z'));
		blank = *s == ' ';
	}
	/* nor at the end */
	must(!blank || strlen(start) == 0);
}

static void mount(const char *s)
{
	struct sysfs_mount m;

	memset(&m, 0xa5, sizeof(m));
	if (sysfs_text_mount(s, &m))
		return;
	must(memchr(m.dev, 0, sizeof(m.dev)) != NULL && m.dev[0]);
	must(memchr(m.where, 0, sizeof(m.where)) != NULL && m.where[0]);
	must(memchr(m.source, 0, sizeof(m.source)) != NULL);
}

static void address(const char *s)
{
	if (!sysfs_text_address(s))
		return;
	must(strlen(s) >= 12 && strlen(s) < SYSFS_ADDRESS_SIZE);
	must(!strpbrk(s, "/ "));
	must(sysfs_text_component(s, s));
}

static void ids(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint16_t vendor = in_u16(&in), device = in_u16(&in);
	struct pci_name name;
	char *text = malloc(in.n ? in.n : 1);

	if (!text)
		return;
	memcpy(text, in.p, in.n);
	pci_ids_find(&name, text, in.n, vendor, device);
	printable(name.vendor, sizeof(name.vendor));
	printable(name.device, sizeof(name.device));
	must(name.vendor[0] || !name.device[0]);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	numbers(s);
	resource(s);
	mount(s);
	address(s);
	words(s);
	memcpy(s, data, size);
	sysfs_text_clean(s);
	printable(s, size + 1);
	free(s);
	ids(data, size);
	return 0;
}
