/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a JSON file to checked, typed fields, with one line for whoever wrote the file:
 * "FILE: place: reason; remedy". keyring.c and rundown.c read through here and through nothing
 * else.
 *
 * All functions return 0, or a negative errno with the message in `err`. Strings and values that
 * they hand out belong to the JSON value. Messages quote no strings of the file, only names of
 * fields: it may be secret. Any thread.
 */
#ifndef TALLYWIRE_SHOW_JSON_FIELDS_H
#define TALLYWIRE_SHOW_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/core/err.h"

#define JSON_PLACE_BYTES     256
#define JSON_PRINTABLE_BYTES 48

/*
 * How often jansson has asked for memory in vain in this thread. Where it gets none for a byte of a
 * string or a member of a copy it leaves that out without a word: who needs the whole looks whether
 * the number went up meanwhile.
 */
uint64_t json_fields_shortages(void);

/* json_copy() and json_dumps() of which nothing is missing; NULL when out of memory. */
json_t *json_fields_copy(const json_t *value);
char *json_fields_dump(const json_t *value, size_t flags);

/*
 * json_loadb() of which nothing is missing. NULL: it is no JSON, as `flaw` says, or, where
 * `no_memory` is set, memory ran out.
 */
json_t *json_fields_parse(const char *bytes, size_t count, size_t flags, json_error_t *flaw,
			  bool *no_memory);

/*
 * Reads a whole regular file of 1 to `max_bytes` bytes and parses it; no field may occur twice in
 * an object. A `secret` file is refused where others than its owner have any access, and its text
 * is wiped. The caller ends with json_fields_unload().
 */
int json_fields_load(const char *path, size_t max_bytes, bool secret, json_t **root,
		     struct err *err);

/* Gives the value back; the strings of a secret one are wiped first. NULL is fine. */
void json_fields_unload(json_t *root, bool secret);

/* The place of a file's outermost value: "FILE: ", or nothing where `source` is empty. */
void json_place_root(char place[JSON_PLACE_BYTES], const char *source);

/* The place of an array's item: "FILE: tenants[0]", "FILE: tenants[0].keys[1]". */
void json_place_item(char place[JSON_PLACE_BYTES], const char *parent, const char *field,
		     size_t index);

/* The place of a member: "FILE: tenants[0].limits". */
void json_place_member(char place[JSON_PLACE_BYTES], const char *parent, const char *field);

/* A string from outside, fit for a message: cut, and with no control characters. Returns `out`. */
const char *json_printable(const char *text, char out[JSON_PRINTABLE_BYTES]);

/* An object whose fields are being read. */
struct json_fields {
	const json_t *object;
	const char *place; /* the caller's, must outlive this */
	struct err *err;
};

/* Begins reading `value`: it must be an object with no field outside `known` (ended by NULL). */
int json_fields_begin(struct json_fields *fields, const json_t *value, const char *place,
		      const char *const *known, struct err *err);

/* Required: an integer from `min` to `max`. */
int json_fields_integer(const struct json_fields *fields, const char *name, uint64_t min,
			uint64_t max, uint64_t *number);

/* The same, but where the field is absent, `number` keeps its value. */
int json_fields_optional_integer(const struct json_fields *fields, const char *name, uint64_t min,
				 uint64_t max, uint64_t *number);

/* The same for item `index` of the array `name`, which json_fields_array() gave. */
int json_fields_item_integer(const struct json_fields *fields, const char *name,
			     const json_t *array, size_t index, uint64_t min, uint64_t max,
			     uint64_t *number);

/* Required: a string. Anything further is the caller's to check. */
int json_fields_string(const struct json_fields *fields, const char *name, const char **string);

/* Required: a string of 1 to `max_bytes` bytes of UTF-8 without control characters. */
int json_fields_text(const struct json_fields *fields, const char *name, size_t max_bytes,
		     const char **text);

/* The same for item `index` of the array `name`, which json_fields_array() gave. */
int json_fields_item_text(const struct json_fields *fields, const char *name, const json_t *array,
			  size_t index, size_t max_bytes, const char **text);

/* Required: an array of `min` to `max` items. */
int json_fields_array(const struct json_fields *fields, const char *name, size_t min, size_t max,
		      const json_t **array);

/* "place.name: message" into the fields' err. Returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int
json_fields_refuse(const struct json_fields *fields, const char *name, const char *format, ...);

/* "place.name: no memory for it; …" into the fields' err. Returns -ENOMEM. */
int json_fields_no_memory(const struct json_fields *fields, const char *name);

#endif
