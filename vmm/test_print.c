// SPDX-License-Identifier: Apache-2.0
#include "vmm/test_print.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/thread.h"

/* More than that is not kept for a reader who does not come: it waits. */
#define MOST (64u << 20)

static void write_out(struct test_print *p, char *text, size_t len)
{
	fwrite(text, 1, len, p->to);
	fflush(p->to);
	free(text);
}

static void *writer(void *arg)
{
	struct test_print *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		char *text = p->text;
		size_t len = p->len;

		if (!len && p->end)
			break;
		if (!len) {
			pthread_cond_wait(&p->more, &p->lock);
			continue;
		}
		p->text = NULL;
		p->len = 0;
		p->room = 0;
		pthread_cond_signal(&p->less);
		pthread_mutex_unlock(&p->lock);
		write_out(p, text, len);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int test_print_start(struct test_print *p, FILE *to)
{
	int r;

	memset(p, 0, sizeof(*p));
	p->to = to;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->less, NULL);
	r = thread_start(&p->thread, "output", writer, p);
	p->started = r == 0;
	return r;
}

/* Whether there is room for @len more. Holds the lock. */
static bool make_room(struct test_print *p, size_t len)
{
	size_t room = p->room ? p->room : 65536;
	char *text;

	if (p->len + len > MOST)
		return false;
	while (room < p->len + len)
		room *= 2;
	if (room == p->room)
		return true;
	text = realloc(p->text, room);
	if (!text)
		return false;
	p->text = text;
	p->room = room;
	return true;
}

void test_print_put(struct test_print *p, const char *text, size_t len)
{
	if (!len)
		return;
	pthread_mutex_lock(&p->lock);
	/* What waits will be less; nothing waiting, there is no memory at all.
	 */
	while (!make_room(p, len) && p->len)
		pthread_cond_wait(&p->less, &p->lock);
	if (p->room - p->len >= len) {
		memcpy(p->text + p->len, text, len);
		p->len += len;
	} else {
		fwrite(text, 1, len, p->to);
	}
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void test_print_finish(struct test_print *p)
{
	if (!p->started)
		return;
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	p->started = false;
}
