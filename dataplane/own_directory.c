// SPDX-License-Identifier: BSD-3-Clause
/*
 * Called by prepare.c, as root. Root changes nothing in a directory that is the user's: a name
 * there may have been made to lead elsewhere. There the user makes what is missing.
 */
#include "dataplane/own_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/show/keyring.h"

/* The first name in it, or "" where it is empty. */
static void first_entry(int fd, char name[NAME_MAX + 1])
{
	DIR *list = fdopendir(dup(fd));
	name[0] = '\0';
	if (!list)
		return;
	for (struct dirent *entry; !name[0] && (entry = readdir(list));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strcpy(name, entry->d_name);
	closedir(list);
}

static int give_opened(int fd, const char *path, const struct privileges *privileges,
		       struct err *err)
{
	struct stat info;
	char entry[NAME_MAX + 1];
	if (fstat(fd, &info))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (info.st_uid == privileges->uid && (info.st_mode & 0700) == 0700)
		return 0;
	first_entry(fd, entry);
	if (info.st_uid != 0 || entry[0])
		return err_set(
			err, -EPERM,
			"%s: must be %s's own, is uid %u's, mode %04o, and holds '%.60s'; if "
			"all in it is tallyd's: chown -R %s %s; else set another",
			path, privileges->user, info.st_uid, info.st_mode & 07777, entry,
			privileges->user, path);
	if (fchown(fd, privileges->uid, privileges->gid) || fchmod(fd, info.st_mode | 0700))
		return err_set(err, -errno, "%s: cannot be given to %s: %s", path, privileges->user,
			       strerror(errno));
	printf("%s: given to %s\n", path, privileges->user);
	return 0;
}

/* Where the user may not make it, the directory above is not the user's: root can trust it. */
static int make(const char *path, mode_t mode, const struct privileges *privileges)
{
	privileges_files_as_user(privileges);
	int rc = mkdir(path, mode) ? -errno : 0;
	privileges_files_as_root(privileges);
	if (rc == -EACCES)
		rc = mkdir(path, mode) ? -errno : 0;
	return rc == -EEXIST ? 0 : rc;
}

static int own(const char *path, mode_t mode, const struct privileges *privileges, struct err *err)
{
	int rc = make(path, mode, privileges);
	if (rc)
		return err_set(err, rc, "%s: cannot be made: %s; make the one above it", path,
			       strerror(-rc));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno,
			       "%s: cannot be opened as a directory: %s; a link is not followed: "
			       "name what it leads to",
			       path, strerror(errno));
	rc = give_opened(fd, path, privileges, err);
	close(fd);
	return rc;
}

static int own_above(const char *path, mode_t mode, const struct privileges *privileges,
		     struct err *err)
{
	char copy[CONFIG_TEXT_BYTES];
	snprintf(copy, sizeof(copy), "%s", path);
	return own(dirname(copy), mode, privileges, err);
}

static int check_keyring(const struct config *config, const struct privileges *privileges,
			 struct err *err)
{
	struct keyring keyring;
	privileges_files_as_user(privileges);
	int rc = keyring_load(config->keyring, &keyring, err);
	privileges_files_as_root(privileges);
	if (rc == 0)
		keyring_free(&keyring);
	return privileges_explain(privileges, rc, err);
}

int own_directories(const struct config *config, const struct privileges *privileges,
		    struct err *err)
{
	if (!privileges->drops)
		return 0;
	int rc = own_above(config->keyring, 0700, privileges, err);
	if (rc == 0)
		rc = own_above(config->control, 0755, privileges, err);
	if (rc == 0 && config->public_socket[0])
		rc = own_above(config->public_socket, 0755, privileges, err);
	if (rc == 0 && config->ack != ACK_NONE) {
		rc = own_above(config->identity, 0750, privileges, err);
		if (rc == 0)
			rc = own(config->journal_dir, 0700, privileges, err);
		if (rc == 0)
			rc = own(config->results_dir, 0750, privileges, err);
	}
	return rc ? rc : check_keyring(config, privileges, err);
}
