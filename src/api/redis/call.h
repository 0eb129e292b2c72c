/* One call of a command as the command sees it: its arguments, its keys' cells, where its reply
 * goes. Commands on keys are pure functions over cells (node/unit.h): the same function runs inside
 * a unit on a standalone node, between a read and a write by quorum in a cluster, and in a test
 * with neither. */
#ifndef API_REDIS_CALL_H
#define API_REDIS_CALL_H

#include "api/redis/command.h"
#include "api/redis/reply.h"
#include "node/unit.h"

struct redis_session;

/* The cells of a call, or of all calls of a transaction together. */
struct redis_cells {
    struct unit_cell *items;
    uint32_t count;
    uint32_t *slots;     /* hash of the key -> index + 1; NULL while there are few */
    uint32_t slot_count; /* a power of two */
};

struct redis_call {
    const struct command *command;
    const struct bytes *argv; /* argv[0] is its name; with a subcommand argv[1] its part */
    uint32_t argc;
    struct reply *reply;
    /* COMMAND_KEYS */
    struct redis_cells *cells;
    struct arena *memory; /* for values it makes: lasts until they are written */
    uint64_t now_ms;      /* wall time of the run */
    /* What a value may come to (limits.value_bytes); 0: Redis's own bound, 512 MB. */
    uint64_t value_bytes_max;
    bool in_transaction;
    /* COMMAND_SWEEP within a transaction: all keys there are, less what the transaction has
     * deleted; set through sweep.c. */
    struct unit *unit;
    /* COMMAND_SESSION, COMMAND_CONTROL */
    struct redis_session *session;
};

/* Memory for so many cells, and for finding them by key. 0: too many. */
size_t redis_cells_bytes(uint32_t count);
/* None yet, in that memory. */
void redis_cells_init(struct redis_cells *cells, void *memory, uint32_t count);
/* The key's cell, made if there is none. Within the count given. */
struct unit_cell *redis_cells_take(struct redis_cells *cells, struct bytes key);
/* NULL: there is none. */
struct unit_cell *redis_cells_find(const struct redis_cells *cells, struct bytes key);

/* The keys among the arguments: argv[*first], argv[*first + *step], ... How many. */
uint32_t redis_keys_of(const struct command *command, uint32_t argc, uint32_t *first,
                       uint32_t *step);
/* With these arguments, are its keys' old values not looked at? */
bool redis_is_blind(const struct command *command, const struct bytes *argv, uint32_t argc);

/* The cell of the call's key; never NULL for a key that the command's table names. */
struct unit_cell *redis_cell(struct redis_call *call, struct bytes key);

/* Changes as they will be written, seen by later calls of a transaction. */
void redis_cell_put(struct unit_cell *cell, struct bytes value, uint64_t expiry_ms);
void redis_cell_delete(struct unit_cell *cell);

/* ---- arguments.c: the texts are Redis's ---- */

/* A number as Redis takes it: no spaces, no plus sign, no leading zeros. */
bool redis_integer(struct bytes text, int64_t *out);
bool redis_double(struct bytes text, long double *out); /* for INCRBYFLOAT */
bool redis_is(struct bytes argument, const char *word); /* of any case */
/* "ERR value is not an integer or out of range" and false. */
bool redis_take_integer(struct redis_call *call, struct bytes text, int64_t *out);
/* The number of a database, of which there is one: 0. Else replied. */
bool redis_take_database(struct redis_call *call, struct bytes text);
/* EX, PX, EXAT, PXAT and the EXPIRE family: wall time in ms from an argument in seconds or ms,
 * relative or not. False: "ERR invalid expire time in 'set' command" or not an integer, and
 * replied. */
bool redis_take_expiry(struct redis_call *call, struct bytes text, bool seconds, bool relative,
                       int64_t *expiry_ms);
/* What INCR, DECR, INCRBY or DECRBY adds. False: it is no integer, and replied. */
bool redis_take_delta(struct redis_call *call, int64_t *delta);
/* "ERR string exceeds maximum allowed size (proto-max-bulk-len)" and false. */
bool redis_take_size(struct redis_call *call, uint64_t size);
/* Memory that lasts as call->memory does. NULL: there is none, and replied. */
uint8_t *redis_take_memory(struct redis_call *call, size_t size);
void redis_reply_expiry(struct redis_call *call); /* "ERR invalid expire time in 'set' command" */
void redis_reply_syntax(struct redis_call *call);
void redis_reply_arity(struct redis_call *call);

/* Redis's bound of a string (its default proto-max-bulk-len). */
#define REDIS_STRING_BYTES_MAX (512ull << 20)

#endif
