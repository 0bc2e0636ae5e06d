// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* needs sys/socket.h */
#include <linux/vm_sockets.h>

#include "vmm/vm.h"

#define LISTENER GUEST_NOTIFY_STREAMS /* its number among the events */
/* Bytes of one stream in one go; then others have their turn. */
#define BITE 4096

void guest_notify_init(struct guest_notify *g)
{
	memset(g, 0, sizeof(*g));
	g->epoll = -1;
	g->listener = -1;
	for (unsigned int i = 0; i < GUEST_NOTIFY_STREAMS; i++)
		g->stream[i].fd = -1;
	pthread_mutex_init(&g->lock, NULL);
}

static int watch(struct guest_notify *g, int fd, unsigned int number)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = number};

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* A port that nobody else has. */
static int listen_kernel(struct guest_notify *g)
{
	struct sockaddr_vm a = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = VMADDR_PORT_ANY,
	};
	socklen_t len = sizeof(a);

	g->listener =
		socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (g->listener < 0 ||
	    bind(g->listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(g->listener, GUEST_NOTIFY_STREAMS) < 0 ||
	    getsockname(g->listener, (struct sockaddr *)&a, &len) < 0)
		return -errno;
	g->port = a.svm_port;
	return watch(g, g->listener, LISTENER);
}

int guest_notify_open(struct guest_notify *g, bool kernel, struct err *e)
{
	int r = 0;

	if (g->epoll >= 0)
		return 0;
	g->port = GUEST_NOTIFY_PORT;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (g->epoll < 0)
		return err_set(e, -errno, ERR_HOST_CALL, "epoll_create1", NULL);
	if (kernel)
		r = listen_kernel(g);
	return r < 0 ? err_set(e, r, ERR_VHOST, "AF_VSOCK", "--guest-notify")
		     : 0;
}

void guest_notify_close(struct guest_notify *g)
{
	for (unsigned int i = 0; i < GUEST_NOTIFY_STREAMS; i++) {
		if (g->stream[i].fd >= 0)
			close(g->stream[i].fd);
	}
	if (g->listener >= 0)
		close(g->listener);
	if (g->epoll >= 0)
		close(g->epoll);
	pthread_mutex_destroy(&g->lock);
	guest_notify_init(g);
}

/* @fd becomes a stream, if there is room for one more. */
static int add(struct guest_notify *g, int fd)
{
	int r = -EAGAIN;

	pthread_mutex_lock(&g->lock);
	for (unsigned int i = 0; i < GUEST_NOTIFY_STREAMS; i++) {
		if (g->stream[i].fd >= 0)
			continue;
		r = watch(g, fd, i);
		if (r == 0) {
			memset(&g->stream[i], 0, sizeof(g->stream[i]));
			g->stream[i].fd = fd;
		}
		break;
	}
	pthread_mutex_unlock(&g->lock);
	return r;
}

int guest_notify_stream(struct guest_notify *g)
{
	int fd[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fd) < 0)
		return -errno;
	r = add(g, fd[1]);
	if (r == 0)
		return fd[0];
	close(fd[0]);
	close(fd[1]);
	return r;
}

/* --- what is heard -------------------------------------------------------- */

static void heard(struct vm *vm, const struct notify_text *t,
		  enum notify_word word)
{
	char text[NOTIFY_LINE_MAX + 32];

	switch (word) {
	case NOTIFY_READY:
		vm_note(vm, "the guest says that it is ready");
		notify_ready(&vm->notify);
		break;
	case NOTIFY_STATUS:
		snprintf(text, sizeof(text), "the guest: %s", t->value);
		vm_note(vm, text);
		notify_status(&vm->notify, t->value);
		break;
	case NOTIFY_EXIT:
		atomic_store(&vm->guest_notify.status, (int)t->status);
		break;
	case NOTIFY_NOTHING:
		break;
	}
}

static void hear_stream(struct vm *vm, unsigned int i)
{
	struct guest_notify *g = &vm->guest_notify;
	struct notify_text *t = &g->stream[i].text;
	char buf[BITE];
	ssize_t n = recv(g->stream[i].fd, buf, sizeof(buf), MSG_DONTWAIT);

	for (ssize_t k = 0; k < n; k++)
		heard(vm, t, notify_text_add(t, buf[k]));
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	heard(vm, t, notify_text_add(t, '\n'));
	pthread_mutex_lock(&g->lock);
	close(g->stream[i].fd);
	g->stream[i].fd = -1;
	pthread_mutex_unlock(&g->lock);
}

static void hear_listener(struct guest_notify *g)
{
	struct sockaddr_vm a = {0};
	socklen_t len = sizeof(a);
	int fd = accept4(g->listener, (struct sockaddr *)&a, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && (a.svm_cid != g->cid || add(g, fd) < 0))
		close(fd);
}

void guest_notify_hear(void *ctx)
{
	struct vm *vm = ctx;
	struct epoll_event ev[LISTENER + 1];
	int n = epoll_wait(vm->guest_notify.epoll, ev, LISTENER + 1, 0);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == LISTENER)
			hear_listener(&vm->guest_notify);
		else
			hear_stream(vm, ev[i].data.u32);
	}
}

/* A connection, what was said on it, and its end: a guest has had few. */
void guest_notify_last(struct vm *vm)
{
	if (vm->guest_notify.epoll < 0)
		return;
	for (unsigned int i = 0; i < 64; i++)
		guest_notify_hear(vm);
}

char *guest_notify_cmdline(const struct guest_notify *g, const char *given)
{
	static const char form[] = "systemd.set_credential=vmm.notify_socket:"
				   "vsock-stream:%u:%u%s%s";
	size_t size = strlen(given) + sizeof(form) + 24;
	char *text = malloc(size);

	if (text)
		snprintf(text, size, form, VMADDR_CID_HOST, g->port,
			 given[0] ? " " : "", given);
	return text;
}
