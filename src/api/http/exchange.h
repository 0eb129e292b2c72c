/* A request over HTTP and its response, as the routes see them. The session reads the whole request
 * (head and body, which is bounded), finds its route, and calls it; the route answers now or later,
 * at once or piece by piece, exactly once. Whatever HTTP itself asks for (keeping the connection,
 * HEAD, chunks, compression, CORS, Date) happens in here, so that no route can forget it.
 *
 * An exchange lives until it has been answered, even if its client has gone: `user` memory taken
 * from it, the request's bytes and the arena stay until then. All calls on its worker's thread. */
#ifndef API_HTTP_EXCHANGE_H
#define API_HTTP_EXCHANGE_H

#include <stdarg.h>

#include "api/http.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "coordinate/request.h"
#include "node/unit.h"

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD = 2, /* is given to the GET route; what it writes as a body is only counted */
    HTTP_POST = 4,
    HTTP_PUT = 8,
    HTTP_DELETE = 16,
    HTTP_OPTIONS = 32, /* answered before routes: CORS, Allow */
};

struct http_field {
    struct bytes name; /* as it came: compare with http_field_is or find it with http_header */
    struct bytes value;
};

struct http_exchange;
struct http_desk;
typedef void (*http_handler)(struct http_exchange *exchange);

/* One row of a route table. The longest pattern that fits wins. */
struct http_route {
    uint8_t counted;     /* enum served_op: what its requests count as */
    uint32_t methods;    /* bits of enum http_method; others are answered 405 with Allow */
    const char *pattern; /* "/stats", or "/kv/" + "*": what follows is exchange->rest, still
                            percent-encoded, which may hold slashes and be empty */
    http_handler handle;
    bool takes_body;   /* else one is read, if it is short, and means nothing */
    bool refuses_body; /* ... nor is it passed over: a request that has one is refused, 400 */
    bool value_body;   /* the body is a value alone: bounded by limits.value_bytes */
    bool verbatim;     /* what it answers is never compressed */
    bool conditional;  /* it writes, and goes by If-Match and If-None-Match */
};

struct http_exchange {
    /* ---- the request; borrowed until it is answered ---- */
    uint32_t method; /* enum http_method */
    struct bytes path;
    struct bytes rest; /* what the pattern's '*' stands for */
    struct bytes query;
    const struct http_field *fields;
    uint32_t field_count;
    struct bytes body;

    /* ---- for the route ---- */
    struct arena *arena; /* its own; freed with it */
    struct http *http;
    struct http_desk *desk;
    struct worker *worker;
    struct loop *loop;
    struct request request; /* for whoever asks the core one thing: `user` is the exchange */
    struct unit unit;
    void *user;
    /* Streaming: more of the body may be written. NULL: writes are simply queued. */
    http_handler drained;
    /* The client has gone before the end; answer all the same, soon. NULL: no interest. */
    http_handler gone;
    uint64_t since_us; /* when its last byte was there */
    char id[33];       /* the request's id, hex: X-Request-Id, logs, errors */
};

/* What the surface was set up with. */
const struct http_options *http_options(const struct http *http);

/* ---- reading ---- */

/* The field's value, trimmed; data NULL: not there. Of several, the first. Its name in lower case.
 */
struct bytes http_header(const struct http_exchange *exchange, const char *name);
/* How many of that name there are. */
uint32_t http_header_count(const struct http_exchange *exchange, const char *name);
/* A parameter of the query, decoded (also '+'), in the arena; data NULL: not there. 0; SHOAL_EINVAL
 * (broken encoding; there twice); SHOAL_ENOMEM. */
int http_parameter(struct http_exchange *exchange, const char *name, struct bytes *out);
/* 0; or SHOAL_EINVAL after having answered 400 for a parameter that isn't one of these (ending with
 * NULL), naming the nearest. */
int http_parameters_only(struct http_exchange *exchange, const char *const *names);
/* Percent-decodes into the arena: 0, SHOAL_EINVAL, SHOAL_ENOMEM. '+' stays. */
int http_decode(struct http_exchange *exchange, struct bytes encoded, struct bytes *out);
/* Has the client what bears this entity tag (If-None-Match)? Then a read answers 304. Does it ask
 * for another one (If-Match)? Then 412, which goes first. A write is forbidden by both: 412. `tag`
 * has its quotes; data NULL: there is none. */
bool http_has(const struct http_exchange *exchange, struct bytes tag);
bool http_wants_other(const struct http_exchange *exchange, struct bytes tag);
bool http_forbids(const struct http_exchange *exchange, struct bytes tag);
/* Does the client take gzip? What is answered is compressed without asking; this is for routes that
 * have it compressed already, and say so (Content-Encoding, Vary). */
bool http_accepts_gzip(const struct http_exchange *exchange);

/* ---- answering, at once ---- */

/* Fields that the answer is to have; before it begins. Name: a literal; value: copied. */
void http_add(struct http_exchange *exchange, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The whole answer; the bytes are copied. `type` NULL: without one. Of a 304: what it would be if
 * it were a 200, for its fields. The exchange is gone after. */
void http_answer(struct http_exchange *exchange, uint32_t status, const char *type,
                 struct bytes body);
/* {"error":text}, from status 500 on with "request":id; the text is made JSON, whatever bytes are
 * in it. */
void http_fail(struct http_exchange *exchange, uint32_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What the core says of a failed request: its status and its text; an unknown outcome (504 when the
 * time was up, else 503) says so and has "outcome": "unknown". */
void http_fail_code(struct http_exchange *exchange, int code, struct bytes text);

/* ---- answering, piece by piece ---- */

void http_begin(struct http_exchange *exchange, uint32_t status, const char *type);
/* False: enough for now; go on when `drained` is called. */
bool http_write(struct http_exchange *exchange, struct bytes bytes);
/* The exchange is gone after. */
void http_end(struct http_exchange *exchange);
/* It can't be ended as it should be: the client is shown that by a broken connection. */
void http_break(struct http_exchange *exchange);

/* ---- taking the connection over (WebSocket) ---- */

/* The connection, once `head` (a whole head of an answer) has been appended; the exchange is gone,
 * and the session with it: the caller gives the connection its own handler (connection_handle)
 * before it returns to the loop, and bytes that had already arrived behind the request come through
 * that. It stays counted among the node's connections until http_taken_over_ended. NULL: the client
 * has gone (and the exchange, too). */
struct connection *http_take_over(struct http_exchange *exchange, struct bytes head);
/* Once, when the connection that was taken over is closed. */
void http_taken_over_ended(struct http *http, struct loop *loop);

/* ---- tables, one a file of routes; put together in routes.c ---- */

struct http_table {
    const struct http_route *routes;
    uint32_t count;
};

extern const struct http_table http_kv_table;      /* kv.c: /kv/{key} */
extern const struct http_table http_keys_table;    /* keys.c: /keys... */
extern const struct http_table http_data_table;    /* data.c: /data... */
extern const struct http_table http_execute_table; /* execute.c: /v1/execute */
extern const struct http_table http_node_table;    /* node.c: /health /ready /ping /stats ... */
extern const struct http_table http_wal_table;     /* wal.c: /wal */
extern const struct http_table http_page_table;    /* page.c: / and what it needs, /openapi.yaml */

#endif
