/* The live feed: what a node tells another of the changes that it has coordinated, and what it
 * tells a client that watches. Part of messages.h. */
#ifndef WIRE_MESSAGES_FEED_H
#define WIRE_MESSAGES_FEED_H

#include "wire/messages_client.h"

enum feed_op {
    FEED_PUT = 1,
    FEED_DELETE = 2,
    FEED_EXPIRE = 3, /* what had expired has been removed */
    FEED_LIST = 4,   /* key is the prefix */
    FEED_READ = 5,
    FEED_GAP = 6,   /* always told, whatever ops a reader wants */
    FEED_BACK = 7,  /* always told: a node that had a gap FEED_GAP_AWAY is heard again, and what it
                       did meanwhile follows */
    FEED_FLUSH = 8, /* always told, whatever the prefix: all keys of the node were deleted at once
                       (Redis's FLUSHALL, on a node that is alone); each lane tells it of its own
                       keys. Who keeps a copy drops all of it and reads anew. No key. */
};

#define FEED_CHANGES (1u << FEED_PUT | 1u << FEED_DELETE | 1u << FEED_EXPIRE)

enum feed_gap {
    FEED_GAP_AWAY = 1,    /* the node can't be reached: what it did that isn't here yet will be
                             delivered when it is back */
    FEED_GAP_TRIMMED = 2, /* the node's tail no longer reaches back so far */
    FEED_GAP_LOST = 3,    /* the node has lost its tail */
    FEED_GAP_CRASHED = 4, /* it ended without a clean stop: of what it had not acknowledged then,
                             some changes may be in effect and not in the feed; and, if the machine
                             ended too, acknowledged ones of its last second */
    FEED_GAP_REMOVED = 5, /* it is no member any more: nothing further comes from it */
    FEED_GAP_DROPPED = 6, /* LIST and READ events, for which there was no room */
};

/* "put", "delete", ...; "unknown" for another number. */
const char *feed_op_text(uint32_t op);
/* The bit of the op with this name; 0 for another name, gap and back included: they are always
 * told.
 */
uint32_t feed_op_bit(struct bytes name);
/* A list of them, separated by commas, as users give it: 0, or SHOAL_EINVAL with why (which name,
 * and what is near). */
#define FEED_OPS_WHY_BYTES 160u
int feed_ops_parse(struct bytes text, uint32_t *ops, char why[FEED_OPS_WHY_BYTES]);
/* "away", "trimmed", ...; "unknown" for another number. */
const char *feed_gap_text(uint32_t reason);
/* One sentence for people of what a gap means; `node` is of whom it is. */
#define FEED_GAP_MESSAGE_BYTES 512u
void feed_gap_message(uint32_t reason, const char *node, uint64_t missed,
                      char out[FEED_GAP_MESSAGE_BYTES]);

/* Where an asker of a lane stands. */
enum feed_from {
    FEED_FROM_POSITION = 0, /* this very event and what follows */
    FEED_FROM_TIME = 1,     /* the first event at or after this time (wall ms, the lane's clock) */
    FEED_FROM_END = 2,      /* what comes from now on */
};

/* What did you coordinate in this lane (one for each of a node's workers)? Answered at once if
 * there is anything, else as soon as there is, or empty once the time is up. */
struct message_feed {
    uint64_t id;
    uint32_t lane;
    uint64_t tail; /* of whose positions we speak; 0: not known yet */
    uint32_t from; /* enum feed_from */
    uint64_t at;   /* position or time */
    uint64_t bytes_max;
    uint64_t wait_us;
};

/* Events up to next-1 of the lane, encoded one after the other (storage/tail.h). `first` is where
 * the first of them stands: later than asked for when what was asked for is gone. To who asked for
 * a time it is where that is; if the first event stands later, what was between is gone. */
struct message_fed {
    uint64_t id;
    int32_t code;   /* SHOAL_EUNSUPPORTED: this node keeps no feed; SHOAL_ENOTFOUND: no such lane */
    uint32_t lanes; /* of the node */
    uint64_t tail;
    uint64_t first;
    uint64_t next; /* ask for this one next */
    uint64_t end;  /* what will be the lane's next */
    struct bytes events;
};

/* ---- clients: WATCH is answered by any number of WATCHED with its id, then by a RESULT when it
 * ends; UNWATCH (with the id of the WATCH) ends it. ---- */

struct message_watch {
    uint64_t id;
    struct bytes prefix;
    uint32_t ops;          /* bits 1 << enum feed_op; 0: all changes */
    struct bytes cursor;   /* data NULL: from now on */
    uint64_t heartbeat_us; /* 0: the default */
};

struct watched_event {
    uint32_t op; /* enum feed_op; 0: a heartbeat, of which cursor and time matter */
    uint64_t time_ms;
    struct bytes cursor;
    struct bytes key;
    struct bytes value;   /* data NULL: none, or left out */
    uint64_t value_bytes; /* how long it is, also when it is left out */
    uint64_t expiry_ms;   /* 0: never */
    uint32_t reason;      /* gap: enum feed_gap */
    uint64_t missed;      /* gap: so many events at least; 0: not known */
    struct bytes node;    /* name of who coordinated it, or of whom the gap is */
};

struct message_watched {
    uint64_t id;
    const struct watched_event *events;
    uint32_t count;
};

struct message_unwatch {
    uint64_t id;
};

#endif
