/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the loader's 64-bit entry to C: keep what we were entered with, then
 * live on our own stack, page tables (8 GiB, identity) and descriptors, so
 * that nothing of the loader's has to stay whole. Also the way up of the
 * second processor, and the doors of the exceptions.
 */
	.set	PAGES_2M, 4096		/* 8 GiB */

	.section .text.start, "ax"
	.globl	_start
_start:
	leaq	stack_top(%rip), %rsp
	pushfq
	popq	%rax
	cld
	movq	%rsi, guest_entry(%rip)
	movq	%rax, guest_entry+8(%rip)
	movq	%cr0, %rax
	movq	%rax, guest_entry+16(%rip)
	movq	%cr4, %rax
	movq	%rax, guest_entry+24(%rip)
	movw	%cs, guest_entry+32(%rip)
	movw	%ds, guest_entry+34(%rip)
	movw	%es, guest_entry+36(%rip)
	movw	%ss, guest_entry+38(%rip)
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	movl	%eax, guest_entry+40(%rip)
	movq	%cr3, %rax
	movq	%rax, guest_entry+48(%rip)

	/* SDM 3A 4.5: 2 MiB pages, present and writable. */
	leaq	pd(%rip), %rdi
	movl	$0x83, %eax
	movl	$PAGES_2M, %ecx
1:	movq	%rax, (%rdi)
	addq	$8, %rdi
	addq	$0x200000, %rax
	decl	%ecx
	jnz	1b
	leaq	pdpt(%rip), %rdi
	leaq	pd+3(%rip), %rax
	movl	$(PAGES_2M / 512), %ecx
1:	movq	%rax, (%rdi)
	addq	$8, %rdi
	addq	$0x1000, %rax
	decl	%ecx
	jnz	1b
	leaq	pdpt+3(%rip), %rax
	movq	%rax, pml4(%rip)
	leaq	pml4(%rip), %rax
	movq	%rax, %cr3

	lgdt	gdt_ptr(%rip)
	pushq	$0x10
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq
1:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%ebp, %ebp
	call	guest_start
2:	cli
	hlt
	jmp	2b

/* Copied to AP_BASE of guest.c; from real mode to long mode in one step. */
	.globl	ap_code, ap_code_end
	.code16
ap_code:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	ap_gdt_ptr - ap_code
	movl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	movl	%cr0, %eax
	andl	$0x9fffffff, %eax	/* caches on */
	orl	$0x80000001, %eax	/* PG, PE */
	movl	%eax, %cr0
	ljmpl	$0x10, $ap64
	.balign	8
ap_gdt_ptr:
	.word	gdt_end - gdt - 1
	.long	gdt
ap_code_end:
	.code64
ap64:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	leaq	ap_stack_top(%rip), %rsp
	xorl	%ebp, %ebp
	call	*ap_main(%rip)
1:	cli
	hlt
	jmp	1b

/* Exceptions: number and, where there is none, an error code of 0. */
	.globl	exception_doors
	.balign	16
exception_doors:
	.set	n, 0
	.rept	32
	.balign	16
	.if	(n == 8) || (n >= 10 && n <= 14) || (n == 17) || (n == 21)
	.else
	pushq	$0
	.endif
	pushq	$n
	jmp	exception_common
	.set	n, n + 1
	.endr
exception_common:
	popq	%rdi
	popq	%rsi
	movq	(%rsp), %rdx
	andq	$-16, %rsp
	call	guest_exception
1:	cli
	hlt
	jmp	1b

	.data
	.globl	guest_entry
	.balign	16
guest_entry:
	.fill	56, 1, 0
gdt:
	.quad	0, 0
	.quad	0x00af9b000000ffff	/* 0x10: code, 64 bits */
	.quad	0x00cf93000000ffff	/* 0x18: data */
gdt_end:
gdt_ptr:
	.word	gdt_end - gdt - 1
	.quad	gdt

	.bss
	.balign	4096
pml4:	.skip	4096
pdpt:	.skip	4096
pd:	.skip	PAGES_2M * 8
	.balign	16
	.skip	8192
stack_top:
	.skip	4096
ap_stack_top:
	.section .note.GNU-stack, "", @progbits
