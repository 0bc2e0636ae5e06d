// SPDX-License-Identifier: Apache-2.0
/* barge bind and barge unbind: all are checked before the first is touched. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/bind.h"
#include "vfio/host_use.h"
#include "vfio/sysfs.h"
#include "vmm/devices_cmd.h"

typedef int (*bind_fn)(const struct bind_host *h, const char *address,
		       struct err *e);

static struct bind_host host_of(const struct conf *c)
{
	struct bind_host h = {"", bind_write, c->force};

	return h;
}

static int for_each(const struct conf *c, const struct bind_host *h, bind_fn fn,
		    struct err *e)
{
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < c->n_addresses; i++)
		r = fn(h, c->address[i], e);
	return r < 0 ? r : 0;
}

static int finish(struct err *e)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return err_set(e, -EIO, ERR_HOST_CALL, "write to standard output",
		       NULL);
}

static int take_one(const struct bind_host *h, const char *address,
		    struct err *e)
{
	int r = bind_take(h, address, e);
	char driver[64];

	if (r < 0)
		return r;
	sysfs_driver(address, driver, sizeof(driver));
	printf("%s is %sbound to %s\n", address, r ? "" : "already ", driver);
	return 0;
}

/* What is left of their groups, which VFIO wants to have whole. */
static void tell_group(const struct pci_facts *list, unsigned int n,
		       unsigned int i)
{
	struct device_line d = {.facts = &list[i]};
	char text[DEVICE_WHY_MAX];

	pci_judge(&d.verdict, list, n, i);
	if (d.verdict.state != PCI_GROUP_OPEN &&
	    d.verdict.state != PCI_HOST_USES)
		return;
	device_why(text, list, &d);
	printf("%s is not ready yet: %s\n", list[i].address, text);
	device_command(text, list, &d);
	if (text[0])
		printf("    sudo %s\n", text);
}

static void tell_groups(const struct conf *c)
{
	struct pci_facts *list = NULL;
	int n = pci_facts_read_all(&list, "");

	for (unsigned int a = 0; a < c->n_addresses; a++) {
		for (int i = 0; i < n; i++) {
			if (strcmp(list[i].address, c->address[a]) == 0)
				tell_group(list, (unsigned int)n,
					   (unsigned int)i);
		}
	}
	free(list);
}

int devices_bind(const struct conf *c, struct err *e)
{
	struct bind_host h = host_of(c);
	int r = for_each(c, &h, bind_check, e);

	if (r == 0)
		r = for_each(c, &h, take_one, e);
	if (r < 0)
		return r;
	tell_groups(c);
	return finish(e);
}

/* --- unbind --------------------------------------------------------------- */

static void user_of(const char *address, char user[HOST_USE_SIZE])
{
	unsigned int group;
	struct err ignored;
	long id = -1;

	if (sysfs_group(address, &group, &ignored) == 0)
		id = (long)group;
	host_use_vfio("", address, id, false, user);
}

static void tell_waiting(const struct bind_host *h, const char *address)
{
	char user[HOST_USE_SIZE];
	char driver[64];

	sysfs_driver(address, driver, sizeof(driver));
	if (!h->force || !sysfs_is_vfio(driver))
		return;
	user_of(address, user);
	if (!user[0])
		return;
	printf("waiting for %s to let go of %s\n", user, address);
	(void)fflush(stdout);
}

/* A group that a VM holds admits no other driver. */
static void tell_no_driver(const char *address)
{
	char user[HOST_USE_SIZE];

	user_of(address, user);
	if (user[0])
		printf("%s has no driver yet: %s still holds its IOMMU group. "
		       "When that has ended: sudo barge unbind %s\n",
		       address, user, address);
	else
		printf("%s has no driver: none that is loaded takes it. Load "
		       "one: sudo modprobe "
		       "$(cat /sys/bus/pci/devices/%s/modalias)\n",
		       address, address);
}

static int give_one(const struct bind_host *h, const char *address,
		    struct err *e)
{
	char driver[64];
	int r;

	tell_waiting(h, address);
	r = bind_give(h, address, e);
	if (r < 0)
		return r;
	sysfs_driver(address, driver, sizeof(driver));
	if (driver[0])
		printf("%s is %sbound to %s\n", address, r ? "" : "already ",
		       driver);
	else
		tell_no_driver(address);
	return 0;
}

int devices_unbind(const struct conf *c, struct err *e)
{
	struct bind_host h = host_of(c);
	int r = for_each(c, &h, bind_give_check, e);

	if (r == 0)
		r = for_each(c, &h, give_one, e);
	return r < 0 ? r : finish(e);
}
