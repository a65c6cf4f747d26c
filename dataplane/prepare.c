// SPDX-License-Identifier: BSD-3-Clause
/*
 * The steps, in order: directories, fronts, note, interfaces, huge pages; and back. Called by
 * main.c. A front is locked by the tallyd that serves it, so whoever is in the way is found before
 * anything is changed.
 */
#include "dataplane/prepare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/huge_pages.h"
#include "dataplane/own_directory.h"
#include "dataplane/port.h"
#include "dataplane/prepare_note.h"
#include "dataplane/tenants.h"

/* Of the kernel's, after which it lets interrupts come again. */
#define EMPTY_POLLS 2

static bool tunes(const struct config *config)
{
	return config->tune || config->defer_us;
}

static bool is_af_xdp(const struct config *config, uint32_t port)
{
	return config->ports[port].kind == PORT_AF_XDP;
}

static int check_root(const char *what, struct err *err)
{
	return geteuid() == 0 ? 0
			      : err_set(err, -EPERM, "%s wants root: sudo tallyd %s", what, what);
}

/* The fronts come with their keys, and stay. */
static int put_fronts_on(const struct config *config, struct err *err)
{
	static struct tenants_access access; /* 16 KiB and more */
	struct keyring keyring;
	struct ports ports;
	int rc = keyring_load(config->keyring, &keyring, err);
	if (rc)
		return rc;
	rc = tenants_access(config, &keyring, &access, err);
	if (rc == 0)
		rc = ports_attach_fronts(&ports, config, &access, err);
	for (uint32_t i = 0; i < config->port_count && rc == 0; i++)
		if (ports.fronts[i])
			printf("%s: front is on (%s); votes are dropped until tallyd serves\n",
			       config->ports[i].target, front_mode_name(ports.fronts[i]));
	if (rc == 0)
		ports_detach_fronts(&ports, true);
	keyring_free(&keyring);
	return rc;
}

static int take_fronts_off(const struct config *config, struct err *err)
{
	int first = 0;
	struct err why;
	for (uint32_t i = 0; i < config->port_count; i++) {
		const char *interface = config->ports[i].target;
		if (!is_af_xdp(config, i))
			continue;
		int rc = front_remove(interface, config->pin_dir, &why);
		if (rc == 0 || rc == -ENOENT)
			printf("%s: %s\n", interface, rc ? "no front" : "front taken off");
		else if (first == 0) {
			*err = why;
			first = rc;
		}
	}
	return first;
}

/* How the interfaces are now; what an earlier --prepare noted of them stays. */
static int note_interfaces(const struct config *config, struct prepare_note *note, struct err *err)
{
	int rc = 0;
	for (uint32_t i = 0; i < config->port_count && rc == 0 && tunes(config); i++) {
		const char *interface = config->ports[i].target;
		if (!is_af_xdp(config, i) || prepare_note_find(note, interface) ||
		    note->count == CONFIG_MAX_PORTS)
			continue;
		strcpy(note->rows[note->count].interface, interface);
		rc = interface_read(interface, &note->rows[note->count].before, err);
		note->count += rc == 0;
	}
	return rc;
}

/* As votes want it; what the configuration leaves alone is as it was. */
static struct interface_settings tuned(const struct config *config,
				       const struct interface_settings *before)
{
	struct interface_settings settings = *before;
	if (config->tune)
		settings.lro = settings.rxvlan = false;
	if (config->defer_us) {
		settings.defer_hard_irqs = EMPTY_POLLS;
		settings.flush_timeout_ns = config->defer_us * 1000;
	}
	return settings;
}

static int tune_interfaces(const struct config *config, const struct prepare_note *note,
			   struct err *err)
{
	int rc = 0;
	for (uint32_t i = 0; i < config->port_count && rc == 0 && tunes(config); i++) {
		const char *interface = config->ports[i].target;
		if (!is_af_xdp(config, i))
			continue;
		struct interface_settings settings =
			tuned(config, prepare_note_find(note, interface));
		rc = interface_write(interface, &settings, err);
		if (rc == 0)
			printf("%s: LRO %s, VLAN tags %s, interrupts deferred by %" PRIu64 " us\n",
			       interface, settings.lro ? "on" : "off",
			       settings.rxvlan ? "taken off" : "kept",
			       settings.flush_timeout_ns / 1000);
	}
	return rc;
}

/* What is missing of them, and into the note before they are there. */
static int take_huge_pages(const struct config *config, struct prepare_note *note, struct err *err)
{
	uint64_t free_mb = huge_pages_free_mb();
	if (!config->hugepages || free_mb >= config->packet_mb)
		return prepare_note_write(config->prepared, note, err);
	uint64_t wanted = huge_pages_for(config->packet_mb - free_mb), before = note->huge_pages;
	note->huge_pages = before + wanted;
	int rc = prepare_note_write(config->prepared, note, err);
	int64_t got = rc ? 0 : huge_pages_change((int64_t)wanted);
	if (rc)
		return rc;
	note->huge_pages = before + (uint64_t)(got > 0 ? got : 0);
	rc = prepare_note_write(config->prepared, note, err);
	if (rc == 0 && got < (int64_t)wanted)
		return err_set(err, got < 0 ? (int)got : -ENOMEM,
			       "huge pages: %" PRIu64 " more wanted ([memory] packet_mb), %" PRId64
			       " to be had: memory is in pieces; set them up at boot "
			       "(vm.nr_hugepages), or set [memory] hugepages = no",
			       wanted, got < 0 ? 0 : got);
	printf("huge pages: %" PRIu64 " more set up\n", wanted);
	return rc;
}

static void put_back_noted(const struct prepare_note *note)
{
	struct err err;
	for (uint32_t i = 0; i < note->count; i++)
		if (interface_write(note->rows[i].interface, &note->rows[i].before, &err))
			printf("%s\n", err.text);
		else
			printf("%s: settings as before\n", note->rows[i].interface);
	if (note->huge_pages && huge_pages_change(-(int64_t)note->huge_pages) != 0)
		printf("huge pages: %" PRIu64 " given back\n", note->huge_pages);
}

static int undo(const struct config *config, const struct prepare_note *note, struct err *err)
{
	int rc = take_fronts_off(config, err);
	if (rc)
		return rc;
	put_back_noted(note);
	if (unlink(config->prepared) && errno != ENOENT)
		return err_set(err, -errno, "%s: cannot be removed: %s", config->prepared,
			       strerror(errno));
	return 0;
}

static int set_up(const struct config *config, struct prepare_note *note, struct err *err)
{
	int rc = note_interfaces(config, note, err);
	if (rc == 0)
		rc = take_huge_pages(config, note, err);
	return rc ? rc : tune_interfaces(config, note, err);
}

static int load(const char *path, struct config *config, struct prepare_note *note, struct err *err)
{
	int rc = config_load(path, config, err);
	return rc ? rc : prepare_note_read(config->prepared, note, err);
}

int prepare(const char *config_path, struct err *err)
{
	struct config config;
	struct privileges privileges;
	struct prepare_note note;
	struct err ignored;
	int rc = check_root("--prepare", err);
	if (rc == 0)
		rc = load(config_path, &config, &note, err);
	if (rc == 0)
		rc = privileges_find(&config, &privileges, err);
	if (rc == 0)
		rc = own_directories(&config, &privileges, err);
	if (rc == 0)
		rc = put_fronts_on(&config, err);
	if (rc)
		return rc;
	bool was_prepared = note.found;
	rc = set_up(&config, &note, err);
	fflush(stdout);
	if (rc && !was_prepared)
		undo(&config, &note, &ignored);
	return rc;
}

int unprepare(const char *config_path, struct err *err)
{
	struct config config;
	struct prepare_note note;
	int rc = check_root("--unprepare", err);
	if (rc == 0)
		rc = load(config_path, &config, &note, err);
	return rc ? rc : undo(&config, &note, err);
}
