/* The public asynchronous calls for the cluster: status, ring, backup, verify, repair and changes
 * of who is a member. */
#include "shoal/cluster.h"

#include "client/answer.h"
#include "ring/partition.h"
#include "ring/public.h"
#include "shoal/error.h"

static const char no_memory[] = "an answer came and there is no memory to show it";

static void tell_status(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = answer->code, .text = answer->text};
    struct shoal_status status;
    if (result.code == 0 && public_status(&call->client->arena, answer->status, &status) != 0) {
        result = (struct shoal_result){.code = SHOAL_ENOMEM, .text = no_memory};
    }
    call->listener.done.status(call->client, &result, result.code == 0 ? &status : NULL,
                               call->listener.user);
}

int shoal_status_start(struct shoal_client *client, const struct shoal_options *options,
                       shoal_status_done_fn done, void *user)
{
    struct call *call = call_new_plain(MESSAGE_STATUS, options);
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.status = done;
    call->listener.user = user;
    return client_start(client, call, tell_status);
}

static void tell_ring(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = answer->code, .text = answer->text};
    struct shoal_ring ring;
    if (result.code == 0 && public_ring(&call->client->arena, answer->ring, &ring) != 0) {
        result = (struct shoal_result){.code = SHOAL_ENOMEM, .text = no_memory};
    }
    call->listener.done.ring(call->client, &result, result.code == 0 ? &ring : NULL,
                             call->listener.user);
}

int shoal_ring_start(struct shoal_client *client, const struct shoal_options *options,
                     shoal_ring_done_fn done, void *user)
{
    struct call *call = call_new_plain(MESSAGE_RING, options);
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.ring = done;
    call->listener.user = user;
    return client_start(client, call, tell_ring);
}

static void tell_backup(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = answer->code, .text = answer->text};
    struct shoal_backup backup;
    if (result.code == 0 &&
        answer_show_backup(&call->client->arena, answer->backup, &backup) != 0) {
        result = (struct shoal_result){.code = SHOAL_ENOMEM, .text = no_memory};
    }
    call->listener.done.backup(call->client, &result, result.code == 0 ? &backup : NULL,
                               call->listener.user);
}

int shoal_backup_start(struct shoal_client *client, const char *path,
                       const struct shoal_options *options, shoal_backup_done_fn done, void *user)
{
    struct call *call = call_new_backup(path, options);
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.backup = done;
    call->listener.user = user;
    return client_start(client, call, tell_backup);
}

static void tell_verification(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = answer->code, .text = answer->text};
    struct shoal_verification shown;
    if (result.code == 0 &&
        answer_show_verification(&call->client->arena, answer->verification, &shown) != 0) {
        result = (struct shoal_result){.code = SHOAL_ENOMEM, .text = no_memory};
    }
    call->listener.done.verify(call->client, &result, result.code == 0 ? &shown : NULL,
                               call->listener.user);
}

int shoal_verify_start(struct shoal_client *client, int with_values,
                       const struct shoal_options *options, shoal_verify_done_fn done, void *user)
{
    struct call *call = call_new_verify(with_values != 0, options);
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.verify = done;
    call->listener.user = user;
    return client_start(client, call, tell_verification);
}

static void tell_repair(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = answer->code, .text = answer->text};
    struct shoal_repair shown;
    if (result.code == 0 && public_repair(&call->client->arena, answer->repair, &shown) != 0) {
        result = (struct shoal_result){.code = SHOAL_ENOMEM, .text = no_memory};
    }
    call->listener.done.repair(call->client, &result, result.code == 0 ? &shown : NULL,
                               call->listener.user);
}

int shoal_repair_start(struct shoal_client *client, const struct shoal_options *options,
                       shoal_repair_done_fn done, void *user)
{
    struct call *call = call_new_plain(MESSAGE_REPAIR, options);
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.repair = done;
    call->listener.user = user;
    return client_start(client, call, tell_repair);
}

static void tell_plan(struct call *call, const struct answer *answer)
{
    struct shoal_result result = {.code = answer->code, .text = answer->text};
    struct shoal_plan shown;
    if (result.code == 0 && public_plan(&call->client->arena, answer->plan, &shown) != 0) {
        result = (struct shoal_result){.code = SHOAL_ENOMEM, .text = no_memory};
    }
    call->listener.done.change(call->client, &result, result.code == 0 ? &shown : NULL,
                               call->listener.user);
}

int shoal_change_start(struct shoal_client *client, const struct shoal_change *change,
                       const struct shoal_options *options, shoal_change_done_fn done, void *user)
{
    struct call *call = call_new_change(change, options);
    if (call == NULL) {
        return SHOAL_ENOMEM;
    }
    call->listener.done.change = done;
    call->listener.user = user;
    return client_start(client, call, tell_plan);
}

uint32_t shoal_ring_partition(const struct shoal_ring *ring, struct shoal_bytes key)
{
    return partition_of_key(bytes_make(key.data, key.len), ring->partitions);
}
