/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiled kernel front as bytes in the program, so that tallyd needs no file beside it. */
	.section .rodata
	.balign 8
	.global front_object
	.hidden front_object
front_object:
	.incbin FRONT_OBJECT
	.global front_object_end
	.hidden front_object_end
front_object_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
