/* A layout as bytes. One content has one encoding, over which its name is computed; what decodes
 * but would not encode to the same bytes is refused. A later version of the format is another
 * number in front, never more fields at the end: whoever passed over a field could not compute the
 * name.
 *
 *      [ 1, [id, name, Q, n, r, w, hash seed], version, parents, roles, owners ]
 *
 * Parents are a run of 16-byte hashes; owners a run of little-endian 16-bit indexes into the
 * members, which are the nodes with ROLE_IN in order of their ids. */
#include "ring/layout_parts.h"
#include "shoal/error.h"

#include <string.h>

#define LAYOUT_FORMAT 1u
#define LAYOUT_FIELDS 6u
#define FACTS_FIELDS 7u

static void facts_write(struct writer *writer, const struct cluster_facts *facts)
{
    write_array(writer, FACTS_FIELDS);
    write_u64(writer, facts->id);
    write_text(writer, facts->name);
    write_u64(writer, facts->partitions);
    write_u64(writer, facts->n);
    write_u64(writer, facts->r);
    write_u64(writer, facts->w);
    write_bin(writer, bytes_make(facts->hash_seed, sizeof(facts->hash_seed)));
}

static void facts_read(struct reader *reader, struct cluster_facts *facts)
{
    const char *why;
    *facts = (struct cluster_facts){0};
    if (read_array(reader, FACTS_FIELDS) != FACTS_FIELDS) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    facts->id = read_u64(reader);
    read_text(reader, facts->name, sizeof(facts->name));
    facts->partitions = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX);
    facts->n = (uint32_t)read_u64_max(reader, LIMIT_REPLICAS);
    facts->r = (uint32_t)read_u64_max(reader, LIMIT_REPLICAS);
    facts->w = (uint32_t)read_u64_max(reader, LIMIT_REPLICAS);
    struct bytes seed = read_bin(reader, sizeof(facts->hash_seed));
    if (reader->error == 0 && seed.len != sizeof(facts->hash_seed)) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    if (reader->error == 0) {
        memcpy(facts->hash_seed, seed.data, seed.len);
    }
    if (reader->error == 0 && cluster_facts_check(facts, &why) != 0) {
        reader_fail(reader, SHOAL_EPROTO);
    }
}

static void owners_write(struct writer *writer, const struct layout *layout)
{
    size_t slots = layout_slots(layout);
    write_bin_header(writer, slots * 2);
    if (writer->error == 0) {
        writer->error = buffer_reserve(writer->out, slots * 2);
    }
    if (writer->error != 0) {
        return;
    }
    uint8_t *at = writer->out->data + writer->out->len;
    for (size_t slot = 0; slot < slots; slot++) {
        at[slot * 2] = (uint8_t)layout->owners[slot];
        at[slot * 2 + 1] = (uint8_t)(layout->owners[slot] >> 8);
    }
    writer->out->len += slots * 2;
}

int layout_encode(const struct layout *layout, struct buffer *out)
{
    size_t start = out->len;
    struct writer writer = writer_make(out);
    write_array(&writer, LAYOUT_FIELDS);
    write_u64(&writer, LAYOUT_FORMAT);
    facts_write(&writer, &layout->facts);
    write_u64(&writer, layout->key.version);
    write_bin(&writer, bytes_make(layout->parents, layout->parent_count * CRYPTO_HASH_BYTES));
    roles_write(&writer, &layout->roles);
    owners_write(&writer, layout);
    if (writer.error != 0) {
        out->len = start;
    }
    return writer.error;
}

/* Each row: members, and none twice. */
static bool owners_read(struct bytes bytes, struct layout *layout)
{
    if (bytes.len != layout_slots(layout) * 2) {
        return false;
    }
    for (size_t slot = 0; slot < layout_slots(layout); slot++) {
        uint32_t owner = bytes.data[slot * 2] | (uint32_t)bytes.data[slot * 2 + 1] << 8;
        if (owner >= layout->member_count) {
            return false;
        }
        for (size_t i = slot - slot % layout->replicas; i < slot; i++) {
            if (layout->owners[i] == owner) {
                return false;
            }
        }
        layout->owners[slot] = (uint16_t)owner;
    }
    return true;
}

static bool parents_read(struct bytes bytes, struct layout *layout)
{
    if (bytes.len > 0) {
        memcpy(layout->parents, bytes.data, bytes.len);
    }
    for (uint32_t i = 0; i < layout->parent_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (content_hash_equal(&layout->parents[i], &layout->parents[k])) {
                return false;
            }
        }
    }
    return (layout->key.version == 1) == (layout->parent_count == 0);
}

/* Names the layout, and refuses it unless these are its own bytes. */
static int seal_exactly(struct layout *layout, struct bytes bytes)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    int r = layout_encode(layout, &buffer);
    if (r == 0 && !bytes_equal(bytes, buffer_bytes(&buffer))) {
        r = SHOAL_EPROTO;
    }
    if (r == 0) {
        crypto_hash(&layout->key.hash, bytes);
    }
    buffer_deinit(&buffer);
    return r;
}

/* Everything behind the format's number. */
static int layout_read(struct reader *reader, struct bytes whole, struct layout **out)
{
    struct cluster_facts facts;
    struct roles roles = {0};
    struct layout *layout = NULL;
    facts_read(reader, &facts);
    uint64_t version = read_u64_max(reader, LAYOUT_VERSION_MAX);
    struct bytes parents = read_bin(reader, LIMIT_LIVE_LAYOUTS_HARD * CRYPTO_HASH_BYTES);
    int r = roles_read(reader, &roles);
    struct bytes owners = read_bin(reader, (size_t)LIMIT_PARTITIONS_MAX * LIMIT_REPLICAS * 2);
    read_end(reader);
    if (r == 0 && (reader->error != 0 || version == 0 || parents.len % CRYPTO_HASH_BYTES != 0)) {
        r = SHOAL_EPROTO;
    }
    if (r == 0) {
        r = layout_begin(&facts, &roles, (uint32_t)(parents.len / CRYPTO_HASH_BYTES), &layout);
        r = r == SHOAL_EINVAL ? SHOAL_EPROTO : r;
    }
    if (r == 0) {
        layout->key.version = version;
        if (!parents_read(parents, layout) || !owners_read(owners, layout)) {
            r = SHOAL_EPROTO;
        }
    }
    if (r == 0) {
        layout_derive(layout);
        r = seal_exactly(layout, whole);
    }
    roles_deinit(&roles);
    if (r != 0) {
        layout_unref(layout);
        return r;
    }
    *out = layout;
    return 0;
}

int layout_decode(struct bytes bytes, struct layout **out)
{
    struct reader reader = reader_make(bytes);
    uint32_t fields = read_array(&reader, UINT32_MAX);
    uint64_t format = read_u64(&reader);
    if (reader.error != 0 || format == 0) {
        return SHOAL_EPROTO;
    }
    if (format != LAYOUT_FORMAT) {
        return SHOAL_EVERSION;
    }
    if (fields != LAYOUT_FIELDS) {
        return SHOAL_EPROTO;
    }
    return layout_read(&reader, bytes, out);
}
