/* Commands about all keys: what they ask, and the walk over the keys that answers it. Outside a
 * transaction the walk goes page by page, each page a list over enough owners of every partition
 * (coordinate/list.c); within one it is a look at the names that the unit was given. */
#ifndef API_REDIS_SWEEP_H
#define API_REDIS_SWEEP_H

#include "api/redis/spread.h"
#include "base/glob.h"
#include "coordinate/list_cursor.h"

/* What a command asks for. */
struct sweep_question {
    const struct glob *glob; /* NULL: any name */
    uint64_t cursor;         /* SCAN's */
    uint32_t count;          /* SCAN's COUNT */
    bool nothing;            /* of no TYPE that there is: none is shown */
};

/* From the call's arguments; false: replied. */
bool sweep_take_keys(struct redis_call *call, struct arena *memory, struct sweep_question *out);
bool sweep_take_scan(struct redis_call *call, struct arena *memory, struct sweep_question *out);
bool sweep_take_flush(struct redis_call *call);

bool sweep_shows(const struct sweep_question *question, struct bytes key);

/* SCAN's cursor of a place; never 0 but at the beginning. Places of one partition that are next to
 * each other may share one. */
uint64_t sweep_cursor_of(uint32_t partition, uint64_t position);
/* Where such a cursor begins; false: beyond all partitions. */
bool sweep_cursor_place(uint64_t cursor, uint32_t partitions, uint32_t *partition,
                        uint64_t *position);

/* A walk in pages, outside a transaction. */
struct sweep {
    struct redis_spread *spread;
    struct sweep_question question;
    struct bytes prefix;
    uint32_t limit; /* of a page */
    uint8_t cursor_bytes[LIST_CURSOR_BYTES];
    struct bytes cursor;      /* where the next page begins; data NULL: at the beginning */
    bool ended;               /* there is no next page */
    uint64_t count;           /* found so far */
    const struct bytes *keys; /* of this page, for FLUSHALL */
    uint32_t key_count;
    bool wrapped; /* RANDOMKEY has begun anew at the beginning */
};

/* sweep_walk.c: as far as KEYS and the like go, from `cursor` on. */
void sweep_walk_keys(struct sweep *sweep);
void sweep_walk_scan(struct sweep *sweep);
void sweep_walk_count(struct sweep *sweep);
void sweep_walk_random(struct sweep *sweep);
/* sweep_flush.c */
void sweep_flush(struct sweep *sweep);

/* Asks for the next page by a row whose `ask` is the second, and whose `take` calls the third,
 * which takes note of where the page ended. */
void sweep_ask_page(struct sweep *sweep, const struct redis_row *row);
void sweep_ask_page_request(struct redis_spread *spread, uint32_t item, struct request *request);
void sweep_note_page(struct sweep *sweep, const struct outcome *outcome);

/* The `run` of each, within a transaction. sweep_within.c */
void sweep_run_keys(struct redis_call *call);
void sweep_run_scan(struct redis_call *call);
void sweep_run_dbsize(struct redis_call *call);
void sweep_run_randomkey(struct redis_call *call);
void sweep_run_flush(struct redis_call *call); /* also FLUSHDB */

#endif
