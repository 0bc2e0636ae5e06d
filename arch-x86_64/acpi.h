/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCH_X86_64_ACPI_H
#define ARCH_X86_64_ACPI_H

#include <stddef.h>
#include <stdint.h>

#include "arch-x86_64/aml.h"
#include "core/plan.h"

/*
 * Write all ACPI tables for @plan into @buf, which the guest sees at @gpa (a
 * multiple of 16); the RSDP comes first. Length in bytes, or -ENOSPC. Pure.
 */
int acpi_build(const struct plan *plan, uint64_t gpa, uint8_t *buf,
	       size_t size);

/* The contents of the DSDT, without its header. */
void dsdt_write(struct aml *a, const struct plan *plan);

#endif
