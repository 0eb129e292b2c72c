/* A write that answers what it replaced, in a cluster: a read by quorum, then a write with the
 * context of what was read, so that it replaces just that, and what others write in between stays
 * beside it. With a context of the client's own, that is what is replaced. */
#include "api/http/kv.h"

#include "base/queue.h"
#include "shoal/error.h"

static void on_written(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    if (outcome->code != 0) {
        http_fail_code(exchange, outcome->code, outcome->text);
        return;
    }
    key_add_context(exchange, outcome->context);
    kv_answer_written(exchange->user);
}

static void write_now(struct task *task)
{
    struct kv *kv = QUEUE_ITEM(task, struct kv, task);
    struct http_exchange *exchange = kv->exchange;
    key_prepare(exchange, kv->key, &kv->options, on_written);
    exchange->request.op = kv->deletes ? REQUEST_DELETE : REQUEST_PUT;
    exchange->request.value = exchange->body;
    exchange->request.context = kv->context;
    exchange->request.ttl_ms = kv->options.ttl_ms;
    key_submit(exchange);
}

/* In memory of the exchange, for the outcome's goes. False: there is none. */
static bool keep(struct kv *kv, const struct outcome *outcome)
{
    struct arena *arena = kv->exchange->arena;
    if (kv->context.data == NULL && outcome->context.data != NULL) {
        kv->context = arena_copy(arena, outcome->context);
        if (kv->context.data == NULL) {
            return false;
        }
    }
    if (outcome->value_count > 0) {
        struct bytes value = outcome->values[0].value;
        kv->siblings = outcome->value_count;
        kv->previous = value.len > 0 ? arena_copy(arena, value) : bytes_make("", 0);
        return kv->previous.data != NULL;
    }
    return true;
}

static void on_read(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    struct kv *kv = exchange->user;
    if (outcome->code != 0 && outcome->code != SHOAL_ENOTFOUND) {
        http_fail_code(exchange, outcome->code, outcome->text);
    } else if (!keep(kv, outcome)) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
    } else {
        task_init(&kv->task, write_now);
        loop_defer(exchange->loop, &kv->task);
    }
}

void kv_replace(struct kv *kv)
{
    struct http_exchange *exchange = kv->exchange;
    key_prepare(exchange, kv->key, &kv->options, on_read);
    exchange->request.op = REQUEST_GET;
    key_submit(exchange);
}
