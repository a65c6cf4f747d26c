/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Between the wire's big-endian integers and the host's; its own inverse, so one name serves both.
 */
#ifndef TALLYWIRE_WIRE_BYTE_ORDER_H
#define TALLYWIRE_WIRE_BYTE_ORDER_H

#include <stdint.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define be16(value) ((uint16_t)__builtin_bswap16(value))
#define be32(value) ((uint32_t)__builtin_bswap32(value))
#define be64(value) ((uint64_t)__builtin_bswap64(value))
#else
#define be16(value) ((uint16_t)(value))
#define be32(value) ((uint32_t)(value))
#define be64(value) ((uint64_t)(value))
#endif

static inline uint32_t get_be24(const uint8_t bytes[3])
{
	return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

static inline void put_be24(uint8_t bytes[3], uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 16);
	bytes[1] = (uint8_t)(value >> 8);
	bytes[2] = (uint8_t)value;
}

#endif
