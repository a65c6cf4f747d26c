// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two files of sysfs and two flags of ethtool. Called by prepare.c.
 *
 * /sys shows the network namespace of whoever mounted it, which need not be ours: a sysfs of our
 * own is opened for the moment, and mounted nowhere.
 */
#include "dataplane/interface.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFER_FILE "napi_defer_hard_irqs"
#define FLUSH_FILE "gro_flush_timeout"

/* The interface's directory in sysfs, or a negative errno. */
static int open_directory(const char *interface)
{
	char path[64];
	int config = fsopen("sysfs", FSOPEN_CLOEXEC);
	if (config < 0)
		return -errno;
	int mount = fsconfig(config, FSCONFIG_CMD_CREATE, NULL, NULL, 0)
			    ? -1
			    : fsmount(config, FSMOUNT_CLOEXEC, 0);
	int rc = mount < 0 ? -errno : 0;
	close(config);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "class/net/%s", interface);
	int fd = openat(mount, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -(errno == ENOENT ? ENODEV : errno) : fd;
	close(mount);
	return rc;
}

static int read_number(int directory, const char *name, uint64_t *number)
{
	char text[32] = "";
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int rc = bytes < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	*number = strtoull(text, NULL, 10);
	return rc;
}

static int write_number(int directory, const char *name, uint64_t number)
{
	char text[32];
	int bytes = snprintf(text, sizeof(text), "%" PRIu64, number);
	int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 || write(fd, text, (size_t)bytes) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int ask_ethtool(const char *interface, uint32_t command, uint32_t *flags)
{
	struct ethtool_value value = {.cmd = command, .data = *flags};
	struct ifreq request = {.ifr_data = (void *)&value};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = fd < 0 || ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	*flags = value.data;
	return rc;
}

int interface_read(const char *interface, struct interface_settings *settings, struct err *err)
{
	uint32_t flags = 0;
	int directory = open_directory(interface);
	int rc = directory < 0 ? directory : 0;
	if (rc == 0)
		rc = read_number(directory, DEFER_FILE, &settings->defer_hard_irqs);
	if (rc == 0)
		rc = read_number(directory, FLUSH_FILE, &settings->flush_timeout_ns);
	if (directory >= 0)
		close(directory);
	if (rc == 0)
		rc = ask_ethtool(interface, ETHTOOL_GFLAGS, &flags);
	settings->lro = flags & ETH_FLAG_LRO;
	settings->rxvlan = flags & ETH_FLAG_RXVLAN;
	return rc ? err_set(err, rc,
			    "%s: its settings cannot be read: %s; set [front] tune = no to leave "
			    "them alone",
			    interface, strerror(-rc))
		  : 0;
}

static void set_flag(const char *interface, uint32_t flag, bool on, const char *name)
{
	uint32_t flags = 0;
	if (ask_ethtool(interface, ETHTOOL_GFLAGS, &flags) || !(flags & flag) == !on)
		return;
	flags ^= flag;
	int rc = ask_ethtool(interface, ETHTOOL_SFLAGS, &flags);
	if (rc)
		printf("%s: %s stays %s: %s\n", interface, name, on ? "off" : "on", strerror(-rc));
}

int interface_write(const char *interface, const struct interface_settings *settings,
		    struct err *err)
{
	int directory = open_directory(interface);
	int rc = directory < 0 ? directory : 0;
	if (rc == 0)
		rc = write_number(directory, DEFER_FILE, settings->defer_hard_irqs);
	if (rc == 0)
		rc = write_number(directory, FLUSH_FILE, settings->flush_timeout_ns);
	if (directory >= 0)
		close(directory);
	if (rc)
		return err_set(err, rc,
			       "%s: cannot be set: %s; set [front] tune = no to leave it alone",
			       interface, strerror(-rc));
	set_flag(interface, ETH_FLAG_LRO, settings->lro, "large receive (LRO)");
	set_flag(interface, ETH_FLAG_RXVLAN, settings->rxvlan, "taking VLAN tags off");
	return 0;
}
