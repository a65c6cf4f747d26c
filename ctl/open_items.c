// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads files of items for `tallyctl open --upvote @FILE`. Takes a file whole or not at all, and
 * never waits: a FIFO is refused before a byte is read.
 */
#include "ctl/open_items.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dataplane/show/interaction.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* A label and where it stands, to be sorted. */
struct place {
	const char *label;
	size_t index;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = strcmp(a->label, b->label);
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

bool open_items_twins(const json_t *labels, size_t *first, size_t *second)
{
	size_t count = json_array_size(labels);
	struct place *places = calloc(count + 1, sizeof(*places));
	bool found = false;
	if (!places)
		return false; /* the appliance still takes them; nothing is lost but the warning */
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){json_string_value(json_array_get(labels, i)), i};
	qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(places[i - 1].label, places[i].label) != 0 ||
		    (found && places[i].index > *second))
			continue;
		*first = places[i - 1].index;
		*second = places[i].index;
		found = true;
	}
	free(places);
	return found;
}

/* C0, DEL and, as UTF-8 has them, C1. */
static bool has_control(const char *line, size_t length)
{
	const unsigned char *at = (const unsigned char *)line;
	for (size_t i = 0; i < length; i++)
		if (at[i] < 0x20 || at[i] == 0x7F ||
		    (at[i] == 0xC2 && at[i + 1] >= 0x80 && at[i + 1] < 0xA0))
			return true;
	return false;
}

/* What is wrong with a line, NULL where nothing is. `line` ends with NUL. */
static const char *line_fault(const char *line, size_t length, size_t number)
{
	if (number == 1 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		return "begins with a byte order mark; save the file as plain UTF-8";
	if (length > 0 && line[length - 1] == '\r')
		return "ends as lines do on Windows (CR LF); save the file with LF alone";
	if (strspn(line, " ") == length)
		return "is empty; remove it, each line is an item";
	if (has_control(line, length))
		return "has a control character; remove it";
	if (length > INTERACTION_MAX_LABEL_BYTES)
		return "is longer than an item may be, 200 bytes; shorten it";
	return NULL;
}
_Static_assert(INTERACTION_MAX_LABEL_BYTES == 200, "the message above says so");

static int take_line(const char *path, char *line, size_t length, size_t most, json_t *labels,
		     struct err *err)
{
	size_t number = json_array_size(labels) + 1;
	if (length > 0 && line[length - 1] == '\n')
		line[--length] = '\0';
	const char *fault = line_fault(line, length, number);
	if (!fault && number > most)
		return err_set(err, -EINVAL,
			       "%s: line %zu is one too many; at most %zu items can be asked for",
			       path, number, most);
	json_t *label = fault ? NULL : json_stringn(line, length);
	if (!fault && !label)
		fault = "is not UTF-8; save the file as UTF-8";
	if (fault)
		return err_set(err, -EINVAL, "%s: line %zu %s", path, number, fault);
	if (json_array_append_new(labels, label) != 0)
		return err_set(err, -ENOMEM, "%s: no memory for it", path);
	return 0;
}

static int check_all(const char *path, const json_t *labels, struct err *err)
{
	size_t first, second;
	if (json_array_size(labels) == 0)
		return err_set(err, -EINVAL, "%s: is empty; write one item a line", path);
	if (open_items_twins(labels, &first, &second))
		return err_set(err, -EINVAL, "%s: line %zu is the same as line %zu; remove one",
			       path, second + 1, first + 1);
	return 0;
}

static int read_lines(const char *path, FILE *file, size_t most, json_t *labels, struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int rc = 0;
	while (rc == 0 && (length = getline(&line, &room, file)) >= 0)
		rc = take_line(path, line, (size_t)length, most, labels, err);
	if (rc == 0 && !feof(file))
		rc = err_set(err, -EIO, "%s: cannot be read: %s", path, strerror(errno));
	free(line);
	return rc ? rc : check_all(path, labels, err);
}

/* A regular file that is not larger than so many items can be, or NULL. */
static FILE *open_file(const char *path, size_t most, struct err *err)
{
	struct stat info;
	FILE *file = NULL;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		err_set(err, -errno, "%s: cannot be opened: %s; check the name", path,
			strerror(errno));
		return NULL;
	}
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
		err_set(err, -EINVAL, "%s: is not a regular file; name a file of items", path);
	else if ((uint64_t)info.st_size > most * (INTERACTION_MAX_LABEL_BYTES + 2))
		err_set(err, -EINVAL, "%s: is larger than %zu items can be; is it the right file?",
			path, most);
	else
		file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

int open_items_read(const char *path, size_t most, json_t **labels, struct err *err)
{
	err_set(err, -ENOMEM, "%s: no memory for it", path);
	FILE *file = open_file(path, most, err);
	if (!file)
		return -EINVAL;
	*labels = json_array();
	int rc = *labels ? read_lines(path, file, most, *labels, err) : -ENOMEM;
	fclose(file);
	if (rc)
		json_decref(*labels);
	return rc;
}
