// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads the INI file, line by line. Called once at start, before EAL. Opens nothing it names.
 *
 * Not with rte_cfgfile: that passes over, cuts off or tells on stderr what is wrong with a line,
 * and does not survive that memory runs out.
 */
#include "dataplane/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum option_type { TEXT, NUMBER, FLAG, MODE, ACK, OCTAL };

struct option_row {
	const char *section;
	const char *key;
	enum option_type type;
	size_t offset; /* in struct config */
	const char *default_text;
	uint64_t least;
	uint64_t most;
	const char *meaning;
};

static const struct option_row option_rows[] = {
#define X(section, key, field, type, default_text, least, most, meaning)                           \
	{#section, #key, type, offsetof(struct config, field), default_text, least, most, meaning},
	CONFIG_OPTIONS(X)
#undef X
};

#define OPTION_COUNT    (sizeof(option_rows) / sizeof(option_rows[0]))
#define PORTS_SECTION   "ports"
#define OWNERS_SECTION  "owners"
#define DPDK_OWN_MB     64
#define MBUF_BYTES_MOST 4608

#define BLANKS         " \t\r\n\v\f"
#define LINE_MAX_BYTES 320
#define LINE_MAX_TEXT  "320"

static int parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;
	errno = 0;
	unsigned long long parsed = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9')
		return -EINVAL;
	if (parsed < least || parsed > most)
		return -ERANGE;
	*number = parsed;
	return 0;
}

static int parse_flag(const char *text, bool *flag)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return -EINVAL;
	*flag = strcmp(text, "yes") == 0;
	return 0;
}

static int parse_mode(const char *text, enum front_mode *mode)
{
	static const char *const names[] = {
		[FRONT_AUTO] = "auto", [FRONT_NATIVE] = "native", [FRONT_GENERIC] = "generic"};
	for (int i = FRONT_AUTO; i <= FRONT_GENERIC; i++)
		if (strcmp(text, names[i]) == 0) {
			*mode = (enum front_mode)i;
			return 0;
		}
	return -EINVAL;
}

static int parse_ack(const char *text, enum ack_mode *ack)
{
	static const char *const names[] = {
		[ACK_DURABLE] = "durable", [ACK_IMMEDIATE] = "immediate", [ACK_NONE] = "none"};
	for (int i = ACK_DURABLE; i <= ACK_NONE; i++)
		if (strcmp(text, names[i]) == 0) {
			*ack = (enum ack_mode)i;
			return 0;
		}
	return -EINVAL;
}

/* A socket's mode, such as 0660. To write is to connect, and its owner always may. */
static int parse_octal(const char *text, uint32_t *mode)
{
	size_t digits = strspn(text, "01234567");
	if (digits == 0 || digits > 4 || text[digits])
		return -EINVAL;
	unsigned long parsed = strtoul(text, NULL, 8);
	if (parsed > 0777 || !(parsed & 0200))
		return -EINVAL;
	*mode = (uint32_t)parsed;
	return 0;
}

/* Puts one option's text into its field. `place` is the file, for the message. */
static int set_option(struct config *config, const struct option_row *row, const char *text,
		      const char *place, struct err *err)
{
	char *field = (char *)config + row->offset;
	switch (row->type) {
	case TEXT:
		if (strlen(text) >= CONFIG_TEXT_BYTES)
			return err_set(err, -EINVAL, "%s: [%s] %s: longer than %d characters",
				       place, row->section, row->key, CONFIG_TEXT_BYTES - 1);
		if (!*text && *row->default_text)
			return err_set(err, -EINVAL, "%s: [%s] %s: is empty; the default is %s",
				       place, row->section, row->key, row->default_text);
		strcpy(field, text);
		return 0;
	case NUMBER:
		if (parse_number(text, row->least, row->most, (uint64_t *)(void *)field))
			return err_set(err, -EINVAL,
				       "%s: [%s] %s: '%s' is not a number from %llu to %llu", place,
				       row->section, row->key, text, (unsigned long long)row->least,
				       (unsigned long long)row->most);
		return 0;
	case FLAG:
		if (parse_flag(text, (bool *)field))
			return err_set(err, -EINVAL, "%s: [%s] %s: '%s' is neither yes nor no",
				       place, row->section, row->key, text);
		return 0;
	case MODE:
		if (parse_mode(text, (enum front_mode *)(void *)field))
			return err_set(err, -EINVAL,
				       "%s: [%s] %s: '%s' is not auto, native or generic", place,
				       row->section, row->key, text);
		return 0;
	case ACK:
		if (parse_ack(text, (enum ack_mode *)(void *)field))
			return err_set(err, -EINVAL,
				       "%s: [%s] %s: '%s' is not durable, immediate or none", place,
				       row->section, row->key, text);
		return 0;
	case OCTAL:
		if (parse_octal(text, (uint32_t *)(void *)field))
			return err_set(err, -EINVAL,
				       "%s: [%s] %s: '%s' is no octal mode up to 0777 with 0200, "
				       "such as %s",
				       place, row->section, row->key, text, row->default_text);
		return 0;
	}
	return -EINVAL;
}

/* The sections, by number: the first row that is in one, and behind the rows the two of lines. */
enum { IN_PORTS = OPTION_COUNT, IN_OWNERS, SECTIONS };

/* A file under way. */
struct reading {
	struct config *config;
	const char *place; /* the file, for messages */
	int section;       /* that the line is in; -1: none yet */
	bool begun[SECTIONS];
	bool given[OPTION_COUNT];
};

static const char *section_name(int section)
{
	if (section == IN_PORTS)
		return PORTS_SECTION;
	return section == IN_OWNERS ? OWNERS_SECTION : option_rows[section].section;
}

/* -1 where there is none of that name. */
static int find_section(const char *name)
{
	for (int i = 0; i < SECTIONS; i++)
		if (strcmp(section_name(i), name) == 0)
			return i;
	return -1;
}

/* The row of a key in the section that the reading is in; -1 where there is none. */
static int find_option(const struct reading *reading, const char *key)
{
	for (int i = 0; i < (int)OPTION_COUNT; i++)
		if (strcmp(option_rows[i].section, section_name(reading->section)) == 0 &&
		    strcmp(option_rows[i].key, key) == 0)
			return i;
	return -1;
}

/* "eth0" or "eth0:4" into interface and queues. */
static int parse_af_xdp(struct port_config *port, const char *rest)
{
	const char *colon = strchr(rest, ':');
	size_t bytes = colon ? (size_t)(colon - rest) : strlen(rest);
	uint64_t queues = 1;
	if (bytes == 0 || bytes > 15)
		return -EINVAL;
	if (colon && parse_number(colon + 1, 1, CONFIG_MAX_QUEUES, &queues))
		return -EINVAL;
	memcpy(port->target, rest, bytes);
	port->target[bytes] = '\0';
	port->queues = (uint32_t)queues;
	return 0;
}

/* "DEVARGS" or "DEVARGS queues=4". */
static int parse_dpdk(struct port_config *port, const char *rest)
{
	static const char suffix[] = " queues=";
	const char *found = strstr(rest, suffix);
	size_t bytes = found ? (size_t)(found - rest) : strlen(rest);
	uint64_t queues = 1;
	if (bytes == 0)
		return -EINVAL;
	if (found && parse_number(found + strlen(suffix), 1, CONFIG_MAX_QUEUES, &queues))
		return -EINVAL;
	memcpy(port->target, rest, bytes);
	port->target[bytes] = '\0';
	port->queues = (uint32_t)queues;
	return 0;
}

static int parse_port(struct port_config *port)
{
	static const char *const prefixes[] = {
		[PORT_AF_XDP] = "af_xdp:", [PORT_PCAP] = "pcap:", [PORT_DPDK] = "dpdk:"};
	for (int kind = PORT_AF_XDP; kind <= PORT_DPDK; kind++) {
		size_t bytes = strlen(prefixes[kind]);
		if (strncmp(port->text, prefixes[kind], bytes) != 0)
			continue;
		const char *rest = port->text + bytes;
		port->kind = (enum port_kind)kind;
		port->queues = 1;
		if (kind == PORT_AF_XDP)
			return parse_af_xdp(port, rest);
		if (kind == PORT_DPDK)
			return parse_dpdk(port, rest);
		strcpy(port->target, rest);
		return *rest ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int add_port(struct config *config, const char *key, const char *text, const char *place,
		    struct err *err)
{
	if (config->port_count == CONFIG_MAX_PORTS)
		return err_set(err, -EINVAL, "%s: [ports] %s: more than %d ports", place, key,
			       CONFIG_MAX_PORTS);
	struct port_config *port = &config->ports[config->port_count];
	if (strlen(text) >= sizeof(port->text) || strlen(key) >= sizeof(port->name))
		return err_set(err, -EINVAL, "%s: [ports] %s: too long", place, key);
	strcpy(port->name, key);
	strcpy(port->text, text);
	if (parse_port(port))
		return err_set(err, -EINVAL,
			       "%s: [ports] %s: '%s' is not af_xdp:IFACE[:QUEUES] (1 to %d), "
			       "pcap:FILE or dpdk:DEVARGS[ queues=N]",
			       place, key, text, CONFIG_MAX_QUEUES);
	for (uint32_t i = 0; i < config->port_count; i++)
		if (config->ports[i].kind == port->kind &&
		    strcmp(config->ports[i].target, port->target) == 0)
			return err_set(err, -EINVAL, "%s: [ports] %s: the same device as %s", place,
				       key, config->ports[i].name);
	config->port_count++;
	config->queue_count += port->queues;
	if (config->queue_count > CONFIG_MAX_QUEUES)
		return err_set(err, -EINVAL, "%s: [ports] %s: more than %d queues in all", place,
			       key, CONFIG_MAX_QUEUES);
	return 0;
}

/* Keeps the line; what it names is looked up when all ports are known. */
static int add_owner(struct config *config, const char *key, const char *text, const char *place,
		     struct err *err)
{
	if (config->owner_count == CONFIG_MAX_QUEUES)
		return err_set(err, -EINVAL, "%s: [owners] %s: more than %d owners", place, key,
			       CONFIG_MAX_QUEUES);
	struct owner_config *owner = &config->owners[config->owner_count++];
	if (strlen(text) >= sizeof(owner->text) || strlen(key) >= sizeof(owner->tenant))
		return err_set(err, -EINVAL, "%s: [owners] %s: too long", place, key);
	strcpy(owner->tenant, key);
	strcpy(owner->text, text);
	return 0;
}

/* "2" or "2-3" into the owner's queues. */
static int parse_queues(struct owner_config *owner, const char *text)
{
	char first_text[8];
	uint64_t first, last;
	size_t bytes = strcspn(text, "-");
	if (bytes >= sizeof(first_text))
		return -EINVAL;
	memcpy(first_text, text, bytes);
	first_text[bytes] = '\0';
	const char *last_text = text[bytes] ? text + bytes + 1 : first_text;
	if (parse_number(first_text, 0, CONFIG_MAX_QUEUES - 1, &first) ||
	    parse_number(last_text, first, CONFIG_MAX_QUEUES - 1, &last))
		return -EINVAL;
	owner->first_queue = (uint32_t)first;
	owner->last_queue = (uint32_t)last;
	return 0;
}

/* The owner's port and queues, from its text. */
static int parse_owner(const struct config *config, struct owner_config *owner)
{
	const char *colon = strrchr(owner->text, ':');
	size_t bytes = colon ? (size_t)(colon - owner->text) : 0;
	if (!colon || parse_queues(owner, colon + 1))
		return -EINVAL;
	for (owner->port = 0; owner->port < config->port_count; owner->port++) {
		const char *name = config->ports[owner->port].name;
		if (strlen(name) == bytes && strncmp(name, owner->text, bytes) == 0)
			return 0;
	}
	return -ENOENT;
}

static int check_owner(const struct config *config, const struct owner_config *owner,
		       const char *place, struct err *err)
{
	const struct port_config *port = &config->ports[owner->port];
	if (port->kind != PORT_AF_XDP)
		return err_set(err, -EINVAL,
			       "%s: [owners] %s = %s: %s is no af_xdp port; only queues behind a "
			       "front have owners",
			       place, owner->tenant, owner->text, port->name);
	if (owner->last_queue >= port->queues)
		return err_set(err, -EINVAL, "%s: [owners] %s = %s: %s has the queues 0 to %u",
			       place, owner->tenant, owner->text, port->name, port->queues - 1);
	for (uint32_t queue = owner->first_queue; queue <= owner->last_queue; queue++) {
		const struct owner_config *other = config_owner(config, owner->port, queue);
		if (other != owner)
			return err_set(err, -EINVAL,
				       "%s: [owners] %s = %s: queue %u is %s's already", place,
				       owner->tenant, owner->text, queue, other->tenant);
	}
	return 0;
}

/* When all sections are read: an owner may stand before its port. */
static int resolve_owners(struct config *config, const char *place, struct err *err)
{
	int rc = 0;
	for (uint32_t i = 0; i < config->owner_count && rc == 0; i++) {
		struct owner_config *owner = &config->owners[i];
		rc = parse_owner(config, owner);
		if (rc == -ENOENT)
			err_set(err, rc = -EINVAL, "%s: [owners] %s = %s: [ports] has no such port",
				place, owner->tenant, owner->text);
		else if (rc)
			err_set(err, rc,
				"%s: [owners] %s: '%s' is not PORT:QUEUE or "
				"PORT:FIRST-LAST",
				place, owner->tenant, owner->text);
	}
	for (uint32_t i = 0; i < config->owner_count && rc == 0; i++)
		rc = check_owner(config, &config->owners[i], place, err);
	return rc;
}

const struct owner_config *config_owner(const struct config *config, uint32_t port, uint32_t queue)
{
	for (uint32_t i = 0; i < config->owner_count; i++) {
		const struct owner_config *owner = &config->owners[i];
		if (owner->port == port && owner->first_queue <= queue &&
		    queue <= owner->last_queue)
			return owner;
	}
	return NULL;
}

/* Ends the line where its comment begins and takes the blanks off both ends. */
static char *strip(char *line)
{
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, BLANKS);
	size_t bytes = strlen(line);
	while (bytes && strchr(BLANKS, line[bytes - 1]))
		bytes--;
	line[bytes] = '\0';
	return line;
}

/* NULL, or what is wrong with the form of the line, which `text` gets stripped. */
static const char *line_flaw(char *line, size_t bytes, bool in_section, char **text_out)
{
	if (strlen(line) != bytes)
		return "is no text: it holds a NUL byte";
	if (bytes > LINE_MAX_BYTES)
		return "is longer than " LINE_MAX_TEXT " bytes; shorten it";
	if (strstr(line, "\\#"))
		return "holds \\#: no value can hold a #, which begins a comment";
	const char *text = *text_out = strip(line);
	const char *equals = strchr(text, '=');
	if (!*text)
		return NULL;
	if (*text == '[')
		return strchr(text, ']') == text + strlen(text) - 1
			       ? NULL
			       : "is no section: wants [name] and nothing else";
	if (!equals || equals == text)
		return "is neither [section] nor key = value; write a comment after #";
	if (!in_section)
		return "stands before the first [section]; move it below its own";
	if (equals - text >= CONFIG_NAME_BYTES)
		return "begins with a key that is too long; `tallyd --config-help` lists all";
	if (strlen(equals + 1 + strspn(equals + 1, BLANKS)) >= CONFIG_TEXT_BYTES)
		return "holds a value that is too long; shorten it to 255 bytes";
	return NULL;
}

/* [name]: known, and for the first time. */
static int begin_section(struct reading *reading, char *text, struct err *err)
{
	char *name = text + 1;
	name[strlen(name) - 1] = '\0';
	name = strip(name);
	reading->section = find_section(name);
	if (reading->section < 0)
		return err_set(err, -EINVAL,
			       "%s: [%s]: no such section; `tallyd --config-help` lists all",
			       reading->place, name);
	if (reading->begun[reading->section])
		return err_set(err, -EINVAL, "%s: [%s]: given twice; make it one", reading->place,
			       name);
	reading->begun[reading->section] = true;
	return 0;
}

/* An option that is given twice is a mistake, not a choice. */
static bool given_before(const struct reading *reading, int option, const char *key)
{
	const struct config *config = reading->config;
	for (uint32_t i = 0; reading->section == IN_PORTS && i < config->port_count; i++)
		if (strcmp(config->ports[i].name, key) == 0)
			return true;
	for (uint32_t i = 0; reading->section == IN_OWNERS && i < config->owner_count; i++)
		if (strcmp(config->owners[i].tenant, key) == 0)
			return true;
	return option >= 0 && reading->given[option];
}

static int read_entry(struct reading *reading, const char *key, const char *value, struct err *err)
{
	struct config *config = reading->config;
	const char *place = reading->place, *section = section_name(reading->section);
	int option = find_option(reading, key);
	if (given_before(reading, option, key))
		return err_set(err, -EINVAL, "%s: [%s] %s: given twice", place, section, key);
	if (reading->section == IN_PORTS)
		return add_port(config, key, value, place, err);
	if (reading->section == IN_OWNERS)
		return add_owner(config, key, value, place, err);
	if (option < 0)
		return err_set(err, -EINVAL,
			       "%s: [%s] %s: no such option; `tallyd --config-help` lists all",
			       place, section, key);
	reading->given[option] = true;
	return set_option(config, &option_rows[option], value, place, err);
}

static int read_line(struct reading *reading, char *line, size_t bytes, unsigned int number,
		     struct err *err)
{
	char *text = line;
	const char *flaw = line_flaw(line, bytes, reading->section >= 0, &text);
	if (flaw)
		return err_set(err, -EINVAL, "%s: line %u: %s", reading->place, number, flaw);
	if (!*text)
		return 0;
	if (*text == '[')
		return begin_section(reading, text, err);
	char *value = strchr(text, '=');
	*value++ = '\0';
	return read_entry(reading, strip(text), strip(value), err);
}

static int read_lines(FILE *file, struct reading *reading, struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t bytes;
	int rc = 0;
	errno = 0;
	for (unsigned int number = 1; rc == 0 && (bytes = getline(&line, &room, file)) >= 0;
	     number++)
		rc = read_line(reading, line, (size_t)bytes, number, err);
	int why = errno ? errno : EIO;
	if (rc == 0 && !feof(file))
		rc = err_set(err, -why, "%s: cannot be read: %s", reading->place, strerror(why));
	free(line);
	return rc;
}

static int read_file(const char *path, struct config *config, struct err *err)
{
	struct reading reading = {.config = config, .place = path, .section = -1};
	struct stat info;
	if (stat(path, &info) != 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return err_set(err, -EINVAL, "%s: is not a file", path);
	FILE *file = fopen(path, "re");
	if (!file)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	int rc = read_lines(file, &reading, err);
	fclose(file);
	return rc;
}

/* Packet buffers, as DPDK lays them out in the worse case, and what DPDK needs for itself. */
static uint64_t needed_packet_mb(const struct config *config)
{
	return DPDK_OWN_MB + config->queue_count * (config->mbufs * MBUF_BYTES_MOST >> 20);
}

int config_load(const char *path, struct config *config, struct err *err)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < OPTION_COUNT; i++)
		set_option(config, &option_rows[i], option_rows[i].default_text, path, err);
	int rc = read_file(path, config, err);
	if (rc == 0 && config->port_count == 0)
		rc = err_set(err, -EINVAL,
			     "%s: [ports]: no port; name one, such as `port0 = af_xdp:eth0`", path);
	if (rc == 0 && strcmp(config->public_socket, config->control) == 0)
		rc = err_set(err, -EINVAL,
			     "%s: [appliance] public: the same path as control; name another",
			     path);
	if (rc == 0)
		rc = resolve_owners(config, path, err);
	if (config->packet_mb == 0)
		config->packet_mb = needed_packet_mb(config);
	return rc;
}

void config_help(FILE *out)
{
	const char *section = "";
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		if (strcmp(section, row->section) != 0)
			fprintf(out, "%s[%s]\n", i ? "\n" : "", row->section);
		section = row->section;
		fprintf(out, "# %s\n%s = %s\n", row->meaning, row->key, row->default_text);
	}
	fprintf(out,
		"\n[owners]\n"
		"# one line a tenant: NAME = PORT:QUEUES, queues of an af_xdp port that are its\n"
		"# alone\n"
		"# acme = port0:2-3\n"
		"\n[ports]\n"
		"# one line a port, any name: af_xdp:IFACE[:QUEUES], pcap:FILE or\n"
		"# dpdk:DEVARGS[ queues=N]\n"
		"# port0 = af_xdp:eth0:4\n");
}
