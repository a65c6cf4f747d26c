// SPDX-License-Identifier: BSD-3-Clause
/* The methods about tenants: what they take, what they tell, and that a key is told once. */
#include <sodium.h>
#include "tests/lib/control_peer.h"
#include "tests/lib/scratch.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define FILE_TEXT                                                                                  \
	"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,\"key\":\"" KEY          \
	"\"}],\"limits\":{\"votes_per_s\":9}},{\"id\":8,\"name\":\"zoo\",\"max_delay_ms\":0,"      \
	"\"keys\":[{\"epoch\":1,\"key\":\"" KEY "\"}]}]}"

static int no_fronts(void *context, const struct tenants_access *access, struct err *err)
{
	(void)context, (void)access, (void)err;
	return 0;
}

static void set_up_tenants(void)
{
	struct err err;
	scratch_make();
	strcpy(appliance.config.keyring, scratch_text("keyring.json", FILE_TEXT, 0600));
	cr_assert_eq(keyring_load(appliance.config.keyring, &appliance.keyring, &err), 0);
	set_up();
	const struct tenants_options options = {
		.keyring = &appliance.keyring,
		.config = &appliance.config,
		.windows = appliance.windows,
		.set_fronts = no_fronts,
		.quiesce = nobody_to_wait_for,
	};
	tenants_start(&appliance.tenants, &options);
}

static void tear_down_tenants(void)
{
	tear_down();
	keyring_free(&appliance.keyring);
	scratch_remove();
}

TestSuite(control_tenants, .init = set_up_tenants, .fini = tear_down_tenants);

#define POLL "{'tenant':'acme','id':101,'kind':'poll','question':'?','options':['a','b']}"

static const struct {
	const char *method, *params;
	int code;
	const char *reason;
} refusal_rows[] = {
	{"tenants", "{'tenant':'acme'}", -32602, "params.tenant: is an unknown field"},
	{"tenant_add", "", -32602, "params: is missing"},
	{"tenant_add", "{}", -32602, "params.name: is missing"},
	{"tenant_add", "{'name':7}", -32602, "params.name: is an integer"},
	{"tenant_add", "{'name':''}", -32602, "params.name: has 0 bytes"},
	{"tenant_add", "{'name':'a/b'}", -32602, "params.name: has other characters"},
	{"tenant_add", "{'name':'k','id':65536}", -32602, "params.id: 65536 is out of range"},
	{"tenant_add", "{'name':'k','id':-1}", -32602, "params.id"},
	{"tenant_add", "{'name':'k','id':null}", -32602, "params.id: is null"},
	{"tenant_add", "{'name':'k','max_delay_ms':600001}", -32602, "params.max_delay_ms"},
	{"tenant_add", "{'name':'k','limits':7}", -32602, "params.limits: is an integer"},
	{"tenant_add", "{'name':'k','limits':{'x':1}}", -32602, "params.limits.x"},
	{"tenant_add", "{'name':'k','limits':{'voters':0}}", -32602, "params.limits.voters: 0 is"},
	{"tenant_add", "{'name':'k','keys':[]}", -32602, "params.keys: is an unknown field"},
	{"tenant_add", "{'name':'acme'}", -32002, "acme: the keyring has this tenant already"},
	{"tenant_add", "{'name':'k','id':7}", -32002, "id 7 is acme's"},
	{"tenant_rotate", "", -32602, "params: is missing"},
	{"tenant_rotate", "{}", -32602, "params.tenant: is missing"},
	{"tenant_rotate", "{'tenant':'k'}", -32001, "k: no such tenant"},
	{"tenant_rotate", "{'tenant':'acme','epoch':2}", -32602, "params.epoch"},
	{"tenant_retire", "{'tenant':'k'}", -32001, "k: no such tenant"},
	{"tenant_retire", "{'tenant':7}", -32602, "params.tenant"},
	{"tenant_retire", "{'tenant':'acme','epoch':256}", -32602, "params.epoch"},
	{"tenant_retire", "{'tenant':'acme','epoch':2}", -32001, "no key of epoch 2"},
	{"tenant_retire", "{'tenant':'acme','epoch':1}", -32002, "only key"},
	{"tenant_retire", "{'tenant':'acme'}", -32002, "acme/101 is open"},
	{"voters", "", -32602, "params.tenant: wants a tenant's name"},
	{"voters", "{'tenant':'acme','voter':1}", -32602, "params.voter: no such parameter"},
	{"voter_revoke", "{'tenant':'k','voter':1}", -32001, "k: no such tenant"},
	{"voter_revoke", "{'tenant':'acme'}", -32602, "params.voter"},
	{"voter_revoke", "{'tenant':'acme','voter':-1}", -32602, "params.voter"},
	{"voter_revoke", "{'tenant':'acme','voter':4294967296}", -32602, "params.voter"},
	{"voter_restore", "{'tenant':'acme','voter':42}", -32001, "voter 42 is not revoked"},
};

static char *read_keyring(void)
{
	static char text[65536];
	FILE *file = fopen(appliance.config.keyring, "r");
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

Test(control_tenants, bad_parameters_are_named_and_change_nothing)
{
	expect_done("open", POLL);
	for (size_t i = 0; i < COUNT_OF(refusal_rows); i++)
		expect_refused(refusal_rows[i].method, refusal_rows[i].params, refusal_rows[i].code,
			       refusal_rows[i].reason);
	cr_expect_str_eq(read_keyring(), FILE_TEXT);
	cr_expect_eq(appliance.keyring.key_count, 2);
	expect_life("refusals");
}

/* The key of an answer is the one that the appliance has. */
static void expect_key(const json_t *answer, uint16_t tenant, uint8_t epoch)
{
	uint8_t key[AUTH_KEY_BYTES];
	const char *digits = string_of(answer, "key");
	cr_expect_eq(integer_of(answer, "id"), tenant);
	cr_expect_eq(integer_of(answer, "epoch"), epoch);
	cr_assert_eq(strlen(digits), 2 * sizeof(key), "%s", digits);
	cr_assert_eq(sodium_hex2bin(key, sizeof(key), digits, 2 * sizeof(key), NULL, NULL, NULL),
		     0);
	cr_expect_arr_eq(key, auth_keys_find(*tenants_published(&appliance.tenants), tenant, epoch),
			 sizeof(key));
	cr_expect_eq(json_object_size(answer), 4);
}

/* Nothing that was sent or waits to be sent is kept. */
static void expect_no_key_kept(const json_t *answer)
{
	const char *digits = string_of(answer, "key");
	cr_assert_gt(client->out.room, 32);
	cr_expect_null(memmem(client->out.text, client->out.room, digits, strlen(digits)),
		       "a key is left in the connection's buffer");
}

Test(control_tenants, a_key_is_told_once_by_what_made_it)
{
	json_t *added = expect_result("tenant_add", "{'name':'kino','id':300,'max_delay_ms':7,"
						    "'limits':{'voters':5,'memory_mb':2}}");
	cr_expect_str_eq(string_of(added, "tenant"), "kino");
	expect_key(added, 300, 1);
	expect_no_key_kept(added);
	json_t *rotated = expect_result("tenant_rotate", "{'tenant':'kino'}");
	expect_key(rotated, 300, 2);
	expect_no_key_kept(rotated);
	json_t *list = expect_result("tenants", "");
	char *text = json_dumps(list, 0);
	cr_expect_null(strstr(text, string_of(added, "key")));
	cr_expect_null(strstr(text, string_of(rotated, "key")));
	cr_expect_null(strstr(text, KEY));
	free(text);
	json_decref(list);
	json_decref(added);
	json_decref(rotated);
}

Test(control_tenants, an_id_is_chosen_where_none_is_given)
{
	json_t *added = expect_result("tenant_add", "{'name':'kino'}");
	expect_key(added, 0, 1);
	json_decref(added);
}

static void expect_json(json_t *list, const char *wanted)
{
	char *quoted = strdup(wanted);
	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	char *text = json_dumps(list, JSON_COMPACT);
	cr_expect_str_eq(text, quoted);
	free(text);
	free(quoted);
	json_decref(list);
}

Test(control_tenants, the_list_says_all_of_each_but_its_keys)
{
	char wanted[1024];
	expect_done("tenant_rotate", "{'tenant':'acme'}");
	expect_done("open", POLL);
	expect_done("tenant_add", "{'name':'kino'}");
	json_t *retired = expect_result("tenant_retire", "{'tenant':'zoo'}");
	expect_json(retired, "{'tenant':'zoo','id':8,'epochs':[]}");
	snprintf(wanted, sizeof(wanted),
		 "{'tenants':["
		 "{'name':'acme','id':7,'epochs':[1,2],'newest_epoch':2,'max_delay_ms':5000,"
		 "'limits':{'votes_per_s':9},'windows':1,'memory_bytes':%zu,'busy':0,'policed':0},"
		 "{'name':'kino','id':0,'epochs':[1],'newest_epoch':1,'max_delay_ms':5000,"
		 "'limits':{},'windows':0,'memory_bytes':0,'busy':0,'policed':0}]}",
		 windows_at(appliance.windows, 0)->memory_bytes);
	expect_json(expect_result("tenants", "{}"), wanted);
}

Test(control_tenants, an_epoch_is_retired)
{
	expect_done("tenant_rotate", "{'tenant':'acme'}");
	expect_json(expect_result("tenant_retire", "{'tenant':'acme','epoch':1}"),
		    "{'tenant':'acme','id':7,'epochs':[2]}");
	cr_expect_null(auth_keys_find(*tenants_published(&appliance.tenants), 7, 1));
}

/* Other methods know it at once, and no longer once it is retired. */
Test(control_tenants, a_tenant_can_be_asked_from_its_first_moment_to_its_last)
{
	static const char poll[] =
		"{'tenant':'kino','id':1,'kind':'poll','question':'?','options':['a']}";
	expect_refused("open", poll, -32001, "\"kino\" is not in the keyring");
	expect_done("tenant_add", "{'name':'kino'}");
	expect_done("open", poll);
	expect_refused("tenant_retire", "{'tenant':'kino'}", -32002, "kino/1 is open");
	expect_done("cancel", "{'tenant':'kino','id':1}");
	expect_done("tenant_retire", "{'tenant':'kino'}");
	expect_refused("list", "{'tenant':'kino'}", -32001, "no such tenant");
	json_t *list = expect_result("list", "");
	cr_expect_str_eq(string_of(json_array_get(json_object_get(list, "windows"), 0), "tenant"),
			 "kino");
	json_decref(list);
	expect_refused("tenant_add", "{'name':'kino'}", -32002, "still windows");
}

Test(control_tenants, a_keyring_that_was_edited_is_left_alone)
{
	scratch_text("keyring.json", "{}", 0600);
	expect_refused("tenant_rotate", "{'tenant':'acme'}", -32002, "was changed since");
	cr_expect_str_eq(read_keyring(), "{}");
	cr_expect_eq(unlink(appliance.config.keyring), 0);
	expect_refused("tenant_rotate", "{'tenant':'acme'}", -32002, "is gone since");
	expect_life("an edited keyring");
}

static bool is_revoked(uint8_t epoch, uint32_t voter)
{
	return auth_is_revoked(*tenants_published(&appliance.tenants), 7, epoch, voter);
}

Test(control_tenants, a_voter_is_revoked_under_the_keys_that_there_are)
{
	json_t *told = expect_result("voter_revoke", "{'tenant':'acme','voter':42}");
	cr_expect_eq(integer_of(told, "voter"), 42);
	cr_expect(is_revoked(1, 42) && !is_revoked(1, 41) && !is_revoked(2, 42));
	cr_expect_not_null(strstr(read_keyring(), "\"revoked\": [42]"), "%s", read_keyring());
	expect_refused("voter_revoke", "{'tenant':'acme','voter':42}", -32002, "revoked already");

	expect_done("tenant_rotate", "{'tenant':'acme'}");
	cr_expect(is_revoked(1, 42) && !is_revoked(2, 42), "a new credential counts");
	expect_done("voter_revoke", "{'tenant':'acme','voter':42}");
	expect_done("voter_revoke", "{'tenant':'acme','voter':7}");
	cr_expect(is_revoked(1, 42) && is_revoked(2, 42) && is_revoked(2, 7));
	json_t *list = json_object_get(expect_result("voters", "{'tenant':'acme'}"), "revoked");
	cr_expect_eq(json_array_size(list), 2);
	cr_expect_eq(integer_of(json_array_get(list, 0), "voter"), 7);
	json_t *others = json_object_get(expect_result("voters", "{'tenant':'zoo'}"), "revoked");
	cr_expect_eq(json_array_size(others), 0);

	expect_done("tenant_retire", "{'tenant':'acme','epoch':1}");
	cr_expect(!is_revoked(1, 42) && is_revoked(2, 42), "what is revoked goes with its epoch");
	expect_done("voter_restore", "{'tenant':'acme','voter':42}");
	cr_expect(!is_revoked(2, 42) && is_revoked(2, 7));
	expect_done("voter_restore", "{'tenant':'acme','voter':7}");
	cr_expect_null(strstr(read_keyring(), "revoked"), "%s", read_keyring());
	cr_expect_eq(appliance.keyring.revoked_count, 0);
}
