/* Copies in one block: packed twice by the same code, first to count, then to place. */
#include "client/result.h"

#include <string.h>

#include "base/memory.h"

/* Places things one behind the other in a block; without a block it only counts. */
struct packer {
    uint8_t *block;
    size_t used;
};

static void *pack(struct packer *packer, const void *data, size_t len, size_t alignment)
{
    packer->used = (packer->used + alignment - 1) / alignment * alignment;
    void *place = NULL;
    if (packer->block != NULL) {
        place = packer->block + packer->used;
        if (len > 0) {
            memcpy(place, data, len);
        }
    }
    packer->used += len;
    return place;
}

static struct shoal_bytes pack_bytes(struct packer *packer, struct shoal_bytes from)
{
    if (from.data == NULL) {
        return from;
    }
    return shoal_bytes(pack(packer, from.data, from.len, 1), from.len);
}

static const char *pack_text(struct packer *packer, const char *from)
{
    return pack(packer, from, strlen(from) + 1, 1);
}

/* ---- results --------------------------------------------------------------------------------- */

static struct shoal_result *pack_result(struct packer *packer, const struct shoal_result *from)
{
    struct shoal_result *to = pack(packer, from, sizeof(*from), 16);
    struct shoal_value *values =
        pack(packer, from->values, from->value_count * sizeof(*values), 16);
    struct shoal_entry *entries =
        pack(packer, from->entries, from->entry_count * sizeof(*entries), 16);
    for (size_t i = 0; i < from->value_count; i++) {
        struct shoal_bytes value = pack_bytes(packer, from->values[i].value);
        if (values != NULL) {
            values[i].value = value;
        }
    }
    for (size_t i = 0; i < from->entry_count; i++) {
        struct shoal_entry entry = {
            .key = pack_bytes(packer, from->entries[i].key),
            .value = pack_bytes(packer, from->entries[i].value),
        };
        if (entries != NULL) {
            entries[i] = entry;
        }
    }
    struct shoal_bytes context = pack_bytes(packer, from->context);
    struct shoal_bytes after = pack_bytes(packer, from->after);
    const char *text = pack_text(packer, from->text);
    if (to != NULL) {
        to->values = values;
        to->entries = entries;
        to->context = context;
        to->after = after;
        to->text = text;
    }
    return to;
}

struct shoal_result *result_copy(const struct shoal_result *from)
{
    struct packer packer = {0};
    (void)pack_result(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_result(&packer, from);
}

void shoal_result_free(struct shoal_result *result)
{
    mem_free(result);
}

/* ---- status and ring ------------------------------------------------------------------------- */

static struct shoal_node *pack_nodes(struct packer *packer, const struct shoal_node *from,
                                     size_t count)
{
    struct shoal_node *to = pack(packer, from, count * sizeof(*from), 16);
    for (size_t i = 0; i < count; i++) {
        const char *name = pack_text(packer, from[i].name);
        const char *zone = pack_text(packer, from[i].zone);
        const char *host = pack_text(packer, from[i].host);
        if (to != NULL) {
            to[i].name = name;
            to[i].zone = zone;
            to[i].host = host;
        }
    }
    return to;
}

static struct shoal_status *pack_status(struct packer *packer, const struct shoal_status *from)
{
    struct shoal_status *to = pack(packer, from, sizeof(*from), 16);
    const struct shoal_node *nodes = pack_nodes(packer, from->nodes, from->node_count);
    const char *cluster_name = pack_text(packer, from->cluster_name);
    if (to != NULL) {
        to->nodes = nodes;
        to->cluster_name = cluster_name;
    }
    return to;
}

struct shoal_status *status_copy(const struct shoal_status *from)
{
    struct packer packer = {0};
    (void)pack_status(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_status(&packer, from);
}

static struct shoal_ring *pack_ring(struct packer *packer, const struct shoal_ring *from)
{
    struct shoal_ring *to = pack(packer, from, sizeof(*from), 16);
    const struct shoal_node *nodes = pack_nodes(packer, from->nodes, from->node_count);
    size_t slots = (size_t)from->partitions * from->replicas;
    const uint16_t *owners =
        pack(packer, from->owners, slots * sizeof(*owners), _Alignof(uint16_t));
    if (to != NULL) {
        to->nodes = nodes;
        to->owners = owners;
    }
    return to;
}

struct shoal_ring *ring_copy(const struct shoal_ring *from)
{
    struct packer packer = {0};
    (void)pack_ring(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_ring(&packer, from);
}

/* ---- backups --------------------------------------------------------------------------------- */

static struct shoal_backup *pack_backup(struct packer *packer, const struct shoal_backup *from)
{
    struct shoal_backup *to = pack(packer, from, sizeof(*from), 16);
    const char *text = pack_text(packer, from->text);
    const char *path = pack_text(packer, from->path);
    if (to != NULL) {
        to->text = text;
        to->path = path;
    }
    return to;
}

struct shoal_backup *backup_copy(const struct shoal_backup *from)
{
    struct packer packer = {0};
    (void)pack_backup(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_backup(&packer, from);
}

void shoal_backup_free(struct shoal_backup *backup)
{
    mem_free(backup);
}

/* ---- verifying and repairing ----------------------------------------------------------------- */

static struct shoal_verification *pack_verification(struct packer *packer,
                                                    const struct shoal_verification *from)
{
    struct shoal_verification *to = pack(packer, from, sizeof(*from), 16);
    const uint32_t *differing =
        pack(packer, from->differing, from->differing_count * sizeof(uint32_t), sizeof(uint32_t));
    const uint32_t *unverified =
        pack(packer, from->unverified, from->unverified_count * sizeof(uint32_t), sizeof(uint32_t));
    const char *text = pack_text(packer, from->text);
    if (to != NULL) {
        to->differing = differing;
        to->unverified = unverified;
        to->text = text;
    }
    return to;
}

struct shoal_verification *verification_copy(const struct shoal_verification *from)
{
    struct packer packer = {0};
    (void)pack_verification(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_verification(&packer, from);
}

static struct shoal_repair *pack_repair(struct packer *packer, const struct shoal_repair *from)
{
    struct shoal_repair *to = pack(packer, from, sizeof(*from), 16);
    const char *text = pack_text(packer, from->text);
    if (to != NULL) {
        to->text = text;
    }
    return to;
}

struct shoal_repair *repair_copy(const struct shoal_repair *from)
{
    struct packer packer = {0};
    (void)pack_repair(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_repair(&packer, from);
}

/* ---- changes --------------------------------------------------------------------------------- */

static struct shoal_plan *pack_plan(struct packer *packer, const struct shoal_plan *from)
{
    struct shoal_plan *to = pack(packer, from, sizeof(*from), 16);
    struct shoal_plan_node *nodes =
        pack(packer, from->nodes, from->node_count * sizeof(*nodes), 16);
    for (size_t i = 0; i < from->node_count; i++) {
        const char *name = pack_text(packer, from->nodes[i].name);
        const char *zone = pack_text(packer, from->nodes[i].zone);
        if (nodes != NULL) {
            nodes[i].name = name;
            nodes[i].zone = zone;
        }
    }
    const char *reason = pack_text(packer, from->reason);
    const char *text = pack_text(packer, from->text);
    if (to != NULL) {
        to->nodes = nodes;
        to->reason = reason;
        to->text = text;
    }
    return to;
}

struct shoal_plan *plan_copy(const struct shoal_plan *from)
{
    struct packer packer = {0};
    (void)pack_plan(&packer, from);
    packer.block = mem_alloc(packer.used);
    packer.used = 0;
    return packer.block == NULL ? NULL : pack_plan(&packer, from);
}

void shoal_plan_free(struct shoal_plan *plan)
{
    mem_free(plan);
}

void shoal_verification_free(struct shoal_verification *verification)
{
    mem_free(verification);
}

void shoal_repair_free(struct shoal_repair *repair)
{
    mem_free(repair);
}

void shoal_status_free(struct shoal_status *status)
{
    mem_free(status);
}

void shoal_ring_free(struct shoal_ring *ring)
{
    mem_free(ring);
}
