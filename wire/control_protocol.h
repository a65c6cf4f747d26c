/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of the control socket: JSON-RPC 2.0, one object a line, over a Unix stream socket.
 * docs/control.md describes every method with its parameters, results and errors.
 */
#ifndef TALLYWIRE_WIRE_CONTROL_PROTOCOL_H
#define TALLYWIRE_WIRE_CONTROL_PROTOCOL_H

#define CONTROL_DEFAULT_SOCKET        "/run/tallywire/control.sock"
#define CONTROL_MAX_LINE_BYTES        (65u << 20) /* a request's line, with its end: any rundown fits */
#define CONTROL_MAX_PUBLIC_LINE_BYTES (64u << 10) /* the same on the public socket */
#define CONTROL_DEFAULT_RATE_HZ       10
#define CONTROL_MAX_RATE_HZ           100

/* The method of the notifications that a subscription streams. */
#define CONTROL_LIVE "live"

/* The first five are JSON-RPC's own. */
enum control_error {
	CONTROL_PARSE_ERROR = -32700,
	CONTROL_INVALID_REQUEST = -32600,
	CONTROL_METHOD_NOT_FOUND = -32601,
	CONTROL_INVALID_PARAMS = -32602,
	CONTROL_INTERNAL_ERROR = -32603,
	CONTROL_NOT_FOUND = -32001, /* no such tenant or interaction */
	CONTROL_CONFLICT = -32002,  /* the window's state forbids it, or the id is taken */
	CONTROL_NO_ROOM = -32003,   /* memory or a configured limit is used up */
	CONTROL_FORBIDDEN = -32004, /* a method of the studio's, called on the public socket */
};

#endif
