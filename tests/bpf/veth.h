/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A world of the test's own: a network namespace with a veth pair and a mount namespace with a
 * bpffs. Both end with the test's process, whatever becomes of it. Each test is a process of its
 * own.
 */
#ifndef TALLYWIRE_TESTS_BPF_VETH_H
#define TALLYWIRE_TESTS_BPF_VETH_H

#include <stdint.h>
#include <sys/types.h>
#include "ebpf/front.h"

#define VETH_BPFFS   "/mnt"
#define VETH_PIN_DIR VETH_BPFFS "/tallywire"
#define VETH_VIEWER                                                                                \
	"viewer0" /* the far end; the near one's name has this process's number in it              \
		   */

/* Makes it. Skips the test, with the reason, where the machine cannot do it. */
void veth_open(void);

/* Makes the pair again, after a test has removed it. */
void veth_add(void);

/* The near end's name. */
const char *veth_name(void);

/* Runs a command of ip(8); the test fails where it does. */
__attribute__((format(printf, 1, 2))) void veth_ip(const char *format, ...);

/* Options for a front on the near end: FRAMES_PORT and the one key (FRAMES_TENANT, FRAMES_EPOCH).
 */
struct front_options veth_options(void);

/* Sends the frame `times` times from the far end. */
void veth_send(const uint8_t *frame, uint32_t bytes, uint32_t times);

/* A process that attaches a front and holds it until it is killed; returns when it is attached. */
pid_t veth_hold_front(const struct front_options *options);

/* SIGKILL, and waits for the end. */
void veth_kill(pid_t pid);

#endif
