/* The parts of /kv: reading (kv.c), writing (kv_write.c), writing where the old value matters, on a
 * standalone node in one step (kv_step.c), else by a read and a write (kv_previous.c). */
#ifndef API_HTTP_KV_H
#define API_HTTP_KV_H

#include "api/http/key_request.h"

/* Of one request; in its arena, at exchange->user. */
struct kv {
    struct http_exchange *exchange;
    struct bytes key;
    struct bytes context; /* the client's; data NULL: none */
    struct key_options options;
    struct bytes previous; /* the old value; data NULL: there was none */
    uint32_t siblings;     /* of it */
    bool deletes;
    bool refused; /* a condition did not hold */
    bool failed;  /* no memory to keep the old value in */
    struct task task;
};

/* PUT and DELETE. */
void kv_write(struct http_exchange *exchange);

/* As one unit; the node stands alone. */
void kv_step(struct kv *kv);
/* A read, then a write on top of what was read. */
void kv_replace(struct kv *kv);

/* The write's answer: 204, or 200 and the old value where that is wanted. */
void kv_answer_written(struct kv *kv);

#endif
