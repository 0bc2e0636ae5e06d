/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the loader's entry to C: keep what we were entered with, go to where we
 * were put (the loader may choose), live on our own stack. Also the way up of
 * the other processors, and the doors of the exceptions.
 */
	.section .text.start, "ax"
	.globl	_start
/* linux-arm64-boot 4, "Call the kernel image" */
_start:
	b	entry			/* code0 */
	.long	0			/* code1 */
	.quad	0			/* text_offset */
	.quad	image_end - _start
	.quad	1 << 3			/* flags: anywhere at 2 MiB */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

entry:
	/* x0 to x3 and what we find are kept until bss is zero. */
	mrs	x4, CurrentEL
	mrs	x5, SCTLR_EL1
	mrs	x6, DAIF
	mrs	x7, SPSel

	adr	x10, _start
	adrp	x11, rela_start
	add	x11, x11, :lo12:rela_start
	adrp	x12, rela_end
	add	x12, x12, :lo12:rela_end
	/* R_AARCH64_RELATIVE is the only kind there is: see guest.ld. */
1:	cmp	x11, x12
	b.hs	2f
	ldp	x13, x14, [x11], #16
	ldr	x15, [x11], #8
	add	x15, x15, x10
	str	x15, [x10, x13]
	b	1b

2:	adrp	x11, bss_start
	add	x11, x11, :lo12:bss_start
	adrp	x12, bss_end
	add	x12, x12, :lo12:bss_end
3:	cmp	x11, x12
	b.hs	4f
	str	xzr, [x11], #8
	b	3b

4:	adrp	x11, guest_entry
	add	x11, x11, :lo12:guest_entry
	stp	x0, x1, [x11]
	stp	x2, x3, [x11, #16]
	stp	x4, x5, [x11, #32]
	stp	x6, x7, [x11, #48]
	str	x10, [x11, #64]

	msr	SPSel, #1
	adrp	x11, stack_top
	add	x11, x11, :lo12:stack_top
	mov	sp, x11
	bl	vectors_load
	mov	x29, #0
	bl	guest_start
5:	wfi
	b	5b

vectors_load:
	adrp	x11, vectors
	add	x11, x11, :lo12:vectors
	msr	VBAR_EL1, x11
	mov	x11, #3 << 20		/* FPEN: vectors may be used */
	msr	CPACR_EL1, x11
	isb
	ret

/* mmu_load(struct mmu_regs *): no stack, which may be cached or not. */
	.globl	mmu_load
mmu_load:
	ldp	x11, x12, [x0]
	ldp	x13, x14, [x0, #16]
	msr	MAIR_EL1, x11
	msr	TCR_EL1, x12
	msr	TTBR0_EL1, x13
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	msr	SCTLR_EL1, x14
	isb
	ret

/* x0: struct cpu_start, which CPU_ON was given as the context. */
	.globl	cpu_entry
cpu_entry:
	mov	x20, x0
	msr	SPSel, #1
	bl	vectors_load
	mov	x0, x20
	bl	mmu_load
	ldr	x11, [x20, #32]
	mov	sp, x11
	ldr	x12, [x20, #40]
	ldr	x0, [x20, #48]
	mov	x29, #0
	blr	x12
1:	wfi
	b	1b

/* Arm-ARM D1.3.1.5: 16 doors of 128 bytes. */
	.macro	door	number
	.balign	128
	sub	sp, sp, #272
	stp	x0, x1, [sp]
	mov	x0, #\number
	b	exception
	.endm

	.balign	2048
vectors:
	.set	n, 0
	.rept	16
	door	n
	.set	n, n + 1
	.endr

exception:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x1, ELR_EL1
	stp	x30, x1, [sp, #240]
	mrs	x1, SPSR_EL1
	str	x1, [sp, #256]
	mov	x1, sp
	bl	guest_exception
	ldr	x1, [sp, #256]
	msr	SPSR_EL1, x1
	ldp	x30, x1, [sp, #240]
	msr	ELR_EL1, x1
	ldp	x28, x29, [sp, #224]
	ldp	x26, x27, [sp, #208]
	ldp	x24, x25, [sp, #192]
	ldp	x22, x23, [sp, #176]
	ldp	x20, x21, [sp, #160]
	ldp	x18, x19, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp]
	add	sp, sp, #272
	eret

	.data
	.globl	guest_entry
	.balign	16
guest_entry:
	.fill	72, 1, 0

	.bss
	.balign	16
	.skip	16384
stack_top:
	.section .note.GNU-stack, "", @progbits
