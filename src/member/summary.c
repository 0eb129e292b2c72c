/* Numbers are varints: the heartbeats of twelve days at two a second take three bytes. */
#include "member/summary.h"

#include "base/byteorder.h"
#include "base/limits.h"
#include "model/varint.h"
#include "shoal/error.h"

#include <string.h>

#define FORM_IDS 1u
#define FORM_VERSIONS 2u
#define HEAD_BYTES (1u + 8u + 8u)
#define ENTRY_BYTES_MAX (8u + 3u * VARINT_BYTES_MAX)

static size_t bits_bytes(uint32_t count)
{
    return (count + 7u) / 8u;
}

struct bytes summary_encode(const struct summary *summary, struct arena *arena)
{
    size_t most = HEAD_BYTES + VARINT_BYTES_MAX + bits_bytes(summary->count) +
                  (size_t)summary->entry_count * ENTRY_BYTES_MAX;
    uint8_t *start = arena_alloc(arena, most);
    if (start == NULL) {
        return (struct bytes){0};
    }
    uint8_t *at = start;
    *at++ = (uint8_t)((summary->ids ? FORM_IDS : 0) | (summary->versions ? FORM_VERSIONS : 0));
    store_u64_le(at, summary->members_digest);
    store_u64_le(at + 8, summary->versions_digest);
    at = varint_store(at + 16, summary->count);
    if (!summary->ids) {
        uint8_t *bits = at;
        memset(bits, 0, bits_bytes(summary->count));
        for (uint32_t i = 0; i < summary->entry_count; i++) {
            uint32_t place = summary->entries[i].place;
            bits[place / 8] |= (uint8_t)(1u << place % 8);
        }
        at += bits_bytes(summary->count);
    }
    for (uint32_t i = 0; i < summary->entry_count; i++) {
        const struct summary_entry *entry = &summary->entries[i];
        if (summary->ids) {
            store_u64_le(at, entry->id);
            at = varint_store(at + 8, entry->generation);
            at = varint_store(at, entry->version);
            at = varint_store(at, entry->heartbeat);
        } else {
            at = varint_store(at, entry->heartbeat);
            at = summary->versions ? varint_store(at, entry->version) : at;
        }
    }
    return bytes_make(start, (size_t)(at - start));
}

/* ---- decoding -------------------------------------------------------------------------------- */

struct input {
    const uint8_t *at; /* NULL once something was wrong */
    const uint8_t *end;
};

static uint64_t take_varint(struct input *input)
{
    uint64_t value = 0;
    if (input->at != NULL) {
        input->at = varint_load(input->at, input->end, &value);
    }
    return input->at == NULL ? 0 : value;
}

static const uint8_t *take_bytes(struct input *input, size_t len)
{
    if (input->at == NULL || (size_t)(input->end - input->at) < len) {
        input->at = NULL;
        return NULL;
    }
    const uint8_t *taken = input->at;
    input->at += len;
    return taken;
}

static void entries_with_ids(struct input *input, struct summary *summary)
{
    for (uint32_t i = 0; i < summary->count && input->at != NULL; i++) {
        struct summary_entry *entry = &summary->entries[i];
        const uint8_t *id = take_bytes(input, 8);
        *entry = (struct summary_entry){.place = i, .id = id == NULL ? 0 : load_u64_le(id)};
        entry->generation = take_varint(input);
        entry->version = take_varint(input);
        entry->heartbeat = take_varint(input);
        if (entry->id == 0 || (i > 0 && entry->id <= summary->entries[i - 1].id)) {
            input->at = NULL;
        }
    }
    summary->entry_count = summary->count;
}

static void entries_by_place(struct input *input, struct summary *summary)
{
    const uint8_t *bits = take_bytes(input, bits_bytes(summary->count));
    for (uint32_t place = 0; place < summary->count && input->at != NULL; place++) {
        if ((bits[place / 8] >> place % 8 & 1) != 0) {
            struct summary_entry *entry = &summary->entries[summary->entry_count++];
            *entry = (struct summary_entry){.place = place, .heartbeat = take_varint(input)};
            entry->version = summary->versions ? take_varint(input) : 0;
        }
    }
    if (bits != NULL && summary->count % 8 != 0 && bits[summary->count / 8] >> summary->count % 8) {
        input->at = NULL; /* a bit of no node */
    }
}

int summary_decode(struct bytes bytes, struct arena *arena, struct summary *out)
{
    struct input input = {.at = bytes.data, .end = bytes.data + bytes.len};
    const uint8_t *head = take_bytes(&input, HEAD_BYTES);
    uint64_t count = take_varint(&input);
    if (input.at == NULL || head[0] > (FORM_IDS | FORM_VERSIONS) || count > LIMIT_MEMBERS) {
        return SHOAL_EPROTO;
    }
    struct summary summary = {
        .ids = (head[0] & FORM_IDS) != 0,
        .versions = head[0] != 0,
        .members_digest = load_u64_le(head + 1),
        .versions_digest = load_u64_le(head + 9),
        .count = (uint32_t)count,
        .entries = arena_alloc_array(arena, (size_t)count + 1, sizeof(*summary.entries)),
    };
    if (summary.entries == NULL) {
        return SHOAL_ENOMEM;
    }
    if (summary.ids) {
        entries_with_ids(&input, &summary);
    } else {
        entries_by_place(&input, &summary);
    }
    if (input.at == NULL || input.at != input.end) {
        return SHOAL_EPROTO;
    }
    *out = summary;
    return 0;
}
