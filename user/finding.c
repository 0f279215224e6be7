// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "util.h"

void finding_place_netns(struct finding *f, struct host *h)
{
	char where[NETNS_STRLEN];

	free(f->place);
	f->place = xstrdup(netns_label(h, f->netns, where));
}

void finding_place(struct finding *f, struct host *h, const char *fmt, ...)
{
	char where[NETNS_STRLEN], *what;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	free(f->place);
	f->place = xasprintf("%s/%s", netns_label(h, f->netns, where), what);
	free(what);
}

void finding_summary(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	free(f->summary);
	va_start(ap, fmt);
	f->summary = xvasprintf(fmt, ap);
	va_end(ap);
}

void finding_evidence(struct finding *f, enum agrees agrees, const char *check, const char *value,
		      const char *want)
{
	struct evidence *e;

	f->evidence = xreallocarray(f->evidence, f->n_evidence + 1, sizeof(*e));
	e = &f->evidence[f->n_evidence++];
	e->check = xstrdup(check);
	e->value = xstrdup(value);
	e->want = want ? xstrdup(want) : NULL;
	e->agrees = agrees;
}

void finding_fix(struct finding *f, enum fix_when when, const char *fmt, ...)
{
	struct fix *x;
	va_list ap;

	f->fix = xreallocarray(f->fix, f->n_fix + 1, sizeof(*x));
	x = &f->fix[f->n_fix++];
	va_start(ap, fmt);
	x->when = when;
	x->text = xvasprintf(fmt, ap);
	va_end(ap);
}

void finding_free(struct finding *f)
{
	for (size_t i = 0; i < f->n_evidence; i++) {
		free(f->evidence[i].check);
		free(f->evidence[i].value);
		free(f->evidence[i].want);
	}
	for (size_t i = 0; i < f->n_fix; i++)
		free(f->fix[i].text);
	free(f->evidence);
	free(f->fix);
	free(f->place);
	free(f->summary);
	free(f->rule);
	free(f->netns_name);
	free(f->path);
	free(f->groups);
	memset(f, 0, sizeof(*f));
}

const char *finding_netns_name(const struct finding *f, struct host *h, bool *gone)
{
	return host_kept_name(h, f->netns, f->netns_name, gone);
}

static bool is_in_host(const struct finding *f, struct host *h)
{
	const char *name = h->ops->netns_name(h, f->netns);

	return name && !strcmp(name, "host");
}

/* "ip netns exec pod-a ", "" in the host's; NULL: nothing leads there. To free(). */
static char *way_into(const struct finding *f, struct host *h)
{
	bool gone;
	const char *name = finding_netns_name(f, h, &gone);
	char quoted[300];

	if (!name || gone || !h->ops->netns_name(h, f->netns))
		return NULL;
	if (!strcmp(name, "host"))
		return xstrdup("");
	if (name[0] == '/')
		return xasprintf("nsenter --net=%s ", shell_quote(name, quoted, sizeof(quoted)));
	if (host_netns_is_holder(name))
		return xasprintf("nsenter -t %d -n ", atoi(name + strlen("pid ")));
	return xasprintf("ip netns exec %s ", shell_quote(name, quoted, sizeof(quoted)));
}

char *finding_command(const struct finding *f, struct host *h, const char *command)
{
	char *way = way_into(f, h), *line = NULL, *quoted;

	if (way && (!*way || !strpbrk(command, "|&;<>$`\n"))) {
		line = xasprintf("%s%s", way, command);
	} else if (way) { /* what the shell makes of it, it must do in there */
		quoted = xcalloc(strlen(command) * 4 + 3, 1);
		line = xasprintf("%ssh -c %s", way,
				 shell_quote(command, quoted, strlen(command) * 4 + 3));
		free(quoted);
	}
	free(way);
	return line;
}

const char *shell_quote(const char *s, char *buf, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./:=@,+%";
	size_t n = 0;

	if (*s && s[strspn(s, plain)] == '\0') {
		snprintf(buf, size, "%s", s);
		return buf;
	}
	buf[n++] = '\'';
	for (; *s && n + 6 < size; s++) {
		if (*s == '\'') {
			memcpy(buf + n, "'\\''", 4);
			n += 4;
		} else {
			buf[n++] = *s;
		}
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return buf;
}

const char *sysctl_text(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", name);
	for (char *p = buf; *p && !strchr(name, '.'); p++)
		*p = *p == '/' ? '.' : *p;
	return buf;
}

void finding_fix_sysctl(struct finding *f, struct host *h, const char *name)
{
	char text[96], setting[112], file[160], quoted[460], path[660], where[NETNS_STRLEN];

	snprintf(setting, sizeof(setting), "%s=1", sysctl_text(name, text, sizeof(text)));
	shell_quote(setting, quoted, sizeof(quoted));
	snprintf(file, sizeof(file), "/etc/sysctl.d/99-zz-%s.conf", name);
	for (char *p = strstr(file, name); p && *p; p++)
		*p = *p == '/' ? '.' : *p;
	finding_fix(f, FIX_NOW, "sysctl -w %s", quoted);
	if (is_in_host(f, h))
		finding_fix(f, FIX_PERSIST, "printf '%%s\\n' %s > %s", quoted,
			    shell_quote(file, path, sizeof(path)));
	else
		finding_fix(f, FIX_ADVICE,
			    "for good: %s in whatever sets up %s, which a file in this node's "
			    "/etc/sysctl.d does not reach",
			    setting, netns_label(h, f->netns, where));
}

enum agrees evidence_sysctl(struct finding *f, struct host *h, uint32_t netns, const char *name,
			    const char *want)
{
	char value[64], check[128], text[96];
	enum agrees agrees;
	int err = h->ops->sysctl(h, netns, name, value, sizeof(value));

	if (err) {
		snprintf(value, sizeof(value), "%s", err == -ENOENT ? "absent" : strerror(-err));
		agrees = err == -ENOENT ? AGREES_YES : AGREES_UNREAD;
	} else {
		agrees = strcmp(value, "0") ? AGREES_NO : AGREES_YES;
	}
	snprintf(check, sizeof(check), "sysctl %s", sysctl_text(name, text, sizeof(text)));
	finding_evidence(f, agrees, check, value, want);
	return agrees;
}
