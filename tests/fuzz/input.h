/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzzer's bytes, taken from the front; zeros when there are no more. */
#ifndef TALLYWIRE_TESTS_FUZZ_INPUT_H
#define TALLYWIRE_TESTS_FUZZ_INPUT_H

#include <stdint.h>
#include <string.h>

struct input {
	const uint8_t *pos;
	const uint8_t *end;
};

static inline uint8_t take8(struct input *input)
{
	return input->pos < input->end ? *input->pos++ : 0;
}

static inline uint16_t take16(struct input *input)
{
	uint32_t high = take8(input);
	return (uint16_t)(high << 8 | take8(input));
}

static inline uint32_t take32(struct input *input)
{
	uint32_t high = take16(input);
	return high << 16 | take16(input);
}

static inline uint64_t take64(struct input *input)
{
	uint64_t high = take32(input);
	return high << 32 | take32(input);
}

static inline uint32_t input_left(const struct input *input)
{
	return (uint32_t)(input->end - input->pos);
}

/* Copies up to `most` of what is left; returns how many. */
static inline uint32_t take_bytes(struct input *input, void *memory, uint32_t most)
{
	uint32_t left = input_left(input), count = left < most ? left : most;
	if (count)
		memcpy(memory, input->pos, count);
	input->pos += count;
	return count;
}

#endif
