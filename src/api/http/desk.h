/* What the files of the HTTP engine share and no one else should look at: a desk a worker, its
 * sessions (a connection each), its calls (a request each, from its head's end to its answer's). */
#ifndef API_HTTP_DESK_H
#define API_HTTP_DESK_H

#include "api/http/chunks.h"
#include "api/http/cors.h"
#include "api/http/exchange.h"
#include "api/http/gzip.h"
#include "api/http/head.h"
#include "net/connection.h"

#define HTTP_DATE_BYTES 64u
#define HTTP_PASSED_OVER_BYTES_MAX 65536u /* of a body that means nothing */

struct http_session;

/* One worker's share: touched by its loop's thread alone. */
struct http_desk {
    struct http *http;
    struct queue sessions;
    struct queue calls; /* in use */
    struct queue free_calls;
    uint32_t free_call_count;
    uint32_t gzip_streams; /* bodies that are being compressed piece by piece */
    uint64_t date_s;       /* the second of ... */
    uint32_t common_len;
    char common[HTTP_DATE_BYTES]; /* ... the fields that every answer has */
};

struct http {
    struct http_options options; /* settings: as at the start; those that change are below */
    struct http_cors cors;
    _Atomic uint64_t body_bytes_max;
    _Atomic uint64_t head_bytes_max;
    _Atomic uint64_t idle_us;
    _Atomic uint64_t request_us;
    struct http_desk desks[];
};

/* How what is written leaves. */
enum http_sending {
    HTTP_SENDING_NOTHING, /* not begun */
    HTTP_SENDING_CHUNKS,
    HTTP_SENDING_TO_THE_END, /* HTTP/1.0: the connection's end is the body's */
    HTTP_SENDING_DROPPED,    /* HEAD: it is not sent at all */
};

/* A request. Recycled by the desk; what the exchange borrows lies in the blocks. */
struct http_call {
    struct http_exchange exchange;
    struct queue link; /* in desk->calls, or among the free ones */
    struct http_session *session;
    const struct http_route *route;
    struct http_head head;
    struct arena arena;
    struct buffer added;        /* fields of the answer, whole lines */
    size_t tag_at;              /* of the ETag's value in `added`; 0: there is none */
    bool coded;                 /* the route has compressed it by itself */
    struct input_block *block;  /* where the request lies */
    struct input_block *chunks; /* its chunked body, put together; or NULL */
    struct http_gzip *gzip;     /* the body is compressed as it is written; or NULL */
    uint32_t status;            /* answered with; 0: not yet */
    bool unknown;               /* ... that nobody can say whether it was applied */
    uint8_t sending;            /* enum http_sending */
    bool at_work;               /* counted in loop->at_work */
    bool waits;                 /* http_write has said so: `drained` is to be called */
    char client_id[65];         /* X-Request-Id as the client gave it; "" */
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* A connection.
 *
 *      BETWEEN --> HEAD --> LENGTH ----> ROUTE --> BETWEEN ...
 *                   |'----> CHUNKS ------^ ^
 *                   '----------------------'
 */
enum http_phase {
    HTTP_BETWEEN, /* two requests; nothing has come of the next */
    HTTP_HEAD_COMING,
    HTTP_LENGTH_COMING, /* the head and its body of known length wait until both are whole */
    HTTP_CHUNKS_COMING, /* the head has been taken: `call` holds it */
    HTTP_ROUTE_AT_WORK, /* `call` is being answered; what comes meanwhile waits */
};

struct http_session {
    struct http_desk *desk;
    struct loop *loop;
    struct queue link;             /* in desk->sessions */
    struct connection *connection; /* NULL once closed, or taken over */
    struct http_call *call;
    struct http_head_progress progress;
    struct http_chunks chunks;
    size_t whole;      /* LENGTH: bytes of head and body */
    uint64_t since_us; /* when the phase began; of LENGTH and CHUNKS: when the head did */
    struct timer timer;
    struct task task;   /* goes on writing */
    uint64_t sent_seen; /* output, when it was looked at last ... */
    uint64_t sent_us;   /* ... and when it had moved last */
    uint8_t phase;      /* enum http_phase */
    bool last;          /* the connection ends after the answer */
    bool ended;         /* the client sends no more */
    bool continued;     /* 100 Continue has been sent */
    bool taking;        /* in the input call: whoever ends the session leaves that to it */
    bool over;          /* ... as has happened */
};

/* ---- session.c ---- */

/* The call under way is answered: the session goes on, or ends. */
void http_session_answered(struct http_session *session);
/* The connection is somebody else's from now on: the session is over. */
void http_session_leave(struct http_session *session);
/* Those whose calls nobody answered. */
void http_sessions_free(struct http_desk *desk);
void http_count(struct http *http, const struct loop *loop, metric_id id, uint64_t amount);

/* ---- call.c ---- */

struct http_call *http_call_new(struct http_session *session);
/* With everything that it holds; whoever waits for it is not told. */
void http_call_free(struct http_call *call);
/* Frees what is still in use, and the recycled ones. */
void http_calls_free(struct http_desk *desk);

/* ---- begin.c ---- */

enum http_way {
    HTTP_WAY_ROUTE,  /* call->route, or OPTIONS: the body, if there is one, is to be read first */
    HTTP_WAY_REFUSE, /* the problem is the answer */
};

/* A head has come (in `head_bytes`, which stay where they are): reads it, finds its route, and
 * decides whether it may go on. */
enum http_way http_call_begin(struct http_call *call, struct bytes head_bytes,
                              struct http_problem *problem);
/* How long its body may be. */
uint64_t http_call_body_bytes_max(const struct http_call *call);
/* All of it is there: the route is called. The call may be over when this returns. */
void http_call_run(struct http_call *call, struct bytes body);

/* ---- answer.c ---- */

/* "GET, HEAD, OPTIONS" */
#define HTTP_ALLOW_BYTES 64u
void http_allow_text(uint32_t methods, char out[HTTP_ALLOW_BYTES]);
/* The answer is complete: every exchange ends here. */
void http_call_end(struct http_call *call);

/* ---- fail.c ---- */

/* As http_fail. */
void http_call_refuse(struct http_call *call, const struct http_problem *problem);
/* ---- status.c ---- */

/* "200 OK" and the like. */
const char *http_status_text(uint32_t status);
/* What stands for a code of the core's. */
uint32_t http_status_of(int code);

#endif
