/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * How it works: the file is read once, into memory. ini_walk() goes over its
 * lines; iniparser turns the same bytes (in a memfd, because it only takes a
 * file name) into values: quotes, comments, joined lines. The walk is done
 * twice, first without values: iniparser 4.1 lets pass what ought to be
 * refused (a key given twice, text behind a quote, a section called "") and
 * names no line.
 */

#define FILE_MAX (256u << 10)
/* What iniparser 4.1 takes in one line, joined ones included. */
#define LINE_LEN_MAX 1022

struct ini {
	const char *file;
	const struct ini_grammar *g;
	void *ctx;
	struct err *e;
	dictionary *dict; /* NULL: check only */
	char *text;
	size_t len;
	/* the walk */
	size_t at;
	unsigned int line;
	char section[INI_NAME_MAX]; /* "": before the first */
	unsigned int n_seen;
	char seen[INI_SECTIONS_MAX][INI_NAME_MAX];
};

int ini_error_at(struct ini *ini, unsigned int line, int code,
		 enum err_what what, const char *detail)
{
	int ret = err_set(ini->e, code, what, ini->file, detail);

	ini->e->num = line;
	ini->e->num2 = (uint64_t)ini->g->kind;
	return ret;
}

int ini_error(struct ini *ini, int code, enum err_what what, const char *detail)
{
	return ini_error_at(ini, ini->line, code, what, detail);
}

struct err *ini_err(struct ini *ini)
{
	return ini->e;
}

unsigned int ini_line(const struct ini *ini)
{
	return ini->line;
}

const char *ini_section(const struct ini *ini)
{
	return ini->section;
}

/* --- text ------------------------------------------------------------------
 */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without blanks around it; changes @s. */
static char *strip(char *s)
{
	size_t len;

	while (is_blank(*s))
		s++;
	len = strlen(s);
	while (len && is_blank(s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* iniparser makes sections and keys lower case: so do we. */
static void to_lower(char *s)
{
	for (; *s; s++) {
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	}
}

/*
 * The next line, those that a backslash joins made one. 1, 0 at the end, or
 * -errno.
 */
static int next_line(struct ini *ini, char buf[LINE_LEN_MAX + 1])
{
	size_t n = 0;
	bool more = true;

	if (ini->at >= ini->len)
		return 0;
	while (more && ini->at < ini->len) {
		const char *from = ini->text + ini->at;
		size_t left = ini->len - ini->at;
		const char *end = memchr(from, '\n', left);
		size_t part = end ? (size_t)(end - from) : left;

		ini->line++;
		if (n + part > LINE_LEN_MAX)
			return ini_error(ini, -E2BIG, ERR_INI_SYNTAX, NULL);
		memcpy(buf + n, from, part);
		ini->at += part + (end != NULL);
		n += part;
		while (n && is_blank(buf[n - 1]))
			n--;
		more = n && buf[n - 1] == '\\';
		n -= more;
	}
	buf[n] = '\0';
	return 1;
}

/* Whether nothing but blanks or a comment is left. */
static bool only_comment(const char *s)
{
	while (is_blank(*s))
		s++;
	return *s == '\0' || *s == ';' || *s == '#';
}

/*
 * Whether iniparser sees all of a value. It would drop what stands behind the
 * closing quote, take a missing one for granted, and begin a comment at any
 * ';' or '#', be it in the middle of a word or between inner quotes.
 */
static bool value_ok(const char *v)
{
	const char *end;
	unsigned int quotes = 0;

	if (*v == '"' || *v == '\'') {
		end = strchr(v + 1, *v);
		return end && only_comment(end + 1);
	}
	end = strpbrk(v, ";#");
	if (!end || end == v)
		return true;
	for (const char *p = v; p < end; p++)
		quotes += *p == '"';
	return is_blank(end[-1]) && quotes % 2 == 0;
}

/* --- sections and keys -----------------------------------------------------
 */

static int end_section(struct ini *ini)
{
	return ini->section[0] ? ini->g->section_end(ini, ini->ctx) : 0;
}

static int begin_section(struct ini *ini, const char *name)
{
	int ret;

	for (unsigned int i = 0; i < ini->n_seen; i++) {
		if (strcmp(ini->seen[i], name) == 0)
			return ini_error(ini, -EEXIST, ERR_INI_SECTION, name);
	}
	ret = ini->g->section(ini, ini->ctx, name);
	if (ret)
		return ret;
	if (ini->n_seen == ini->g->sections)
		return ini_error(ini, -E2BIG, ERR_INI_SECTION, name);
	snprintf(ini->section, sizeof(ini->section), "%s", name);
	memcpy(ini->seen[ini->n_seen++], ini->section, INI_NAME_MAX);
	return 0;
}

/* @s: "[name]", blanks around it gone. */
static int section_line(struct ini *ini, char *s)
{
	char *close = strchr(s, ']');
	char *name;
	int ret;

	if (!close || close[1])
		return ini_error(ini, -EINVAL, ERR_INI_SYNTAX, s);
	ret = end_section(ini);
	if (ret)
		return ret;
	*close = '\0';
	name = strip(s + 1);
	to_lower(name);
	if (strlen(name) >= INI_NAME_MAX)
		return ini_error(ini, -ENAMETOOLONG, ERR_INI_SECTION, name);
	return begin_section(ini, name);
}

void ini_place(const struct ini *ini, unsigned int line, const char *key,
	       char out[ERR_NAME_MAX])
{
	size_t len = strlen(ini->file);
	const size_t most = 80;

	snprintf(out, ERR_NAME_MAX, "%s%s:%u: %.20s", len > most ? "..." : "",
		 len > most ? ini->file + len - most : ini->file, line, key);
}

int ini_value(struct ini *ini, const char *key, const char **value)
{
	char full[INI_NAME_MAX + 32];

	*value = NULL;
	if (!ini->dict)
		return 0;
	snprintf(full, sizeof(full), "%s:%s", ini->section, key);
	*value = iniparser_getstring(ini->dict, full, NULL);
	return *value ? 0 : ini_error(ini, -EINVAL, ERR_INI_SYNTAX, full);
}

/* @s: "key = value", blanks around it gone. */
static int key_line(struct ini *ini, char *s)
{
	char *equals = strchr(s, '=');
	char *key;

	if (!equals || equals == s || !value_ok(strip(equals + 1)))
		return ini_error(ini, -EINVAL, ERR_INI_SYNTAX, s);
	*equals = '\0';
	key = strip(s);
	to_lower(key);
	if (ini->section[0] == '\0')
		return ini_error(ini, -ENOENT, ERR_INI_SECTION, key);
	return ini->g->key(ini, ini->ctx, key);
}

static int ini_walk(struct ini *ini)
{
	char buf[LINE_LEN_MAX + 1] = "";
	int ret;

	ini->at = 0;
	ini->line = 0;
	ini->n_seen = 0;
	ini->section[0] = '\0';
	ini->g->begin(ini->ctx);
	while ((ret = next_line(ini, buf)) > 0) {
		char *s = strip(buf);

		if (*s == '\0' || *s == '#' || *s == ';')
			continue;
		ret = *s == '[' ? section_line(ini, s) : key_line(ini, s);
		if (ret)
			return ret;
	}
	return ret ? ret : end_section(ini);
}

/* --- the file --------------------------------------------------------------
 */

static int read_all(struct ini *ini, int fd)
{
	while (ini->len <= FILE_MAX) {
		ssize_t n =
			read(fd, ini->text + ini->len, FILE_MAX + 1 - ini->len);

		if (n == 0)
			return 0;
		if (n > 0)
			ini->len += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return -EFBIG;
}

static int read_file(struct ini *ini)
{
	int fd = open(ini->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int ret;

	if (fd < 0)
		return ini_error(ini, -errno, ERR_INI_OPEN, NULL);
	ret = read_all(ini, fd);
	close(fd);
	if (ret)
		return ini_error(ini, ret, ERR_INI_OPEN, NULL);
	if (memchr(ini->text, '\0', ini->len))
		return ini_error(ini, -EILSEQ, ERR_INI_SYNTAX, NULL);
	return 0;
}

static int quiet(const char *format, ...)
{
	(void)format;
	return 0;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Let iniparser have the very bytes that were checked. */
static int load_values(struct ini *ini)
{
	int fd = memfd_create("barge.ini", MFD_CLOEXEC);
	char path[32];
	int ret;

	if (fd < 0)
		return err_set(ini->e, -errno, ERR_HOST_CALL, "memfd_create",
			       NULL);
	ret = write_all(fd, ini->text, ini->len);
	if (ret) {
		close(fd);
		return err_set(ini->e, ret, ERR_HOST_CALL, "write", NULL);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	iniparser_set_error_callback(quiet);
	ini->dict = iniparser_load(path);
	iniparser_set_error_callback(NULL);
	close(fd);
	if (!ini->dict)
		return err_set(ini->e, -EIO, ERR_HOST_CALL, "iniparser_load",
			       NULL);
	return 0;
}

static int ini_run(struct ini *ini)
{
	int ret = read_file(ini);

	if (ret == 0)
		ret = ini_walk(ini);
	if (ret == 0)
		ret = load_values(ini);
	if (ret == 0)
		ret = ini_walk(ini);
	return ret;
}

int ini_load(const char *file, const struct ini_grammar *g, void *ctx,
	     struct err *e)
{
	struct ini ini = {.file = file, .g = g, .ctx = ctx, .e = e};
	int ret;

	ini.text = malloc(FILE_MAX + 1);
	if (!ini.text)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	ret = ini_run(&ini);
	if (ini.dict)
		iniparser_freedict(ini.dict);
	free(ini.text);
	return ret;
}
