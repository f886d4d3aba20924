/* SPDX-License-Identifier: MIT */
/*
 * libfyaml's parser, with one error path made safe: fy_fetch_value() gives its simple key back to
 * the pool and, when a check behind that fails, gives it back again, so that the pool's list
 * holds freed memory when the parser is destroyed (found by fuzzing: "? k:\t-\n l\n"). Here a key
 * that was given back is forgotten at once; giving back NULL does nothing.
 */
#include "fy-parse.h"

static inline void k2s_give_back(struct fy_parser *fyp, struct fy_simple_key **key)
{
	fy_parse_simple_key_recycle(fyp, *key);
	*key = NULL;
}

#define fy_parse_simple_key_recycle(fyp, key) k2s_give_back(fyp, &(key))

#include "../src/lib/fy-parse.c"
