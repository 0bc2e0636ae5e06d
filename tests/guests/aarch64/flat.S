/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without a header: where it was put, how it was entered, whether
 * there is a device tree, and whether its bss is its own. PASS or FAIL with a
 * letter on the serial port, then power off by PSCI. No stack.
 */
	.set	UART, 0x09000000
	.set	RAM, 0x40000000
	.set	SYSTEM_OFF, 0x84000008	/* PSCI-1.1 5.9 */

	.macro	check letter
	mov	w27, #\letter
	b.ne	failed
	.endm

	.section .text.start, "ax"
	.globl	_start
_start:
	/* RAM + 512 KiB, EL1, MMU and caches off, interrupts masked. */
	adr	x9, _start
	mov	x10, #RAM
	add	x10, x10, #0x80000
	cmp	x9, x10
	check	'a'
	mrs	x9, CurrentEL
	cmp	x9, #4
	check	'b'
	mrs	x9, SCTLR_EL1
	mov	x10, #5
	tst	x9, x10
	check	'c'
	mrs	x9, DAIF
	cmp	x9, #0x3c0
	check	'd'
	orr	x9, x1, x2
	orr	x9, x9, x3
	cmp	x9, #0
	check	'e'

	/* DT-0.4 5.2: the magic, big-endian; 8-aligned, above our bss. */
	tst	x0, #7
	check	'f'
	ldr	w9, [x0]
	rev	w9, w9
	ldr	w10, fdt_magic
	cmp	w9, w10
	check	'g'
	adrp	x11, bss_end
	add	x11, x11, :lo12:bss_end
	cmp	x0, x11
	cset	w9, lo
	cmp	w9, #0
	check	'h'

	/* All of the bss: zero before, and the tree is still there after. */
	adrp	x10, bss_start
	add	x10, x10, :lo12:bss_start
	mov	x12, #-1
1:	ldr	x9, [x10]
	cmp	x9, #0
	check	'i'
	str	x12, [x10], #8
	cmp	x10, x11
	b.lo	1b
	ldr	w9, [x0]
	rev	w9, w9
	ldr	w10, fdt_magic
	cmp	w9, w10
	check	'j'

	adr	x20, text_pass
	b	end
failed:
	adr	x20, text_fail
	bl	print
	mov	x21, #UART
	strb	w27, [x21]
	adr	x20, text_line
end:	bl	print
	ldr	w0, system_off
	hvc	#0
2:	wfi
	b	2b

print:	mov	x21, #UART
3:	ldrb	w22, [x20], #1
	cbz	w22, 5f
4:	ldrb	w23, [x21, #5]		/* PC16550D 8.4: THRE */
	tbz	w23, #5, 4b
	strb	w22, [x21]
	b	3b
5:	ret

	.balign	4
fdt_magic:
	.long	0xd00dfeed
system_off:
	.long	SYSTEM_OFF
text_pass:
	.ascii	"PASS"
text_line:
	.asciz	"\n"
text_fail:
	.asciz	"FAIL at check "

	.bss
	.balign	4096
	.skip	4096
	.section .note.GNU-stack, "", @progbits
