/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_VSOCK_TEXT_H
#define VMM_VSOCK_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * What a program says at the Unix socket of --vsock before anything else:
 * "CONNECT PORT\n". Pure.
 */
#define VSOCK_GREETING_MAX 32u

/*
 * The first @len bytes that came. How many of them are the greeting, *port is
 * what it names; 0: it is not complete yet; -EINVAL: it will never be one.
 */
int vsock_greeting(const char *text, size_t len, uint32_t *port);

#endif
