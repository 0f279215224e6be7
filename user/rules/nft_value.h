/* SPDX-License-Identifier: GPL-2.0-only */
/* What an nftables expression yields for a packet, and constants to hold against it. */
#ifndef WHYDROP_RULES_NFT_VALUE_H
#define WHYDROP_RULES_NFT_VALUE_H

#include "rule.h"

#define NFT_VALUE_LEN 16
#define NFT_VALUE_ANY 6

enum nft_kind {
	NFT_UNKNOWN, /* the packet may have any value there, or none */
	NFT_NONE,    /* it has none: the rule ends there (NFT_BREAK) */
	NFT_NUMBER,
	NFT_BYTES, /* an address, of either family or link layer */
	NFT_IN,	   /* an interface, by name */
	NFT_OUT,
};

struct nft_word {
	const char *name;
	uint32_t number;
};

/* Numbers and addresses are in network byte order, numbers are 8 bytes long: so memcmp() orders. */
struct nft_value {
	enum nft_kind kind;
	const struct nft_word *words; /* what a number's constants may be called, or NULL */
	size_t len;
	size_t n; /* it is one of these n */
	uint8_t any[NFT_VALUE_ANY][NFT_VALUE_LEN];
	uint8_t unknown[NFT_VALUE_LEN]; /* bits that may be different */
};

/* From lo to hi, or an interface's name. */
struct nft_range {
	bool odd; /* not understood */
	uint8_t lo[NFT_VALUE_LEN], hi[NFT_VALUE_LEN];
	const char *name; /* the JSON's */
};

/* The packet as a base chain saw it, which may be another than the one that died. */
struct nft_packet {
	const char *family;
	struct group g;
	uint32_t mark_unknown; /* bits of its mark */
};

enum tri nft_is_l3(const struct nft_packet *p, uint16_t l3);
enum tri nft_is_l4(const struct nft_packet *p, uint8_t proto);
/* An expression other than a concatenation. */
void nft_value(const struct nft_packet *p, json_t *expr, struct nft_value *v);
/* A constant of v's type: a value, a prefix, a range, or flags. */
void nft_range(const struct nft_value *v, json_t *constant, struct nft_range *r);
enum tri nft_in_range(const struct nft_packet *p, const struct nft_value *v,
		      const struct nft_range *r);
/* An operator other than equality: "<", "in"…; r is a single value. */
enum tri nft_compare(const struct nft_value *v, const char *op, const struct nft_range *r);

#endif
