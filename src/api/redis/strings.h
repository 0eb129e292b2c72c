/* The commands on strings as functions, for the tables that name them. Each is pure over the cells
 * of its call (call.h). */
#ifndef API_REDIS_STRINGS_H
#define API_REDIS_STRINGS_H

#include "base/bytes.h"

struct redis_call;

/* string_set.c: a whole value takes the place of what was there */
void string_set(struct redis_call *call);
void string_setex(struct redis_call *call);
void string_psetex(struct redis_call *call);
void string_setnx(struct redis_call *call);
void string_getset(struct redis_call *call);
void string_mset(struct redis_call *call);
void string_msetnx(struct redis_call *call);

/* string_get.c: what is there, and afterwards its expiry or its end */
void string_get(struct redis_call *call);
void string_getdel(struct redis_call *call);
void string_getex(struct redis_call *call);
void string_mget(struct redis_call *call);
void string_strlen(struct redis_call *call);
void string_getrange(struct redis_call *call); /* also SUBSTR */

/* string_edit.c: a value is changed in part */
void string_append(struct redis_call *call);
void string_setrange(struct redis_call *call);

/* lcs.c */
void string_lcs(struct redis_call *call);

/* bitmap.c */
void bitmap_setbit(struct redis_call *call);
void bitmap_getbit(struct redis_call *call);
void bitmap_bitcount(struct redis_call *call);
void bitmap_bitpos(struct redis_call *call);
void bitmap_bitop(struct redis_call *call);

/* bitfield.c */
void bitmap_bitfield(struct redis_call *call); /* also BITFIELD_RO */
const char *bitfield_linear(const struct bytes *argv, uint32_t argc);

#endif
