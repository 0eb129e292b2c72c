/* The head of a request (RFC 9112), read strictly: whatever two parties could understand in two
 * ways is refused, for that is what request smuggling lives on. CRLF ends lines and nothing else
 * does; no folded lines, no blanks around names, one Content-Length of digits alone, never with
 * Transfer-Encoding, which is "chunked" or refused. Pure.
 *
 * In two steps, so that nothing is kept between reads but a position: http_head_scan looks for the
 * end as bytes come in, http_head_read understands the whole. What comes of it is the same in
 * whatever pieces the bytes come. */
#ifndef API_HTTP_HEAD_H
#define API_HTTP_HEAD_H

#include "api/http/exchange.h"

#define HTTP_FIELDS_MAX 100u

/* Beyond enum http_method: known, and never allowed. */
#define HTTP_METHOD_REFUSED 1024u

struct http_head_bounds {
    size_t bytes; /* of request line and fields, all line ends included */
};

/* Zero-initialised before each request. */
struct http_head_progress {
    size_t scanned; /* these bytes hold no end of the head ... */
    size_t line;    /* ... and the line that isn't whole begins here */
    bool begun;     /* the request line is whole */
};

struct http_problem {
    uint32_t status;
    const char *text;
};

enum http_body_kind { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED };

struct http_head {
    uint32_t method;    /* enum http_method, HTTP_METHOD_REFUSED, or 0: unknown */
    uint32_t version;   /* 10 or 11 */
    struct bytes path;  /* "*" as it is */
    struct bytes query; /* without '?'; data NULL: none */
    const struct http_field *fields;
    uint32_t field_count;
    enum http_body_kind body;
    uint64_t body_bytes; /* HTTP_BODY_LENGTH */
    bool close;          /* Connection: close */
    bool keep_alive;     /* Connection: keep-alive */
    bool expects;        /* Expect: 100-continue */
};

/* 1: the head is *head_bytes long; 0: it isn't whole; SHOAL_EPROTO and a problem. */
int http_head_scan(struct http_head_progress *progress, struct bytes bytes,
                   const struct http_head_bounds *bounds, size_t *head_bytes,
                   struct http_problem *problem);

/* The head that was found, its empty line included; what comes out points into it. `fields` has
 * room for HTTP_FIELDS_MAX. 0, or SHOAL_EPROTO and a problem. */
int http_head_read(struct bytes bytes, struct http_field *fields, struct http_head *head,
                   struct http_problem *problem);

/* Letters, digits and what else a token may have. */
bool http_is_token(struct bytes bytes);
/* A field's line without its end: name and trimmed value. 0, or SHOAL_EPROTO and a problem. */
int http_field_read(struct bytes line, struct http_field *field, struct http_problem *problem);
/* Are these the same, but for the case of ASCII letters? `name` is lower case. */
bool http_text_is(struct bytes bytes, const char *name);
/* The next member of a comma-separated list, trimmed, from *rest on; false: no more. Empty ones are
 * passed over. */
bool http_list_next(struct bytes *rest, struct bytes *member);

#endif
