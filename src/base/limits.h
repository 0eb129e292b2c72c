/* Every bound in one place: what a queue, message, buffer or table may grow to. Bounds that a user
 * may set have their default here and their name in docs/configuration.md. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_KIB 1024u
#define LIMIT_MIB (1024u * 1024u)

/* Keys and values (limits.key_bytes, limits.value_bytes). */
#define LIMIT_KEY_BYTES_DEFAULT (64u * LIMIT_KIB)
#define LIMIT_KEY_BYTES_MAX (256u * LIMIT_KIB)
#define LIMIT_VALUE_BYTES_DEFAULT (16u * LIMIT_MIB)
#define LIMIT_VALUE_BYTES_MAX (64u * LIMIT_MIB)

/* One object: its siblings and the actors in its context. A write that would add to more than the
 * first two is refused as overloaded: the user must resolve siblings first. What several owners
 * have let in apart must still merge, so what is read, merged and stored may be larger: the second
 * two. */
#define LIMIT_SIBLINGS_WRITTEN 128u
#define LIMIT_CONTEXT_ENTRIES_WRITTEN 2048u
#define LIMIT_SIBLINGS 1024u
#define LIMIT_CONTEXT_ENTRIES 4096u
#define LIMIT_OBJECT_BYTES (192u * LIMIT_MIB)

/* Actors' sums in a counter; a write of its value begins it anew. */
#define LIMIT_COUNTER_SHARDS 1024u

/* Frames: the length prefix counts what follows it. Depth and element budget bound what a decoder
 * may be made to do; every element costs at least a byte, so the budget is also the frame's size.
 */
#define LIMIT_FRAME_BYTES (200u * LIMIT_MIB)
#define LIMIT_FRAME_BYTES_BEFORE_HELLO (64u * LIMIT_KIB)
#define LIMIT_FRAME_DEPTH 8u

/* The ring. */
#define LIMIT_PARTITIONS_MAX 65536u
#define LIMIT_MEMBERS 4096u
#define LIMIT_REPLICAS 8u      /* N */
#define LIMIT_ROLES 4096u      /* nodes that were ever asked to be in; beyond it none is added */
#define LIMIT_ROLES_HARD 8192u /* what parts that added apart may come to, joined */
#define LIMIT_WEIGHT 1000u     /* a node's share relative to the others, 1 to this */
#define LIMIT_LIVE_LAYOUTS 8u  /* beyond it changes wait; a forced removal never does: */
#define LIMIT_LIVE_LAYOUTS_FORCED 16u /* beyond it the removal counts at once, its layout waits */
#define LIMIT_LIVE_LAYOUTS_HARD 64u   /* what parts that changed apart may come to, joined */
#define LIMIT_NAME_BYTES 255u         /* node, zone, cluster names; host names */
#define LIMIT_ZONES 256u

/* Units of work over keys (node/unit.h): the values that one has to hold in memory of its own. */
#define LIMIT_UNIT_BYTES (1024u * LIMIT_MIB)
/* Commands of a transaction over HTTP. */
#define LIMIT_UNIT_COMMANDS 65536u

/* Requests in flight. */
#define LIMIT_REQUESTS_PER_WORKER 65536u
#define LIMIT_REQUESTS_PER_CONNECTION 4096u
#define LIMIT_REQUEST_TARGETS 64u /* distinct nodes one request may ask: owners of live layouts */
#define LIMIT_QUEUE_BYTES_PER_PEER (256u * LIMIT_MIB)
#define LIMIT_QUEUE_BYTES_PER_CLIENT (64u * LIMIT_MIB)
#define LIMIT_CONNECTIONS_DEFAULT 10000u

/* Connections, for each worker: memory of requests that are arriving or in flight, and of answers
 * that wait to be read, all clients together; over them the answer is "overloaded". */
#define LIMIT_INPUT_BYTES_PER_WORKER (512u * LIMIT_MIB)
#define LIMIT_OUTPUT_BYTES_PER_WORKER (512u * LIMIT_MIB)
#define LIMIT_PEER_CONNECTIONS_PER_WORKER 16384u

/* Replies to a Redis client, which may send many commands before it reads any: so much waits for it
 * at once, more bit by bit while it reads nothing; beyond the most, or after so long without
 * reading, it is sent away. */
#define LIMIT_REDIS_REPLY_BYTES (4u * LIMIT_MIB)
#define LIMIT_REDIS_REPLY_BYTES_MAX (256u * LIMIT_MIB)
#define LIMIT_REDIS_UNREAD_SECONDS 60u

/* What peers ask of a worker and its disk must be read for first; over it they are told at once. */
#define LIMIT_PARKED_FRAMES 16384u
#define LIMIT_PARKED_BYTES (64u * LIMIT_MIB) /* one always may, however large */

/* Lists and copies: one page. */
#define LIMIT_PAGE_KEYS 1000u
#define LIMIT_PAGE_BYTES (1u * LIMIT_MIB)
#define LIMIT_LIST_KEYS 10000u /* the most keys one list answer carries */

/* Syncs: what one question names and one answer holds. */
#define LIMIT_SYNC_FAN 4u /* levels of a tree that one question goes down */
#define LIMIT_SYNC_NODES 256u
#define LIMIT_SYNC_SUMS (LIMIT_SYNC_NODES << LIMIT_SYNC_FAN)
#define LIMIT_SYNC_ENTRIES 4096u      /* listed in a page, before that of the last position */
#define LIMIT_SYNC_ENTRIES_HARD 8192u /* with it */
#define LIMIT_SYNC_NAMES LIMIT_PAGE_KEYS
#define LIMIT_PLAN_ROWS 8192u  /* members before a change and after it */
#define LIMIT_ENDED_ACTORS 64u /* one question about ended actors: a bit each in the answer */

/* Gossip: of one message. */
#define LIMIT_GOSSIP_RECORDS 256u /* given because they were lacking, and asked for */
#define LIMIT_GOSSIP_SUMMARY_BYTES (256u * LIMIT_KIB)
#define LIMIT_VIEW_NAMES_BYTES (4u * LIMIT_KIB) /* of its live layouts and its roles */

/* The live feed: longer values are left out of its events; lanes are the workers of all nodes, each
 * with a place in every cursor. */
#define LIMIT_FEED_VALUE_BYTES (256u * LIMIT_KIB)
#define LIMIT_FEED_LANES 16000u
#define LIMIT_FEED_CURSOR_BYTES (384u * LIMIT_KIB)
#define LIMIT_FEED_PAGE_BYTES (4u * LIMIT_MIB)  /* of a lane's events in one answer */
#define LIMIT_FEED_READERS 4096u                /* of one worker */
#define LIMIT_FEED_HELD_BYTES (16u * LIMIT_MIB) /* for them, of what came of late */
#define LIMIT_WATCHED_EVENTS 1000u              /* told to a client in one frame */

/* Smaller parts of messages. */
#define LIMIT_TOKEN_BYTES (96u * LIMIT_KIB) /* a context of LIMIT_CONTEXT_ENTRIES fits */
#define LIMIT_CURSOR_BYTES (LIMIT_KEY_BYTES_MAX + LIMIT_KIB)
#define LIMIT_TEXT_BYTES (4u * LIMIT_KIB)        /* an error's text, for people */
#define LIMIT_PATH_BYTES (4u * LIMIT_KIB - 1u)   /* of a folder on a node's machine */
#define LIMIT_CREDENTIALS_BYTES (4u * LIMIT_KIB) /* also a cluster's secret */
#define LIMIT_VIEW_BYTES (64u * LIMIT_MIB)       /* live layouts and trackers, whole */
#define LIMIT_CLOCK_BYTES (160u * LIMIT_KIB)     /* a partition clock */

/* Memory kept by a worker's arena between events. */
#define LIMIT_ARENA_KEEP_BYTES (4u * LIMIT_MIB)

#define LIMIT_WORKERS 256u

/* Files that are memory at a time, some of them about to be unmapped. */
#define LIMIT_MAPPINGS (LIMIT_WORKERS * 24u)

#endif
