/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance's clock: UTC in µs that never steps.
 *
 * UTC is read once, at start; from then on it advances with CLOCK_MONOTONIC, which the kernel slews
 * but never sets. So a step of the system clock moves no open window. Reading it costs no system
 * call (vDSO). Any thread.
 */
#ifndef TALLYWIRE_CLOCK_H
#define TALLYWIRE_CLOCK_H

#include <stdint.h>

/* Takes UTC from the system clock; before any other thread reads. */
void clock_start(void);
uint64_t clock_now_us(void);

#endif
