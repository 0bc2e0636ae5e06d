/* SPDX-License-Identifier: Apache-2.0 */
/* What a word that is no option, key or command was most likely meant to be. */
#include <string.h>

#include "vmm/options.h"

#define WORD_MAX 32

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Lower case, without leading dashes and without "=value"; cut to fit. */
static size_t bare_word(const char *word, char out[WORD_MAX])
{
	size_t n = 0;

	while (*word == '-')
		word++;
	for (; word[n] && word[n] != '=' && n < WORD_MAX - 1; n++)
		out[n] = lower(word[n]);
	out[n] = '\0';
	return n;
}

/*
 * Edit distance in which swapping two neighbours is one slip, not two
 * (optimal string alignment). @a and @b are at most WORD_MAX - 1 long.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[WORD_MAX][WORD_MAX];
	size_t n = strlen(a), m = strlen(b);

	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned int)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned int cost = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i][j] > d[i - 2][j - 2])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

#define NOT_NEAR 100u

/* How far @word is from @name: 0 is best, NOT_NEAR not a likely slip. */
static unsigned int slip(const char *name, const char *word, size_t len)
{
	unsigned int d;

	if (len >= 3 && strncmp(name, word, len) == 0)
		return 1;
	if (len < 2 || strlen(name) >= WORD_MAX)
		return NOT_NEAR;
	d = distance(name, word);
	/* Two slips in a word of three letters would be another word. */
	return d <= (len < 5 ? 1u : 2u) ? d : NOT_NEAR;
}

/* Whether @word is one of the words of @list, which blanks separate. */
static bool listed(const char *list, const char *word, size_t len)
{
	while (list && *list) {
		size_t n = strcspn(list, " ");

		if (n == len && memcmp(list, word, n) == 0)
			return true;
		list += n + strspn(list + n, " ");
	}
	return false;
}

const struct option_def *option_near(const struct option_def *table,
				     unsigned int n, const char *word)
{
	const struct option_def *best = NULL;
	unsigned int least = NOT_NEAR;
	char bare[WORD_MAX];
	size_t len = bare_word(word, bare);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int d = slip(table[i].name, bare, len);

		if (listed(table[i].alias, bare, len))
			d = 0;
		if (d < least) {
			least = d;
			best = &table[i];
		}
	}
	return best;
}

const char *option_near_word(const char *const *words, const char *word)
{
	const char *best = NULL;
	unsigned int least = NOT_NEAR;
	char bare[WORD_MAX];
	size_t len = bare_word(word, bare);

	for (; *words; words++) {
		unsigned int d = slip(*words, bare, len);

		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}
