/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VFIO_RESET_H
#define VFIO_RESET_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESET_FILES_MAX 16 /* VFIO_DEVS_MAX */

struct vfio;
struct vfio_dev;

/* How a device is freed of what its last user left in it. */
enum reset_way {
	RESET_KERNEL, /* by vfio-pci, when it is opened and when it is closed */
	RESET_HOT,    /* by us, with all of its bus, which is all ours */
	RESET_NONE,
};

/* The functions that are reset together, as the kernel lists them. */
struct reset_set {
	bool ours;	   /* all of them: nobody else notices */
	char stranger[16]; /* otherwise the first that is not, or "" */
	/* Files that prove it; none where the kernel knows the owner itself. */
	unsigned int n_files;
	int32_t file[RESET_FILES_MAX];
	/* Those of struct vfio's devices that are among them, one bit each. */
	uint32_t devs;
};

/*
 * Read the kernel's list, of which @room bytes are really there. Pure. A list
 * that makes no sense is not ours.
 */
void reset_set_make(struct reset_set *s,
		    const struct vfio_pci_hot_reset_info *info, size_t room,
		    const struct vfio *v);

/*
 * All devices are open and no guest runs: choose a way for each, and reset
 * those that vfio-pci cannot reset alone. Warns of what stays as it was.
 */
void reset_start(struct vfio *v);
/* Neither DMA nor interrupts nor decoding, and awake. */
void reset_quiesce(struct vfio_dev *d);
/* "reset at start and end by flr": what was chosen for device @i of @v. */
void reset_text(const struct vfio *v, unsigned int i, char *buf, size_t size);

#endif
