/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/conf_regex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/watch_judge.h"

void conf_regex_fini(struct conf_regexes *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		free(r->at[i].text);
	r->n = 0;
}

/* The words are regerror()'s. */
static int check(const char *text, const struct conf_from *from, struct err *e)
{
	char detail[ERR_DETAIL_MAX], why[80];
	int ret = watch_regex_check(text, why, sizeof(why));

	if (text[0] == '\0') /* of no use: it is in each line */
		return err_set(e, -EINVAL, ERR_REGEX, from->what,
			       "The text is empty");
	if (ret == 0)
		return 0;
	snprintf(detail, sizeof(detail), "%s: %.160s", why, text);
	return err_set(e, ret, ERR_REGEX, from->what, detail);
}

int conf_regex_add(struct conf_regexes *r, const char *text,
		   const struct conf_from *from, struct err *e)
{
	int ret = check(text, from, e);
	unsigned int at;
	char *copy;

	if (ret)
		return ret;
	if (!from->ini && r->from_ini)
		conf_regex_fini(r);
	r->from_ini = from->ini;
	if (r->n == CONF_REGEX_MAX)
		return err_set_num(e, -E2BIG, ERR_REGEX_MANY, from->what,
				   CONF_REGEX_MAX, 0);
	copy = strdup(text);
	if (!copy)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "malloc", NULL);
	for (at = r->n++; from->ini && at > 0; at--) {
		if (r->at[at - 1].number < from->number)
			break;
		r->at[at] = r->at[at - 1];
	}
	r->at[at].number = from->number;
	r->at[at].text = copy;
	return 0;
}
