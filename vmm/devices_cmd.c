// SPDX-License-Identifier: Apache-2.0
/* barge devices: what there is, who has it, and what to do to give it away. */
#include "vmm/devices_cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/sysfs.h"
#include "vmm/json.h"
#include "vmm/text.h"

/* The file grows by some ten kilobytes a year, and has 1.5M today. */
#define IDS_MAX (16u << 20)
#define INDENT	4

/* --- why, and what to do -------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void append(char *buf,
							 const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf + n, DEVICE_WHY_MAX - n, fmt, args);
	va_end(args);
}

static const char *driver_of(const struct pci_facts *f)
{
	return f->driver[0] ? f->driver : "no driver";
}

/* The others of its group that have to be bound, too. */
static void why_group(char *why, const struct pci_facts *list,
		      const struct device_line *d)
{
	const struct pci_verdict *v = &d->verdict;
	const char *gap = "";

	for (unsigned int i = 0; i < v->n_bind; i++) {
		const struct pci_facts *f = &list[v->bind[i]];

		if (f == d->facts)
			continue;
		if (!gap[0])
			append(why, "its IOMMU group %ld also holds ",
			       d->facts->group);
		append(why, "%s%s (%s)", gap, f->address, driver_of(f));
		gap = ", ";
	}
	if (gap[0])
		append(why, ", to be bound with it");
}

static void why_host(char *why, const struct pci_facts *list,
		     const struct device_line *d)
{
	const struct pci_facts *f = &list[d->verdict.blocker];

	if (f != d->facts)
		append(why, "its IOMMU group %ld also holds %s (%s), ",
		       d->facts->group, f->address, driver_of(f));
	if (f->header)
		append(why, "a bridge that no guest can be given");
	else
		append(why, "in use by the host: %s", f->use);
}

void device_why(char why[DEVICE_WHY_MAX], const struct pci_facts *list,
		const struct device_line *d)
{
	why[0] = '\0';
	switch (d->verdict.state) {
	case PCI_READY:
		break;
	case PCI_UNBOUND:
	case PCI_GROUP_OPEN:
		why_group(why, list, d);
		break;
	case PCI_TAKEN:
		append(why, "%s has it", d->facts->user);
		break;
	case PCI_HOST_USES:
		why_host(why, list, d);
		break;
	case PCI_NO_IOMMU:
		append(why, "it is in no IOMMU group; see: barge doctor");
		break;
	case PCI_BRIDGE:
		append(why, "a bridge cannot be given to a guest, what is "
			    "behind it can");
		break;
	}
}

void device_command(char command[DEVICE_WHY_MAX], const struct pci_facts *list,
		    const struct device_line *d)
{
	const struct pci_verdict *v = &d->verdict;

	command[0] = '\0';
	if (v->state != PCI_UNBOUND && v->state != PCI_GROUP_OPEN)
		return;
	append(command, "barge bind");
	for (unsigned int i = 0; i < v->n_bind; i++)
		append(command, " %s", list[v->bind[i]].address);
}

/* --- for people ----------------------------------------------------------- */

static const char *state_word(enum pci_state s)
{
	static const char *const word[] = {
		[PCI_READY] = "ready",	    [PCI_UNBOUND] = "bind",
		[PCI_GROUP_OPEN] = "bind",  [PCI_TAKEN] = "taken",
		[PCI_HOST_USES] = "in use", [PCI_NO_IOMMU] = "no",
		[PCI_BRIDGE] = "no",
	};

	return word[s];
}

static void print_bars(FILE *out, const struct pci_facts *f)
{
	const char *gap = "BAR ";
	char line[256] = "";
	char size[TEXT_SIZE];

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		size_t n = strlen(line);

		if (!f->bar[i].size)
			continue;
		text_size(size, f->bar[i].size);
		snprintf(line + n, sizeof(line) - n, "%s%u: %s%s", gap, i, size,
			 f->bar[i].kind == PCI_BAR_IO ? " of ports" : "");
		gap = ", ";
	}
	if (line[0])
		fprintf(out, "%*s%s\n", INDENT, "", line);
}

static void print_text(FILE *out, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "%*s", INDENT, "");
	text_wrap(out, text, INDENT);
}

static void print_details(FILE *out, const struct pci_facts *list,
			  const struct device_line *d)
{
	char text[DEVICE_WHY_MAX];

	if (d->name.vendor[0])
		fprintf(out, "%*s%s%s%s\n", INDENT, "", d->name.vendor,
			d->name.device[0] ? ", " : "", d->name.device);
	print_bars(out, d->facts);
	device_why(text, list, d);
	print_text(out, text);
	if (d->verdict.state == PCI_READY && !d->facts->reset[0])
		print_text(out, "the host knows no way to reset it: a guest "
				"gets it as its last user left it");
	device_command(text, list, d);
	if (text[0])
		fprintf(out, "%*ssudo %s\n", INDENT, "", text);
}

static void print_device(FILE *out, const struct pci_facts *list,
			 const struct device_line *d)
{
	const struct pci_facts *f = d->facts;
	char group[24] = "-";

	if (f->group >= 0)
		snprintf(group, sizeof(group), "%ld", f->group);
	fprintf(out, "%-13s %-6s  %-17s  %04x:%04x  %-12s  %5s  %s\n",
		f->address, state_word(d->verdict.state),
		pci_class_name(f->class), f->vendor, f->device,
		f->driver[0] ? f->driver : "-", group,
		f->reset[0] ? f->reset : "-");
	if (d->verdict.state != PCI_BRIDGE)
		print_details(out, list, d);
}

/* --- for programs --------------------------------------------------------- */

static const char *state_name(enum pci_state s)
{
	static const char *const name[] = {
		[PCI_READY] = "ready",	    [PCI_UNBOUND] = "unbound",
		[PCI_GROUP_OPEN] = "group", [PCI_TAKEN] = "taken",
		[PCI_HOST_USES] = "in-use", [PCI_NO_IOMMU] = "no-iommu",
		[PCI_BRIDGE] = "bridge",
	};

	return name[s];
}

static const char *or_null(const char *s)
{
	return s[0] ? s : NULL;
}

static void json_bars(struct json *j, const struct pci_facts *f)
{
	static const char *const kind[] = {
		[PCI_BAR_NONE] = "none",
		[PCI_BAR_IO] = "io",
		[PCI_BAR_MEM32] = "mem32",
		[PCI_BAR_MEM64] = "mem64",
	};

	json_array(j, "bars");
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		if (!f->bar[i].size)
			continue;
		json_object(j, NULL);
		json_number(j, "bar", i);
		json_text(j, "kind", kind[f->bar[i].kind]);
		json_bool(j, "prefetchable", f->bar[i].prefetch);
		json_hex(j, "size", f->bar[i].size);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_resets(struct json *j, const struct pci_facts *f)
{
	char word[32];

	json_array(j, "reset");
	for (unsigned int i = 0;; i++) {
		sysfs_text_field(f->reset, i, word, sizeof(word));
		if (!word[0])
			break;
		json_text(j, NULL, word);
	}
	json_array_end(j);
}

static void json_group(struct json *j, const struct pci_facts *list,
		       const struct device_line *d)
{
	if (d->facts->group >= 0)
		json_number(j, "group", (uint64_t)d->facts->group);
	else
		json_text(j, "group", NULL);
	json_array(j, "group_members");
	for (unsigned int i = 0; i < d->verdict.n_mates; i++)
		json_text(j, NULL, list[d->verdict.mate[i]].address);
	json_array_end(j);
}

static void json_device(struct json *j, const struct pci_facts *list,
			const struct device_line *d)
{
	const struct pci_facts *f = d->facts;
	char text[DEVICE_WHY_MAX];

	json_object(j, NULL);
	json_text(j, "address", f->address);
	json_text(j, "state", state_name(d->verdict.state));
	json_text(j, "class", pci_class_name(f->class));
	json_hex(j, "class_code", f->class);
	json_hex(j, "vendor", f->vendor);
	json_hex(j, "device", f->device);
	json_text(j, "vendor_name", or_null(d->name.vendor));
	json_text(j, "device_name", or_null(d->name.device));
	json_text(j, "driver", or_null(f->driver));
	json_group(j, list, d);
	json_resets(j, f);
	json_bars(j, f);
	json_text(j, "host_use", or_null(f->use));
	json_text(j, "user", or_null(f->user));
	device_why(text, list, d);
	json_text(j, "why", or_null(text));
	device_command(text, list, d);
	json_text(j, "command", or_null(text));
	json_object_end(j);
}

/* --- all of them ---------------------------------------------------------- */

static bool wanted(const struct conf *c, const char *address)
{
	for (unsigned int i = 0; i < c->n_addresses; i++) {
		if (strcmp(c->address[i], address) == 0)
			return true;
	}
	return !c->n_addresses;
}

int devices_print(FILE *out, const struct pci_facts *list, unsigned int n,
		  const struct conf *c, const char *ids, size_t ids_len)
{
	struct json j = {.f = out};

	if (c->json)
		json_array(&j, NULL);
	else
		fprintf(out, "%-13s %-6s  %-17s  %-9s  %-12s  %5s  %s\n",
			"ADDRESS", "STATE", "CLASS", "ID", "DRIVER", "GROUP",
			"RESET");
	for (unsigned int i = 0; i < n; i++) {
		struct device_line d = {.facts = &list[i]};

		if (!wanted(c, list[i].address))
			continue;
		pci_judge(&d.verdict, list, n, i);
		pci_ids_find(&d.name, ids, ids_len, list[i].vendor,
			     list[i].device);
		if (c->json)
			json_device(&j, list, &d);
		else
			print_device(out, list, &d);
	}
	if (c->json)
		json_array_end(&j);
	if (c->json)
		fputc('\n', out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

/* Names are a convenience: without the file there are none. */
static char *ids_read(size_t *len)
{
	static const char *const path[] = {"/usr/share/hwdata/pci.ids",
					   "/usr/share/misc/pci.ids"};
	char *ids = malloc(IDS_MAX);
	ssize_t n = -1;

	for (unsigned int i = 0; ids && i < 2 && n <= 0; i++)
		n = sysfs_bytes(path[i], ids, IDS_MAX);
	*len = n > 0 ? (size_t)n : 0;
	return ids;
}

static int check_named(const struct conf *c, struct err *e)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < c->n_addresses; i++)
		r = sysfs_exists(c->address[i], e);
	return r;
}

int devices_run(const struct conf *c, struct err *e)
{
	struct pci_facts *list = NULL;
	size_t len;
	char *ids;
	int n, r;

	r = check_named(c, e);
	if (r < 0)
		return r;
	n = pci_facts_read_all(&list, "");
	if (n < 0)
		return err_set(e, n, ERR_PCI_SYSFS, "/sys/bus/pci/devices",
			       NULL);
	ids = ids_read(&len);
	r = devices_print(stdout, list, (unsigned int)n, c, ids, len);
	free(ids);
	free(list);
	return r < 0 ? err_set(e, r, ERR_HOST_CALL, "write to standard output",
			       NULL)
		     : 0;
}
