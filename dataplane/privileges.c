// SPDX-License-Identifier: BSD-3-Clause
/*
 * Users, groups and capabilities. Called by the ladder of appliance.c and by prepare.c.
 *
 * setresuid() from root to another user takes all capabilities from a thread, and glibc has every
 * thread do it. What it leaves alone, the bounding and the inheritable set, is emptied before there
 * are threads.
 */
#include "dataplane/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int find_group(const char *name, gid_t *gid, struct err *err)
{
	const struct group *group = getgrnam(name);
	if (!group)
		return err_set(err, -EINVAL,
			       "[appliance] group: no group '%s'; add it (addgroup --system %s) or "
			       "set another",
			       name, name);
	*gid = group->gr_gid;
	return 0;
}

/* Their drivers ask the kernel for things that nobody can list. */
static int check_ports(const struct config *config, struct err *err)
{
	for (uint32_t i = 0; i < config->port_count; i++)
		if (config->ports[i].kind == PORT_DPDK)
			return err_set(
				err, -EINVAL,
				"[ports] %s = %s: a driver of DPDK's makes system calls that "
				"the sandbox forbids; leave [appliance] user out, or use an "
				"af_xdp port",
				config->ports[i].name, config->ports[i].text);
	return 0;
}

int privileges_find(const struct config *config, struct privileges *privileges, struct err *err)
{
	*privileges = (struct privileges){.drops = config->user[0], .user = config->user};
	if (!privileges->drops && config->group[0])
		return err_set(err, -EINVAL, "[appliance] group: is for a user; set user too");
	if (!privileges->drops)
		return 0;
	const struct passwd *user = getpwnam(config->user);
	if (!user)
		return err_set(err, -EINVAL,
			       "[appliance] user: no user '%s'; add it (adduser --system --group "
			       "--no-create-home %s) or set another",
			       config->user, config->user);
	privileges->uid = user->pw_uid;
	privileges->gid = user->pw_gid;
	int rc = config->group[0] ? find_group(config->group, &privileges->gid, err) : 0;
	if (rc == 0 && (privileges->uid == 0 || privileges->gid == 0))
		rc = err_set(err, -EINVAL,
			     "[appliance] user: '%s' is root, or of its group; name one without "
			     "rights, or none to run as root",
			     config->user);
	return rc ? rc : check_ports(config, err);
}

/* What a start has to have, found by taking one after the other away. */
static const struct right {
	unsigned int capability;
	const char *name;
	const char *use;
} rights[] = {
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "load the front, and find it again for AF_XDP"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", "put the front on an interface"},
	{CAP_NET_RAW, "CAP_NET_RAW", "open AF_XDP sockets"},
	{CAP_IPC_LOCK, "CAP_IPC_LOCK", "lock their memory"},
	{CAP_SETUID, "CAP_SETUID", "become another user"},
	{CAP_SETGID, "CAP_SETGID", "leave the groups of root"},
	{CAP_SETPCAP, "CAP_SETPCAP", "empty the bounding set"},
};

/* By the names of them: what the kernel says without one is EPERM, or less, in many places. */
static int check_rights(const struct privileges *privileges, struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};
	syscall(SYS_capget, &header, sets);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		unsigned int capability = rights[i].capability;
		if (!(sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)))
			return err_set(
				err, -EPERM,
				"[appliance] user: before it becomes '%s' tallyd needs %s to "
				"%s: start it as root, with that in CapabilityBoundingSet=",
				privileges->user, rights[i].name, rights[i].use);
	}
	return 0;
}

static int empty_sets(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability))
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    syscall(SYS_capget, &header, sets))
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].inheritable = 0;
	return syscall(SYS_capset, &header, sets) ? -errno : 0;
}

int privileges_begin(const struct privileges *privileges, struct err *err)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	if (!privileges->drops)
		return 0;
	int rc = check_rights(privileges, err);
	if (rc)
		return rc;
	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* who may not is told so when a lock is refused */
	rc = initgroups(privileges->user, privileges->gid) ? -errno : empty_sets();
	return rc ? err_set(err, rc, "[appliance] user: cannot become '%s': %s", privileges->user,
			    strerror(-rc))
		  : 0;
}

void privileges_files_as_user(const struct privileges *privileges)
{
	if (!privileges->drops)
		return;
	setfsgid(privileges->gid);
	setfsuid(privileges->uid); /* takes the capabilities about files with it */
}

void privileges_files_as_root(const struct privileges *privileges)
{
	if (!privileges->drops)
		return;
	setfsuid(0);
	setfsgid(0);
}

/* There is no way back, and nothing left to go it with. */
static bool is_powerless(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &header, sets))
		return false;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (sets[i].effective | sets[i].permitted | sets[i].inheritable)
			return false;
	return setuid(0) != 0 && setgid(0) != 0;
}

int privileges_drop(const struct privileges *privileges, struct err *err)
{
	prctl(PR_SET_DUMPABLE, 0);
	if (!privileges->drops)
		return 0;
	if (setgroups(0, NULL) || setresgid(privileges->gid, privileges->gid, privileges->gid) ||
	    setresuid(privileges->uid, privileges->uid, privileges->uid) ||
	    prctl(PR_SET_DUMPABLE, 0))
		return err_set(err, -errno, "[appliance] user: cannot become '%s': %s",
			       privileges->user, strerror(errno));
	if (!is_powerless())
		return err_set(err, -EPERM,
			       "[appliance] user: '%s' still has rights of root; tallyd does not "
			       "serve with them",
			       privileges->user);
	return 0;
}

int privileges_explain(const struct privileges *privileges, int rc, struct err *err)
{
	const struct err why = *err;
	if (privileges->drops && (rc == -EACCES || rc == -EPERM))
		err_set(err, rc, "%s; it must be %s's own: chown it, or `tallyd --prepare`",
			why.text, privileges->user);
	return rc;
}
