/* SPDX-License-Identifier: BSD-3-Clause */
/* What windows.c and windows_change.c share. Control thread. */
#ifndef TALLYWIRE_WINDOWS_REGISTRY_H
#define TALLYWIRE_WINDOWS_REGISTRY_H

#include "dataplane/windows.h"

struct windows {
	struct windows_options options;
	struct armed_window **armed; /* in the order they were armed */
	uint32_t count;
	uint64_t memory_bytes;                /* of all armed windows */
	const struct window_table *published; /* stored with release, read by workers */
	uint64_t changes;                     /* tables published so far */
	uint64_t past_receipts[RECEIPT_STATUSES];
	uint64_t earlier_receipts;
};

/* Shows the workers the windows as they are in the registry now. -ENOMEM. */
int windows_publish(struct windows *windows);

/* The window is final and its votes are all there: its last counts are kept. */
void windows_note_settled(struct windows *windows, struct armed_window *armed);

/*
 * Puts `changed` in place of the window, in the registry and before the workers, once it is kept.
 * -ENOMEM, or why it cannot be kept.
 */
int windows_republish(struct windows *windows, struct armed_window *armed,
		      enum journal_event_kind kind, const struct window *changed, struct err *err);

/* Whether `bytes` more fit beside what is `taken`. -ENOMEM. */
int windows_check_memory(const struct windows *windows, uint64_t taken, uint64_t bytes,
			 const struct interaction *interaction, struct err *err);

/* Whether its tenant may have so many windows that take so much, the interaction's included. */
int windows_check_share(const struct interaction *interaction, uint64_t count, uint64_t bytes,
			struct err *err);

#endif
