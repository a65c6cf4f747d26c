/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames out of a fuzzer's bytes: its own from the first byte on, or a good vote, watch or long
 * header that it patches and cuts, signed before or after.
 */
#ifndef TALLYWIRE_TESTS_FUZZ_FRAME_INPUT_H
#define TALLYWIRE_TESTS_FUZZ_FRAME_INPUT_H

#include "dataplane/core/auth.h"
#include "tests/fuzz/input.h"
#include "tests/lib/envelope.h"

/* What a frame begins with, in the low bits of its control byte. */
enum frame_kind { FRAME_RAW, FRAME_VOTE, FRAME_WATCH, FRAME_LONG_HEADER };
#define CONTROL_KIND    0x03
#define CONTROL_IPV6    0x04
#define CONTROL_TAGS    0x18
#define CONTROL_OPTIONS 0x20
#define CONTROL_RESIGN  0x40 /* the patches are the viewer's own, not damage on the way */
#define CONTROL_FLUSH   0x80 /* left to the caller: the burst ends behind this frame */

/* Writes the next frame, of tenants 7 and 8 and the windows of stage.h; returns its length. */
uint32_t frame_input_make(struct input *input, uint8_t control, uint8_t frame[ENVELOPE_MAX_BYTES]);

/* Up to where the tag of a vote or a watch covers it. */
uint32_t frame_input_covered(enum frame_kind kind);

/* The tag that is right for what the payload says of tenant, epoch and voter. */
void frame_input_right_tag(const uint8_t *payload, uint32_t covered, uint8_t tag[AUTH_TAG_BYTES]);

#endif
