/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multiboot kernel (multiboot-0.6.96 3.2) in an ELF file of 32 bits that
 * looks at how it was entered and at what it was handed. PASS or FAIL with a
 * letter on the serial port, then power off. No stack, no memory of its own
 * but bss, which has to be zero.
 */
	.set	MAGIC, 0x1badb002
	.set	FLAGS, 3		/* modules at whole pages, memory map */
	.set	COM1, 0x3f8

	.code32
	.section .text.start, "ax"
	.balign	4
header:
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)

	.macro	check letter
	movb	$\letter, %dl
	jne	failed
	.endm

	/* What is at \at is \len bytes of \text. */
	.macro	check_text at, text, len, letter
	movl	\at, %esi
	movl	$\text, %edi
	movl	$\len, %ecx
	repe	cmpsb
	check	\letter
	.endm

	.globl	_start
_start:
	cld
	cmpl	$0x2badb002, %eax
	check	'a'
	movl	%cr0, %eax
	andl	$0x80000001, %eax	/* PG, PE */
	cmpl	$1, %eax
	check	'b'
	/* EFLAGS without a stack of ours: one in bss. */
	movl	$stack_top, %esp
	pushfl
	popl	%eax
	testl	$0x20200, %eax		/* VM, IF */
	check	'c'
	movl	$0xc0000080, %ecx	/* EFER */
	rdmsr
	testl	$0x500, %eax
	check	'd'
	/* Segments are flat. */
	movw	%ds, %ax
	movw	%ss, %cx
	cmpw	%ax, %cx
	check	'e'
	movw	%es, %cx
	cmpw	%ax, %cx
	check	'f'
	/* both reach far, to the version of the local APIC */
	movl	0xfee00030, %eax
	andl	$0xf0, %eax
	cmpl	$0x10, %eax
	check	'g'
	movl	%cs:0xfee00030, %eax
	andl	$0xf0, %eax
	cmpl	$0x10, %eax
	check	'h'
	/* A20: 1 MiB is not address 0. */
	movl	$0x12345678, 0x200000
	movl	$0x9abcdef0, 0x300000
	cmpl	$0x12345678, 0x200000
	check	'i'
	/* The bss, up to the stack. */
	movl	$bss, %edi
	movl	$(stack - bss), %ecx
	xorl	%eax, %eax
	repe	scasb
	check	'j'

	/* The information: memory, command line, modules, map, loader. */
	movl	(%ebx), %eax
	cmpl	$0x24d, %eax
	check	'k'
	cmpl	$639, 4(%ebx)
	check	'l'
	cmpl	$(63 << 10), 8(%ebx)
	check	'm'
	check_text 16(%ebx), want_cmdline, want_cmdline_len, 'n'
	check_text 64(%ebx), want_loader, want_loader_len, 'o'

	/* A map of entries of 20 bytes, the first RAM from 0. */
	movl	48(%ebx), %ebp
	cmpl	$20, (%ebp)
	check	'p'
	movl	4(%ebp), %eax
	orl	8(%ebp), %eax
	check	'q'
	cmpl	$0x9fc00, 12(%ebp)
	check	'r'
	/* and all of it in whole entries */
	movl	44(%ebx), %eax
	xorl	%edx, %edx
	movl	$24, %ecx
	divl	%ecx
	testl	%edx, %edx
	check	's'

	/* The modules. */
	cmpl	$2, 20(%ebx)
	check	't'
	movl	24(%ebx), %ebp
	testl	$0xfff, (%ebp)
	check	'u'
	movl	4(%ebp), %eax
	subl	(%ebp), %eax
	cmpl	$want_module_len, %eax
	check	'v'
	check_text (%ebp), want_module, want_module_len, 'w'
	movl	8(%ebp), %eax
	cmpb	$0, (%eax)
	check	'x'
	testl	$0xfff, 16(%ebp)
	check	'y'
	check_text 16(%ebp), want_module, want_module_len, 'z'
	check_text 24(%ebp), want_args, want_args_len, 'A'

	movl	$text_pass, %esi
	call	print
	jmp	power_off

failed:
	movb	%dl, text_fail_letter
	movl	$stack_top, %esp
	movl	$text_fail, %esi
	call	print
power_off:
	movw	$0x600, %dx		/* PM_SLEEP_CONTROL, S5 */
	movb	$0x34, %al
	outb	%al, %dx
1:	cli
	hlt
	jmp	1b

print:	lodsb
	testb	%al, %al
	jz	2f
	movb	%al, %ah
	movw	$(COM1 + 5), %dx
1:	inb	%dx, %al		/* PC16550D 8.4: THRE */
	testb	$0x20, %al
	jz	1b
	movw	$COM1, %dx
	movb	%ah, %al
	outb	%al, %dx
	jmp	print
2:	ret

	.data
text_pass:
	.asciz	"PASS\n"
text_fail:
	.ascii	"FAIL at check "
text_fail_letter:
	.asciz	"?\n"
/* tests/guests/run gives these. */
want_cmdline:
	.asciz	"tiny=1 guest"
	.set	want_cmdline_len, . - want_cmdline
want_loader:
	.asciz	"barge"
	.set	want_loader_len, . - want_loader
want_args:
	.asciz	"second one"
	.set	want_args_len, . - want_args
want_module:
	.ascii	"this is the initrd\n"
	.set	want_module_len, . - want_module

	.bss
bss:	.skip	20000
stack:	.skip	64
stack_top:
	.section .note.GNU-stack, "", @progbits
