// SPDX-License-Identifier: BSD-3-Clause
/* Reads and writes the note of prepare.c. What is in it steers root, so nobody else may write it.
 */
#include "dataplane/prepare_note.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int take_line(struct prepare_note *note, const char *line)
{
	struct interface_settings before;
	char interface[IF_NAMESIZE];
	int lro, rxvlan;
	if (sscanf(line, "huge_pages %" SCNu64, &note->huge_pages) == 1)
		return 0;
	if (sscanf(line, "interface %15s %" SCNu64 " %" SCNu64 " %d %d", interface,
		   &before.defer_hard_irqs, &before.flush_timeout_ns, &lro, &rxvlan) != 5 ||
	    note->count == CONFIG_MAX_PORTS)
		return -EINVAL;
	before.lro = lro != 0;
	before.rxvlan = rxvlan != 0;
	strcpy(note->rows[note->count].interface, interface);
	note->rows[note->count++].before = before;
	return 0;
}

static int read_lines(FILE *file, const char *path, struct prepare_note *note, struct err *err)
{
	char line[128];
	struct stat info;
	if (fstat(fileno(file), &info) || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
	    (info.st_mode & 022))
		return err_set(err, -EINVAL,
			       "%s: others than root can write it; set [appliance] prepared to a "
			       "file in a directory of root's",
			       path);
	while (fgets(line, sizeof(line), file))
		if (take_line(note, line))
			return err_set(err, -EINVAL,
				       "%s: is no note of --prepare: '%.40s'; remove it, and set "
				       "back by hand what was changed",
				       path, line);
	return 0;
}

int prepare_note_read(const char *path, struct prepare_note *note, struct err *err)
{
	*note = (struct prepare_note){0};
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file)
		return err_set(err, -errno, "%s: cannot be read: %s; set [appliance] prepared",
			       path, strerror(errno));
	note->found = true;
	int rc = read_lines(file, path, note, err);
	fclose(file);
	return rc;
}

int prepare_note_write(const char *path, const struct prepare_note *note, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return err_set(err, -errno,
			       "%s: cannot be written: %s; run as root, or set [appliance] "
			       "prepared",
			       path, strerror(errno));
	fprintf(file, "huge_pages %" PRIu64 "\n", note->huge_pages);
	for (uint32_t i = 0; i < note->count; i++)
		fprintf(file, "interface %s %" PRIu64 " %" PRIu64 " %d %d\n",
			note->rows[i].interface, note->rows[i].before.defer_hard_irqs,
			note->rows[i].before.flush_timeout_ns, note->rows[i].before.lro,
			note->rows[i].before.rxvlan);
	bool failed = ferror(file);
	if (fclose(file) || failed)
		return err_set(err, -EIO, "%s: cannot be written: is the disk full?", path);
	return 0;
}

const struct interface_settings *prepare_note_find(const struct prepare_note *note,
						   const char *interface)
{
	for (uint32_t i = 0; i < note->count; i++)
		if (strcmp(note->rows[i].interface, interface) == 0)
			return &note->rows[i].before;
	return NULL;
}
