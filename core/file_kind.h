/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_FILE_KIND_H
#define CORE_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

#define FILE_KIND_HEAD 4096 /* more bytes of the file do not say more */

/*
 * Name what a file is that was handed over as a kernel, by its first @len
 * bytes; fits into "%s is ...", never NULL. Whoever loads a format asks only
 * about files that are of no format that it loads.
 */
const char *file_kind_name(const uint8_t *head, size_t len);

/*
 * Name the format of a disk image that is not raw, or NULL. What a guest uses
 * on a raw disk, such as LUKS, is no such format.
 */
const char *file_kind_disk(const uint8_t *head, size_t len);

#endif
