/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of single windows, and the limits on it. For windows.c and windows_change.c only: what
 * is armed here is not published.
 */
#ifndef TALLYWIRE_WINDOWS_ROOM_H
#define TALLYWIRE_WINDOWS_ROOM_H

#include "dataplane/windows.h"

/* What it takes, as planned. */
uint64_t windows_room_memory(const struct windows_options *options,
			     const struct interaction *interaction);

/*
 * Takes the memory of one window and fills it in. The interaction is lent: its contents are still
 * the caller's. -ENOMEM.
 */
int windows_room_take(const struct windows_options *options, const struct interaction *interaction,
		      struct armed_window **armed, struct err *err);

/* Gives the memory back, and leaves the interaction alone. */
void windows_room_give_back(struct armed_window *armed);

/*
 * What the window needs further if it is to close at `closes_at_us`: bytes, or the memory itself.
 * -EPERM: it was armed with room for fewer seconds; -ENOMEM.
 */
uint64_t windows_room_needed(const struct armed_window *armed, uint64_t closes_at_us);
int windows_room_extend(const struct windows_options *options, struct armed_window *armed,
			uint64_t closes_at_us, struct err *err);

#endif
