// SPDX-License-Identifier: Apache-2.0
#include "vmm/plan_svg.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/svg.h"

/*
 * How it works: first the guest-physical map, one row for each section and
 * each to its own scale; then each BAR as a strip of its own, in pieces of one
 * page size, because a BAR of 64 GiB and a hole of 64 KiB in it cannot be seen
 * to one scale: there each piece has a least width. What is drawn goes to
 * memory first, since the head of the picture tells how high it is.
 */

#define WIDTH	   1060.0
#define MARGIN	   24.0
#define BAR_X	   236.0
#define BAR_W	   (WIDTH - BAR_X - MARGIN)
#define ROW_H	   26.0 /* of a section's row and of a strip */
#define PIECE_MIN  14.0
#define LINES_MAX  16u /* of text on slices, for each BAR */
#define PIECES_MAX (BAR_SLICES_MAX * REACH_RUNS_MAX)

struct pic {
	FILE *f;
	const struct plan_view *v;
	double y;
};

/* Plain colours first, for programs that know neither @media nor var(). */
static const char style[] =
	"<style>\n"
	"svg{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,"
	"monospace}\n"
	"text{fill:#1d2329}.dim{fill:#5c6773}"
	".on{fill:#fff}.ondark{fill:#1d2329}\n"
	".h1{font-size:20px;font-weight:bold}.h2{font-size:15px;"
	"font-weight:bold}.end{text-anchor:end}.mid{text-anchor:middle}\n"
	".bg{fill:#fff}.free{fill:#eef1f4;stroke:#c3cad1}"
	".frame{fill:none;stroke:#1d2329}line{stroke:#5c6773}\n"
	".big{fill:#00875f}.m{fill:#2f7fc4}.small{fill:#e6a100}"
	".trap{fill:#c8401f}.virt{fill:#c9b8da}.ram{fill:#8795a3}"
	".ecam{fill:#5f6f9f}\n"
	"rect.p:hover{stroke:#1d2329;stroke-width:2}\n"
	"@media(prefers-color-scheme:dark){text{fill:#e4e9ee}"
	".dim{fill:#9aa6b2}.on{fill:#fff}.ondark{fill:#15191d}"
	".bg{fill:#15191d}.free{fill:#232a31;stroke:#4a545e}"
	".frame{stroke:#e4e9ee}line{stroke:#9aa6b2}.big{fill:#0f8f69}"
	".m{fill:#3f86c6}.small{fill:#e3a81a}.trap{fill:#d9552f}"
	".virt{fill:#a892c4}.ram{fill:#66727e}.ecam{fill:#7282b8}"
	"rect.p:hover{stroke:#fff}}\n"
	"</style>\n";

/* --- one page size in a colour ---------------------------------------------
 */

struct piece {
	uint64_t off;
	uint64_t len;
	uint64_t page; /* 0: not mapped */
	unsigned int slice;
	enum bar_slice_kind kind;
};

static const char *page_class(uint64_t page)
{
	if (page >= 512ull << 20)
		return "p big";
	return page >= 2ull << 20 ? "p m" : "p small";
}

static const char *piece_class(const struct piece *p)
{
	if (p->kind == BAR_TRAP)
		return "p trap";
	return p->kind == BAR_MAP ? page_class(p->page) : "p virt";
}

static const char *piece_text_class(const struct piece *p)
{
	bool light = p->kind == BAR_VIRTUAL ||
		     (p->kind == BAR_MAP && p->page < 2ull << 20);

	return light ? "mid ondark" : "mid on";
}

static unsigned int bar_pieces(const struct plan_dev *d, unsigned int bar,
			       struct piece *out)
{
	const struct bar_plan *p = &d->seen.plan.bar[bar];
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		const struct bar_slice *s = &p->slice[i];
		struct reach_run run[REACH_RUNS_MAX];
		unsigned int runs;

		if (s->kind != BAR_MAP) {
			out[n++] =
				(struct piece){s->off, s->len, 0, i, s->kind};
			continue;
		}
		runs = reach_runs(&d->reach, bar, i, REACH_GUEST, run);
		for (unsigned int k = 0; k < runs; k++)
			out[n++] = (struct piece){run[k].off, run[k].len,
						  run[k].page, i, s->kind};
	}
	return n;
}

static const char *page_or_none(char buf[PLAN_SIZE_TEXT], uint64_t page)
{
	return page ? plan_size_text(buf, page) : "none";
}

#define TITLE_MAX 400

/* "0000:01:00.0 BAR 0 +0x0, 64G: ..." */
static void piece_title(char out[TITLE_MAX], const struct plan_dev *d,
			unsigned int bar, const struct piece *p)
{
	char len[PLAN_SIZE_TEXT], host[PLAN_SIZE_TEXT], guest[PLAN_SIZE_TEXT],
		io[PLAN_SIZE_TEXT];
	struct reach r[REACH_TABLES];
	int n;

	reach_slice(&d->reach, bar, p->slice, r);
	n = snprintf(out, TITLE_MAX,
		     "%s%sBAR %u +0x%" PRIx64 ", %s: ", d->pci.name,
		     d->pci.name[0] ? " " : "", bar, p->off,
		     plan_size_text(len, p->len));
	if (n < 0 || n >= TITLE_MAX)
		return;
	if (p->kind != BAR_MAP) {
		snprintf(out + n, TITLE_MAX - (size_t)n, "%s, %s",
			 p->kind == BAR_TRAP ? "trapped" : "virtual",
			 reach_why_text(r[0].why));
		return;
	}
	snprintf(out + n, TITLE_MAX - (size_t)n,
		 "mapped in pages of %s. The slice reaches: host %s (%s); %s "
		 "%s (%s); IOMMU %s (%s)",
		 page_or_none(len, p->page),
		 page_or_none(host, r[REACH_HOST].page),
		 reach_why_text(r[REACH_HOST].why),
		 d->reach.host->arch == REACH_AARCH64 ? "stage 2" : "EPT/NPT",
		 page_or_none(guest, r[REACH_GUEST].page),
		 reach_why_text(r[REACH_GUEST].why),
		 page_or_none(io, r[REACH_IOMMU].page),
		 reach_why_text(r[REACH_IOMMU].why));
}

/* --- the guest-physical map ------------------------------------------------
 */

static void hex_text(FILE *f, double x, double y, const char *class, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	svg_text(f, x, y, class, text);
}

/* The row of @s: its name, its size, its ends. */
static void section_frame(struct pic *p, struct span s, const char *name,
			  const char *class)
{
	char size[PLAN_SIZE_TEXT], title[TITLE_MAX];
	struct svg_box box = {BAR_X, p->y, BAR_W, ROW_H};

	snprintf(title, sizeof(title), "%s: 0x%" PRIx64 " to 0x%" PRIx64 ", %s",
		 name, s.base, s.base + s.len - 1, plan_size_text(size, s.len));
	svg_text(p->f, MARGIN, p->y + 12, NULL, name);
	svg_text(p->f, MARGIN, p->y + 27, "dim", size);
	svg_rect(p->f, box, class, title);
	hex_text(p->f, BAR_X, p->y + ROW_H + 14, "dim", s.base);
	hex_text(p->f, BAR_X + BAR_W, p->y + ROW_H + 14, "dim end",
		 s.base + s.len - 1);
}

static double at(struct span s, uint64_t addr)
{
	return BAR_X + BAR_W * ((double)(addr - s.base) / (double)s.len);
}

/* A BAR in its window, to scale; what is too narrow is still a line. */
static void window_bar(struct pic *p, struct span s, const struct plan_dev *d,
		       unsigned int bar)
{
	static struct piece piece[PIECES_MAX];
	unsigned int n = bar_pieces(d, bar, piece);
	struct span b = {d->addr[bar], d->seen.plan.bar[bar].size};
	double x = at(s, b.base), w = at(s, b.base + b.len - 1) - x;
	const struct piece *most = piece;
	char name[48];

	for (unsigned int i = 0; i < n; i++) {
		double from = at(s, b.base + piece[i].off);
		double to = at(s, b.base + piece[i].off + piece[i].len - 1);
		char title[TITLE_MAX];

		if (piece[i].len > most->len)
			most = &piece[i];
		piece_title(title, d, bar, &piece[i]);
		if (to - from < 1)
			to = from + 1;
		svg_rect(p->f, (struct svg_box){from, p->y, to - from, ROW_H},
			 piece_class(&piece[i]), title);
	}
	if (w < 2)
		w = 2;
	svg_rect(p->f, (struct svg_box){x, p->y, w, ROW_H}, "frame", NULL);
	snprintf(name, sizeof(name), "%s BAR %u", d->pci.name, bar);
	if (svg_text_width(name) + 8 < w)
		svg_text(p->f, x + w / 2, p->y + 17, piece_text_class(most),
			 name);
}

/* The ROM is a copy that barge answers from. */
static void window_rom(struct pic *p, struct span s, const struct plan_dev *d)
{
	const struct plan_bar *rom = &d->pci.bar[PCI_ROM_IDX];
	char title[TITLE_MAX], size[PLAN_SIZE_TEXT];
	double x, w;

	if (!rom->size || !span_holds(s, rom->addr, rom->size))
		return;
	x = at(s, rom->addr);
	w = at(s, rom->addr + rom->size - 1) - x;
	snprintf(title, sizeof(title), "%s ROM, 0x%" PRIx64 ", %s", d->pci.name,
		 rom->addr, plan_size_text(size, rom->size));
	svg_rect(p->f, (struct svg_box){x, p->y, w < 1 ? 1 : w, ROW_H},
		 "p virt", title);
}

static void section(struct pic *p, struct span s, const char *name,
		    const char *class)
{
	if (!s.len)
		return;
	section_frame(p, s, name, class);
	for (unsigned int i = 0; i < p->v->n; i++) {
		const struct plan_dev *d = &p->v->dev[i];

		for (unsigned int b = 0; b < PCI_BARS; b++) {
			const struct bar_plan *bp = &d->seen.plan.bar[b];
			bool io = bp->kind == PCI_BAR_IO;

			if (bp->size && io == (s.base == p->v->plan->io.base) &&
			    span_holds(s, d->addr[b], bp->size))
				window_bar(p, s, d, b);
		}
		window_rom(p, s, d);
	}
	p->y += ROW_H + 30;
}

static void map_draw(struct pic *p)
{
	const struct plan *plan = p->v->plan;
	struct row {
		struct span s;
		const char *name;
		const char *class;
	} row[PLAN_RAM_MAX + 3];
	unsigned int n = 0;

	for (unsigned int i = 0; i < plan->n_ram && i < PLAN_RAM_MAX; i++)
		row[n++] = (struct row){plan->ram[i], i ? "RAM, high" : "RAM",
					"ram"};
	row[n++] = (struct row){plan->mem32, "window of 32-bit BARs", "free"};
	row[n++] = (struct row){plan->ecam, "PCI configuration", "ecam"};
	row[n++] = (struct row){plan->mem64, "window of 64-bit BARs", "free"};
	/* by address: few enough to be sorted by insertion */
	for (unsigned int i = 1; i < n; i++) {
		for (unsigned int k = i;
		     k > 0 && row[k].s.base < row[k - 1].s.base; k--) {
			struct row swap = row[k];

			row[k] = row[k - 1];
			row[k - 1] = swap;
		}
	}
	svg_text(p->f, MARGIN, p->y, "h2", "Guest-physical memory");
	svg_text(p->f, BAR_X + BAR_W, p->y, "dim end",
		 "each section to its own scale");
	p->y += 16;
	for (unsigned int i = 0; i < n; i++)
		section(p, row[i].s, row[i].name, row[i].class);
	section(p, plan->io, "I/O ports", "free");
}

/* --- BARs ------------------------------------------------------------------
 */

/* "15 x 1G" where there is room, "1G" where there is less. */
static void piece_label(struct pic *p, const struct piece *q, double x,
			double w)
{
	char size[PLAN_SIZE_TEXT], text[64];

	if (q->kind != BAR_MAP)
		snprintf(text, sizeof(text), "%s",
			 q->kind == BAR_TRAP ? "trapped" : "virtual");
	else if (q->page)
		snprintf(text, sizeof(text), "%" PRIu64 " x %s",
			 q->len / q->page, plan_size_text(size, q->page));
	else
		return;
	if (svg_text_width(text) + 6 > w && q->kind == BAR_MAP)
		plan_size_text(text, q->page);
	if (svg_text_width(text) + 4 <= w)
		svg_text(p->f, x + w / 2, p->y + 17, piece_text_class(q), text);
}

/* Offsets of slices, where they do not run into each other. */
static double offset_label(struct pic *p, const struct piece *q, double x,
			   double free_from)
{
	char text[24];

	snprintf(text, sizeof(text), "+0x%" PRIx64, q->off);
	if (x < free_from || x + svg_text_width(text) > BAR_X + BAR_W - 50)
		return free_from;
	svg_line(p->f, x + 0.5, p->y + ROW_H, x + 0.5, p->y + ROW_H + 5);
	svg_text(p->f, x, p->y + ROW_H + 16, "dim", text);
	return x + svg_text_width(text) + 10;
}

static void strip_pieces(struct pic *p, const struct plan_dev *d,
			 unsigned int bar)
{
	static struct piece piece[PIECES_MAX];
	unsigned int n = bar_pieces(d, bar, piece);
	double size = (double)d->seen.plan.bar[bar].size;
	double least = n * PIECE_MIN * 2 < BAR_W ? PIECE_MIN : BAR_W / (2 * n);
	double x = BAR_X, free_from = x;

	for (unsigned int i = 0; i < n; i++) {
		double w = least +
			   (BAR_W - least * n) * ((double)piece[i].len / size);
		char title[TITLE_MAX];

		piece_title(title, d, bar, &piece[i]);
		svg_rect(p->f, (struct svg_box){x, p->y, w - 1, ROW_H},
			 piece_class(&piece[i]), title);
		piece_label(p, &piece[i], x, w - 1);
		if (i == 0 || piece[i].slice != piece[i - 1].slice)
			free_from = offset_label(p, &piece[i], x, free_from);
		x += w;
	}
}

static bool plain(enum reach_why why)
{
	return why == REACH_BEST || why == REACH_BAR_SMALL;
}

/* "+0x19000", "16777116K", "mapped, in pages of up to 1G: why" */
static void slice_line(struct pic *p, const struct bar_slice *s,
		       const struct reach *r)
{
	static const char *const kind[] = {
		[BAR_MAP] = "mapped, in pages of up to ",
		[BAR_TRAP] = "trapped",
		[BAR_VIRTUAL] = "virtual",
	};
	struct piece q = {s->off, s->len, r->page, 0, s->kind};
	char text[TITLE_MAX], page[PLAN_SIZE_TEXT];

	p->y += 16;
	svg_rect(p->f, (struct svg_box){BAR_X, p->y - 9, 10, 10},
		 piece_class(&q), NULL);
	snprintf(text, sizeof(text), "+0x%" PRIx64, s->off);
	svg_text(p->f, BAR_X + 18, p->y, "dim", text);
	svg_text(p->f, BAR_X + 195, p->y, "dim end",
		 plan_size_text(text, s->len));
	snprintf(text, sizeof(text), "%s%s%s%s", kind[s->kind],
		 s->kind == BAR_MAP ? page_or_none(page, r->page) : "",
		 plain(r->why) ? "" : ": ",
		 plain(r->why) ? "" : reach_why_text(r->why));
	svg_text(p->f, BAR_X + 210, p->y, "dim", text);
}

/* What is too narrow to be labelled in the strip is told under it. */
static void strip_slices(struct pic *p, const struct plan_dev *d,
			 unsigned int bar)
{
	const struct bar_plan *bp = &d->seen.plan.bar[bar];
	struct reach r[REACH_TABLES];
	char text[64];

	for (unsigned int i = 0; i < bp->n && i < LINES_MAX; i++) {
		reach_slice(&d->reach, bar, i, r);
		if (bp->n > 1 || !plain(r[REACH_GUEST].why))
			slice_line(p, &bp->slice[i], &r[REACH_GUEST]);
	}
	if (bp->n <= LINES_MAX)
		return;
	snprintf(text, sizeof(text), "and %u slices more", bp->n - LINES_MAX);
	p->y += 16;
	svg_text(p->f, BAR_X + 18, p->y, "dim", text);
}

static void strip(struct pic *p, const struct plan_dev *d, unsigned int bar)
{
	const struct bar_plan *bp = &d->seen.plan.bar[bar];
	char name[64], where[64], size[PLAN_SIZE_TEXT];

	snprintf(name, sizeof(name), "BAR %u %s %s", bar,
		 plan_bar_kind(bp->kind), plan_size_text(size, bp->size));
	svg_text(p->f, MARGIN, p->y + 12, NULL, name);
	snprintf(where, sizeof(where), "at 0x%" PRIx64, d->addr[bar]);
	if (p->v->plan)
		svg_text(p->f, MARGIN, p->y + 27, "dim", where);
	strip_pieces(p, d, bar);
	svg_text(p->f, BAR_X + BAR_W, p->y + ROW_H + 16, "dim end", size);
	p->y += ROW_H + 18;
	strip_slices(p, d, bar);
	p->y += 22;
}

static void msix_line(struct pic *p, const struct plan_dev *d)
{
	const struct dev_plan *dp = &d->seen.plan;
	char text[200];

	if (d->seen.msix.n == 0)
		return;
	if (dp->msix_place == MSIX_PLACE_NONE)
		snprintf(text, sizeof(text), "MSI-X: none, %s", dp->msix_why);
	else
		snprintf(text, sizeof(text),
			 "MSI-X: table at BAR %u +0x%" PRIx64
			 ", PBA at BAR %u +0x%" PRIx64 ": %s",
			 dp->table_bar, dp->table_off, dp->pba_bar, dp->pba_off,
			 dp->msix_why);
	svg_text(p->f, MARGIN, p->y, "dim", text);
	p->y += 18;
}

static void dev_draw(struct pic *p, const struct plan_dev *d)
{
	enum reach_why why[REACH_WHY_MAX];
	unsigned int n = plan_dev_advice(d, why);
	char name[64];

	snprintf(name, sizeof(name), "Device %s at 00:%02x.%x", d->pci.name,
		 d->pci.devfn >> 3 & 0x1fu, d->pci.devfn & 7u);
	svg_text(p->f, MARGIN, p->y, "h2",
		 p->v->plan ? name : "The device's BARs");
	svg_text(p->f, BAR_X + BAR_W, p->y, "dim end",
		 "to scale, but narrow pieces are widened");
	p->y += 20;
	msix_line(p, d);
	for (unsigned int b = 0; b < PCI_BARS; b++) {
		if (d->seen.plan.bar[b].size)
			strip(p, d, b);
	}
	for (unsigned int i = 0; i < n; i++) {
		char text[240];

		snprintf(text, sizeof(text), "Advice: %s",
			 reach_advice(&d->reach, why[i]));
		svg_text(p->f, MARGIN, p->y, NULL, text);
		p->y += 18;
	}
	p->y += 18;
}

/* --- the whole -------------------------------------------------------------
 */

static double key(struct pic *p, double x, const char *class, const char *text)
{
	svg_rect(p->f, (struct svg_box){x, p->y - 11, 14, 14}, class, NULL);
	svg_text(p->f, x + 20, p->y, NULL, text);
	return x + 20 + svg_text_width(text) + 22;
}

static void legend(struct pic *p)
{
	uint64_t block[3];
	double x = MARGIN;

	reach_blocks(&p->v->host, REACH_GUEST, block);
	for (unsigned int i = 0; i < 3 && block[i]; i++) {
		char size[PLAN_SIZE_TEXT], text[64];

		snprintf(text, sizeof(text), "%s%s",
			 i ? "" : "mapped in pages of ",
			 plan_size_text(size, block[i]));
		x = key(p, x, page_class(block[i]), text);
	}
	x = key(p, x, "p trap", "trapped");
	x = key(p, x, "p virt", "virtual");
	if (p->v->plan) {
		x = key(p, x, "ram", "RAM");
		key(p, x, "free", "free");
	}
	p->y += 20;
	svg_text(p->f, MARGIN, p->y, "dim",
		 p->v->host.arch == REACH_AARCH64
			 ? "Page sizes are those of stage 2. Point at a piece "
			   "to see those of the host and the IOMMU, and why."
			 : "Page sizes are those of EPT or NPT. Point at a "
			   "piece to see those of the host and the IOMMU, and "
			   "why.");
	p->y += 36;
}

static void body(struct pic *p)
{
	char text[120], page[PLAN_SIZE_TEXT], ram[PLAN_SIZE_TEXT];
	const struct plan *plan = p->v->plan;
	uint64_t bytes = 0;

	for (unsigned int i = 0; plan && i < plan->n_ram; i++)
		bytes += plan->ram[i].len;
	if (plan)
		snprintf(text, sizeof(text),
			 "%u vCPU%s, %s of RAM, %u "
			 "device%s",
			 plan->cpus, plan->cpus == 1 ? "" : "s",
			 plan_size_text(ram, bytes), p->v->n,
			 p->v->n == 1 ? "" : "s");
	else
		snprintf(text, sizeof(text), "on %s with pages of %s",
			 plan_arch_name(p->v->host.arch),
			 plan_size_text(page, p->v->host.page));
	svg_text(p->f, MARGIN, p->y, "h1",
		 plan ? "barge plan" : "barge plan, what if");
	svg_text(p->f, BAR_X + BAR_W, p->y, "dim end", text);
	p->y += 32;
	legend(p);
	if (plan)
		map_draw(p);
	p->y += 22;
	for (unsigned int i = 0; i < p->v->n; i++)
		dev_draw(p, &p->v->dev[i]);
}

static void head(FILE *f, double height)
{
	fprintf(f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
		"height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n"
		"<title>barge plan</title>\n%s",
		WIDTH, height, WIDTH, height, style);
	svg_rect(f, (struct svg_box){0, 0, WIDTH, height}, "bg", NULL);
}

int plan_svg(FILE *f, const struct plan_view *v)
{
	char *text = NULL;
	size_t len = 0;
	struct pic p = {.f = open_memstream(&text, &len), .v = v, .y = 42};
	int ret = 0;

	if (!p.f)
		return -errno;
	body(&p);
	if (ferror(p.f))
		ret = -ENOMEM;
	if (fclose(p.f) != 0)
		ret = -ENOMEM;
	if (ret == 0) {
		head(f, p.y);
		fwrite(text, 1, len, f);
		fputs("</svg>\n", f);
		ret = fflush(f) || ferror(f) ? -EIO : 0;
	}
	free(text);
	return ret;
}
