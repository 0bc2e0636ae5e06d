/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_SVG_H
#define VMM_SVG_H

#include <stdio.h>

/*
 * Pieces of an SVG picture. Text is escaped here; classes are ours and are
 * written as they are. The unit of lengths is the pixel.
 */

struct svg_box {
	double x;
	double y;
	double w;
	double h;
};

/* A rectangle; @title, if not NULL, is shown when the mouse points at it. */
void svg_rect(FILE *f, struct svg_box b, const char *class, const char *title);
/* @class may be NULL; "end" and "mid" say what of the text is at (x, y). */
void svg_text(FILE *f, double x, double y, const char *class, const char *text);
void svg_line(FILE *f, double x1, double y1, double x2, double y2);
/* Text inside an element: what is no character of XML becomes U+FFFD. */
void svg_escape(FILE *f, const char *text);
/* About how wide @text is, in the font of 12 pixels that the picture has. */
double svg_text_width(const char *text);

#endif
