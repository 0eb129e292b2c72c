/* The memory of a request: taken when its head has come, given back with its answer. Recycled, with
 * the arena and the buffer in it, so that a request costs no allocation. */
#include "api/http/desk.h"
#include "base/limits.h"
#include "base/memory.h"

#define FREE_CALLS_KEPT 256u
#define ARENA_KEEP_BYTES (16u * LIMIT_KIB)
#define ADDED_KEEP_BYTES (4u * LIMIT_KIB)

static void reset(struct http_call *call)
{
    call->route = NULL;
    call->head = (struct http_head){0};
    call->tag_at = 0;
    call->coded = false;
    call->block = NULL;
    call->chunks = NULL;
    call->gzip = NULL;
    call->status = 0;
    call->unknown = false;
    call->sending = HTTP_SENDING_NOTHING;
    call->at_work = false;
    call->waits = false;
    call->client_id[0] = 0;
}

static struct http_call *make(void)
{
    struct http_call *call = mem_alloc(sizeof(*call));
    if (call != NULL) {
        queue_init(&call->link);
        arena_init(&call->arena, ARENA_KEEP_BYTES);
        buffer_init(&call->added, LIMIT_MIB);
    }
    return call;
}

struct http_call *http_call_new(struct http_session *session)
{
    struct http_desk *desk = session->desk;
    struct queue *link = queue_pop(&desk->free_calls);
    struct http_call *call = NULL;
    if (link != NULL) {
        desk->free_call_count--;
        call = QUEUE_ITEM(link, struct http_call, link);
    } else {
        call = make();
    }
    if (call == NULL) {
        return NULL;
    }
    reset(call);
    queue_push(&desk->calls, &call->link);
    call->session = session;
    call->exchange = (struct http_exchange){
        .arena = &call->arena,
        .http = desk->http,
        .desk = desk,
        .worker = session->loop->worker,
        .loop = session->loop,
    };
    return call;
}

static void destroy(struct http_call *call)
{
    queue_remove(&call->link);
    arena_deinit(&call->arena);
    buffer_deinit(&call->added);
    mem_free(call);
}

void http_call_free(struct http_call *call)
{
    struct http_desk *desk = call->exchange.desk;
    struct input_pool *pool = &call->exchange.loop->input;
    if (call->block != NULL) {
        input_block_unref(pool, call->block);
    }
    if (call->chunks != NULL) {
        input_block_unref(pool, call->chunks);
    }
    if (call->gzip != NULL) {
        http_gzip_free(call->gzip);
        desk->gzip_streams--;
    }
    call->exchange.loop->at_work -= call->at_work ? 1 : 0;
    if (desk->free_call_count == FREE_CALLS_KEPT) {
        destroy(call);
        return;
    }
    arena_reset(&call->arena);
    buffer_clear(&call->added);
    if (call->added.capacity > ADDED_KEEP_BYTES) {
        buffer_deinit(&call->added);
    }
    queue_remove(&call->link);
    queue_push(desk->free_calls.next, &call->link); /* the last used first */
    desk->free_call_count++;
}

void http_calls_free(struct http_desk *desk)
{
    while (!queue_empty(&desk->calls)) {
        http_call_free(QUEUE_ITEM(desk->calls.next, struct http_call, link));
    }
    while (!queue_empty(&desk->free_calls)) {
        destroy(QUEUE_ITEM(desk->free_calls.next, struct http_call, link));
    }
}
