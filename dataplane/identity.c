// SPDX-License-Identifier: BSD-3-Clause
/* The key's file, and libsodium's signatures. Called at start, by who seals, and by an audit. */
#include "dataplane/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES (2 * IDENTITY_SEED_BYTES + 1) /* with its newline */

static int check_access(int fd, const char *path, struct err *err)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return err_set(err, -EINVAL, "%s: is not a file", path);
	if (info.st_mode & 077)
		return err_set(err, -EACCES,
			       "%s: holds the appliance's key, but others than its owner have "
			       "access (mode %04o); chmod 600 %s",
			       path, info.st_mode & 07777, path);
	return 0;
}

static void take_seed(struct identity *identity, const uint8_t seed[IDENTITY_SEED_BYTES])
{
	crypto_sign_seed_keypair(identity->public, identity->secret, seed);
}

static int read_line(int fd, const char *path, struct identity *identity, struct err *err)
{
	char line[LINE_BYTES + 1];
	uint8_t seed[IDENTITY_SEED_BYTES];
	size_t decoded = 0;
	ssize_t bytes = read(fd, line, sizeof(line));
	int rc = 0;
	if (bytes < 0)
		rc = err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	else if (bytes != LINE_BYTES || line[LINE_BYTES - 1] != '\n' ||
		 sodium_hex2bin(seed, sizeof(seed), line, LINE_BYTES - 1, NULL, &decoded, NULL) ||
		 decoded != sizeof(seed))
		rc = err_set(err, -EINVAL,
			     "%s: is no key: wants a line of %d hex digits; move it away and a new "
			     "one is made",
			     path, LINE_BYTES - 1);
	else
		take_seed(identity, seed);
	sodium_memzero(line, sizeof(line));
	sodium_memzero(seed, sizeof(seed));
	return rc;
}

static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_line(int fd, const uint8_t seed[IDENTITY_SEED_BYTES])
{
	char line[LINE_BYTES + 1];
	sodium_bin2hex(line, sizeof(line), seed, IDENTITY_SEED_BYTES);
	line[LINE_BYTES - 1] = '\n';
	errno = ENOSPC;
	int rc = write(fd, line, LINE_BYTES) != LINE_BYTES || fsync(fd) != 0 ? -errno : 0;
	sodium_memzero(line, sizeof(line));
	return rc;
}

/* Under its own name at once: who finds half a line is told so. */
static int make(const char *path, struct identity *identity, struct err *err)
{
	uint8_t seed[IDENTITY_SEED_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: cannot be made: %s; check its directory", path,
			       strerror(errno));
	randombytes_buf(seed, sizeof(seed));
	int rc = write_line(fd, seed);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		rc = sync_directory(path);
	if (rc == 0)
		take_seed(identity, seed);
	else
		unlink(path);
	sodium_memzero(seed, sizeof(seed));
	return rc ? err_set(err, rc, "%s: cannot be written: %s", path, strerror(-rc)) : 0;
}

int identity_open(const char *path, struct identity *identity, struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, -EIO, "%s: libsodium does not start", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return make(path, identity, err);
	if (fd < 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	int rc = check_access(fd, path, err);
	if (rc == 0)
		rc = read_line(fd, path, identity, err);
	close(fd);
	return rc;
}

void identity_close(struct identity *identity)
{
	sodium_memzero(identity, sizeof(*identity));
}

void identity_sign(const struct identity *identity, const void *bytes, size_t count,
		   uint8_t signature[IDENTITY_SIGNATURE_BYTES])
{
	crypto_sign_detached(signature, NULL, bytes, count, identity->secret);
}

bool identity_verify(const uint8_t public[IDENTITY_PUBLIC_BYTES], const void *bytes, size_t count,
		     const uint8_t signature[IDENTITY_SIGNATURE_BYTES])
{
	return crypto_sign_verify_detached(signature, bytes, count, public) == 0;
}

void identity_hex(const uint8_t public[IDENTITY_PUBLIC_BYTES], char text[IDENTITY_HEX_BYTES])
{
	sodium_bin2hex(text, IDENTITY_HEX_BYTES, public, IDENTITY_PUBLIC_BYTES);
}

void identity_base64(const uint8_t public[IDENTITY_PUBLIC_BYTES], char text[IDENTITY_BASE64_BYTES])
{
	sodium_bin2base64(text, IDENTITY_BASE64_BYTES, public, IDENTITY_PUBLIC_BYTES,
			  sodium_base64_VARIANT_ORIGINAL);
}

int identity_parse(const char *text, uint8_t public[IDENTITY_PUBLIC_BYTES])
{
	size_t decoded = 0, bytes = strlen(text);
	if (bytes != IDENTITY_HEX_BYTES - 1 ||
	    sodium_hex2bin(public, IDENTITY_PUBLIC_BYTES, text, bytes, NULL, &decoded, NULL) != 0 ||
	    decoded != IDENTITY_PUBLIC_BYTES)
		return -EINVAL;
	return 0;
}
