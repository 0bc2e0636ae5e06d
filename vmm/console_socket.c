// SPDX-License-Identifier: Apache-2.0
/*
 * A Unix stream socket at which one client at a time gets the console.
 *
 * The event loop's thread and the output's each have a descriptor of their own
 * for the client, so that neither closes what the other works with. A client
 * that has ended its own side still reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/console_host.h"
#include "vmm/unix_socket.h"

struct sock {
	struct unix_listener listener;
	int client;	      /* the event loop's; -1: none */
	int spare;	      /* given up for a moment when there are no more */
	int out;	      /* the output's: -1: none */
	pthread_mutex_t lock; /* of these two */
	bool changed;	      /* `out` is to become `next` */
	int next;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- the output's thread -------------------------------------------------- */

static void change(struct sock *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->changed) {
		close_fd(&s->out);
		s->out = s->next;
		s->next = -1;
	}
	s->changed = false;
	pthread_mutex_unlock(&s->lock);
}

static ssize_t sock_write(void *ctx, const uint8_t *buf, size_t len)
{
	struct sock *s = ctx;
	ssize_t n;

	change(s);
	if (s->out < 0)
		return -ENOTCONN;
	n = send(s->out, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n >= 0)
		return n;
	if (errno == EAGAIN) {
		output_wait_fd(s->out);
		return 0;
	}
	if (errno == EINTR)
		return 0;
	close_fd(&s->out);
	return -ENOTCONN;
}

/* --- the event loop's ----------------------------------------------------- */

static void hand_out(struct console_host *h, int fd)
{
	struct sock *s = h->priv;

	pthread_mutex_lock(&s->lock);
	close_fd(&s->next);
	s->next = fd;
	s->changed = true;
	pthread_mutex_unlock(&s->lock);
	if (fd >= 0)
		output_again(h->output);
}

static bool client_gone(const struct sock *s)
{
	struct pollfd p = {.fd = s->client};

	return s->client < 0 ||
	       (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR));
}

static void drop_client(struct console_host *h)
{
	struct sock *s = h->priv;

	console_in_unwatch(h);
	h->in = -1;
	close_fd(&s->client);
	hand_out(h, -1);
}

static void sock_ended(struct console_host *h)
{
	h->in = -1;
	if (client_gone(h->priv))
		drop_client(h);
}

static void take_client(struct console_host *h, int fd)
{
	struct sock *s = h->priv;
	int out = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (out < 0) {
		close(fd);
		return;
	}
	s->client = fd;
	h->in = fd; /* console_in_poll() watches it */
	hand_out(h, out);
}

/* Without a free descriptor, the loop would call us for ever. */
static void turn_away(struct sock *s)
{
	close_fd(&s->spare);
	close(accept(s->listener.fd, NULL, NULL));
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_client(void *ctx)
{
	static const char busy[] = "barge: another client has this console\r\n";
	struct console_host *h = ctx;
	struct sock *s = h->priv;
	int fd = accept4(s->listener.fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(s);
		return;
	}
	if (!client_gone(s)) {
		(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		close(fd);
		return;
	}
	if (s->client >= 0)
		drop_client(h);
	take_client(h, fd);
}

static int sock_start(struct console_host *h)
{
	struct sock *s = h->priv;

	return loop_add(h->loop, s->listener.fd, on_client, h);
}

static void sock_stop(struct console_host *h)
{
	struct sock *s = h->priv;

	loop_remove(h->loop, s->listener.fd);
}

/* --- open and close ------------------------------------------------------- */

/*
 * With bytes of the client's unread, close() would look to it like an error
 * (unix(7): ECONNRESET).
 */
static void part(int fd)
{
	char rest[1024];
	ssize_t n;

	if (fd < 0)
		return;
	shutdown(fd, SHUT_RDWR);
	do
		n = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
	while (n > 0);
}

static void sock_close(struct console_host *h)
{
	struct sock *s = h->priv;

	if (!s)
		return;
	unix_listener_close(&s->listener);
	part(s->client);
	close_fd(&s->client);
	close_fd(&s->out);
	close_fd(&s->next);
	close_fd(&s->spare);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int console_open_socket(struct console_host *h, const struct conf_console *w,
			struct err *e)
{
	static const struct console_kind kind = {
		.ended = sock_ended,
		.start = sock_start,
		.stop = sock_stop,
		.close = sock_close,
	};
	struct sock *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, -ENOMEM, ERR_HOST_CALL, "calloc", NULL);
	s->client = -1;
	s->out = -1;
	s->next = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	h->kind = &kind;
	h->priv = s;
	h->to.write = sock_write;
	h->to.ctx = s;
	r = unix_listen(&s->listener, w->path);
	return r < 0 ? err_set(e, r, ERR_CONSOLE_OPEN, w->path, NULL) : 0;
}
