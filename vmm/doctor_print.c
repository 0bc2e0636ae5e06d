// SPDX-License-Identifier: Apache-2.0
/* Findings become lines. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vmm/doctor.h"
#include "vmm/explain.h"
#include "vmm/json.h"
#include "vmm/text.h"

#define SENTENCE_MAX 1024
/* "warn  iommu-width  " */
#define COLUMN 19u

static const char *level_name(enum doctor_level level)
{
	static const char *const name[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_WARN] = "warn",
		[DOCTOR_BAD] = "bad",
	};

	return name[level];
}

/* What stands for the letter behind a '%'. */
static void item(char out[64], const struct doctor_finding *x, char what)
{
	switch (what) {
	case '1':
		snprintf(out, 64, "%" PRIu64, x->num);
		break;
	case '2':
		snprintf(out, 64, "%" PRIu64, x->num2);
		break;
	case 'm':
		text_size(out, x->num);
		break;
	case 'M':
		text_size(out, x->num2);
		break;
	case 'K':
		snprintf(out, 64, "%" PRIu64,
			 x->num / 1024 + (x->num % 1024 != 0));
		break;
	default:
		snprintf(out, 64, "%.63s", x->word);
		break;
	}
}

static void expand(char out[SENTENCE_MAX], const struct doctor_finding *x,
		   const char *text)
{
	size_t n = 0;

	for (; *text && n + 64 < SENTENCE_MAX; text++) {
		if (*text != '%' || !text[1]) {
			out[n++] = *text;
			continue;
		}
		item(out + n, x, *++text);
		n += strlen(out + n);
	}
	out[n] = '\0';
}

/* The sentence, and the advice if there is one apart. */
static void sentences(const struct doctor_finding *x, char text[SENTENCE_MAX],
		      char advice[SENTENCE_MAX])
{
	advice[0] = '\0';
	if (x->err) {
		explain(x->err, text, SENTENCE_MAX);
		return;
	}
	expand(text, x, x->text);
	expand(advice, x, x->advice);
}

/* A command that is broken in two could not be copied. */
static void print_advice(FILE *out, char *advice)
{
	char *command = strstr(advice, ": ");

	fprintf(out, "%*s", (int)COLUMN, "");
	if (!command || strlen(advice) + COLUMN <= TEXT_WIDTH) {
		text_wrap(out, advice, COLUMN);
		return;
	}
	command[1] = '\0';
	text_wrap(out, advice, COLUMN);
	fprintf(out, "%*s%s\n", (int)COLUMN + 4, "", command + 2);
}

static void print_finding(FILE *out, const struct doctor_finding *x)
{
	char text[SENTENCE_MAX], advice[SENTENCE_MAX];

	sentences(x, text, advice);
	fprintf(out, "%-4s  %-11s  ", level_name(x->level), x->check);
	text_wrap(out, text, COLUMN);
	if (advice[0])
		print_advice(out, advice);
}

static void print_json(FILE *out, const struct doctor_report *r)
{
	struct json j = {.f = out};
	char text[SENTENCE_MAX], advice[SENTENCE_MAX];

	json_object(&j, NULL);
	json_text(&j, "status",
		  level_name(r->n_bad	 ? DOCTOR_BAD
			     : r->n_warn ? DOCTOR_WARN
					 : DOCTOR_OK));
	json_array(&j, "checks");
	for (unsigned int i = 0; i < r->n; i++) {
		const struct doctor_finding *x = &r->finding[i];

		sentences(x, text, advice);
		json_object(&j, NULL);
		json_text(&j, "check", x->check);
		json_text(&j, "level", level_name(x->level));
		json_text(&j, "text", text);
		json_text(&j, "advice", advice[0] ? advice : NULL);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	fputc('\n', out);
}

static void print_lines(FILE *out, const struct doctor_report *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		print_finding(out, &r->finding[i]);
	if (r->n_bad)
		return;
	fputs("VMs with passed-through devices can run here", out);
	if (r->n_warn)
		fprintf(out, "; %u thing%s could be better", r->n_warn,
			r->n_warn == 1 ? "" : "s");
	fputs(".\n", out);
}

int doctor_print(FILE *out, const struct doctor_report *r, bool json)
{
	if (json)
		print_json(out, r);
	else
		print_lines(out, r);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int doctor_run(const struct conf *c, struct err *e)
{
	struct doctor_report r;
	struct doctor_facts f;

	doctor_gather(&f, "", c->memory);
	doctor_judge(&r, &f);
	if (doctor_print(stdout, &r, c->json) < 0)
		return err_set(e, -EIO, ERR_HOST_CALL,
			       "write to standard output", NULL);
	if (!r.n_bad)
		return 0;
	return err_set_num(e, -ENOTSUP, ERR_DOCTOR, NULL, r.n_bad, r.n_warn);
}
