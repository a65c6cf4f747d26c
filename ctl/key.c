// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl key: the credential of one viewer, as the tenant's login service would hand it out; also
 * as the one word that a player's library takes (client/tw_client.h). Computed here from the
 * keyring file; the appliance is not asked, since it never gives keys away.
 */
#include "ctl/verbs.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/target.h"
#include "dataplane/core/auth.h"
#include "dataplane/core/vote.h"
#include "dataplane/show/keyring.h"
#include "wire/vote_packet.h"

#define DEFAULT_KEYRING "/etc/tallywire/keyring.json"

/* connection id ‖ epoch ‖ voter ‖ voter key ‖ the first bytes of the tag over the first three */
#define WORD_PREFIX     "tallywire1:"
#define WORD_KEY        13
#define WORD_CHECK      (WORD_KEY + AUTH_KEY_BYTES)
#define WORD_BYTES      (WORD_CHECK + 4)
#define WORD_CHARACTERS (sizeof(WORD_PREFIX) - 1 + 2 * WORD_BYTES)

enum { KEY_KEYRING, KEY_EPOCH, KEY_SERVER, KEY_ADDRESS };

struct credential {
	const struct tenant *tenant;
	uint8_t epoch;
	uint32_t voter;
	char connection_id[2 * sizeof(struct connection_id) + 1]; /* hex */
	char voter_key[2 * AUTH_KEY_BYTES + 1];                   /* hex */
	char word[WORD_CHARACTERS + 1];
	const char *address; /* NULL: not given */
};

/* "host:4433", "192.0.2.1:4433", "[2001:db8::1]:4433" */
static bool is_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;
	if (!colon || colon == text || number_parse(colon + 1, 65535, &port) < 0 || port == 0)
		return false;
	if (text[0] == '[')
		return colon > text + 2 && colon[-1] == ']';
	return strchr(text, ':') == colon && !strpbrk(text, " \t[]/");
}

/* The tenant's key of this epoch, or of the newest where `epoch` is UINT64_MAX. */
static const struct auth_key *find_key(const struct keyring *keyring, uint16_t tenant,
				       uint64_t epoch)
{
	if (epoch == UINT64_MAX)
		return keyring_newest_key(keyring, tenant);
	for (uint32_t i = 0; i < keyring->key_count; i++)
		if (keyring->keys[i].tenant == tenant && keyring->keys[i].epoch == epoch)
			return &keyring->keys[i];
	return NULL;
}

/* `packet` is of this voter: the library's word begins with what both hold. */
static void write_word(const struct vote_packet *packet, const uint8_t voter_key[AUTH_KEY_BYTES],
		       char word[WORD_CHARACTERS + 1])
{
	uint8_t bytes[WORD_BYTES], tag[AUTH_TAG_BYTES];
	memcpy(bytes, &packet->cid, sizeof(packet->cid));
	bytes[8] = packet->key_epoch;
	memcpy(bytes + 9, &packet->voter_be, sizeof(packet->voter_be));
	memcpy(bytes + WORD_KEY, voter_key, AUTH_KEY_BYTES);
	auth_tag(voter_key, bytes, WORD_KEY, tag);
	memcpy(bytes + WORD_CHECK, tag, WORD_BYTES - WORD_CHECK);
	memcpy(word, WORD_PREFIX, sizeof(WORD_PREFIX) - 1);
	sodium_bin2hex(word + sizeof(WORD_PREFIX) - 1, 2 * WORD_BYTES + 1, bytes, WORD_BYTES);
	sodium_memzero(bytes, sizeof(bytes));
}

static void compute(const struct auth_key *key, uint16_t server, struct credential *credential)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	struct vote_packet packet;
	struct vote vote = {.voter = credential->voter,
			    .tenant = credential->tenant->id,
			    .server = server,
			    .key_epoch = key->epoch};
	credential->epoch = key->epoch;
	auth_voter_key(key->key, vote.tenant, key->epoch, vote.voter, voter_key);
	vote_write(&vote, voter_key, &packet); /* its connection id is the credential's */
	sodium_bin2hex(credential->connection_id, sizeof(credential->connection_id),
		       (const uint8_t *)&packet.cid, sizeof(packet.cid));
	sodium_bin2hex(credential->voter_key, sizeof(credential->voter_key), voter_key,
		       sizeof(voter_key));
	write_word(&packet, voter_key, credential->word);
	sodium_memzero(voter_key, sizeof(voter_key));
}

static void print(const struct credential *credential, uint64_t server, bool json)
{
	if (json) {
		json_t *document =
			json_pack("{s:s, s:i, s:I, s:i, s:I, s:s, s:s, s:s, s:s?}", "tenant",
				  credential->tenant->name, "tenant_id", credential->tenant->id,
				  "voter", (json_int_t)credential->voter, "epoch",
				  credential->epoch, "server", (json_int_t)server, "connection_id",
				  credential->connection_id, "voter_key", credential->voter_key,
				  "credential", credential->word, "address", credential->address);
		output_json(document, true);
		json_decref(document);
		return;
	}
	printf("tenant         %s (%u)\n", credential->tenant->name, credential->tenant->id);
	printf("voter          %u\n", credential->voter);
	printf("epoch          %u\n", credential->epoch);
	printf("connection id  %s\n", credential->connection_id);
	printf("voter key      %s\n", credential->voter_key);
	printf("credential     %s\n", credential->word);
	if (credential->address)
		printf("address        %s\n", credential->address);
	else
		printf("address        not given: say --address HOST:%d\n", QUIC_LITE_DEFAULT_PORT);
}

/* What is asked for. */
struct wish {
	uint64_t voter;
	uint64_t epoch; /* UINT64_MAX: the newest */
	uint64_t server;
};

static int read_wish(const struct args *args, struct wish *wish)
{
	const char *address = args->values[KEY_ADDRESS];
	*wish = (struct wish){.epoch = UINT64_MAX, .server = 1};
	if (number_parse(args->operands[1], UINT32_MAX, &wish->voter) < 0)
		return args_refuse(args, "\"%s\" is not a voter number of 0 to 4294967295",
				   args->operands[1]);
	if (address && !is_address(address))
		return args_refuse(
			args, "--address \"%s\" is not HOST:PORT, such as 192.0.2.1:4433", address);
	int code = args_number(args, KEY_EPOCH, 0, 255, &wish->epoch);
	return code == EXIT_DONE ? args_number(args, KEY_SERVER, 0, 65535, &wish->server) : code;
}

static int answer(const struct args *args, const struct keyring *keyring, const struct wish *wish)
{
	struct credential credential = {.voter = (uint32_t)wish->voter,
					.address = args->values[KEY_ADDRESS]};
	credential.tenant = keyring_tenant_by_name(keyring, args->operands[0]);
	if (!credential.tenant) {
		output_error("no tenant \"%s\" in the keyring; its names are under \"tenants\"",
			     args->operands[0]);
		return EXIT_REFUSED;
	}
	const struct auth_key *key = find_key(keyring, credential.tenant->id, wish->epoch);
	if (!key) {
		output_error("tenant %s has no key of epoch %llu in the keyring; leave --epoch out "
			     "for the newest",
			     credential.tenant->name, (unsigned long long)wish->epoch);
		return EXIT_REFUSED;
	}
	compute(key, (uint16_t)wish->server, &credential);
	print(&credential, wish->server, args->json);
	sodium_memzero(credential.voter_key, sizeof(credential.voter_key));
	sodium_memzero(credential.word, sizeof(credential.word));
	return EXIT_DONE;
}

static int run(const struct args *args)
{
	struct keyring keyring;
	struct wish wish;
	struct err err;
	const char *path = args->values[KEY_KEYRING] ? args->values[KEY_KEYRING] : DEFAULT_KEYRING;
	int code = read_wish(args, &wish);
	if (code != EXIT_DONE)
		return code;
	if (keyring_load(path, &keyring, &err) < 0) {
		output_error("%s", err.text);
		return EXIT_REFUSED;
	}
	code = answer(args, &keyring, &wish);
	keyring_free(&keyring);
	return code;
}

static const struct verb_option options[] = {
	[KEY_KEYRING] = {"keyring", "FILE", "the tenants' keys (default " DEFAULT_KEYRING ")"},
	[KEY_EPOCH] = {"epoch", "N", "the key epoch, 0 to 255 (default: the tenant's newest)"},
	[KEY_SERVER] = {"server", "N", "the appliance's number, 0 to 65535 (default 1)"},
	[KEY_ADDRESS] = {"address", "HOST:PORT",
			 "where the viewer sends votes, to print with the rest"},
	{NULL, NULL, NULL},
};

const struct verb verb_key = {
	.name = "key",
	.operands = "TENANT VOTER",
	.summary = "Compute a viewer's credential from the keyring, without asking the appliance.",
	.example = "acme 42 --address 192.0.2.1:4433",
	.min_operands = 2,
	.max_operands = 2,
	.options = options,
	.run = run,
};
