// SPDX-License-Identifier: BSD-3-Clause
/*
 * Opens, reads and parses JSON files and takes their fields out one by one, each with its check.
 * Called by keyring.c and rundown.c. Never prints, never keeps anything, and never waits: a FIFO or
 * a device is refused before a byte is read.
 */
#include "dataplane/show/json_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REASON_BYTES      320
#define NAME_BYTES        64
#define SOURCE_TAIL_BYTES 160 /* what messages keep of a long file name: its end */

struct file_text {
	char *bytes;
	size_t size;
	size_t room;
};

/* C0, DEL and, as UTF-8 has them, C1. `at` lies in a string that ends with NUL. */
static bool is_control(const unsigned char *at)
{
	return *at < 0x20 || *at == 0x7F || (*at == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0);
}

/* Cuts in front of a character, never within one. */
static void copy_printable(const char *text, char *out, size_t room)
{
	size_t length = strnlen(text, room);
	if (length == room) {
		length = room - 1;
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	for (size_t i = 0; i < length; i++) {
		bool control = is_control((const unsigned char *)text + i);
		out[i] = control ? '?' : text[i];
	}
	out[length] = '\0';
}

const char *json_printable(const char *text, char out[JSON_PRINTABLE_BYTES])
{
	copy_printable(text, out, JSON_PRINTABLE_BYTES);
	return out;
}

/* The file as messages name it. */
static void name_source(char out[SOURCE_TAIL_BYTES + 4], const char *source)
{
	size_t length = strlen(source);
	const char *tail =
		length < SOURCE_TAIL_BYTES ? source : source + length - SOURCE_TAIL_BYTES + 1;
	const char *dots = tail == source ? "" : "...";
	memcpy(out, dots, strlen(dots));
	copy_printable(tail, out + strlen(dots), SOURCE_TAIL_BYTES);
}

static int check_file(const struct stat *file, size_t max_bytes, bool secret, const char *name,
		      struct err *err)
{
	if (!S_ISREG(file->st_mode))
		return err_set(err, -EINVAL, "%s: is not a regular file; name a JSON file", name);
	if (secret && (file->st_mode & 077))
		return err_set(err, -EPERM,
			       "%s: holds keys, but others than its owner have access (mode %04o); "
			       "chmod 600 %s",
			       name, file->st_mode & 07777, name);
	if (file->st_size == 0)
		return err_set(err, -EINVAL, "%s: is empty; write it as docs/files.md says", name);
	if ((uint64_t)file->st_size > max_bytes)
		return err_set(err, -EFBIG, "%s: has %jd bytes; at most %zu are read", name,
			       (intmax_t)file->st_size, max_bytes);
	return 0;
}

/* Reads to the end of the file, or until the room is full. */
static int read_all(int fd, struct file_text *text)
{
	while (text->size < text->room) {
		ssize_t got = read(fd, text->bytes + text->size, text->room - text->size);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			text->size += (size_t)got;
	}
	return 0;
}

static void free_text(struct file_text *text, bool secret)
{
	if (secret && text->bytes)
		sodium_memzero(text->bytes, text->room);
	free(text->bytes);
}

static int read_opened(int fd, size_t max_bytes, bool secret, const char *name,
		       struct file_text *text, struct err *err)
{
	struct stat file;
	if (fstat(fd, &file) != 0)
		return err_set(err, -errno, "%s: %s", name, strerror(errno));
	int rc = check_file(&file, max_bytes, secret, name, err);
	if (rc)
		return rc;
	*text = (struct file_text){.room = (size_t)file.st_size + 1};
	text->bytes = malloc(text->room);
	if (!text->bytes)
		return err_set(err, -ENOMEM, "%s: no memory for its %jd bytes", name,
			       (intmax_t)file.st_size);
	rc = read_all(fd, text);
	if (rc)
		err_set(err, rc, "%s: cannot be read: %s", name, strerror(-rc));
	else if (text->size == text->room)
		rc = err_set(err, -EAGAIN, "%s: grew while it was read; try again", name);
	if (rc)
		free_text(text, secret);
	return rc;
}

static int read_file(const char *path, size_t max_bytes, bool secret, const char *name,
		     struct file_text *text, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno,
			       "%s: cannot be opened: %s; check its path and permissions", name,
			       strerror(errno));
	int rc = read_opened(fd, max_bytes, secret, name, text, err);
	close(fd);
	return rc;
}

/* In our own words: the library's would quote the file, and a keyring must not be quoted. */
static const char *syntax_reason(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_stack_overflow: return "nested too deeply; write it as docs/files.md says";
	case json_error_invalid_utf8: return "not UTF-8; save the file as UTF-8";
	case json_error_premature_end_of_input: return "the file ends too early; complete it";
	case json_error_end_of_input_expected: return "more follows the end of the JSON; remove it";
	case json_error_null_character:
	case json_error_null_byte_in_key: return "has a NUL character in a string; remove it";
	case json_error_duplicate_key: return "this field occurs twice; remove one";
	case json_error_numeric_overflow: return "the number is too big; give a smaller one";
	default: return "not valid JSON; correct it there";
	}
}

static _Thread_local uint64_t shortages;

static void *take_memory(size_t bytes)
{
	void *memory = malloc(bytes);
	shortages += !memory;
	return memory;
}

/* Before main(), as jansson wants it: no thread, no value is there yet. */
__attribute__((constructor)) static void note_shortages(void)
{
	json_set_alloc_funcs(take_memory, free);
}

uint64_t json_fields_shortages(void)
{
	return shortages;
}

json_t *json_fields_copy(const json_t *value)
{
	uint64_t before = shortages;
	json_t *copy = json_copy((json_t *)(uintptr_t)value);
	if (shortages == before)
		return copy;
	json_decref(copy); /* its values are the original's too */
	return NULL;
}

char *json_fields_dump(const json_t *value, size_t flags)
{
	uint64_t before = shortages;
	char *text = json_dumps(value, flags);
	if (shortages == before)
		return text;
	free(text);
	return NULL;
}

json_t *json_fields_parse(const char *bytes, size_t count, size_t flags, json_error_t *flaw,
			  bool *no_memory)
{
	uint64_t before = shortages;
	json_t *json = json_loadb(bytes, count, flags, flaw);
	*no_memory = shortages != before;
	if (!*no_memory)
		return json;
	json_fields_unload(json, true);
	return NULL;
}

int json_fields_load(const char *path, size_t max_bytes, bool secret, json_t **root,
		     struct err *err)
{
	char name[SOURCE_TAIL_BYTES + 4];
	name_source(name, path);
	struct file_text text = {0};
	int rc = read_file(path, max_bytes, secret, name, &text, err);
	if (rc)
		return rc;
	json_error_t error;
	bool no_memory;
	*root = json_fields_parse(text.bytes, text.size, JSON_REJECT_DUPLICATES, &error,
				  &no_memory);
	free_text(&text, secret);
	if (*root)
		return 0;
	if (no_memory)
		return err_set(err, -ENOMEM, "%s: no memory to parse it; free some and try again",
			       name);
	return err_set(err, -EINVAL, "%s: line %d, column %d: %s", name, error.line, error.column,
		       syntax_reason(&error));
}

/* The parser's own buffers were freed by it and are out of reach. */
static void wipe_strings(json_t *value)
{
	const char *key;
	json_t *item;
	if (json_is_string(value))
		sodium_memzero((char *)(uintptr_t)json_string_value(value),
			       json_string_length(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		wipe_strings(json_array_get(value, i));
	json_object_foreach (value, key, item) {
		wipe_strings(item);
	}
}

void json_fields_unload(json_t *root, bool secret)
{
	if (root && secret)
		wipe_strings(root);
	json_decref(root);
}

void json_place_root(char place[JSON_PLACE_BYTES], const char *source)
{
	char name[SOURCE_TAIL_BYTES + 4];
	name_source(name, source);
	snprintf(place, JSON_PLACE_BYTES, "%s%s", name, name[0] ? ": " : "");
}

/* What stands between a place and the name of a field in it. */
static const char *joint(const char *place)
{
	size_t length = strlen(place);
	return length == 0 || place[length - 1] == ' ' ? "" : ".";
}

void json_place_item(char place[JSON_PLACE_BYTES], const char *parent, const char *field,
		     size_t index)
{
	snprintf(place, JSON_PLACE_BYTES, "%s%s%s[%zu]", parent, joint(parent), field, index);
}

void json_place_member(char place[JSON_PLACE_BYTES], const char *parent, const char *field)
{
	snprintf(place, JSON_PLACE_BYTES, "%s%s%s", parent, joint(parent), field);
}

int json_fields_refuse(const struct json_fields *fields, const char *name, const char *format, ...)
{
	char reason[REASON_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return err_set(fields->err, -EINVAL, "%s%s%s: %s", fields->place, joint(fields->place),
		       name, reason);
}

int json_fields_no_memory(const struct json_fields *fields, const char *name)
{
	json_fields_refuse(fields, name, "no memory for it; free some and try again");
	return -ENOMEM;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "an array";
	case JSON_STRING: return "a string";
	case JSON_INTEGER: return "an integer";
	case JSON_REAL: return "a number with a fraction";
	case JSON_NULL: return "null";
	default: return "a boolean";
	}
}

/* There, and of this type. */
static int expect(const struct json_fields *fields, const char *name, const json_t *value,
		  json_type type, const char *wanted)
{
	if (!value)
		return json_fields_refuse(fields, name, "is missing; give %s", wanted);
	if (json_typeof(value) != type)
		return json_fields_refuse(fields, name, "is %s; give %s", type_name(value), wanted);
	return 0;
}

static bool is_known(const char *const *known, const char *name)
{
	for (; *known; known++)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

static int refuse_unknown(const struct json_fields *fields, const char *name,
			  const char *const *known)
{
	char list[REASON_BYTES / 2] = "";
	char shown[JSON_PRINTABLE_BYTES];
	for (size_t used = 0; *known && used < sizeof(list); known++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 *known);
	return json_fields_refuse(fields, json_printable(name, shown),
				  "is an unknown field; known here: %s", list);
}

/* "FILE: tenants[0]" of a place, without what only joins it to a field. */
static int refuse_place(const char *place, const char *reason, struct err *err)
{
	size_t length = strlen(place);
	bool root = length >= 2 && strcmp(place + length - 2, ": ") == 0;
	if (length == 0)
		return err_set(err, -EINVAL, "%s", reason);
	return err_set(err, -EINVAL, "%.*s: %s", (int)(root ? length - 2 : length), place, reason);
}

int json_fields_begin(struct json_fields *fields, const json_t *value, const char *place,
		      const char *const *known, struct err *err)
{
	const char *name;
	json_t *field;
	*fields = (struct json_fields){value, place, err};
	if (!json_is_object(value)) {
		char reason[NAME_BYTES];
		snprintf(reason, sizeof(reason), "is %s; give an object",
			 value ? type_name(value) : "missing");
		return refuse_place(place, reason, err);
	}
	json_object_foreach ((json_t *)(uintptr_t)value, name, field) {
		if (!is_known(known, name))
			return refuse_unknown(fields, name, known);
	}
	return 0;
}

static int check_integer(const struct json_fields *fields, const char *name, const json_t *value,
			 uint64_t min, uint64_t max, uint64_t *number)
{
	char wanted[80];
	snprintf(wanted, sizeof(wanted), "an integer from %" PRIu64 " to %" PRIu64, min, max);
	int rc = expect(fields, name, value, JSON_INTEGER, wanted);
	if (rc)
		return rc;
	json_int_t given = json_integer_value(value);
	if (given < 0 || (uint64_t)given < min || (uint64_t)given > max)
		return json_fields_refuse(fields, name,
					  "%" JSON_INTEGER_FORMAT " is out of range; give %s",
					  given, wanted);
	*number = (uint64_t)given;
	return 0;
}

int json_fields_integer(const struct json_fields *fields, const char *name, uint64_t min,
			uint64_t max, uint64_t *number)
{
	return check_integer(fields, name, json_object_get(fields->object, name), min, max, number);
}

int json_fields_item_integer(const struct json_fields *fields, const char *name,
			     const json_t *array, size_t index, uint64_t min, uint64_t max,
			     uint64_t *number)
{
	char item[NAME_BYTES];
	snprintf(item, sizeof(item), "%s[%zu]", name, index);
	return check_integer(fields, item, json_array_get(array, index), min, max, number);
}

int json_fields_optional_integer(const struct json_fields *fields, const char *name, uint64_t min,
				 uint64_t max, uint64_t *number)
{
	if (!json_object_get(fields->object, name))
		return 0;
	return json_fields_integer(fields, name, min, max, number);
}

int json_fields_string(const struct json_fields *fields, const char *name, const char **string)
{
	const json_t *value = json_object_get(fields->object, name);
	int rc = expect(fields, name, value, JSON_STRING, "a string");
	if (!rc)
		*string = json_string_value(value);
	return rc;
}

static bool has_control_character(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (is_control(at))
			return true;
	return false;
}

static int check_text(const struct json_fields *fields, const char *name, const json_t *value,
		      size_t max_bytes, const char **text)
{
	char wanted[80];
	snprintf(wanted, sizeof(wanted), "a string of 1 to %zu bytes", max_bytes);
	int rc = expect(fields, name, value, JSON_STRING, wanted);
	if (rc)
		return rc;
	size_t length = json_string_length(value);
	if (length == 0 || length > max_bytes)
		return json_fields_refuse(fields, name, "has %zu bytes; give %s", length, wanted);
	if (has_control_character(json_string_value(value)))
		return json_fields_refuse(fields, name, "has a control character; remove it");
	*text = json_string_value(value);
	return 0;
}

int json_fields_text(const struct json_fields *fields, const char *name, size_t max_bytes,
		     const char **text)
{
	return check_text(fields, name, json_object_get(fields->object, name), max_bytes, text);
}

int json_fields_item_text(const struct json_fields *fields, const char *name, const json_t *array,
			  size_t index, size_t max_bytes, const char **text)
{
	char item[NAME_BYTES];
	snprintf(item, sizeof(item), "%s[%zu]", name, index);
	return check_text(fields, item, json_array_get(array, index), max_bytes, text);
}

int json_fields_array(const struct json_fields *fields, const char *name, size_t min, size_t max,
		      const json_t **array)
{
	char wanted[80];
	snprintf(wanted, sizeof(wanted), "an array of %zu to %zu items", min, max);
	const json_t *value = json_object_get(fields->object, name);
	int rc = expect(fields, name, value, JSON_ARRAY, wanted);
	if (rc)
		return rc;
	if (json_array_size(value) < min || json_array_size(value) > max)
		return json_fields_refuse(fields, name, "has %zu items; give %s",
					  json_array_size(value), wanted);
	*array = value;
	return 0;
}
