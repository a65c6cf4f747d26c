// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyd: the appliance. Reads the command line and does one of five things: serve, prepare the
 * machine for that and put it back, check a configuration, judge a capture.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/appliance.h"
#include "dataplane/clock.h"
#include "dataplane/control.h"
#include "dataplane/prepare.h"
#include "dataplane/replay.h"
#include "wire/vote_packet.h"

#define EXIT_USAGE 2

static const char usage_text[] =
	"usage: tallyd --config FILE [--prepare | --unprepare | --check-config]\n"
	"       tallyd --replay CAPTURE --keyring FILE --rundown FILE --results FILE [--port N]\n"
	"       tallyd --config-help | --help | --version\n"
	"\n"
	"  --config FILE    serve the ports of this configuration until SIGINT or SIGTERM\n"
	"  --check-config   read configuration and keyring, say whether they are right, and end\n"
	"  --prepare        put fronts on, set interfaces, huge pages and directories up, as root\n"
	"  --unprepare      take that back, and the fronts that a killed tallyd left\n"
	"  --replay FILE    judge a capture offline, by its own time stamps (no root needed)\n"
	"  --keyring FILE   tenants and keys for --replay\n"
	"  --rundown FILE   interactions for --replay\n"
	"  --results FILE   where --replay writes the results; - for standard output\n"
	"  --port N         UDP port of the votes for --replay (4433)\n"
	"  --config-help    print every option of the configuration, with its default\n";

struct arguments {
	const char *config;
	struct replay_options replay;
	bool check_config;
	bool prepare;
	bool unprepare;
};

static int fail(const struct err *err)
{
	fprintf(stderr, "tallyd: %s\n", err->text);
	return EXIT_FAILURE;
}

static int usage(const char *flaw)
{
	fprintf(stderr, "tallyd: %s; `tallyd --help` shows how it is called\n", flaw);
	return EXIT_USAGE;
}

/* The signals that end the loop are read from a descriptor, so no thread may take them. */
static void block_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error to be told, not a death */
}

static void say_ready(const struct appliance *appliance)
{
	for (uint32_t i = 0; i < appliance->worker_count; i++) {
		const struct worker *worker = appliance->workers[i];
		const struct front *front = appliance->ports.fronts[worker->queue->port];
		printf("tallyd: worker %u on lcore %u serves %s queue %u (front: %s)\n", i,
		       worker->lcore, appliance->config.ports[worker->queue->port].text,
		       worker->queue->number, front ? front_mode_name(front) : "none");
	}
	const char *public = appliance->config.public_socket;
	printf("tallyd: ready, %u tenants, control socket %s%s%s\n",
	       appliance->keyring.tenant_count, appliance->config.control,
	       public[0] ? ", public socket " : "", public);
	if (appliance->privileges.drops)
		printf("tallyd: runs as %s, sandboxed\n", appliance->privileges.user);
	fflush(stdout);
	notify_say(&appliance->notify, "READY=1");
}

static void say_stopped(const struct appliance *appliance)
{
	if (appliance->privileges.drops)
		printf("tallyd: stopped; fronts stay and drop votes; `tallyd --unprepare` takes "
		       "them "
		       "off\n");
	fflush(stdout);
}

static int serve(const char *config, const char *program)
{
	static struct appliance appliance;
	struct err err;
	block_signals();
	if (appliance_start(&appliance, config, program, &err))
		return fail(&err);
	say_ready(&appliance);
	int rc = control_serve(appliance.control, &err);
	notify_say(&appliance.notify, "STOPPING=1");
	appliance_stop(&appliance);
	say_stopped(&appliance);
	return rc ? fail(&err) : EXIT_SUCCESS;
}

static int check_config(const char *path)
{
	struct config config;
	struct keyring keyring;
	struct tenants_access access;
	struct err err;
	if (config_load(path, &config, &err) || keyring_load(config.keyring, &keyring, &err))
		return fail(&err);
	if (tenants_access(&config, &keyring, &access, &err)) {
		keyring_free(&keyring);
		return fail(&err);
	}
	printf("%s: right; %u ports with %u queues, %u tenants with %u keys\n", path,
	       config.port_count, config.queue_count, keyring.tenant_count, keyring.key_count);
	keyring_free(&keyring);
	return EXIT_SUCCESS;
}

static int set_up(const char *config, bool up)
{
	struct err err;
	int rc = up ? prepare(config, &err) : unprepare(config, &err);
	fflush(stdout);
	return rc ? fail(&err) : EXIT_SUCCESS;
}

static bool same_file(const char *a, const char *b)
{
	struct stat one, other;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static bool is_input(const char *path, const struct replay_options *options)
{
	return same_file(path, options->capture) || same_file(path, options->keyring) ||
	       same_file(path, options->rundown);
}

static int replay(struct replay_options *options)
{
	struct replay_summary summary;
	struct err err;
	if (!options->vote_port)
		options->vote_port = QUIC_LITE_DEFAULT_PORT;
	if (is_input(options->results, options))
		return usage("--results names a file that is read");
	/* A limit on file sizes is an error to be told, not a death. */
	signal(SIGXFSZ, SIG_IGN);
	clock_start();
	if (replay_run(options, &summary, &err))
		return fail(&err);
	double seconds = (double)summary.elapsed_us / 1e6;
	fprintf(stderr,
		"tallyd: %llu packets in %.3f s, %.2f million/s; %llu votes counted; results in "
		"%s\n",
		(unsigned long long)summary.packets, seconds,
		seconds > 0 ? (double)summary.packets / seconds / 1e6 : 0,
		(unsigned long long)summary.counted, options->results);
	if (summary.voters <= UINT32_MAX)
		fprintf(stderr,
			"tallyd: memory had room for voter numbers below %llu; others were "
			"answered "
			"busy\n",
			(unsigned long long)summary.voters);
	return EXIT_SUCCESS;
}

enum option_id {
	CONFIG = 1,
	CHECK,
	PREPARE,
	UNPREPARE,
	REPLAY,
	KEYRING,
	RUNDOWN,
	RESULTS,
	PORT,
	CONFIG_HELP,
	HELP,
	VERSION
};

static const struct option option_table[] = {
	{"config", required_argument, NULL, CONFIG},
	{"check-config", no_argument, NULL, CHECK},
	{"prepare", no_argument, NULL, PREPARE},
	{"unprepare", no_argument, NULL, UNPREPARE},
	{"replay", required_argument, NULL, REPLAY},
	{"keyring", required_argument, NULL, KEYRING},
	{"rundown", required_argument, NULL, RUNDOWN},
	{"results", required_argument, NULL, RESULTS},
	{"port", required_argument, NULL, PORT},
	{"config-help", no_argument, NULL, CONFIG_HELP},
	{"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION},
	{NULL, 0, NULL, 0},
};

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (*end || *text < '0' || *text > '9' || number < 1 || number > 65535)
		return -EINVAL;
	*port = (uint16_t)number;
	return 0;
}

/* Takes one option. Returns 0 to go on, or 1 with `status` set where the program is to end. */
static int take_option(int option, struct arguments *arguments, int *status)
{
	*status = EXIT_SUCCESS;
	switch (option) {
	case CONFIG: arguments->config = optarg; return 0;
	case CHECK: arguments->check_config = true; return 0;
	case PREPARE: arguments->prepare = true; return 0;
	case UNPREPARE: arguments->unprepare = true; return 0;
	case REPLAY: arguments->replay.capture = optarg; return 0;
	case KEYRING: arguments->replay.keyring = optarg; return 0;
	case RUNDOWN: arguments->replay.rundown = optarg; return 0;
	case RESULTS: arguments->replay.results = optarg; return 0;
	case PORT:
		if (parse_port(optarg, &arguments->replay.vote_port) == 0)
			return 0;
		*status = usage("--port wants a number from 1 to 65535");
		return 1;
	case CONFIG_HELP: config_help(stdout); return 1;
	case HELP: fputs(usage_text, stdout); return 1;
	case VERSION: puts("tallyd " TALLYWIRE_VERSION); return 1;
	}
	*status = EXIT_USAGE;
	return 1;
}

/* What does not go together, or is missing; NULL where all is well. */
static const char *flaw_of(const struct arguments *arguments)
{
	const struct replay_options *offline = &arguments->replay;
	bool is_offline = offline->capture || offline->keyring || offline->rundown ||
			  offline->results || offline->vote_port;
	int verbs = arguments->check_config + arguments->prepare + arguments->unprepare;
	bool is_live = arguments->config || verbs;
	if (is_live ? is_offline || !arguments->config : !offline->capture)
		return "wants either --config or --replay";
	if (verbs > 1)
		return "wants one of --prepare, --unprepare and --check-config";
	if (is_offline && (!offline->keyring || !offline->rundown || !offline->results))
		return "--replay wants --keyring, --rundown and --results";
	return NULL;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	int option, status;
	while ((option = getopt_long(argc, argv, "", option_table, NULL)) != -1)
		if (take_option(option, &arguments, &status))
			return status;
	if (optind != argc)
		return usage("takes options only");
	const char *flaw = flaw_of(&arguments);
	if (flaw)
		return usage(flaw);
	if (arguments.replay.capture)
		return replay(&arguments.replay);
	if (arguments.check_config)
		return check_config(arguments.config);
	if (arguments.prepare || arguments.unprepare)
		return set_up(arguments.config, arguments.prepare);
	return serve(arguments.config, argv[0]);
}
