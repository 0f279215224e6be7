// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "nft_source.h"
#include "source.h"
#include "tool.h"

static struct {
	char *tool; /* and table */
	char *text; /* NULL: it cannot be read */
} texts[16];

static const char *saved(const char *tool, const char *table)
{
	const char *const whole[] = {tool, "-c", NULL}, *const one[] = {tool, "-c", "-t", table,
									NULL};
	char *name = xasprintf("%s %s", tool, table ? table : "");
	size_t i = 0;

	while (i < ARRAY_SIZE(texts) && texts[i].tool && strcmp(texts[i].tool, name))
		i++;
	if (i == ARRAY_SIZE(texts) || texts[i].tool) {
		free(name);
		return i < ARRAY_SIZE(texts) ? texts[i].text : NULL;
	}
	texts[i].tool = name;
	texts[i].text = tool_output(table ? one : whole);
	return texts[i].text;
}

static const char *legacy_tables(const char *family)
{
	static char names[256];
	char path[64];
	FILE *f;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s_tables_names", family);
	f = fopen(path, "re");
	if (f) {
		n = fread(names, 1, sizeof(names) - 1, f);
		fclose(f);
	}
	names[n] = '\0';
	return names;
}

static bool read_number(const char *path, unsigned long *n)
{
	FILE *f = fopen(path, "re");
	bool read = f && fscanf(f, "%lu", n) == 1;

	if (f)
		fclose(f);
	return read;
}

/* Some entries may have gone since. */
static bool conntrack_full(void)
{
	unsigned long count, max;

	return read_number("/proc/sys/net/netfilter/nf_conntrack_count", &count) &&
	       read_number("/proc/sys/net/netfilter/nf_conntrack_max", &max) &&
	       count >= max / 10 * 9;
}

static void forget(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		free(texts[i].tool);
		free(texts[i].text);
		texts[i].tool = texts[i].text = NULL;
	}
	nft_source_forget();
}

const struct rule_source rule_source_node = {&nft_source_node,
					     nft_source_text,
					     nft_source_chain,
					     nft_source_table,
					     nft_source_generation,
					     legacy_tables,
					     saved,
					     conntrack_full,
					     forget};
