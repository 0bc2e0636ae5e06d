/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_VFIO_IMPL_H
#define TESTS_UNIT_FAKE_VFIO_IMPL_H

#include "tests/unit/fake_vfio.h"

/* Between fake_vfio*.c only. */

/* What came after Linux 6.1, whose headers we have (linux/vfio.h). */
#define FK_DEVICE_BIND_IOMMUFD	 _IO(VFIO_TYPE, VFIO_BASE + 18)
#define FK_DEVICE_ATTACH_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 19)
#define FK_DEVICE_DETACH_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 20)
#define FK_FEATURE_DMA_BUF	 11u

extern const struct fake_file_ops fake_device_ops;
extern const struct fake_file_ops fake_group_ops;
extern const struct fake_file_ops fake_container_ops;

/* A file of @p: its number, or -errno. */
int fake_device_open(struct fake_pci *p, bool cdev);
/* ioctls that only a cdev has, and DMA_BUF: -ENOTTY: none of them. */
int fake_cdev_ioctl(struct fake_pci_file *f, unsigned long req, void *arg);
void fake_cdev_close(struct fake_pci_file *f);
/* Nothing of @p's memory may be reached by peers any more. */
void fake_revoke(struct fake_pci *p);
/* /dev/iommu */
int fake_iommufd_open(void);
void fake_iommufd_forget(void);

/* /dev/vfio/vfio and /dev/vfio/N */
int fake_container_open(void);
int fake_group_open(unsigned int id);
void fake_type1_forget(void);
/* A device of group @id was closed for the last time. */
void fake_group_device_closed(unsigned int id);
bool fake_group_is_open(unsigned int id);
/* Whether @fd is the file of group @id. */
bool fake_group_is(int fd, unsigned int id);

int fake_irq_info(struct fake_pci *p, struct vfio_irq_info *info);
int fake_irq_set(struct fake_pci *p, struct vfio_irq_set *set);
void fake_irq_off(struct fake_pci *p);

ssize_t fake_cfg_read(struct fake_pci *p, void *buf, size_t len, uint64_t off);
ssize_t fake_cfg_write(struct fake_pci *p, const void *buf, size_t len,
		       uint64_t off);
void fake_pci_reset(struct fake_pci *p);
/* D0, and from now on its state is what is written. */
void fake_pci_wake(struct fake_pci *p);

/* Enter a mapping of @domain: 0 or -errno. */
int fake_dma_add(const struct fake_dma *d);
/* Remove what lies in [iova, iova + len) whole: bytes, or -errno. */
int64_t fake_dma_cut(const void *domain, uint64_t iova, uint64_t len);
void fake_dma_forget(const void *domain);

/* sysfs and /dev as they are for fake_host, unless they are so already. */
void fake_tree_make(void);

#endif
