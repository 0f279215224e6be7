/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches and verdict maps: values of the packet against constants and sets. */
#ifndef WHYDROP_RULES_NFT_MATCH_H
#define WHYDROP_RULES_NFT_MATCH_H

#include "nft.h"
#include "nft_value.h"

/* Units of work: a parsed element that is looked at is one. */
#define NFT_WORK_RULE  8
#define NFT_WORK_PARSE 8

struct nft_set;

/* What a replay has looked at; zeroed at first. */
struct nft_lookups {
	const struct nft_source *src;
	json_t *index; /* of sets, by family, table and name */
	struct nft_set **sets;
	size_t n;
	bool cut;    /* a set could not be read */
	size_t work; /* of this walk */
};

/* Where a rule stands. */
struct nft_place {
	struct nft_lookups *lookups;
	const struct nft_packet *packet;
	const char *family, *table;
};

enum tri nft_match(const struct nft_place *at, json_t *match);
/* Has the packet a value for the expression, a concatenation or an element of a set? */
enum tri nft_has_key(const struct nft_place *at, json_t *expr);

/*
 * Calls each for the verdicts that the map may yield, until it returns false: with YES for the one
 * that it does yield. True: it went through all of them. *known: the map could be read.
 */
bool nft_vmap(const struct nft_place *at, json_t *vmap,
	      bool (*each)(void *arg, json_t *verdict, enum tri t), void *arg, bool *known);

/* The output's array, also from the object around it; NULL: neither. */
json_t *nft_output(json_t *json);
/* The one member of an object, or NULL. */
json_t *nft_member(json_t *object, const char **name);
/* Is the flag among those of a set, a table or a statement: one, or a list? */
bool nft_has_flag(json_t *flags, const char *name);
void nft_lookups_free(struct nft_lookups *l);

#endif
