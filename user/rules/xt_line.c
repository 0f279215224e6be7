// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "xt_line.h"

struct target {
	const char *name;
	unsigned int fate;
	enum rule_verdict verdict;
	const char *fate_option; /* its value is the target that the packet meets then */
	bool sets_mark;
	const char *mark_option; /* that sets it; NULL: it always does */
	/* to the others it is not there */
	enum tri (*applies)(const struct xt_packet *p);
};

static const struct target targets[] = {
	{"ACCEPT", .fate = XT_ACCEPTS},
	{"DROP", .fate = XT_DIES, .verdict = RULE_DROP},
	{"REJECT", .fate = XT_DIES, .verdict = RULE_REJECT},
	{"RETURN", .fate = XT_RETURNS},
	{"CONTINUE", .fate = XT_GOES_ON},
	/* whoever reads the queue says what becomes of it */
	{"QUEUE", .fate = XT_DIES | XT_ACCEPTS, .verdict = RULE_QUEUE},
	{"NFQUEUE", .fate = XT_DIES | XT_ACCEPTS, .verdict = RULE_QUEUE},
	{"SYNPROXY", .fate = XT_DIES | XT_GOES_ON, .verdict = RULE_OTHER},
	{"DNAT", .fate = XT_ACCEPTS},
	{"SNAT", .fate = XT_ACCEPTS},
	{"MASQUERADE", .fate = XT_ACCEPTS},
	{"REDIRECT", .fate = XT_ACCEPTS},
	{"NETMAP", .fate = XT_ACCEPTS},
	/* xt_TPROXY.c: "no socket, dropping" */
	{"TPROXY", .fate = XT_DIES | XT_ACCEPTS, .verdict = RULE_OTHER, .sets_mark = true,
	 .mark_option = "--tproxy-mark"},
	{"MARK", .fate = XT_GOES_ON, .sets_mark = true},
	{"CONNMARK", .fate = XT_GOES_ON, .sets_mark = true, .mark_option = "--restore-mark"},
	{"SET", .fate = XT_GOES_ON, .sets_mark = true, .mark_option = "--map-mark"},
	{"HMARK", .fate = XT_GOES_ON, .sets_mark = true},
	{"AUDIT", .fate = XT_GOES_ON},
	{"CHECKSUM", .fate = XT_GOES_ON},
	{"CLASSIFY", .fate = XT_GOES_ON},
	{"CONNSECMARK", .fate = XT_GOES_ON},
	{"CT", .fate = XT_GOES_ON},
	{"DSCP", .fate = XT_GOES_ON},
	{"ECN", .fate = XT_GOES_ON},
	{"HL", .fate = XT_GOES_ON},
	{"IDLETIMER", .fate = XT_GOES_ON},
	{"LED", .fate = XT_GOES_ON},
	{"LOG", .fate = XT_GOES_ON},
	{"NFLOG", .fate = XT_GOES_ON},
	{"NOTRACK", .fate = XT_GOES_ON},
	{"RATEEST", .fate = XT_GOES_ON},
	{"SECMARK", .fate = XT_GOES_ON},
	{"TCPMSS", .fate = XT_GOES_ON},
	{"TCPOPTSTRIP", .fate = XT_GOES_ON},
	{"TEE", .fate = XT_GOES_ON},
	{"TOS", .fate = XT_GOES_ON},
	{"TRACE", .fate = XT_GOES_ON},
	{"TTL", .fate = XT_GOES_ON},
	{"ULOG", .fate = XT_GOES_ON},
	/* ebtables and arptables */
	{"mark", .fate = XT_ACCEPTS, .fate_option = "--mark-target", .sets_mark = true},
	{"redirect", .fate = XT_ACCEPTS, .fate_option = "--redirect-target"},
	{"dnat", .fate = XT_ACCEPTS, .fate_option = "--dnat-target"},
	{"snat", .fate = XT_ACCEPTS, .fate_option = "--snat-target"},
	{"arpreply", .fate = XT_DIES, .verdict = RULE_DROP, .fate_option = "--arpreply-target",
	 .applies = xt_is_arp_request},
	{"mangle", .fate = XT_ACCEPTS, .fate_option = "--mangle-target"},
};

static const struct target *find_target(const char *name)
{
	static const struct target unknown = {.fate = XT_DIES | XT_ACCEPTS | XT_GOES_ON,
					      .verdict = RULE_OTHER,
					      .sets_mark = true};

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	}
	return &unknown;
}

static bool is_word(const struct xt_line *l, size_t i, const char *s)
{
	return i < l->n && !l->words[i].quoted && !strcmp(l->words[i].s, s);
}

static bool has_value(const struct xt_line *l, size_t i, const char *s)
{
	return i + 1 < l->n && is_word(l, i, s);
}

/* The value of one of the target's options, which stand from word i on; "" if it has none. */
static const char *target_option(const struct xt_line *l, size_t i, const char *name)
{
	for (; i < l->n; i++) {
		if (is_word(l, i, name))
			return i + 1 < l->n ? l->words[i + 1].s : "";
	}
	return NULL;
}

static void read_mark_set(struct xt_line *l, const struct target *t, size_t i)
{
	const char *value = target_option(l, i, "--set-xmark");

	l->mark.sets = t->sets_mark && (!t->mark_option || target_option(l, i, t->mark_option));
	l->mark.known = !strcmp(l->target, "MARK") && value &&
			xt_mark_parse(value, &l->mark.flip, &l->mark.clear);
}

static void read_queue(struct xt_line *l, size_t i, const struct xt_packet *p)
{
	enum tri ends = rule_queue_ends(p->g, target_option(l, i, "--queue-bypass"));

	l->may_pass = ends != TRI_YES;
	if (ends == TRI_NO)
		l->fate = XT_ACCEPTS;
}

/* A SYN or an ACK is consumed, or dropped: synproxy_tg4(), net/ipv4/netfilter/ipt_SYNPROXY.c. One
 * that died was not consumed. */
static void read_synproxy(struct xt_line *l, const struct flow *f)
{
	uint8_t flags = f->tcp_flags & (TH_SYN | TH_ACK | TH_FIN | TH_RST);

	if (!f->has_tcp_flags || (flags != TH_SYN && flags != TH_ACK))
		return;
	l->fate = XT_DIES;
	l->verdict = RULE_DROP;
}

/* Words from i on are the target's options. */
static void read_target(struct xt_line *l, size_t i, const struct xt_packet *p)
{
	const struct target *t = find_target(l->target);
	const char *then = t->fate_option ? target_option(l, i, t->fate_option) : NULL;

	read_mark_set(l, t, i);
	if (t->applies && p)
		l->matches = tri_and(l->matches, t->applies(p));
	if (then)
		t = find_target(then);
	l->fate = t->fate;
	if (t->fate & XT_DIES)
		l->verdict = t->verdict;
	if (p && !strcmp(l->target, "SYNPROXY"))
		read_synproxy(l, &p->g->flow);
	l->may_pass = l->verdict == RULE_OTHER;
	if (p && l->verdict == RULE_QUEUE)
		read_queue(l, i, p);
}

/* iptables negates before the option, ebtables behind it. Returns the word behind its values. */
static size_t read_option(struct xt_line *l, size_t i, const struct xt_option *o, bool negated,
			  const struct xt_packet *p)
{
	i++;
	if (is_word(l, i, "!")) {
		negated = !negated;
		i++;
	}
	if (l->n - i < o->values) { /* a cut text */
		l->matches = tri_and(l->matches, TRI_MAYBE);
		return l->n;
	}
	if (o->match && !strcmp(o->match, "comment") && !l->comment)
		l->comment = l->words[i].s;
	if (p)
		l->matches = tri_and(l->matches, xt_option_ask(o, p, &l->words[i], negated));
	return i + o->values;
}

static void read_match(struct xt_line *l, enum xt_syntax syntax, const char *name,
		       const struct xt_packet *p)
{
	if (p)
		l->matches = tri_and(l->matches, xt_match_ask(syntax, name, p));
}

/* Behind the target it is the target's. */
static void read_stray(struct xt_line *l)
{
	if (!l->target)
		l->matches = tri_and(l->matches, TRI_MAYBE);
}

static void read_words(struct xt_line *l, enum xt_syntax syntax, const struct xt_packet *p)
{
	const char *match = "";
	size_t i = 0, options = 0;
	bool negated = false;

	/* nft_arp_save_rule() prints options between the target's own */
	while (i < l->n && (!l->target || syntax == XT_ARPTABLES)) {
		const struct xt_option *o = NULL;

		if (!l->words[i].quoted)
			o = xt_option_find(syntax, match, l->words[i].s);
		if (o) {
			i = read_option(l, i, o, negated, p);
		} else if (has_value(l, i, "-m")) {
			match = l->words[i + 1].s;
			read_match(l, syntax, match, p);
			i += 2;
		} else if (!l->target && (has_value(l, i, "-j") || has_value(l, i, "-g"))) {
			l->go_to = is_word(l, i, "-g");
			l->target = l->words[i + 1].s;
			options = i += 2;
		} else if (!is_word(l, i++, "!")) {
			read_stray(l);
		}
		negated = i && is_word(l, i - 1, "!");
	}
	if (l->target)
		read_target(l, options, p);
}

const char *xt_line_end(const char *text)
{
	bool quoted = false;

	for (char before = ' '; *text && (quoted || *text != '\n'); before = *text++) {
		if (*text == '"' && (quoted || before == ' '))
			quoted = !quoted;
		else if (*text == '\\' && quoted && text[1])
			text++;
	}
	return text;
}

static void add_word(struct xt_line *l, char *s, bool quoted)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 32;
		l->words = xreallocarray(l->words, l->room, sizeof(*l->words));
	}
	l->words[l->n++] = (struct xt_word){s, quoted};
}

/* xtables_save_string(): quotes around what is not harmless, and '\' before '"', '\' and '\''. */
static void split(struct xt_line *l, const char *text, size_t len)
{
	const char *end = text + len;
	char *to;

	if (len >= l->buf_size) {
		l->buf_size = 2 * len + 1;
		l->buf = xreallocarray(l->buf, l->buf_size, 1);
	}
	to = l->buf;
	l->n = 0;
	while (text < end) {
		bool quoted = *text == '"';

		if (*text == ' ') {
			text++;
			continue;
		}
		add_word(l, to, quoted);
		text += quoted;
		while (text < end && *text != (quoted ? '"' : ' ')) {
			text += quoted && *text == '\\' && text + 1 < end;
			*to++ = *text++;
		}
		text += text < end;
		*to++ = '\0';
	}
}

void xt_line_read(struct xt_line *l, enum xt_syntax syntax, const char *text, size_t len,
		  const struct xt_packet *p)
{
	split(l, text, len);
	l->matches = p ? TRI_YES : TRI_MAYBE;
	l->comment = l->target = NULL;
	l->go_to = false;
	l->fate = XT_GOES_ON;
	l->verdict = RULE_OTHER;
	l->may_pass = false;
	l->mark = (struct xt_mark_set){};
	read_words(l, syntax, p);
}

void xt_line_free(struct xt_line *l)
{
	free(l->words);
	free(l->buf);
	*l = (struct xt_line){};
}
