// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pod a process belongs to, from the node alone: the kubelet puts the pod's UID into the name
 * of its cgroup, and its logs into /var/log/pods/NAMESPACE_NAME_UID. The hostile part of both is
 * the UID's alone: names of pods and namespaces are DNS labels, and are taken for nothing else.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "real.h"

#define UID_STRLEN 40

/* A UID, or of a static pod a hash, is 32 hexadecimal digits, with or without four dashes;
 * systemd's cgroup names have them as underscores. The length, or 0. */
static size_t uid_length(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef-_"), digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += isxdigit((unsigned char)s[i]) != 0;
	return digits == 32 && n < UID_STRLEN ? n : 0;
}

bool pod_uid_of_cgroup(const char *text, char uid[UID_STRLEN])
{
	for (const char *p = strstr(text, "pod"); p; p = strstr(p + 1, "pod")) {
		size_t n = p > text && strchr("/-", p[-1]) ? uid_length(p + 3) : 0;

		if (!n || (p[3 + n] && !strchr("/.\n", p[3 + n])))
			continue;
		for (size_t i = 0; i < n; i++)
			uid[i] = p[3 + i] == '_' ? '-' : p[3 + i];
		uid[n] = '\0';
		return true;
	}
	return false;
}

static bool is_dns_name(const char *s, size_t n, size_t most)
{
	return n && n <= most && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") >= n;
}

bool pod_of_log_folder(const char *name, const char *uid, struct pod *out)
{
	const char *first = strchr(name, '_'), *last = strrchr(name, '_');

	if (!first || first == last || strcmp(last + 1, uid) ||
	    !is_dns_name(name, (size_t)(first - name), 63) ||
	    !is_dns_name(first + 1, (size_t)(last - first - 1), 253))
		return false;
	snprintf(out->label, sizeof(out->label), "%.*s/%.*s", (int)(first - name), name,
		 (int)(last - first - 1), first + 1);
	snprintf(out->uid, sizeof(out->uid), "%s", uid);
	out->namespace_len = (size_t)(first - name);
	return true;
}

static bool find_log_folder(const char *dir, const char *uid, struct pod *out)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = pod_of_log_folder(e->d_name, uid, out);
	if (d)
		closedir(d);
	return found;
}

bool read_pod(int pid, struct pod *out)
{
	char path[64], text[4096], uid[UID_STRLEN];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = fopen(path, "re");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	return pod_uid_of_cgroup(text, uid) &&
	       (find_log_folder("/var/log/pods", uid, out) ||
		find_log_folder("/proc/1/root/var/log/pods", uid, out));
}
