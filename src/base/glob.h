/* Glob patterns as Redis has them, for names of keys and of settings:
 *
 *      *            any bytes, also none                 \x           the byte x itself
 *      ?            any byte                             [a-cx], [^a] one of these, none of these
 *
 * with Redis 7.0's habits where a pattern is odd: an unclosed bracket closes at the end, "[]" is
 * never and "[^]" always matched, bounds of a range may stand in any order and are signed, a
 * backslash at the very end is a backslash, and only the empty pattern matches the empty text.
 *
 * A pattern is compiled once and then matched in time linear in the text, whatever the pattern: no
 * recursion, and nothing is tried twice but within a few bytes. What could not be kept linear is
 * refused when it is compiled. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/arena.h"
#include "base/bytes.h"

#define GLOB_BYTES_MAX 65536u /* of a pattern */
/* Of what stands between two stars, if there is a ? or a [ in it. */
#define GLOB_SEARCHED_MAX 1024u

struct glob;

/* 0 and the pattern, which lives in the arena and does not borrow the text it was made of;
 * SHOAL_ETOOBIG over the bounds above; SHOAL_ENOMEM. */
int glob_compile(struct arena *arena, struct bytes pattern, bool any_case, const struct glob **out);

bool glob_matches(const struct glob *glob, struct bytes text);

/* What every match begins with; lives as long as the pattern. */
struct bytes glob_prefix(const struct glob *glob);

#endif
