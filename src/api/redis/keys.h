/* The commands on keys, whatever they hold, as functions for the tables that name them. Each is
 * pure over the cells of its call (call.h). */
#ifndef API_REDIS_KEYS_H
#define API_REDIS_KEYS_H

#include <stdbool.h>

#include "base/bytes.h"

struct redis_call;
struct unit_cell;

/* keys.c */
void key_del(struct redis_call *call);    /* also UNLINK */
void key_exists(struct redis_call *call); /* also TOUCH */
void key_type(struct redis_call *call);
void key_rename(struct redis_call *call);
void key_renamenx(struct redis_call *call);
void key_copy(struct redis_call *call);

/* object.c */
void object_encoding(struct redis_call *call);
void object_freq(struct redis_call *call);
void object_idletime(struct redis_call *call);
void object_refcount(struct redis_call *call);

/* expiry.c */
void key_expire(struct redis_call *call); /* also PEXPIRE, EXPIREAT, PEXPIREAT */
void key_ttl(struct redis_call *call);    /* also PTTL, EXPIRETIME, PEXPIRETIME */
void key_persist(struct redis_call *call);

/* The value found in one cell goes into another (or the same), with this expiry. False: there is no
 * memory for it, and replied. */
bool key_move_value(struct redis_call *call, struct unit_cell *to, struct bytes value,
                    uint64_t expiry_ms);

#endif
