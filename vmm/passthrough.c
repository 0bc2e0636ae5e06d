// SPDX-License-Identifier: Apache-2.0
/* Opening the devices of a VM: what is checked first, done, and told. */
#include <stdio.h>

#include "vmm/host_facts.h"
#include "vmm/vm.h"

static void note_devices(const struct vm *vm)
{
	const struct vfio *v = &vm->vfio;
	char text[256];

	snprintf(text, sizeof(text), "DMA by %s: %s", vfio_iommu_name(v),
		 v->iommu_why);
	vm_note(vm, text);
	snprintf(text, sizeof(text), "DMA from device to device: %s",
		 v->p2p ? "yes" : "no");
	vm_note(vm, text);
	vm_took(vm, "BARs mapped", v->bars_ns);
	for (unsigned int i = 0; i < v->n_devs; i++) {
		vfio_reset_text(v, i, text, sizeof(text));
		vm_note(vm, text);
	}
}

/* What the kernel could not do when it opened them one by one. */
static int devices_settle(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;
	int r = 0;

	vfio_reset(&vm->vfio);
	for (unsigned int i = 0; r == 0 && i < c->n_vfio; i++)
		r = vfio_rom(&vm->vfio, i, c->vfio[i].rom, c->vfio[i].rom_file,
			     e);
	return r;
}

static void say_note(void *ctx, const char *line)
{
	vm_note(ctx, line);
}

/* What keeps device memory from huge pages and can be changed, or NULL. */
static const char *small_pages(void)
{
	struct reach_host h;

	host_facts_read(&h, "");
	/* Before Linux 6.12 device memory is mapped page by page anyway. */
	if (h.kernel_major && h.kernel_major * 100 + h.kernel_minor < 612)
		return NULL;
	if (h.thp == REACH_THP_ABSENT)
		return "the kernel was built without transparent huge pages";
	if (h.thp == REACH_THP_NEVER)
		return "transparent huge pages are switched off; 'echo madvise "
		       "> /sys/kernel/mm/transparent_hugepage/enabled' "
		       "switches them on";
	return h.thp_denied ? "this process may not use transparent huge pages "
			      "(PR_SET_THP_DISABLE)"
			    : NULL;
}

static void check_pages(struct vm *vm)
{
	const char *why = small_pages();

	for (unsigned int i = 0; why && i < vm->vfio.n_devs; i++) {
		if (vfio_lacks_huge(&vm->vfio, i))
			fprintf(stderr,
				"barge: %s: its memory is mapped in small "
				"pages, which is slow: %s\n",
				vm->conf->vfio[i].address, why);
	}
	if (vm->conf->verbose)
		vfio_tell_pages(&vm->vfio, say_note, vm);
}

/* All of RAM will be locked: better no now than after a device was reset. */
int vm_open_devices(struct vm *vm, struct err *e)
{
	const struct conf *c = vm->conf;
	struct vfio_want w = {.backend = c->iommu, .p2p = c->p2p};
	uint64_t ram = 0;
	int r;

	if (!c->n_vfio)
		return 0;
	for (unsigned int i = 0; i < vm->plan.n_ram; i++)
		ram += vm->plan.ram[i].len;
	for (; w.n < c->n_vfio; w.n++)
		w.address[w.n] = c->vfio[w.n].address;
	vm->vfio.bar_align = vm->plan.bar_align;
	vfio_setup(&vm->vfio, &w);
	r = vfio_memlock(ram, e);
	for (unsigned int i = 0; r == 0 && i < c->n_vfio; i++)
		r = vfio_rom_check(c->vfio[i].rom, c->vfio[i].rom_file, e);
	for (unsigned int i = 0; r == 0 && i < c->n_vfio; i++)
		r = vfio_open(&vm->vfio, c->vfio[i].address, c->vfio[i].msix,
			      e);
	if (r == 0)
		r = devices_settle(vm, e);
	if (r == 0) {
		note_devices(vm);
		check_pages(vm);
	}
	return r;
}
