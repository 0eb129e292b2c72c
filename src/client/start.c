/* The public asynchronous calls for keys: each makes a call, starts it, and shows its answer to the
 * caller's callback. */
#include "client/answer.h"
#include "shoal/client.h"
#include "shoal/error.h"

static struct bytes bytes_of(struct shoal_bytes bytes)
{
    return bytes_make(bytes.data, bytes.len);
}

/* Shows the answer; when there is no memory to show it, that. */
static void tell(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = SHOAL_ENOMEM,
                                  .text = "an answer came and there is no memory to show it"};
    (void)answer_show_result(&call->client->arena, answer, &result);
    call->listener.done.result(call->client, &result, call->listener.user);
}

static int start(struct shoal_client *client, struct call *call, shoal_done_fn done, void *user)
{
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.result = done;
    call->listener.user = user;
    return client_start(client, call, tell);
}

int shoal_put_start(struct shoal_client *client, struct shoal_bytes key, struct shoal_bytes value,
                    const struct shoal_options *options, shoal_done_fn done, void *user)
{
    struct call *call = call_new_request(REQUEST_PUT, bytes_of(key), bytes_of(value), options);
    return start(client, call, done, user);
}

int shoal_get_start(struct shoal_client *client, struct shoal_bytes key,
                    const struct shoal_options *options, shoal_done_fn done, void *user)
{
    struct call *call = call_new_request(REQUEST_GET, bytes_of(key), (struct bytes){0}, options);
    return start(client, call, done, user);
}

int shoal_delete_start(struct shoal_client *client, struct shoal_bytes key,
                       const struct shoal_options *options, shoal_done_fn done, void *user)
{
    struct call *call = call_new_request(REQUEST_DELETE, bytes_of(key), (struct bytes){0}, options);
    return start(client, call, done, user);
}

int shoal_add_start(struct shoal_client *client, struct shoal_bytes key, int64_t delta,
                    const struct shoal_options *options, shoal_done_fn done, void *user)
{
    struct call *call = call_new_request(REQUEST_ADD, bytes_of(key), (struct bytes){0}, options);
    if (call != NULL) {
        call->request.delta = delta;
    }
    return start(client, call, done, user);
}

int shoal_expire_start(struct shoal_client *client, struct shoal_bytes key, uint64_t expiry_ms,
                       const struct shoal_options *options, shoal_done_fn done, void *user)
{
    struct call *call = call_new_request(REQUEST_EXPIRE, bytes_of(key), (struct bytes){0}, options);
    if (call != NULL) {
        call->request.expiry_ms = expiry_ms;
    }
    return start(client, call, done, user);
}

int shoal_list_start(struct shoal_client *client, const struct shoal_list *list,
                     const struct shoal_options *options, shoal_done_fn done, void *user)
{
    return start(client, call_new_list(list, options), done, user);
}

int shoal_ping_start(struct shoal_client *client, const struct shoal_options *options,
                     shoal_done_fn done, void *user)
{
    return start(client, call_new_plain(MESSAGE_PING, options), done, user);
}

int shoal_join_start(struct shoal_client *client, const char *host, uint16_t peer_port, int stage,
                     const struct shoal_options *options, shoal_done_fn done, void *user)
{
    return start(client, call_new_join(host, peer_port, stage != 0, options), done, user);
}
