// SPDX-License-Identifier: BSD-3-Clause
/* Four cells to a register. The only file of the leaderboards that is compiled for AVX2. */
#include <immintrin.h>

#include "dataplane/core/score_block.h"

#define CELLS 4

/* The bits of 2^52: a smaller whole number added to it is found in its low bits. */
#define TWO_52 0x4330000000000000

/* A quiz, the same in each lane. */
struct lanes {
	__m256d most_us, per_us, half, points;
	__m256i correct; /* by choice + 1, up to 63: what is beyond is shifted out */
};

static struct lanes lanes_of(const struct score_quiz *quiz)
{
	return (struct lanes){
		.most_us = _mm256_set1_pd((double)quiz->most_us),
		.per_us = _mm256_set1_pd(quiz->per_us),
		.half = _mm256_set1_pd(quiz->half),
		.points = _mm256_set1_pd((double)quiz->points),
		.correct = _mm256_set1_epi64x((int64_t)quiz->correct[0]),
	};
}

/* Each lane of an aligned register is read whole, as by a relaxed load. */
static inline __m256i points_of(const struct lanes *lanes, const uint64_t *cells)
{
	const __m256i two_52 = _mm256_set1_epi64x(TWO_52);
	__m256i cell = *(const volatile __m256i *)(const void *)cells;
	__m256i choice = _mm256_and_si256(cell, _mm256_set1_epi64x(0xFFFF));
	__m256i right =
		_mm256_and_si256(_mm256_srlv_epi64(lanes->correct, choice), _mm256_set1_epi64x(1));
	__m256i mark = _mm256_or_si256(_mm256_srli_epi64(cell, 16), two_52);
	__m256d took = _mm256_sub_pd(_mm256_castsi256_pd(mark), _mm256_castsi256_pd(two_52));
	took = _mm256_min_pd(took, lanes->most_us);
	__m256d off =
		_mm256_floor_pd(_mm256_add_pd(_mm256_mul_pd(took, lanes->per_us), lanes->half));
	__m256d points =
		_mm256_add_pd(_mm256_sub_pd(lanes->points, off), _mm256_castsi256_pd(two_52));
	return _mm256_and_si256(_mm256_xor_si256(_mm256_castpd_si256(points), two_52),
				_mm256_sub_epi64(_mm256_setzero_si256(), right));
}

void score_block_set_avx2(const struct score_quiz *quiz, const uint64_t *cells, uint64_t *sums)
{
	const struct lanes lanes = lanes_of(quiz);
	for (uint32_t i = 0; i < SCORE_BLOCK; i += CELLS)
		_mm256_store_si256((__m256i *)(void *)(sums + i), points_of(&lanes, cells + i));
}

void score_block_add_avx2(const struct score_quiz *quiz, const uint64_t *cells, uint64_t *sums)
{
	const struct lanes lanes = lanes_of(quiz);
	for (uint32_t i = 0; i < SCORE_BLOCK; i += CELLS) {
		__m256i *sum = (__m256i *)(void *)(sums + i);
		_mm256_store_si256(sum, _mm256_add_epi64(_mm256_load_si256(sum),
							 points_of(&lanes, cells + i)));
	}
}
