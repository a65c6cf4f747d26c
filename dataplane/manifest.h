/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manifest.json of a sealed result: which window, where in the journal it came from, and the hashes
 * of its files. Signed as the bytes it is: docs/files.md. Any thread.
 */
#ifndef TALLYWIRE_MANIFEST_H
#define TALLYWIRE_MANIFEST_H

#include "dataplane/identity.h"
#include "dataplane/sealed.h"

#define MANIFEST_NAME       "manifest.json"
#define MANIFEST_SIGNATURE  "manifest.sig"
#define MANIFEST_FORMAT     1
#define MANIFEST_HASH_BYTES 33 /* XXH3-128 as hex */
#define MANIFEST_SUM_BYTES  65 /* BLAKE2b-256 as hex */
#define MANIFEST_MAX_BYTES  (4u << 20)
#define MANIFEST_MAX_FILES  2048

struct manifest_file {
	char name[SEALED_NAME_BYTES];
	uint64_t bytes;
	char xxh3[MANIFEST_HASH_BYTES];
	char blake2b[MANIFEST_SUM_BYTES];
};

struct manifest {
	char tenant[KEYRING_NAME_BYTES];
	uint16_t tenant_id;
	uint32_t id;
	uint64_t voter_numbers; /* room that it had, which who counts again needs, too */
	uint64_t pairs;
	uint64_t missed;
	bool immediate;
	struct windows_place first;
	struct windows_place last;
	uint8_t identity[IDENTITY_PUBLIC_BYTES];
	struct manifest_file *files;
	uint32_t file_count;
};

/* What the signature makes hold, beside its own bytes. */
void manifest_hash(const void *bytes, size_t count, struct manifest_file *file);

/* All but the files and the identity. */
void manifest_describe(const struct armed_window *armed, bool immediate,
		       const struct windows_place *last, struct manifest *manifest);

/* Adds manifest.json and manifest.sig over the files that are there. 0 or -ENOMEM. */
int manifest_add(const struct manifest *manifest, const struct identity *identity,
		 struct sealed_files *files);

/* Reads and checks its form, not its truth. 0, or -errno with `err` and nothing to free. */
int manifest_parse(const char *text, size_t bytes, struct manifest *manifest, struct err *err);
void manifest_free(struct manifest *manifest);

/* Why nobody can vouch for the result although its counts are right; NULL: somebody can. */
const char *manifest_uncertifiable(const struct manifest *manifest, struct err *text);

#endif
