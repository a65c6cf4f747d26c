// SPDX-License-Identifier: BSD-3-Clause
/* The INI file: each option's default and limits, and that nothing wrong in a file goes by unsaid.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include "dataplane/config.h"
#include "tests/lib/scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PORT            "[ports]\nport0 = af_xdp:eth0\n"
#define TEXT_OF_50      "01234567890123456789012345678901234567890123456789"
#define TEXT_OF_250     TEXT_OF_50 TEXT_OF_50 TEXT_OF_50 TEXT_OF_50 TEXT_OF_50

TestSuite(config, .init = scratch_make, .fini = scratch_remove);

/* Loads the file and sees to it that nobody but config_load() says anything. */
static int load_file(const char *path, struct config *config, struct err *err)
{
	int kept = dup(STDERR_FILENO);
	int out = open(scratch_path("stderr"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(out, STDERR_FILENO);
	int rc = config_load(path, config, err);
	dup2(kept, STDERR_FILENO);
	cr_expect_eq(lseek(out, 0, SEEK_END), 0, "something was written to stderr");
	close(kept);
	close(out);
	return rc;
}

static int load_bytes(const char *text, size_t bytes, struct config *config, struct err *err)
{
	char path[PATH_MAX];
	strcpy(path, scratch_bytes("tallyd.conf", text, bytes, 0600));
	err->text[0] = '\0';
	return load_file(path, config, err);
}

static void expect_loaded(const char *text, struct config *config)
{
	struct err err;
	int rc = load_bytes(text, strlen(text), config, &err);
	cr_assert_eq(rc, 0, "%s:\n%s", err.text, text);
}

/* Refused with one line that begins with the file's name and says `place` and `reason`. */
static void expect_bytes_refused(const char *text, size_t bytes, const char *place,
				 const char *reason)
{
	struct config config;
	struct err err;
	const char *path = "tallyd.conf: ";
	int rc = load_bytes(text, bytes, &config, &err);
	cr_expect_lt(rc, 0, "taken: %s", text);
	cr_expect_not_null(strstr(err.text, path), "no file: '%s'", err.text);
	cr_expect_not_null(strstr(err.text, place), "no '%s': %s", place, err.text);
	cr_expect_not_null(strstr(err.text, reason), "no '%s': %s", reason, err.text);
	cr_expect_null(strchr(err.text, '\n'), "%s", err.text);
	cr_expect_lt(strlen(err.text), sizeof(err.text) - 1, "cut: %s", err.text);
}

static void expect_refused(const char *text, const char *place, const char *reason)
{
	expect_bytes_refused(text, strlen(text), place, reason);
}

Test(config, without_options_everything_is_at_its_default)
{
	struct config config;
	expect_loaded(PORT, &config);
	cr_expect_str_eq(config.keyring, "/etc/tallywire/keyring.json");
	cr_expect_str_eq(config.control, "/run/tallywire/control.sock");
	cr_expect_str_eq(config.control_group, "");
	cr_expect_eq(config.control_mode, 0660);
	cr_expect_str_eq(config.public_socket, "");
	cr_expect_str_eq(config.public_group, "");
	cr_expect_eq(config.public_mode, 0666);
	cr_expect_str_eq(config.lcores, "");
	cr_expect_str_eq(config.pin_dir, "/sys/fs/bpf/tallywire");
	cr_expect_eq(config.vote_port, 4433);
	cr_expect_eq(config.voters, 1000000);
	cr_expect_eq(config.windows_mb, 1024);
	cr_expect_eq(config.packet_mb, 64 + 36); /* for the one queue */
	cr_expect_eq(config.front_mode, FRONT_AUTO);
	cr_expect(config.hugepages);
	cr_expect_not(config.front_keep);
	cr_expect_eq(config.port_count, 1);
	cr_expect_eq(config.queue_count, 1);
}

Test(config, every_text_flag_and_mode_is_taken)
{
	struct config config;
	expect_loaded("[appliance]\nkeyring = /k\ncontrol = /c\ncontrol_group = studio\n"
		      "control_mode = 0600\n"
		      "public = /o\npublic_group = screens\npublic_mode = 777\n"
		      "[memory]\nhugepages = no\n[cores]\nlcores = 0@0,1@1\n"
		      "[front]\npin_dir = /p\nmode = generic\nkeep = yes\n" PORT,
		      &config);
	cr_expect_str_eq(config.keyring, "/k");
	cr_expect_str_eq(config.control, "/c");
	cr_expect_str_eq(config.control_group, "studio");
	cr_expect_eq(config.control_mode, 0600);
	cr_expect_str_eq(config.public_socket, "/o");
	cr_expect_str_eq(config.public_group, "screens");
	cr_expect_eq(config.public_mode, 0777);
	cr_expect_str_eq(config.lcores, "0@0,1@1");
	cr_expect_str_eq(config.pin_dir, "/p");
	cr_expect_not(config.hugepages);
	cr_expect(config.front_keep);
	cr_expect_eq(config.front_mode, FRONT_GENERIC);
	expect_loaded("[front]\nmode = native\n" PORT, &config);
	cr_expect_eq(config.front_mode, FRONT_NATIVE);
	expect_loaded("[front]\nmode = auto\n" PORT, &config);
	cr_expect_eq(config.front_mode, FRONT_AUTO);
}

static const struct number_row {
	const char *section;
	const char *key;
	uint64_t least;
	uint64_t most;
	size_t offset;
} number_rows[] = {
	{"appliance", "vote_port", 1, 65535, offsetof(struct config, vote_port)},
	{"windows", "voters", 1, 4294967296, offsetof(struct config, voters)},
	{"windows", "memory_mb", 1, 16777216, offsetof(struct config, windows_mb)},
	{"memory", "packet_mb", 0, 1048576, offsetof(struct config, packet_mb)},
	{"memory", "mbufs", 8192, 1048576, offsetof(struct config, mbufs)},
};

static const char *number_text(const struct number_row *row, const char *value)
{
	static char text[512];
	snprintf(text, sizeof(text), "[%s]\n%s = %s\n" PORT, row->section, row->key, value);
	return text;
}

static void expect_number(const struct number_row *row, uint64_t value)
{
	struct config config;
	char number[32];
	snprintf(number, sizeof(number), "%" PRIu64, value);
	expect_loaded(number_text(row, number), &config);
	cr_expect_eq(*(uint64_t *)((char *)&config + row->offset), value, "%s = %s", row->key,
		     number);
}

static void expect_number_refused(const struct number_row *row, const char *value)
{
	char place[128];
	snprintf(place, sizeof(place), "[%s] %s: '%s' is not a number from %" PRIu64 " to %" PRIu64,
		 row->section, row->key, value, row->least, row->most);
	expect_refused(number_text(row, value), place, "");
}

Test(config, numbers_are_taken_at_their_limits_and_refused_beyond)
{
	for (size_t i = 0; i < COUNT_OF(number_rows); i++) {
		const struct number_row *row = &number_rows[i];
		char below[32], above[32];
		snprintf(above, sizeof(above), "%" PRIu64, row->most + 1);
		expect_number(row, row->most);
		expect_number_refused(row, above);
		if (row->least == 0) /* has a meaning of its own */
			continue;
		snprintf(below, sizeof(below), "%" PRIu64, row->least - 1);
		expect_number(row, row->least);
		expect_number_refused(row, below);
	}
}

Test(config, what_is_no_number_is_refused)
{
	static const char *const values[] = {
		"",      "-1",     "+5000",  "0x1000", "5000k",
		"5 000", "5000.0", "1e4",    "five",   "18446744073709551616",
		"yes",   "= 5000", "5000;5", "٥٠٠٠",   "99999999999999999999999999999999",
	};
	for (size_t i = 0; i < COUNT_OF(number_rows); i++)
		for (size_t j = 0; j < COUNT_OF(values); j++)
			expect_number_refused(&number_rows[i], values[j]);
}

Test(config, modes_are_octal_and_leave_the_owner_the_right_to_write)
{
	static const struct {
		const char *text;
		uint32_t mode; /* 0: refused */
	} rows[] = {
		{"0200", 0200}, {"200", 0200}, {"0660", 0660},
		{"0777", 0777}, {"", 0},       {"0", 0},
		{"0460", 0},    {"0577", 0},   {"1777", 0},
		{"4755", 0},    {"01777", 0},  {"00660", 0},
		{"0668", 0},    {"0x1b0", 0},  {"rw-rw----", 0},
		{"u=rw", 0},    {"-660", 0},   {"+660", 0},
		{"66 0", 0},    {"0660.", 0},  {"2000000000000000000000", 0},
	};
	static const char *const keys[] = {"control_mode", "public_mode"};
	for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(keys); i++) {
		const char *key = keys[i % COUNT_OF(keys)], *value = rows[i / COUNT_OF(keys)].text;
		uint32_t wanted = rows[i / COUNT_OF(keys)].mode;
		char text[256], place[96];
		struct config config;
		snprintf(text, sizeof(text), "[appliance]\n%s = %s\n" PORT, key, value);
		snprintf(place, sizeof(place), "[appliance] %s: '%s'", key, value);
		if (!wanted) {
			expect_refused(text, place, "is no octal mode up to 0777 with 0200");
			continue;
		}
		expect_loaded(text, &config);
		cr_expect_eq(i % COUNT_OF(keys) ? config.public_mode : config.control_mode, wanted,
			     "%s", text);
	}
}

static uint64_t packet_mb_of(const char *text)
{
	struct config config;
	expect_loaded(text, &config);
	return config.packet_mb;
}

Test(config, packet_memory_is_what_the_queues_need_unless_given)
{
	uint64_t one = packet_mb_of(PORT);
	uint64_t four = packet_mb_of("[ports]\nport0 = af_xdp:eth0:4\n");
	cr_expect_geq(one, 8192 * 2048 >> 20);
	cr_expect_geq(four - one, 3 * 8192 * 2048 >> 20);
	cr_expect_eq(packet_mb_of("[memory]\npacket_mb = 0\n" PORT), one);
	cr_expect_eq(packet_mb_of("[memory]\npacket_mb = 1\n" PORT), 1);
	cr_expect_geq(packet_mb_of("[memory]\nmbufs = 1048576\n" PORT), 2048);
}

static const struct port_row {
	const char *text;
	enum port_kind kind;
	const char *target;
	uint32_t queues;
} port_rows[] = {
	{"af_xdp:eth0", PORT_AF_XDP, "eth0", 1},
	{"af_xdp:eth0:1", PORT_AF_XDP, "eth0", 1},
	{"af_xdp:eth0.100:64", PORT_AF_XDP, "eth0.100", 64},
	{"af_xdp:fifteen-letters", PORT_AF_XDP, "fifteen-letters", 1},
	{"pcap:/tmp/a burst.pcap", PORT_PCAP, "/tmp/a burst.pcap", 1},
	{"pcap:x:1", PORT_PCAP, "x:1", 1},
	{"dpdk:0000:3b:00.0", PORT_DPDK, "0000:3b:00.0", 1},
	{"dpdk:0000:3b:00.0,txq_inline=0 queues=4", PORT_DPDK, "0000:3b:00.0,txq_inline=0", 4},
	{"dpdk:net_null0,copy=1 queues=64", PORT_DPDK, "net_null0,copy=1", 64},
};

Test(config, ports_are_read_by_their_kind)
{
	for (size_t i = 0; i < COUNT_OF(port_rows); i++) {
		const struct port_row *row = &port_rows[i];
		struct config config;
		char text[256];
		snprintf(text, sizeof(text), "[ports]\nstudio = %s\n", row->text);
		expect_loaded(text, &config);
		cr_expect_eq(config.port_count, 1, "%s", text);
		cr_expect_eq(config.queue_count, row->queues, "%s", text);
		cr_expect_str_eq(config.ports[0].name, "studio");
		cr_expect_str_eq(config.ports[0].text, row->text);
		cr_expect_str_eq(config.ports[0].target, row->target);
		cr_expect_eq(config.ports[0].kind, row->kind, "%s", text);
		cr_expect_eq(config.ports[0].queues, row->queues, "%s", text);
	}
}

Test(config, bad_ports_are_refused)
{
	static const char *const values[] = {
		"",           "eth0",         "af_xdp",         "af_xdp:",
		"af_xdp::4",  "af_xdp:eth0:", "af_xdp:eth0:0",  "af_xdp:eth0:65",
		"af_xdp:e:x", "af_xdp:e:4:4", "af_xdp:e:-1",    "af_xdp:sixteen-letters-",
		"pcap:",      "dpdk:",        "AF_XDP:eth0",    "dpdk:net_null0 queues=0",
		"tap:tap0",   " :",           "dpdk: queues=4", "dpdk:net_null0 queues=65",
		"dpdk:",      "af_xdp :eth0", "af_xdp:e:4 ,",   "dpdk:net_null0 queues=four",
	};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		char text[256];
		snprintf(text, sizeof(text), "[ports]\nstudio = %s\n", values[i]);
		expect_refused(text, "[ports] studio: ", "is not af_xdp:IFACE[:QUEUES]");
	}
}

Test(config, as_many_ports_and_queues_as_there_is_room_for)
{
	char text[1024] = "[ports]\n";
	struct config config;
	for (int i = 0; i < CONFIG_MAX_PORTS; i++)
		sprintf(text + strlen(text), "p%d = af_xdp:eth%d:4\n", i, i);
	expect_loaded(text, &config);
	cr_expect_eq(config.port_count, CONFIG_MAX_PORTS);
	cr_expect_eq(config.queue_count, CONFIG_MAX_QUEUES);
	strcat(text, "p16 = af_xdp:eth16\n");
	expect_refused(text, "[ports] p16: ", "more than 16 ports");
	expect_refused("[ports]\na = af_xdp:eth0:64\nb = pcap:f\n",
		       "[ports] b: ", "more than 64 queues");
}

/* A row of a file that is refused, the place that the message names, and its reason. */
static const struct bad_row {
	const char *text;
	const char *place;
	const char *reason;
} bad_rows[] = {
	{"", "[ports]: ", "no port"},
	{"[ports]\n", "[ports]: ", "no port"},
	{"[appliance]\nvote_port = 4433\n", "[ports]: ", "no port"},
	{"[port]\np = af_xdp:eth0\n", "[port]: ", "no such section"},
	{"[]\n" PORT, "[]: ", "no such section"},
	{"[Memory]\n" PORT, "[Memory]: ", "no such section"},
	{"[memory]\nhugepage = no\n" PORT, "[memory] hugepage: ", "no such option"},
	{"[memory]\nvoters = 5\n" PORT, "[memory] voters: ", "no such option"},
	{"[memory]\nMbufs = 5000\n" PORT, "[memory] Mbufs: ", "no such option"},
	{"[memory]\nmbufs = 9000\nmbufs = 9000\n" PORT, "[memory] mbufs: ", "twice"},
	{"[memory]\nmbufs = 9000\n[memory]\nhugepages = no\n" PORT, "[memory]: ", "twice"},
	{PORT PORT, "[ports]", "twice"},
	{PORT "port0 = pcap:f\n", "[ports] port0: ", "twice"},
	{PORT "port1 = af_xdp:eth0:2\n", "[ports] port1: ", "same device as port0"},
	{"[ports]\na = pcap:f\nb = pcap:f\n", "[ports] b: ", "same device as a"},
	{"[ports]\na = dpdk:d\nb = dpdk:d queues=2\n", "[ports] b: ", "same device as a"},
	{"[memory]\nhugepages = true\n" PORT, "[memory] hugepages: 'true'", "neither yes nor no"},
	{"[memory]\nhugepages = Yes\n" PORT, "[memory] hugepages: 'Yes'", "neither yes nor no"},
	{"[memory]\nhugepages =\n" PORT, "[memory] hugepages: ''", "neither yes nor no"},
	{"[front]\nkeep = 1\n" PORT, "[front] keep: '1'", "neither yes nor no"},
	{"[front]\nmode = skb\n" PORT, "[front] mode: 'skb'", "auto, native or generic"},
	{"[front]\nmode =\n" PORT, "[front] mode: ''", "auto, native or generic"},
	{"[appliance]\nkeyring =\n" PORT, "[appliance] keyring: ", "empty"},
	{"[appliance]\ncontrol =\n" PORT, "[appliance] control: ", "empty"},
	{"[appliance]\npublic = /run/tallywire/control.sock\n" PORT,
	 "[appliance] public: ", "the same path as control"},
	{"[appliance]\npublic = /s\ncontrol = /s\n" PORT,
	 "[appliance] public: ", "the same path as control"},
	{"[front]\npin_dir = # none\n" PORT, "[front] pin_dir: ", "empty"},
	/* Lines that an INI reader may pass over. */
	{"[memory]\nhugepages no\n" PORT, "line 2: ", "neither"},
	{"[memory]\n\n  hugepages: no\n" PORT, "line 3: ", "neither"},
	{PORT "garbage", "line 3: ", "neither"},
	{"hugepages = no\n" PORT, "line 1: ", "first [section]"},
	{"# c\n\nhugepages = no\n" PORT, "line 3: ", "first [section]"},
	{"[memory]\n= no\n" PORT, "line 2: ", "neither"},
	{"[memory\nhugepages = no\n" PORT, "line 1: ", "no section"},
	{"[memory] hugepages = no\n" PORT, "line 1: ", "no section"},
	{"[memory # ]\n" PORT, "line 1: ", "no section"},
	{"[memory]]\n" PORT, "line 1: ", "no section"},
	{"[appliance]\nkeyring = /etc/a\\#b\n" PORT, "line 2: ", "#"},
	{"; a comment\n" PORT, "line 1: ", "comment after #"},
};

#define TWO_PORTS "[ports]\na = af_xdp:eth0:4\nb = pcap:f\n"

Test(config, queues_have_owners)
{
	struct config config;
	expect_loaded("[owners]\nacme = a:2-3\nzoo.B_-9 = a:0\n" TWO_PORTS, &config);
	cr_assert_eq(config.owner_count, 2);
	cr_expect_str_eq(config.owners[0].tenant, "acme");
	cr_expect_eq(config_owner(&config, 0, 0), &config.owners[1]);
	cr_expect_null(config_owner(&config, 0, 1));
	cr_expect_eq(config_owner(&config, 0, 2), &config.owners[0]);
	cr_expect_eq(config_owner(&config, 0, 3), &config.owners[0]);
	cr_expect_null(config_owner(&config, 1, 0));
	expect_loaded(TWO_PORTS "[owners]\n", &config);
	cr_expect_eq(config.owner_count, 0);
}

Test(config, an_owner_that_cannot_be_is_named)
{
	static const struct {
		const char *text;
		const char *reason;
	} rows[] = {
		{"acme =", "is not PORT:QUEUE"},
		{"acme = a", "is not PORT:QUEUE"},
		{"acme = a:", "is not PORT:QUEUE"},
		{"acme = a:x", "is not PORT:QUEUE"},
		{"acme = a:-1", "is not PORT:QUEUE"},
		{"acme = a:1-", "is not PORT:QUEUE"},
		{"acme = a:3-2", "is not PORT:QUEUE"},
		{"acme = a:1-2-3", "is not PORT:QUEUE"},
		{"acme = a:0,1", "is not PORT:QUEUE"},
		{"acme = a:64", "is not PORT:QUEUE"},
		{"acme = a:123456789", "is not PORT:QUEUE"},
		{"acme = c:1", "no such port"},
		{"acme = :1", "no such port"},
		{"acme = b:0", "b is no af_xdp port"},
		{"acme = a:4", "a has the queues 0 to 3"},
		{"acme = a:2-4", "a has the queues 0 to 3"},
		{"acme = a:1-2\nzoo = a:2-3", "queue 2 is acme's already"},
		{"zoo = a:0-3\nacme = a:1", "queue 1 is zoo's already"},
		{"acme = a:1\nacme = a:2", "given twice"},
	};
	char text[256];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(text, sizeof(text), TWO_PORTS "[owners]\n%s\n", rows[i].text);
		expect_refused(text, "[owners] ", rows[i].reason);
	}
}

Test(config, each_kind_of_mistake_is_named_with_its_place)
{
	for (size_t i = 0; i < COUNT_OF(bad_rows); i++)
		expect_refused(bad_rows[i].text, bad_rows[i].place, bad_rows[i].reason);
}

Test(config, a_value_is_taken_whole_or_refused)
{
	struct config config;
	expect_loaded("[appliance]\nkeyring = " TEXT_OF_250 "12345\n" PORT, &config);
	cr_expect_str_eq(config.keyring, TEXT_OF_250 "12345");
	expect_refused("[appliance]\nkeyring = " TEXT_OF_250 "123456\n" PORT,
		       "line 2: ", "too long");
	expect_refused("[appliance]\nkeyring = " TEXT_OF_250 TEXT_OF_50 "\n" PORT,
		       "line 2: ", "too long");
	expect_refused("[appliance]\nkeyring = " TEXT_OF_250 TEXT_OF_250 "\n" PORT,
		       "line 2: ", "longer than 320");
	expect_refused("[ports]\na = pcap:" TEXT_OF_250 "123456", "line 2: ", "too long");
}

Test(config, a_key_or_section_is_taken_whole_or_refused)
{
	struct config config;
	expect_loaded("[ports]\n0123456789012345678901234567890 = pcap:f\n", &config);
	expect_refused("[ports]\n01234567890123456789012345678901 = pcap:f\n", "[ports] 0123",
		       "too long");
	expect_refused("[ports]\n" TEXT_OF_50 "01234567890123 = pcap:f\n", "line 2: ", "too long");
	expect_refused("[" TEXT_OF_50 TEXT_OF_50 "]\n" PORT, "[0123", "no such section");
}

Test(config, a_comment_of_any_form_is_no_part_of_a_value)
{
	struct config config;
	expect_loaded("# [memory]\n#hugepages = no\n   # mbufs = 1\n[windows] # of all shows\n"
		      "voters = 5 # voters = 6\nmemory_mb = 7#8\n" PORT "#",
		      &config);
	cr_expect(config.hugepages);
	cr_expect_eq(config.mbufs, 8192);
	cr_expect_eq(config.voters, 5);
	cr_expect_eq(config.windows_mb, 7);
}

Test(config, line_ends_and_blanks_do_not_matter)
{
	struct config config;
	expect_loaded("[windows]\r\nvoters = 5\r\n\r\n\t memory_mb\t=\t7 \t\r\n[ports]\r\n"
		      "a=pcap:a b \r\n  b = dpdk:net_null0 queues=2",
		      &config);
	cr_expect_eq(config.voters, 5);
	cr_expect_eq(config.windows_mb, 7);
	cr_expect_str_eq(config.ports[0].target, "a b");
	cr_expect_eq(config.ports[1].queues, 2);
	expect_loaded("[ ports ]\na = pcap:f\n", &config);
}

Test(config, an_empty_value_is_taken_where_empty_is_the_default)
{
	struct config config;
	expect_loaded("[appliance]\ncontrol_group =\npublic =\npublic_group =\n[cores]\nlcores = # "
		      "all\n" PORT,
		      &config);
	cr_expect_str_eq(config.control_group, "");
	cr_expect_str_eq(config.lcores, "");
}

Test(config, bytes_that_are_no_text_are_refused)
{
	static const char nul[] = "[memory]\nhugepages = no\0yes\n" PORT;
	static const char picture[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\0";
	char noise[4096];
	uint32_t state = 1;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
	expect_bytes_refused(nul, sizeof(nul) - 1, "line 2: ", "no text");
	expect_bytes_refused(picture, sizeof(picture), "line 1: ", "");
	expect_bytes_refused(noise, sizeof(noise), "line 1: ", "");
}

Test(config, what_is_no_file_is_refused)
{
	struct config config;
	struct err err;
	char path[PATH_MAX];
	strcpy(path, scratch_path("missing.conf"));
	cr_expect_eq(load_file(path, &config, &err), -ENOENT);
	cr_expect_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
	cr_expect_eq(load_file(scratch_directory, &config, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "is not a file"), "%s", err.text);
	strcpy(path, scratch_path("fifo"));
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(load_file(path, &config, &err), -EINVAL);
}

Test(config, its_help_is_a_file_of_all_defaults)
{
	struct config by_help, by_default;
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	config_help(out);
	fputs("port0 = af_xdp:eth0\n", out);
	fclose(out);
	expect_loaded(text, &by_help);
	expect_loaded(PORT, &by_default);
	cr_expect_eq(memcmp(&by_help, &by_default, sizeof(by_help)), 0);
#define X(section, key, field, type, ...)                                                          \
	cr_expect_not_null(strstr(text, "\n" #key " = "), "no " #key);
	CONFIG_OPTIONS(X)
#undef X
	free(text);
}

Test(config, what_one_file_said_does_not_last_into_the_next)
{
	struct config config;
	expect_loaded("[windows]\nvoters = 5\n[ports]\na = pcap:f\nb = dpdk:d queues=3\n", &config);
	expect_loaded(PORT, &config);
	cr_expect_eq(config.voters, 1000000);
	cr_expect_eq(config.port_count, 1);
	cr_expect_eq(config.queue_count, 1);
}
