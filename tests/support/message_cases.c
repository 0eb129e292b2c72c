/* The table of all kinds of message, filled by one macro from their generators and codecs. */
#include "support/message_cases.h"

#include "base/assert.h"
#include "support/random_message.h"

#define MESSAGE_CASE(name)                                                                         \
    static int encode_random_##name(struct random *random, struct arena *arena,                    \
                                    struct buffer *out)                                            \
    {                                                                                              \
        struct message_##name message;                                                             \
        random_##name(random, arena, &message);                                                    \
        return message_##name##_encode(&message, out);                                             \
    }                                                                                              \
    static int recode_##name(struct bytes payload, struct arena *arena, struct buffer *out)        \
    {                                                                                              \
        struct message_##name message;                                                             \
        int error = message_##name##_decode(payload, arena, &message);                             \
        if (error != 0) {                                                                          \
            return error;                                                                          \
        }                                                                                          \
        error = message_##name##_encode(&message, out);                                            \
        ASSERT(error == 0);                                                                        \
        return 0;                                                                                  \
    }

MESSAGE_CASE(hello)
MESSAGE_CASE(hello_reply)
MESSAGE_CASE(request)
MESSAGE_CASE(forward)
MESSAGE_CASE(result)
MESSAGE_CASE(list)
MESSAGE_CASE(list_reply)
MESSAGE_CASE(status_reply)
MESSAGE_CASE(ring_reply)
MESSAGE_CASE(join)
MESSAGE_CASE(backup)
MESSAGE_CASE(backup_reply)
MESSAGE_CASE(verify)
MESSAGE_CASE(verify_reply)
MESSAGE_CASE(repair)
MESSAGE_CASE(repair_reply)
MESSAGE_CASE(store)
MESSAGE_CASE(stored)
MESSAGE_CASE(fetch)
MESSAGE_CASE(fetched)
MESSAGE_CASE(scan)
MESSAGE_CASE(scanned)
MESSAGE_CASE(gossip)
MESSAGE_CASE(gossip_reply)
MESSAGE_CASE(admit)
MESSAGE_CASE(admit_reply)
MESSAGE_CASE(goodbye)
MESSAGE_CASE(compare)
MESSAGE_CASE(compared)
MESSAGE_CASE(sync_root)
MESSAGE_CASE(sync_rooted)
MESSAGE_CASE(sync_nodes)
MESSAGE_CASE(sync_sums)
MESSAGE_CASE(sync_leaves)
MESSAGE_CASE(sync_listed)
MESSAGE_CASE(sync_fetch)
MESSAGE_CASE(sync_fetched)
MESSAGE_CASE(ended)
MESSAGE_CASE(ended_reply)
MESSAGE_CASE(invite)
MESSAGE_CASE(change)
MESSAGE_CASE(change_reply)
MESSAGE_CASE(release)
MESSAGE_CASE(released)
MESSAGE_CASE(feed)
MESSAGE_CASE(fed)
MESSAGE_CASE(watch)
MESSAGE_CASE(watched)
MESSAGE_CASE(unwatch)

#define CASE_ENTRY_OPTIONAL(name, kind_, at, says_nothing)                                         \
    {                                                                                              \
#name, kind_, encode_random_##name, recode_##name, at, says_nothing                        \
    }
#define CASE_ENTRY(name, kind_) CASE_ENTRY_OPTIONAL(name, kind_, 0, 0)

const struct message_case message_cases[] = {
    CASE_ENTRY(hello, MESSAGE_HELLO),
    CASE_ENTRY(hello_reply, MESSAGE_HELLO_REPLY),
    CASE_ENTRY_OPTIONAL(request, MESSAGE_REQUEST, 8, NO_TRACE),
    CASE_ENTRY(forward, MESSAGE_FORWARD),
    CASE_ENTRY_OPTIONAL(result, MESSAGE_RESULT, 9, NO_NUMBER),
    CASE_ENTRY_OPTIONAL(list, MESSAGE_LIST, 7, NO_TRACE),
    CASE_ENTRY(list_reply, MESSAGE_LIST_REPLY),
    CASE_ENTRY(status_reply, MESSAGE_STATUS_REPLY),
    CASE_ENTRY(ring_reply, MESSAGE_RING_REPLY),
    CASE_ENTRY(join, MESSAGE_JOIN),
    CASE_ENTRY(backup, MESSAGE_BACKUP),
    CASE_ENTRY(backup_reply, MESSAGE_BACKUP_REPLY),
    CASE_ENTRY(verify, MESSAGE_VERIFY),
    CASE_ENTRY(verify_reply, MESSAGE_VERIFY_REPLY),
    CASE_ENTRY(repair, MESSAGE_REPAIR),
    CASE_ENTRY(repair_reply, MESSAGE_REPAIR_REPLY),
    CASE_ENTRY_OPTIONAL(store, MESSAGE_STORE, 9, NO_TRACE),
    CASE_ENTRY(stored, MESSAGE_STORED),
    CASE_ENTRY_OPTIONAL(fetch, MESSAGE_FETCH, 7, NO_TRACE),
    CASE_ENTRY(fetched, MESSAGE_FETCHED),
    CASE_ENTRY_OPTIONAL(scan, MESSAGE_SCAN, 9, NO_TRACE),
    CASE_ENTRY(scanned, MESSAGE_SCANNED),
    CASE_ENTRY(gossip, MESSAGE_GOSSIP),
    CASE_ENTRY(gossip_reply, MESSAGE_GOSSIP_REPLY),
    CASE_ENTRY(admit, MESSAGE_ADMIT),
    CASE_ENTRY(admit_reply, MESSAGE_ADMIT_REPLY),
    CASE_ENTRY(goodbye, MESSAGE_GOODBYE),
    CASE_ENTRY(compare, MESSAGE_COMPARE),
    CASE_ENTRY(compared, MESSAGE_COMPARED),
    CASE_ENTRY(sync_root, MESSAGE_SYNC_ROOT),
    CASE_ENTRY(sync_rooted, MESSAGE_SYNC_ROOTED),
    CASE_ENTRY(sync_nodes, MESSAGE_SYNC_NODES),
    CASE_ENTRY(sync_sums, MESSAGE_SYNC_SUMS),
    CASE_ENTRY(sync_leaves, MESSAGE_SYNC_LEAVES),
    CASE_ENTRY(sync_listed, MESSAGE_SYNC_LISTED),
    CASE_ENTRY(sync_fetch, MESSAGE_SYNC_FETCH),
    CASE_ENTRY(sync_fetched, MESSAGE_SYNC_FETCHED),
    CASE_ENTRY(ended, MESSAGE_ENDED),
    CASE_ENTRY(ended_reply, MESSAGE_ENDED_REPLY),
    CASE_ENTRY(invite, MESSAGE_INVITE),
    CASE_ENTRY(change, MESSAGE_CHANGE),
    CASE_ENTRY(change_reply, MESSAGE_CHANGE_REPLY),
    CASE_ENTRY(release, MESSAGE_RELEASE),
    CASE_ENTRY(released, MESSAGE_RELEASED),
    CASE_ENTRY(feed, MESSAGE_FEED),
    CASE_ENTRY(fed, MESSAGE_FED),
    CASE_ENTRY(watch, MESSAGE_WATCH),
    CASE_ENTRY(watched, MESSAGE_WATCHED),
    CASE_ENTRY(unwatch, MESSAGE_UNWATCH),
};
const size_t message_case_count = sizeof(message_cases) / sizeof(message_cases[0]);
