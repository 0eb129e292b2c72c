/* The C client of Shoal.
 *
 * A client connects to any of several nodes, learns from them who owns which keys, and sends each
 * request straight to its key's first owner; when that one can't be reached, to another node.
 *
 * Two interfaces on one handle:
 *   - asynchronous: shoal_client_new() on your libevent base; shoal_put_start() and friends call
 * you back from the event loop. Many requests may be in flight; they are pipelined.
 *   - synchronous: shoal_client_open(); shoal_put() and friends wait for the answer.
 *
 * Caveats first
 *   - A write is never sent twice on the library's own account. If it is not known whether a write
 *     was applied (the connection broke or the time ran out after it was sent), its code is
 *     SHOAL_EUNKNOWN: read the key before you decide to write again. Reads, and writes of which
 *     it is certain that nothing was applied, are tried at other nodes until the time is up.
 *   - A get may find several values (siblings): concurrent writes that did not know of each other.
 *     The first is the one Shoal would choose. Write back with the context of the get to replace
 *     them all. A context belongs to its key; another key's is refused with SHOAL_ECONTEXT.
 *   - A client belongs to one thread at a time. Have one a thread.
 *   - Keys and values are arbitrary bytes, never ended by a NUL.
 *
 * Ownership: what you pass in is borrowed for the call and copied where it is needed longer. What
 * you are given says until when it is yours.
 *
 * Codes are those of shoal/error.h: 0 is done, failures are negative; shoal_error_text() and
 * shoal_client_error() put them into words. Outputs are written only where a comment says so. */
#ifndef SHOAL_CLIENT_H
#define SHOAL_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shoal/error.h"

#ifndef SHOAL_API
#define SHOAL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct event_base; /* libevent's */

/* Bytes somewhere. `data` NULL means "none" where that differs from "empty". */
struct shoal_bytes {
    const void *data;
    size_t len;
};

static inline struct shoal_bytes shoal_bytes(const void *data, size_t len)
{
    struct shoal_bytes bytes = {data, len};
    return bytes;
}

static inline struct shoal_bytes shoal_text(const char *text)
{
    return shoal_bytes(text, strlen(text));
}

/* ---- the client ------------------------------------------------------------------------------ */

enum shoal_routing {
    SHOAL_ROUTE_OWNERS = 0, /* straight to the owners of the key */
    SHOAL_ROUTE_GIVEN = 1,  /* only to the given nodes, in their order; they pass requests on */
};

/* All zeros means all defaults. */
struct shoal_config {
    const char *hosts;           /* "HOST[:PORT],HOST[:PORT]"; NULL is "127.0.0.1" */
    uint16_t port;               /* where `hosts` names none; default 3001 */
    enum shoal_routing routing;  /* default SHOAL_ROUTE_OWNERS */
    const char *name;            /* what the client calls itself in the nodes' logs; may be NULL */
    uint64_t timeout_ms;         /* of a request whose options give none; default 5000 */
    uint64_t connect_timeout_ms; /* of one attempt to connect; default 2000 */
    uint64_t refresh_ms;         /* how old the layout may get; default 10000 */
    uint32_t connections;        /* to each node, at most 1024; default 1 */
    uint32_t in_flight_max;      /* requests on one connection, at most 4096; default 256 */
    uint32_t waiting_max;        /* requests started and not done; default 65536 */
    size_t waiting_bytes_max;    /* what these may hold; default 256 MiB */
};

struct shoal_client;

/* A client on the caller's event base. Connects when there is something to ask. 0, SHOAL_EINVAL for
 * a config that makes no sense (a malformed host), SHOAL_ENOMEM. While the client lives it may keep
 * events pending on the base, so a loop that should end when idle must free the client first. */
SHOAL_API int shoal_client_new(const struct shoal_config *config, struct event_base *base,
                               struct shoal_client **out);

/* A client with an event base of its own, connected: 0, SHOAL_EINVAL, SHOAL_ENOMEM, or why no node
 * could be reached (SHOAL_ECONNECT, SHOAL_EVERSION, ...). `config` may be NULL. If it fails and
 * `text` is not NULL, up to text_size bytes of explanation are put there. */
SHOAL_API int shoal_client_open(const struct shoal_config *config, struct shoal_client **out,
                                char *text, size_t text_size);

/* Ends a client of either kind. Requests that are not done yet are called back during the call:
 * with SHOAL_ESHUTDOWN where nothing was applied, SHOAL_EUNKNOWN where it may have been. May be
 * called from a callback; then it takes place when the callback has returned. NULL is fine. */
SHOAL_API void shoal_client_free(struct shoal_client *client);

/* What went wrong in the last synchronous call that failed, in one line; "" if none did. Valid
 * until the next synchronous call. */
SHOAL_API const char *shoal_client_error(const struct shoal_client *client);

/* The base the client lives on; its own for shoal_client_open(). */
SHOAL_API struct event_base *shoal_client_base(const struct shoal_client *client);

/* How many nodes the client knows of. */
SHOAL_API size_t shoal_client_node_count(const struct shoal_client *client);

/* ---- requests and results -------------------------------------------------------------------- */

/* Quorum numbers beside 1, 2, 3...: 0 is the cluster's default. */
enum { SHOAL_ONE = 1, SHOAL_QUORUM = -1, SHOAL_ALL = -2 };

/* All zeros means all defaults. */
struct shoal_options {
    int32_t n;                  /* owners asked */
    int32_t r;                  /* answers a read needs */
    int32_t w;                  /* confirmations a write needs */
    int32_t pr;                 /* answers that must come from owners */
    int32_t pw;                 /* confirmations that must come from owners */
    int32_t dw;                 /* confirmations that must be durable */
    uint64_t timeout_ms;        /* 0: the client's */
    uint64_t ttl_ms;            /* put: the value is hidden after that; 0: never */
    struct shoal_bytes context; /* put, delete: replace exactly what this context covers */
    /* W3C Trace Context, "00-<trace id>-<span id>-<flags>": what the request is done for. Its trace
     * id is the request's id in the nodes' logs and in errors, its spans are children of this one.
     * Borrowed for the call; malformed, the request is refused with SHOAL_EINVAL; NULL: none. */
    const char *traceparent;
};

struct shoal_value {
    struct shoal_bytes value;
    uint64_t hlc;       /* hybrid logical time of its write: the upper 48 bits are ms since 1970 */
    uint64_t expiry_ms; /* it is hidden after that, in ms since 1970; 0: never */
    int counter;        /* a counter (see shoal_add_start): the value is its decimal digits */
};

/* A key of a list; `value` is there (data not NULL) when values were asked for. */
struct shoal_entry {
    struct shoal_bytes key;
    struct shoal_bytes value;
};

/* What came of one request. */
struct shoal_result {
    int code;                   /* 0 or a negative enum shoal_error */
    const char *text;           /* "", or one line for people: what happened and what to do */
    struct shoal_bytes context; /* for the next write of the key; data NULL when there is none */
    const struct shoal_value *values; /* get: the siblings, the winner first */
    size_t value_count;
    const struct shoal_entry *entries; /* list */
    size_t entry_count;
    struct shoal_bytes after; /* list: pass it on for what follows; data NULL at the end */
    uint32_t owners;          /* owners that answered or confirmed */
    uint32_t fallbacks;       /* others that confirmed in an owner's stead */
    uint32_t needed;          /* how many the quorum asked for */
    int64_t number; /* add: the number that the key holds now; expire: the expiry it had */
};

SHOAL_API void shoal_result_free(struct shoal_result *result); /* NULL is fine */

/* ---- asynchronous ---------------------------------------------------------------------------- */

/* Called exactly once for each request that was started, from the event loop (or from
 * shoal_client_free), never from within the call that starts it. `result` is valid during the
 * callback. The callback may start requests and free the client. */
typedef void (*shoal_done_fn)(struct shoal_client *client, const struct shoal_result *result,
                              void *user);

/* Each starts one request: 0, and `done` will be called; otherwise it won't: SHOAL_EOVERLOAD when
 * as much is waiting as the config allows, SHOAL_ENOMEM, SHOAL_ESHUTDOWN on a client that is being
 * freed. Whatever is wrong with the request itself is told by its result. `options` may be NULL. */

SHOAL_API int shoal_put_start(struct shoal_client *client, struct shoal_bytes key,
                              struct shoal_bytes value, const struct shoal_options *options,
                              shoal_done_fn done, void *user);

/* A missing key is code SHOAL_ENOTFOUND; the result's context then covers the deletion, if any. */
SHOAL_API int shoal_get_start(struct shoal_client *client, struct shoal_bytes key,
                              const struct shoal_options *options, shoal_done_fn done, void *user);

/* Deleting what isn't there is done all the same. */
SHOAL_API int shoal_delete_start(struct shoal_client *client, struct shoal_bytes key,
                                 const struct shoal_options *options, shoal_done_fn done,
                                 void *user);

/* Adds to the number that the key holds, 0 where it holds nothing; the result's `number` is what it
 * is then. None of several additions is lost, whichever nodes carry them out, but two that are
 * carried out apart may answer the same number. A value that is no whole number of 64 bits, in
 * decimal and its shortest form, is SHOAL_EINVAL, and so is leaving that range. Like every write it
 * is never sent twice: SHOAL_EUNKNOWN says that it may have been added. Takes no context. */
SHOAL_API int shoal_add_start(struct shoal_client *client, struct shoal_bytes key, int64_t delta,
                              const struct shoal_options *options, shoal_done_fn done, void *user);

/* What the key holds is hidden after this time, in ms since 1970; 0: never. SHOAL_ENOTFOUND when it
 * holds nothing; the result's `number` is the expiry that it had. Takes no context. */
SHOAL_API int shoal_expire_start(struct shoal_client *client, struct shoal_bytes key,
                                 uint64_t expiry_ms, const struct shoal_options *options,
                                 shoal_done_fn done, void *user);

struct shoal_list {
    struct shoal_bytes prefix; /* empty: all keys */
    struct shoal_bytes after;  /* of an earlier result; data NULL: from the beginning */
    uint32_t limit;            /* keys in this page, at most 10000; 0: as many as fit */
    int with_values;
};

/* A page of keys, in the order of the ring. It may hold fewer keys than the limit, or none, and yet
 * not be the last: go on until the result's `after` is none. */
SHOAL_API int shoal_list_start(struct shoal_client *client, const struct shoal_list *list,
                               const struct shoal_options *options, shoal_done_fn done, void *user);

/* Asks a node whether it is there. */
SHOAL_API int shoal_ping_start(struct shoal_client *client, const struct shoal_options *options,
                               shoal_done_fn done, void *user);

/* Several operations, each its own request: they succeed or fail one by one, in any order. */
enum shoal_operation_kind {
    SHOAL_PUT = 0,
    SHOAL_GET = 1,
    SHOAL_DELETE = 2,
    SHOAL_ADD = 3,
};

struct shoal_operation {
    enum shoal_operation_kind kind;
    struct shoal_bytes key;
    struct shoal_bytes value;   /* put */
    struct shoal_bytes context; /* put, delete; data NULL: none */
    uint64_t ttl_ms;            /* put; 0: none */
    int64_t delta;              /* add */
};

/* results[i] is that of operations[i]. All is valid during the callback. */
typedef void (*shoal_batch_done_fn)(struct shoal_client *client,
                                    const struct shoal_result *const *results, size_t count,
                                    void *user);

/* `options` are for each of them; context and ttl come from the operation. Nothing is started
 * unless there is room for all: SHOAL_EOVERLOAD. */
SHOAL_API int shoal_batch_start(struct shoal_client *client,
                                const struct shoal_operation *operations, size_t count,
                                const struct shoal_options *options, shoal_batch_done_fn done,
                                void *user);

SHOAL_API int shoal_mget_start(struct shoal_client *client, const struct shoal_bytes *keys,
                               size_t count, const struct shoal_options *options,
                               shoal_batch_done_fn done, void *user);

/* ---- synchronous ----------------------------------------------------------------------------- */

/* For clients of shoal_client_open(); for others, and from a callback, SHOAL_EINVAL: they run the
 * loop. They return the code. On 0 *result is the caller's, to be freed with shoal_result_free;
 * `result` may be NULL where it is of no interest. On failure it is untouched, but for
 * SHOAL_ENOTFOUND of a get, whose result holds the context; shoal_client_error() has the words. */

SHOAL_API int shoal_put(struct shoal_client *client, struct shoal_bytes key,
                        struct shoal_bytes value, const struct shoal_options *options,
                        struct shoal_result **result);
SHOAL_API int shoal_get(struct shoal_client *client, struct shoal_bytes key,
                        const struct shoal_options *options, struct shoal_result **result);
SHOAL_API int shoal_delete(struct shoal_client *client, struct shoal_bytes key,
                           const struct shoal_options *options, struct shoal_result **result);
SHOAL_API int shoal_add(struct shoal_client *client, struct shoal_bytes key, int64_t delta,
                        const struct shoal_options *options, struct shoal_result **result);
SHOAL_API int shoal_expire(struct shoal_client *client, struct shoal_bytes key, uint64_t expiry_ms,
                           const struct shoal_options *options, struct shoal_result **result);
SHOAL_API int shoal_list(struct shoal_client *client, const struct shoal_list *list,
                         const struct shoal_options *options, struct shoal_result **result);
SHOAL_API int shoal_ping(struct shoal_client *client, const struct shoal_options *options);

/* results receives `count` results, each with its own code, all to be freed by the caller; the
 * return value is 0 if every request got one, whatever it says, and then all are set; otherwise
 * none is. Any number of operations; as many at a time are in flight as the config allows. */
SHOAL_API int shoal_batch(struct shoal_client *client, const struct shoal_operation *operations,
                          size_t count, const struct shoal_options *options,
                          struct shoal_result **results);
SHOAL_API int shoal_mget(struct shoal_client *client, const struct shoal_bytes *keys, size_t count,
                         const struct shoal_options *options, struct shoal_result **results);

#ifdef __cplusplus
}
#endif
#endif
