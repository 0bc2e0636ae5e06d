/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/help.h"

#include <errno.h>
#include <string.h>

#include "version.h"
#include "vmm/options.h"

static const char usage[] =
	"barge boots Linux kernels in KVM and gives them PCI devices.\n"
	"\n"
	"Usage: barge run  [FILE.ini] [OPTION...]   start a VM\n"
	"       barge plan [FILE.ini] [OPTION...]   print the VM, start "
	"nothing\n"
	"       barge devices [ADDRESS...]          PCI devices, and who has "
	"them\n"
	"       barge bind ADDRESS...               give devices to vfio-pci\n"
	"       barge unbind ADDRESS...             give them back to the "
	"host\n"
	"       barge test FILE.ini|DIR... [OPTION...]  run boot tests\n"
	"       barge test --init COMMAND [OPTION...]   run it in a guest\n"
	"       barge doctor [FILE.ini]             what this host lacks\n"
	"       barge help\n";

static const char trailer[] =
	"\n"
	"Sizes are bytes, or have K, M, G or T behind them. What the command\n"
	"line says wins over the INI file; barge.ini(5) tells about its keys.\n"
	"On the console, Ctrl-A x ends the VM and Ctrl-A Ctrl-A sends Ctrl-A.\n"
	"\n"
	"Examples:\n"
	"  barge run --kernel bzImage --initrd initrd.img "
	"--cmdline console=ttyS0\n"
	"  barge run vm.ini --memory 4G --vfio 0000:01:00.0\n"
	"\n"
	"Exit status:\n"
	"  0      the guest powered off, and all that was expected held\n"
	"  1      bad command line, configuration or file; nothing was "
	"started\n"
	"  2      the host refused: no KVM, no permission, no memory\n"
	"  3      the guest crashed\n"
	"  4      the guest panicked\n"
	"  5      the guest asked for a reboot\n"
	"  6      the time limit is over\n"
	"  7      the console did not show what was expected, or showed worse\n"
	"  64+n   the guest reported status n\n"
	"  127    a bug in barge\n"
	"  128+n  ended by signal n; 130 by Ctrl-A x\n";

#define LEFT_MAX 80

static void option_left(char out[LEFT_MAX], const struct option_def *o)
{
	char letter[8] = "    ";
	const char *open = " ", *close = "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	if (o->type == VALUE_BOOL) {
		open = "[=";
		close = "]";
	}
	if (o->type == VALUE_NONE)
		open = "";
	snprintf(out, LEFT_MAX, "  %s--%s%s%s%s", letter, o->name, open,
		 o->metavar ? o->metavar : "", close);
}

static void subkey_left(char out[LEFT_MAX], const struct option_def *o)
{
	snprintf(out, LEFT_MAX, "  %s=%s", o->name, o->metavar);
}

/* The column where the right side begins. */
static int column(void)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);
	char left[LEFT_MAX];
	int most = 0;

	for (unsigned int i = 0; i < n; i++) {
		option_left(left, &table[i]);
		if ((int)strlen(left) > most)
			most = (int)strlen(left);
	}
	return most + 2;
}

static void print_options(FILE *f, int width)
{
	unsigned int n;
	const struct option_def *table = option_table(&n);
	const char *group = "";
	char left[LEFT_MAX];

	for (unsigned int i = 0; i < n; i++) {
		if (strcmp(group, table[i].group) != 0)
			fprintf(f, "\n%s:\n", table[i].group);
		group = table[i].group;
		option_left(left, &table[i]);
		fprintf(f, "%-*s%s\n", width, left, table[i].help);
	}
}

/* The first needs no key. */
static void print_subkeys(FILE *f, const struct option_list *l, int width)
{
	char left[LEFT_MAX];

	fprintf(f, "\nKeys of --%s:\n", l->name);
	for (unsigned int i = 1; i < l->n; i++) {
		subkey_left(left, &l->table[i]);
		fprintf(f, "%-*s%s\n", width, left, l->table[i].help);
	}
}

static int flush(FILE *f)
{
	if (fflush(f) != 0)
		return -errno;
	return ferror(f) ? -EIO : 0;
}

int help_print(FILE *f)
{
	int width = column();

	fputs(usage, f);
	print_options(f, width);
	for (unsigned int i = 0; option_list(i); i++) {
		if (option_list(i)->n > 1)
			print_subkeys(f, option_list(i), width);
	}
	fputs(trailer, f);
	return flush(f);
}

int help_version(FILE *f)
{
	fprintf(f, "barge %s\n", BARGE_VERSION);
	return flush(f);
}
