/* What /kv and /data have in common: the key in the path, how it is to be read or written (the
 * parameters of the query), contexts and entity tags. Each function that takes something answers
 * the request itself, with what is wrong and what would be right, if it can't. */
#ifndef API_HTTP_KEY_REQUEST_H
#define API_HTTP_KEY_REQUEST_H

#include "api/http/exchange.h"

/* Parameters that only some requests take; r, w, pr, pw, dw, n and timeout all of them do. */
enum {
    KEY_TTL = 1,      /* ttl=60s */
    KEY_SIBLINGS = 2, /* siblings=all */
    KEY_RETURN = 4,   /* return=previous */
};

struct key_options {
    struct request_options quorum;
    uint64_t ttl_ms; /* 0: none */
    bool siblings;
    bool previous;
};

/* 0, or negative after having answered. `allowed`: of the above. */
int key_take_options(struct http_exchange *exchange, uint32_t allowed, struct key_options *out);

/* A parameter as a text, shorter than `room`. 1: it is there; 0: it is not; negative: answered. */
int key_take_word(struct http_exchange *exchange, const char *name, char *out, size_t room);
/* 0 (left alone where it is not there), or negative after having answered. */
int key_take_timeout(struct http_exchange *exchange, uint64_t *out_us);

/* The path's rest as a key. 0, or negative after having answered. */
int key_take_path(struct http_exchange *exchange, struct bytes *key);

/* X-Shoal-Context; data NULL: there is none. 0, or negative after having answered. */
int key_take_context(struct http_exchange *exchange, struct bytes *context);

/* Key, value and options are within their bounds. 0, or negative after having answered: a key from
 * the path that is too long 414, from a body 400; a value that is too large 413. */
int key_check(struct http_exchange *exchange, bool in_path, struct bytes key, struct bytes value,
              const struct key_options *options);

/* Fills in the exchange's own request, but for what op, value and context are. */
void key_prepare(struct http_exchange *exchange, struct bytes key,
                 const struct key_options *options, request_done done);
void key_submit(struct http_exchange *exchange);

/* The field X-Shoal-Context; none for data NULL. */
void key_add_context(struct http_exchange *exchange, struct bytes context);

/* Entity tags: what they are made from is shown_stamp (model/shown.h). */
#define KEY_TAG_BYTES (2u + 16u + 1u)
struct bytes key_tag(uint64_t stamp, char out[KEY_TAG_BYTES]);
uint64_t key_stamp(const struct outcome *outcome);

/* What was read is there: adds its fields (entity tag, context, how many siblings, expiry). True:
 * the client has it already, or wants it no more as it is, and has been answered. `type` and
 * `body`: as http_answer takes them for a 304. */
bool key_answer_unchanged(struct http_exchange *exchange, const struct outcome *outcome,
                          const char *type, struct bytes body);

/* The beginning of a key as messages name it, whatever bytes are in it. */
#define KEY_SHOWN_BYTES 64
#define KEY_SHOWN(key)                                                                             \
    (int)((key).len < KEY_SHOWN_BYTES ? (key).len : KEY_SHOWN_BYTES), (const char *)(key).data

/* "... needs a linearizable key": 409. */
void key_fail_linear(struct http_exchange *exchange, const char *what);

/* What is wrong with a body: 400, 413; or SHOAL_ENOMEM. */
void key_fail_body(struct http_exchange *exchange, int code, const char *why);

/* What a read has failed with, a missing key among it: 404. */
void key_fail(struct http_exchange *exchange, struct bytes key, const struct outcome *outcome);

#endif
