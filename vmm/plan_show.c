// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan_show.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/plan_json.h"
#include "vmm/plan_print.h"
#include "vmm/plan_svg.h"
#include "vmm/what_if.h"

/* BARs of 64 KiB at least, for guests with pages of that size. */
#define ALIGN_AARCH64 65536
#define ALIGN_X86     4096

/* --- the picture -----------------------------------------------------------
 */

static int svg_fill(int fd, const struct plan_view *v)
{
	FILE *f = fdopen(fd, "w");
	int ret;

	if (!f) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = plan_svg(f, v);
	if (ret == 0 && fsync(fd) < 0 && errno != EINVAL)
		ret = -errno;
	if (fclose(f) != 0 && ret == 0)
		ret = -errno;
	return ret;
}

static mode_t usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* Beside the file and then over it: nobody ever sees half a picture. */
static int svg_write(const char *file, const struct plan_view *v)
{
	char temp[PATH_MAX];
	int fd, ret;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.XXXXXX", file) >=
	    sizeof(temp))
		return -ENAMETOOLONG;
	fd = mkstemp(temp);
	if (fd < 0)
		return -errno;
	ret = fchmod(fd, usual_mode()) < 0 ? -errno : 0;
	if (ret < 0)
		close(fd);
	else
		ret = svg_fill(fd, v);
	if (ret == 0 && rename(temp, file) < 0)
		ret = -errno;
	if (ret < 0)
		unlink(temp);
	return ret;
}

/* --- plan ------------------------------------------------------------------
 */

int plan_show(const struct conf *c, const struct plan_view *v, struct err *e)
{
	int ret = c->svg ? svg_write(c->svg, v) : 0;

	if (ret < 0)
		return err_set(e, ret, ERR_FILE_WRITE, c->svg, NULL);
	ret = c->json ? plan_json(stdout, v) : plan_print(stdout, v);
	if (ret < 0)
		return err_set(e, ret, ERR_HOST_CALL,
			       "write to standard output", NULL);
	return 0;
}

/* The IOMMU of --what-if has every page and every address. */
static void what_if_dev(struct plan_dev *d, const struct what_if *w)
{
	uint64_t align =
		w->host.arch == REACH_AARCH64 ? ALIGN_AARCH64 : ALIGN_X86;

	memcpy(d->seen.shape, w->shape, sizeof(d->seen.shape));
	d->seen.msix = w->msix;
	d->iommu.kind = REACH_IOMMU_OTHER;
	d->iommu.pages = ~0xfffull;
	d->listed = w->regions;
	vfio_survey_plan(&d->seen, "", w->host.page, align, &d->pci);
}

static int show_what_if(const struct conf *c, struct what_if *w,
			struct plan_dev *d, struct err *e)
{
	struct plan_view v = {.n = 1, .dev = d};
	int ret = what_if_load(c->what_if, w, e);

	if (ret < 0)
		return ret;
	v.host = w->host;
	what_if_dev(d, w);
	plan_view_finish(&v, REACH_P2P_ON);
	return plan_show(c, &v, e);
}

int plan_show_what_if(const struct conf *c, struct err *e)
{
	struct what_if *w = calloc(1, sizeof(*w));
	struct plan_dev *d = calloc(1, sizeof(*d));
	int ret = -ENOMEM;

	if (w && d)
		ret = show_what_if(c, w, d, e);
	else
		err_set(e, ret, ERR_HOST_CALL, "calloc", NULL);
	free(w);
	free(d);
	return ret;
}
