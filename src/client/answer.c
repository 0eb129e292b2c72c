/* Decoding an answer by what was asked, and showing it as the public structs. */
#include "client/answer.h"

#include "base/byteorder.h"
#include "base/text.h"
#include "ring/public.h"
#include "ring/view.h"
#include "shoal/error.h"

static struct shoal_bytes show_bytes(struct bytes bytes)
{
    return shoal_bytes(bytes.data, bytes.len);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static int decode_result(struct arena *arena, uint32_t asked, struct bytes payload,
                         struct answer *out)
{
    struct message_result *result = arena_alloc(arena, sizeof(*result));
    if (result == NULL) {
        return SHOAL_ENOMEM;
    }
    int error = message_result_decode(payload, arena, result);
    if (error != 0) {
        return error;
    }
    if (result->code == 0 && asked != MESSAGE_REQUEST && asked != MESSAGE_JOIN) {
        return SHOAL_EPROTO;
    }
    *out = (struct answer){.code = result->code, .text = "", .result = result};
    if (result->code != 0) {
        out->text = result->text.len > 0 ? public_text(arena, result->text)
                                         : shoal_error_text(result->code);
    }
    return out->text == NULL ? SHOAL_ENOMEM : 0;
}

static int decode_list(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_list_reply *list = arena_alloc(arena, sizeof(*list));
    int error = list == NULL ? SHOAL_ENOMEM : message_list_reply_decode(payload, arena, list);
    if (error == 0) {
        *out = (struct answer){.text = "", .list = list};
    }
    return error;
}

static int decode_status(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_status_reply *status = arena_alloc(arena, sizeof(*status));
    int error = status == NULL ? SHOAL_ENOMEM : message_status_reply_decode(payload, arena, status);
    if (error == 0) {
        *out = (struct answer){.text = "", .status = status};
    }
    return error;
}

static int decode_ring(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_ring_reply *ring = arena_alloc(arena, sizeof(*ring));
    int error = ring == NULL ? SHOAL_ENOMEM : message_ring_reply_decode(payload, arena, ring);
    if (error == 0) {
        *out = (struct answer){.text = "", .ring = ring};
    }
    return error;
}

static int decode_backup(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_backup_reply *backup = arena_alloc(arena, sizeof(*backup));
    int error = backup == NULL ? SHOAL_ENOMEM : message_backup_reply_decode(payload, arena, backup);
    if (error == 0) {
        *out = (struct answer){.text = "", .backup = backup};
    }
    return error;
}

static int decode_verification(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_verify_reply *reply = arena_alloc(arena, sizeof(*reply));
    int error = reply == NULL ? SHOAL_ENOMEM : message_verify_reply_decode(payload, arena, reply);
    if (error == 0) {
        *out = (struct answer){.text = "", .verification = reply};
    }
    return error;
}

static int decode_repair(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_repair_reply *reply = arena_alloc(arena, sizeof(*reply));
    int error = reply == NULL ? SHOAL_ENOMEM : message_repair_reply_decode(payload, arena, reply);
    if (error == 0) {
        *out = (struct answer){.text = "", .repair = reply};
    }
    return error;
}

static int decode_plan(struct arena *arena, struct bytes payload, struct answer *out)
{
    struct message_change_reply *plan = arena_alloc(arena, sizeof(*plan));
    int error = plan == NULL ? SHOAL_ENOMEM : message_change_reply_decode(payload, arena, plan);
    if (error == 0) {
        *out = (struct answer){.text = "", .plan = plan};
    }
    return error;
}

int answer_decode(struct shoal_client *client, uint32_t asked, uint32_t kind, struct bytes payload,
                  struct answer *out)
{
    struct arena *arena = &client->arena;
    if (kind == MESSAGE_RESULT) {
        return decode_result(arena, asked, payload, out);
    }
    if (kind == MESSAGE_LIST_REPLY && asked == MESSAGE_LIST) {
        return decode_list(arena, payload, out);
    }
    if (kind == MESSAGE_STATUS_REPLY && asked == MESSAGE_STATUS) {
        return decode_status(arena, payload, out);
    }
    if (kind == MESSAGE_RING_REPLY && asked == MESSAGE_RING) {
        return decode_ring(arena, payload, out);
    }
    if (kind == MESSAGE_BACKUP_REPLY && asked == MESSAGE_BACKUP) {
        return decode_backup(arena, payload, out);
    }
    if (kind == MESSAGE_VERIFY_REPLY && asked == MESSAGE_VERIFY) {
        return decode_verification(arena, payload, out);
    }
    if (kind == MESSAGE_REPAIR_REPLY && asked == MESSAGE_REPAIR) {
        return decode_repair(arena, payload, out);
    }
    if (kind == MESSAGE_CHANGE_REPLY && asked == MESSAGE_CHANGE) {
        return decode_plan(arena, payload, out);
    }
    if (kind == MESSAGE_PONG && asked == MESSAGE_PING) {
        *out = (struct answer){.text = ""};
        return 0;
    }
    return SHOAL_EPROTO;
}

/* ---- showing --------------------------------------------------------------------------------- */

static int show_values(struct arena *arena, const struct message_result *result,
                       struct shoal_result *out)
{
    struct shoal_value *values = arena_alloc_array(arena, result->value_count, sizeof(*values));
    if (values == NULL && result->value_count > 0) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < result->value_count; i++) {
        values[i].value = show_bytes(result->values[i].value);
        values[i].hlc = result->values[i].hlc;
        values[i].expiry_ms = result->values[i].expiry_ms;
        values[i].counter = result->values[i].counter ? 1 : 0;
    }
    out->values = values;
    out->value_count = result->value_count;
    return 0;
}

static int show_entries(struct arena *arena, const struct message_list_reply *list,
                        struct shoal_result *out)
{
    struct shoal_entry *entries = arena_alloc_array(arena, list->count, sizeof(*entries));
    if (entries == NULL && list->count > 0) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        entries[i].key = show_bytes(list->entries[i].key);
        entries[i].value = show_bytes(list->entries[i].value);
    }
    out->entries = entries;
    out->entry_count = list->count;
    out->after = show_bytes(list->after);
    return 0;
}

int answer_show_result(struct arena *arena, const struct answer *answer, struct shoal_result *out)
{
    struct shoal_result shown = {.code = answer->code, .text = answer->text};
    int error = 0;
    if (answer->result != NULL) {
        shown.context = show_bytes(answer->result->context);
        shown.owners = answer->result->owners;
        shown.fallbacks = answer->result->fallbacks;
        shown.needed = answer->result->needed;
        shown.number = answer->result->number;
        error = show_values(arena, answer->result, &shown);
    } else if (answer->list != NULL) {
        error = show_entries(arena, answer->list, &shown);
    }
    if (error == 0) {
        *out = shown;
    }
    return error;
}

static const char *show_backup_state(uint32_t state)
{
    static const char *const texts[] = {
        [BACKUP_NONE] = "none", [BACKUP_COPYING] = "copying", [BACKUP_SEALING] = "sealing",
        [BACKUP_DONE] = "done", [BACKUP_FAILED] = "failed",
    };
    return state < sizeof(texts) / sizeof(texts[0]) ? texts[state] : "unknown";
}

int answer_show_backup(struct arena *arena, const struct message_backup_reply *backup,
                       struct shoal_backup *out)
{
    struct shoal_backup shown = {
        .number = backup->number,
        .state = show_backup_state(backup->state),
        .code = backup->code,
        .text = public_text(arena, backup->text),
        .path = public_text(arena, backup->path),
        .files = backup->files,
        .bytes = backup->bytes,
        .bytes_done = backup->bytes_done,
    };
    if (shown.text == NULL || shown.path == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = shown;
    return 0;
}

int answer_show_verification(struct arena *arena, const struct message_verify_reply *reply,
                             struct shoal_verification *out)
{
    struct shoal_verification shown = {
        .identical = reply->differing_count == 0 && reply->unverified_count == 0,
        .partitions = reply->partitions,
        .with_values = reply->with_values,
        .siblings = reply->siblings,
        .bytes = reply->bytes,
        .differing = reply->differing,
        .differing_count = reply->differing_count,
        .unverified = reply->unverified,
        .unverified_count = reply->unverified_count,
        .text = public_text(arena, reply->text),
    };
    if (shown.identical) {
        uint8_t digest[16];
        store_u64_be(digest, reply->digest.high);
        store_u64_be(digest + 8, reply->digest.low);
        text_hex(digest, sizeof(digest), shown.digest);
    }
    if (shown.text == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = shown;
    return 0;
}
