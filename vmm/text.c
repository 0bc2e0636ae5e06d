/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/text.h"

#include <string.h>

void text_wrap(FILE *f, const char *text, unsigned int at)
{
	unsigned int column = at;

	while (*text) {
		size_t gap = strspn(text, " ");
		size_t n = strcspn(text + gap, " ");

		if (column > at && column + gap + n > TEXT_WIDTH) {
			fprintf(f, "\n%*s", (int)at, "");
			column = at;
		}
		if (column == at)
			gap = 0;
		text += strspn(text, " ");
		fprintf(f, "%*s%.*s", (int)gap, "", (int)n, text);
		column += (unsigned int)(gap + n);
		text += n;
	}
	fputc('\n', f);
}

void text_size(char out[TEXT_SIZE], uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0;
	uint64_t rest = 0;

	while (bytes >= 1024 && units[unit + 1]) {
		rest = bytes % 1024;
		bytes /= 1024;
		unit++;
	}
	if (rest * 10 / 1024)
		snprintf(out, TEXT_SIZE, "%u.%u%c", (unsigned int)bytes,
			 (unsigned int)(rest * 10 / 1024), units[unit]);
	else
		snprintf(out, TEXT_SIZE, "%u%c", (unsigned int)bytes,
			 units[unit]);
}
