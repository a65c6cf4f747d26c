/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching by bpf_link. A link that is pinned stays when its maker dies, and its program can be
 * replaced while packets flow: that is why a restart has no gap. front.c calls it once the program
 * is loaded and its maps are filled. It never removes a program that is not ours.
 */
#include "ebpf/front_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

static int xdp_link_info(int fd, struct bpf_link_info *info)
{
	uint32_t bytes = sizeof(*info);
	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(fd, info, &bytes))
		return -errno;
	return info->type == BPF_LINK_TYPE_XDP ? 0 : -EINVAL;
}

/* The id of the link by which this program is on the interface; 0: it was attached without one. */
static uint32_t link_of_program(int ifindex, uint32_t program_id)
{
	uint32_t id = 0;
	while (bpf_link_get_next_id(id, &id) == 0) {
		struct bpf_link_info info;
		int fd = bpf_link_get_fd_by_id(id);
		if (fd < 0)
			continue;
		int rc = xdp_link_info(fd, &info);
		close(fd);
		if (rc == 0 && (int)info.xdp.ifindex == ifindex && info.prog_id == program_id)
			return id;
	}
	return 0;
}

static void program_name(uint32_t program_id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {0};
	uint32_t bytes = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program_id);
	snprintf(name, BPF_OBJ_NAME_LEN, "?");
	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0)
		snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	close(fd);
}

static int refuse_foreign(const char *interface, int ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, on);
	char name[BPF_OBJ_NAME_LEN];
	int rc = bpf_xdp_query(ifindex, 0, &on);
	if (rc)
		return err_set(err, rc, "%s: cannot ask for its XDP program: %s", interface,
			       strerror(-rc));
	uint32_t id = on.drv_prog_id   ? on.drv_prog_id
		      : on.skb_prog_id ? on.skb_prog_id
				       : on.hw_prog_id;
	if (!id)
		return 0;
	program_name(id, name);
	uint32_t link_id = link_of_program(ifindex, id);
	if (link_id)
		return err_set(
			err, -EEXIST,
			"%s: XDP program %u (%s) is on it, held by BPF link %u: stop its owner, "
			"or `bpftool link detach id %u`",
			interface, id, name, link_id, link_id);
	return err_set(
		err, -EEXIST,
		"%s: XDP program %u (%s) is on it: remove it with `ip link set dev %s %s off`",
		interface, id, name, interface,
		on.drv_prog_id   ? "xdp"
		: on.skb_prog_id ? "xdpgeneric"
				 : "xdpoffload");
}

/*
 * Is the pinned link on this interface still? Its ifindex is 0 when the interface has gone. Another
 * network namespace may have an interface of the same name and index, so the program is compared.
 * -EBUSY: it sits on another interface.
 */
static int sits_on(struct front_link *link)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, on);
	struct bpf_link_info info;
	if (link->fd < 0 || xdp_link_info(link->fd, &info) || info.xdp.ifindex == 0)
		return 0;
	bool same =
		(int)info.xdp.ifindex == link->ifindex && bpf_xdp_query(link->ifindex, 0, &on) == 0;
	link->native = same && on.drv_prog_id == info.prog_id;
	link->ours_is_on = link->native || (same && on.skb_prog_id == info.prog_id);
	link->program_id = info.prog_id;
	return link->ours_is_on ? 0 : -EBUSY;
}

int front_link_open(struct front_link *link, const char *interface, int ifindex,
		    const char *pin_path, struct err *err)
{
	*link = (struct front_link){.fd = bpf_obj_get(pin_path), .ifindex = ifindex};
	int rc = sits_on(link);
	if (rc)
		err_set(err, rc,
			"%s: the front pinned there is on an interface of another network "
			"namespace, or of another name: give each its own [front] pin_dir",
			pin_path);
	else if (link->ours_is_on)
		return 0;
	else
		rc = refuse_foreign(interface, ifindex, err);
	if (rc && link->fd >= 0)
		close(link->fd);
	return rc;
}

static int create(const struct front_link *link, int program_fd, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(program_fd, link->ifindex, BPF_XDP, &options);
	return fd < 0 ? -errno : fd;
}

static int make(struct front_link *link, const char *interface, enum front_mode mode,
		const char *pin_path, int program_fd, struct err *err)
{
	int fd = -EOPNOTSUPP;
	if (mode != FRONT_GENERIC)
		fd = create(link, program_fd, XDP_FLAGS_DRV_MODE);
	link->native = fd >= 0;
	/* These would befall the generic mode too, and say more than its own answer. */
	bool final = fd == -EBUSY || fd == -EEXIST || fd == -EPERM || fd == -ENODEV;
	if (fd < 0 && mode != FRONT_NATIVE && !final)
		fd = create(link, program_fd, XDP_FLAGS_SKB_MODE);
	if (fd < 0)
		return err_set(err, fd, "%s: cannot attach the front (%s): %s%s", interface,
			       mode == FRONT_NATIVE ? "native" : "native or generic", strerror(-fd),
			       mode == FRONT_NATIVE ? ": try mode generic" : "");
	link->fd = fd;
	link->made = true;
	if (bpf_obj_pin(fd, pin_path)) {
		int rc = err_set(err, -errno, "%s: cannot pin the link: %s", pin_path,
				 strerror(errno));
		front_link_remove(link, pin_path);
		return rc;
	}
	return 0;
}

int front_link_attach(struct front_link *link, const char *interface, enum front_mode mode,
		      const char *pin_path, int program_fd, struct err *err)
{
	bool mode_fits = mode == FRONT_AUTO || (mode == FRONT_NATIVE) == link->native;
	if (link->ours_is_on && mode_fits) {
		if (bpf_link_update(link->fd, program_fd, NULL) == 0)
			return 0;
		return err_set(err, -errno, "%s: cannot renew the program of the pinned link: %s",
			       pin_path, strerror(errno));
	}
	if (link->fd >= 0)
		front_link_remove(link, pin_path);
	return make(link, interface, mode, pin_path, program_fd, err);
}

bool front_link_is_on(const struct front_link *link)
{
	struct bpf_link_info info;
	return xdp_link_info(link->fd, &info) == 0 && info.xdp.ifindex != 0;
}

void front_link_remove(struct front_link *link, const char *pin_path)
{
	unlink(pin_path);
	bpf_link_detach(link->fd);
	close(link->fd);
	link->fd = -1;
}
