// SPDX-License-Identifier: BSD-3-Clause
/* Pages with keys, as the kernel sees them: /proc/self/smaps says what is locked and not dumped. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dataplane/show/key_memory.h"
#include "dataplane/show/keyring.h"
#include "dataplane/show/keyring_change.h"
#include "tests/lib/scratch.h"

/* Whether the page of this address has the flag ("lo", "dd"). */
static bool has_flag(const void *address, const char *flag)
{
	char line[512], wanted[8];
	bool inside = false, found = false;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	cr_assert_not_null(smaps);
	snprintf(wanted, sizeof(wanted), " %s ", flag);
	while (fgets(line, sizeof(line), smaps)) {
		unsigned long first, end;
		if (sscanf(line, "%lx-%lx ", &first, &end) == 2 && strchr(line, '-'))
			inside = first <= (uintptr_t)address && (uintptr_t)address < end;
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, wanted) != NULL;
	}
	fclose(smaps);
	return found;
}

/* So much memory may be locked, and no right goes beyond that. */
static bool limit_locked(rlim_t bytes)
{
	const struct rlimit limit = {bytes, bytes};
	return setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && (geteuid() != 0 || setuid(65534) == 0);
}

Test(key_memory, keys_lie_on_locked_pages_that_are_not_dumped)
{
	uint8_t *memory = key_memory_take(5000);
	cr_assert_not_null(memory);
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(memory[i], 0);
	cr_expect(has_flag(memory, "lo") && has_flag(memory + 4999, "lo"));
	cr_expect(has_flag(memory, "dd") && has_flag(memory + 4999, "dd"));
	key_memory_give(memory, 5000);
}

Test(key_memory, what_is_given_back_is_not_there_any_more)
{
	uint8_t *memory = key_memory_take(4096);
	unsigned char resident;
	memset(memory, 7, 4096);
	key_memory_give(memory, 4096);
	cr_expect_eq(mincore(memory, 4096, &resident), -1);
	cr_expect_eq(errno, ENOMEM);
	key_memory_give(NULL, 4096);
}

Test(key_memory, memory_of_another_is_locked_too)
{
	static uint8_t there[3 * 4096];
	cr_expect_not(has_flag(there + 4096, "lo"));
	cr_expect_eq(key_memory_lock(there + 4096, 10), 0);
	cr_expect(has_flag(there + 4096, "lo") && has_flag(there + 4096, "dd"));
}

Test(key_memory, without_the_right_to_lock_there_is_memory_all_the_same)
{
	if (!limit_locked(0))
		cr_skip_test("the limit cannot be set here");
	uint8_t *memory = key_memory_take(100);
	cr_assert_not_null(memory);
	memset(memory, 1, 100);
	cr_expect_lt(key_memory_lock(memory, 100), 0);
	key_memory_give(memory, 100);
}

static void load(struct keyring *keyring)
{
	struct err err;
	scratch_make();
	const char *path =
		scratch_text("keyring.json",
			     "{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,"
			     "\"key\":\"000102030405060708090a0b0c0d0e0f\"}]}]}",
			     0600);
	cr_assert_eq(keyring_load(path, keyring, &err), 0, "%s", err.text);
}

Test(key_memory, a_keyring_has_its_keys_there)
{
	struct keyring keyring;
	struct err err;
	load(&keyring);
	cr_expect_eq(keyring_lock(&keyring, &err), 0, "%s", err.text);
	cr_expect(has_flag(keyring.keys, "lo") && has_flag(keyring.keys, "dd"));
	cr_expect(has_flag(keyring.table, "lo") && has_flag(keyring.table, "dd"));
	keyring_free(&keyring);
	scratch_remove();
}

Test(key_memory, a_keyring_that_cannot_be_locked_is_refused_by_name)
{
	struct keyring keyring;
	struct err err = {""};
	load(&keyring);
	munlock(keyring.keys, 1);
	scratch_remove();
	if (!limit_locked(0))
		cr_skip_test("the limit cannot be set here");
	cr_expect_lt(keyring_lock(&keyring, &err), 0);
	cr_expect_not_null(strstr(err.text, "cannot be locked"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "ulimit -l"), "%s", err.text);
	keyring_free(&keyring);
}

/* Who insists on locked keys has none that are not, and the keyring stays as it was. */
Test(key_memory, a_new_key_that_cannot_be_locked_is_not_made)
{
	struct keyring keyring;
	struct keyring_change change;
	struct err err = {""};
	load(&keyring);
	scratch_remove();
	cr_assert_eq(keyring_lock(&keyring, &err), 0, "%s", err.text);
	if (!limit_locked(0))
		cr_skip_test("the limit cannot be set here");
	cr_expect_lt(keyring_change_rotate(&keyring, &keyring.tenants[0], &change, &err), 0);
	cr_expect_not_null(strstr(err.text, "cannot be locked"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "nothing has changed"), "%s", err.text);
	cr_expect_eq(keyring.key_count, 1);
	keyring_free(&keyring);
}
