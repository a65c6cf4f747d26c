// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: any bytes as the appliance's configuration. It is refused with one line, or every
 * option is within its limits, and ports, queues and owners are what the start relies on.
 */
#include <string.h>

#include "dataplane/config.h"
#include "tests/fuzz/file_input.h"

static void check_text(const char *text, const char *default_text)
{
	MUST(strnlen(text, CONFIG_TEXT_BYTES) < CONFIG_TEXT_BYTES);
	MUST(text[0] || !default_text[0]);
}

static void check_number(uint64_t number, uint64_t least, uint64_t most)
{
	MUST(number >= least && number <= most);
}

/* Row by row, by its type. */
static void check_options(const struct config *config)
{
#define CHECK_TEXT(field, default_text, least, most)   check_text(config->field, default_text);
#define CHECK_NUMBER(field, default_text, least, most) check_number(config->field, least, most);
#define CHECK_FLAG(field, default_text, least, most)   MUST((uint8_t)config->field <= 1);
#define CHECK_MODE(field, default_text, least, most)   MUST(config->field <= FRONT_GENERIC);
#define CHECK_ACK(field, default_text, least, most)    MUST(config->field <= ACK_NONE);
#define CHECK_OCTAL(field, default_text, least, most)                                              \
	MUST(config->field <= 0777 && config->field & 0200);
#define X(section, key, field, type, default_text, least, most, meaning)                           \
	CHECK_##type(field, default_text, (uint64_t)least, (uint64_t)most)
	CONFIG_OPTIONS(X)
#undef X
}

static void check_ports(const struct config *config)
{
	uint32_t queues = 0;
	MUST(config->port_count <= CONFIG_MAX_PORTS && config->queue_count <= CONFIG_MAX_QUEUES);
	for (uint32_t i = 0; i < config->port_count; i++) {
		const struct port_config *port = &config->ports[i];
		MUST(port->name[0] && port->target[0] && port->queues >= 1);
		MUST(strnlen(port->name, sizeof(port->name)) < sizeof(port->name));
		MUST(strnlen(port->target, sizeof(port->target)) < sizeof(port->target));
		queues += port->queues;
	}
	MUST(queues == config->queue_count);
}

static void check_owners(const struct config *config)
{
	MUST(config->owner_count <= CONFIG_MAX_QUEUES);
	for (uint32_t i = 0; i < config->owner_count; i++) {
		const struct owner_config *owner = &config->owners[i];
		MUST(owner->port < config->port_count && owner->tenant[0]);
		MUST(owner->first_queue <= owner->last_queue);
		MUST(owner->last_queue < config->ports[owner->port].queues);
		for (uint32_t queue = owner->first_queue; queue <= owner->last_queue; queue++)
			MUST(config_owner(config, owner->port, queue) == owner);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct file_input file;
	struct config config;
	struct err err = {""};
	file_input_make(&file, bytes, count);
	int rc = config_load(file.path, &config, &err);
	file_input_close(&file);
	if (rc) {
		MUST(rc < 0 && err.text[0] && !strchr(err.text, '\n'));
		return 0;
	}
	check_options(&config);
	check_ports(&config);
	check_owners(&config);
	return 0;
}
