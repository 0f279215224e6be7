// SPDX-License-Identifier: GPL-2.0-only
/* Namespaces: their names, and the way into them. No way in is kept open, since that would keep a
 * dying pod's devices alive. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../util.h"
#include "real.h"

#define NAMES_EVERY_NS	   20000000ULL
#define PROCESSES_EVERY_NS 200000000ULL

static int inode_of(const char *path, uint32_t *inode)
{
	struct stat st;

	*inode = 0; /* gcc does not see that -errno is never 0 */
	if (stat(path, &st))
		return -errno;
	*inode = (uint32_t)st.st_ino;
	return 0;
}

/* Leftovers of a netns that is gone are plain files, and anything may lie in a directory: opening a
 * FIFO would block. */
static int nsfs_inode_of(const struct netns_table *t, const char *path, uint32_t *inode)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (st.st_dev != t->ns_dev)
		return -EINVAL;
	*inode = (uint32_t)st.st_ino;
	return 0;
}

static bool leads_there(const struct netns_table *t, const struct netns_entry *e)
{
	uint32_t inode = 0;

	return !nsfs_inode_of(t, e->path, &inode) && inode == e->inode;
}

const char *netns_entry_name(const struct netns_table *t, const struct netns_entry *e)
{
	return t->names[e->named]->name;
}

static void give_name(struct netns_table *t, struct netns_entry *e, const char *name)
{
	struct netns_name *n = xcalloc(1, sizeof(*n));

	*n = (struct netns_name){e->inode, xstrdup(name), now_ns(CLOCK_MONOTONIC), 0};
	t->names = xreallocarray(t->names, t->n_names + 1, sizeof(void *));
	e->named = t->n_names;
	t->names[t->n_names++] = n;
}

/* It was there when last nothing had changed, for all that is known. */
static void end_name(const struct netns_table *t, struct netns_name *n)
{
	if (!n->to_ns)
		n->to_ns = t->quiet_ns > n->from_ns ? t->quiet_ns : n->from_ns;
}

/* Inode numbers are given away again at once, and then by another name. */
static void renew_entry(struct netns_table *t, struct netns_entry *e, const char *path,
			const char *name, int pid)
{
	struct netns_name *old = t->names[e->named];

	/* one that went and came again may be of another netns, too */
	if (strcmp(old->name, name) || old->to_ns) {
		end_name(t, old);
		give_name(t, e, name);
	}
	free(e->path);
	e->path = xstrdup(path);
	e->pid = pid;
	e->pod = NULL;
	e->scan = t->scan;
	e->look = t->look;
}

/* A process of a pod tells the pod; the first one that is found in a netns may be a CNI plugin's.
 */
static void find_pod(struct netns_table *t, struct netns_entry *e, int pid)
{
	struct pod pod, *kept;

	if (!pid || e->pod || e->inode == t->host || !read_pod(pid, &pod))
		return;
	for (size_t i = 0; i < t->n_pods && !e->pod; i++) {
		if (!strcmp(t->pods[i]->uid, pod.uid) && !strcmp(t->pods[i]->label, pod.label))
			e->pod = t->pods[i];
	}
	if (e->pod)
		return;
	kept = xcalloc(1, sizeof(*kept));
	*kept = pod;
	t->pods = xreallocarray(t->pods, t->n_pods + 1, sizeof(void *));
	e->pod = t->pods[t->n_pods++] = kept;
}

/* Of its own, where it had none: whoever makes a netns is in it before he names it. */
static bool is_better(const struct netns_table *t, const struct netns_entry *e, const char *name)
{
	return host_netns_is_holder(netns_entry_name(t, e)) && !host_netns_is_holder(name);
}

/* The first name that a scan finds for a namespace is the best; a process may be found later. */
static void add_entry(struct netns_table *t, uint32_t inode, const char *path, const char *name,
		      int pid)
{
	struct netns_entry *e;

	for (size_t i = 0; i < t->n; i++) {
		e = &t->entries[i];
		if (e->inode != inode)
			continue;
		if (e->scan != t->scan || !leads_there(t, e) || is_better(t, e, name))
			renew_entry(t, e, path, name, pid);
		else if (!e->pid)
			e->pid = pid;
		if (!strcmp(path, e->path))
			e->look = t->look;
		find_pod(t, e, pid);
		return;
	}
	t->entries = xreallocarray(t->entries, t->n + 1, sizeof(*t->entries));
	e = &t->entries[t->n++];
	e->inode = inode;
	e->scan = t->scan;
	e->look = t->look;
	e->path = xstrdup(path);
	give_name(t, e, name);
	e->pid = pid;
	e->pod = NULL;
	find_pod(t, e, pid);
}

/* A name that cannot be taken for what we call others. */
static bool is_plain(const char *name)
{
	return strcmp(name, "host") && strncmp(name, "pid ", 4);
}

static void scan_named(struct netns_table *t, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[PATH_MAX];
		uint32_t inode = 0;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (!nsfs_inode_of(t, path, &inode))
			add_entry(t, inode, path, is_plain(e->d_name) ? e->d_name : path, 0);
	}
	if (d)
		closedir(d);
}

/* mountinfo writes blanks and the like as \040 */
static void unescape_mount(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) &&
		    isdigit((unsigned char)s[3])) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* "… 0:4 net:[4026532345] /run/docker/netns/1f2e ro … - nsfs nsfs rw" */
static void scan_mounts(struct netns_table *t, const char *mountinfo, const char *root)
{
	FILE *f = fopen(mountinfo, "re");
	char line[PATH_MAX * 2];

	while (f && fgets(line, sizeof(line), f)) {
		char mount[PATH_MAX], path[PATH_MAX + 32];
		uint32_t inode;

		if (sscanf(line, "%*s %*s %*s net:[%u] %4095s", &inode, mount) != 2)
			continue;
		unescape_mount(mount);
		snprintf(path, sizeof(path), "%s%s", root, mount);
		add_entry(t, inode, path, path, 0);
	}
	if (f)
		fclose(f);
}

static void holder_name(int pid, char *buf, size_t size)
{
	char path[64], comm[32] = "?";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f) {
		if (fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(f);
	}
	snprintf(buf, size, "pid %d (%s)", pid, comm);
}

static bool known_with_pid(const struct netns_table *t, uint32_t inode)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct netns_entry *e = &t->entries[i];

		if (e->inode == inode)
			return e->scan == t->scan && e->pid && (e->pod || inode == t->host);
	}
	return false;
}

static void scan_processes(struct netns_table *t)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[64], name[64];
		uint32_t inode;
		int pid = atoi(e->d_name);

		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		if (inode_of(path, &inode) || known_with_pid(t, inode))
			continue;
		holder_name(pid, name, sizeof(name));
		add_entry(t, inode, path, name, pid);
	}
	if (d)
		closedir(d);
}

/* A process may hold the netns on, or its number may be another's at any time. */
static void note_gone_names(struct netns_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct netns_name *n = t->names[t->entries[i].named];

		if (t->entries[i].look != t->look && !host_netns_is_holder(n->name))
			end_name(t, n);
	}
}

void netns_table_look(struct netns_table *t)
{
	uint64_t began = now_ns(CLOCK_MONOTONIC);
	uint32_t inode;

	t->look++;
	add_entry(t, t->host,
		  inode_of("/proc/1/ns/net", &inode) ? "/proc/self/ns/net" : "/proc/1/ns/net",
		  "host", 1);
	scan_named(t, "/run/netns");
	scan_named(t, "/proc/1/root/run/netns");
	scan_mounts(t, "/proc/self/mountinfo", "");
	scan_mounts(t, "/proc/1/mountinfo", "/proc/1/root");
	note_gone_names(t);
	t->quiet_ns = began;
	t->named_ns = now_ns(CLOCK_MONOTONIC);
}

void netns_table_scan(struct netns_table *t)
{
	uint64_t ns = now_ns(CLOCK_MONOTONIC);
	bool processes = !t->scanned_ns || ns - t->scanned_ns >= PROCESSES_EVERY_NS;

	if (!processes && ns - t->named_ns < NAMES_EVERY_NS)
		return;
	if (processes)
		t->scan++;
	netns_table_look(t);
	if (processes) {
		scan_processes(t);
		t->scanned_ns = now_ns(CLOCK_MONOTONIC);
	}
}

/* A name is a mount (ip-netns(8)), and poll() tells that a mount table has changed since it was
 * last asked (mounts_poll(), fs/proc_namespace.c). The file itself is there before that, and is no
 * netns yet. */
void netns_table_watch(struct netns_table *t)
{
	static const char *const tables[HOST_WATCHED] = {"/proc/self/mountinfo",
							 "/proc/1/mountinfo"};

	for (size_t i = 0; i < HOST_WATCHED; i++)
		t->watched[i] = open(tables[i], O_RDONLY | O_CLOEXEC);
	netns_table_scan(t);
}

int netns_table_learn(struct netns_table *t, bool changed, uint64_t asked_ns)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), began = now_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t wait = pace_wait(&t->pace, now);

	t->names_changed |= changed;
	if (!t->names_changed) {
		t->quiet_ns = asked_ns;
		return -1;
	}
	if (wait)
		return (int)(wait / 1000000) + 1;
	t->names_changed = false;
	netns_table_look(t);
	pace_pay(&t->pace, now, now_ns(CLOCK_THREAD_CPUTIME_ID) - began);
	return -1;
}

int netns_table_open(struct netns_table *t)
{
	struct stat st;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < HOST_WATCHED; i++)
		t->watched[i] = -1;
	t->own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (t->own_fd < 0 || fstat(t->own_fd, &st))
		return -errno;
	t->own = (uint32_t)st.st_ino;
	t->ns_dev = st.st_dev;
	if (inode_of("/proc/1/ns/net", &t->host))
		t->host = t->own;
	return 0;
}

void netns_table_close(struct netns_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->entries[i].path);
	free(t->entries);
	for (size_t i = 0; i < t->n_names; i++) {
		free((void *)t->names[i]->name);
		free(t->names[i]);
	}
	free(t->names);
	for (size_t i = 0; i < HOST_WATCHED; i++) {
		if (t->watched[i] >= 0)
			close(t->watched[i]);
	}
	for (size_t i = 0; i < t->n_pods; i++)
		free(t->pods[i]);
	free(t->pods);
	if (t->own_fd >= 0)
		close(t->own_fd);
}

static struct netns_entry *find(struct netns_table *t, uint32_t inode)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->entries[i].inode == inode)
			return &t->entries[i];
	}
	return NULL;
}

/* One that is gone is still found, for its name. */
const struct netns_entry *netns_table_find(struct netns_table *t, uint32_t inode)
{
	struct netns_entry *e = find(t, inode);

	if (!inode || (e && leads_there(t, e)))
		return e;
	netns_table_scan(t);
	return find(t, inode);
}

/* Inode numbers and paths are used again: look at what was opened. */
int netns_open(const struct netns_entry *e)
{
	struct stat st;
	int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -ESRCH;
	if (!fstat(fd, &st) && (uint32_t)st.st_ino == e->inode)
		return fd;
	close(fd);
	return -ESRCH;
}

int netns_enter(struct netns_table *t, uint32_t inode)
{
	const struct netns_entry *e;
	int fd, err;

	if (inode == t->own)
		return 0;
	e = netns_table_find(t, inode);
	fd = e ? netns_open(e) : -ESRCH;
	if (fd < 0)
		return fd;
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	t->away = !err;
	return err;
}

void netns_leave(struct netns_table *t)
{
	if (t->away && setns(t->own_fd, CLONE_NEWNET)) {
		log_error("cannot come back to my own network namespace: %s", strerror(errno));
		exit(EXIT_CANNOT);
	}
	t->away = false;
}

int host_netns_of_pid(int pid, uint32_t *inode)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return inode_of(path, inode);
}

/* Is this path a network namespace, and not any file? */
static int netns_path(const char *path, uint32_t *inode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int type;

	if (fd < 0)
		return -errno;
	type = ioctl(fd, NS_GET_NSTYPE);
	close(fd);
	return type == CLONE_NEWNET ? inode_of(path, inode) : -EINVAL;
}

static int netns_inode(const char *text, uint32_t *inode)
{
	struct netns_table t;
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	int err;

	if (!isdigit((unsigned char)text[0]) || *end || v > UINT32_MAX)
		return -ENOENT;
	err = netns_table_open(&t);
	if (err)
		return err;
	err = netns_table_find(&t, (uint32_t)v) ? 0 : -ESRCH;
	netns_table_close(&t);
	if (!err)
		*inode = (uint32_t)v;
	return err;
}

int host_netns_resolve(const char *what, uint32_t *inode)
{
	static const char *const dirs[] = {"/run/netns", "/proc/1/root/run/netns"};

	if (strchr(what, '/'))
		return netns_path(what, inode);
	if (!*what || !strcmp(what, ".") || !strcmp(what, ".."))
		return -ENOENT;
	if (!strcmp(what, "host")) /* as netns_table_look() finds it */
		return host_netns_of_pid(1, inode) ? inode_of("/proc/self/ns/net", inode) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", dirs[i], what);
		if (!netns_path(path, inode))
			return 0;
	}
	return netns_inode(what, inode);
}
