#include "ring/roles.h"

#include "base/memory.h"
#include "shoal/error.h"

#include <string.h>

/* node, stamp, author, kind, weight, name, zone; a staged role has this added to its kind */
#define ROLE_FIELDS 7u
#define ROLE_STAGED 4u

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool role_final(const struct role *role)
{
    return role->kind == ROLE_REMOVED && !role->staged;
}

/* Which of two roles of a node is newer: a removal beats everything, then the stamp, then its
 * author; of copies of one role the committed one. No author gives a stamp twice; should one all
 * the same, the content decides, so that all nodes choose alike. */
static int role_compare(const struct role *a, const struct role *b)
{
    int order = role_final(a) - role_final(b);
    order = order != 0 ? order : compare_u64(a->stamp, b->stamp);
    order = order != 0 ? order : compare_u64(a->author, b->author);
    order = order != 0 ? order : b->staged - a->staged;
    order = order != 0 ? order : compare_u64(a->kind, b->kind);
    order = order != 0 ? order : compare_u64(a->weight, b->weight);
    order = order != 0 ? order : strcmp(a->name, b->name);
    return order != 0 ? order : strcmp(a->zone, b->zone);
}

bool role_newer(const struct role *a, const struct role *b)
{
    return role_compare(a, b) > 0;
}

bool role_same(const struct role *a, const struct role *b)
{
    uint32_t kind = a != NULL ? a->kind : ROLE_OUT;
    if (kind != (b != NULL ? b->kind : ROLE_OUT)) {
        return false;
    }
    return kind != ROLE_IN || (a->weight == b->weight && strcmp(a->name, b->name) == 0 &&
                               strcmp(a->zone, b->zone) == 0);
}

static bool role_valid(const struct role *role)
{
    return role->node != 0 && role->kind <= ROLE_REMOVED && role->weight >= 1 &&
           role->weight <= LIMIT_WEIGHT && role->stamp <= ROLE_STAMP_MAX &&
           memchr(role->name, 0, sizeof(role->name)) != NULL &&
           memchr(role->zone, 0, sizeof(role->zone)) != NULL;
}

void roles_deinit(struct roles *roles)
{
    mem_free(roles->items);
    *roles = (struct roles){0};
}

int roles_copy(const struct roles *from, struct roles *out)
{
    struct role *items = mem_alloc(from->count * sizeof(*items));
    if (items == NULL) {
        return SHOAL_ENOMEM;
    }
    if (from->count > 0) {
        memcpy(items, from->items, from->count * sizeof(*items));
    }
    *out = (struct roles){.items = items, .count = from->count};
    return 0;
}

/* Where the node's role is or would be. */
static uint32_t roles_position(const struct roles *roles, uint64_t node)
{
    uint32_t low = 0;
    uint32_t high = roles->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (roles->items[middle].node < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct role *roles_find(const struct roles *roles, uint64_t node)
{
    uint32_t position = roles_position(roles, node);
    if (position == roles->count || roles->items[position].node != node) {
        return NULL;
    }
    return &roles->items[position];
}

const struct role *roles_find_member_by_name(const struct roles *roles, const char *name)
{
    for (uint32_t i = 0; i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN && strcmp(roles->items[i].name, name) == 0) {
            return &roles->items[i];
        }
    }
    return NULL;
}

int roles_join(const struct roles *a, const struct roles *b, struct roles *out)
{
    struct role *items = mem_alloc(((size_t)a->count + b->count) * sizeof(*items));
    uint32_t count = 0;
    uint32_t i = 0;
    uint32_t k = 0;
    if (items == NULL) {
        return SHOAL_ENOMEM;
    }
    while (i < a->count || k < b->count) {
        if (k == b->count || (i < a->count && a->items[i].node < b->items[k].node)) {
            items[count++] = a->items[i++];
        } else if (i == a->count || b->items[k].node < a->items[i].node) {
            items[count++] = b->items[k++];
        } else {
            bool b_newer = role_compare(&a->items[i], &b->items[k]) < 0;
            items[count++] = b_newer ? b->items[k] : a->items[i];
            i++;
            k++;
        }
    }
    *out = (struct roles){.items = items, .count = count};
    return 0;
}

uint64_t roles_stamp(const struct roles *roles)
{
    uint64_t stamp = 0;
    for (uint32_t i = 0; i < roles->count; i++) {
        stamp = roles->items[i].stamp > stamp ? roles->items[i].stamp : stamp;
    }
    return stamp;
}

int roles_with(const struct roles *roles, const struct role *role, struct roles *out)
{
    uint64_t stamp = roles_stamp(roles);
    uint32_t position = roles_position(roles, role->node);
    bool known = position < roles->count && roles->items[position].node == role->node;
    struct role stamped = *role;
    stamped.stamp = stamp + 1;
    if (!role_valid(&stamped)) {
        return SHOAL_EINVAL;
    }
    if (known && role_final(&roles->items[position])) {
        return SHOAL_ECONFLICT;
    }
    if (!known && roles->count >= LIMIT_ROLES) {
        return SHOAL_EOVERLOAD;
    }
    struct role *items = mem_alloc((roles->count + 1u) * sizeof(*items));
    if (items == NULL) {
        return SHOAL_ENOMEM;
    }
    if (position > 0) {
        memcpy(items, roles->items, position * sizeof(*items));
    }
    items[position] = stamped;
    uint32_t rest = position + known;
    if (rest < roles->count) {
        memcpy(&items[position + 1], &roles->items[rest], (roles->count - rest) * sizeof(*items));
    }
    *out = (struct roles){.items = items, .count = roles->count + !known};
    return 0;
}

bool roles_equal(const struct roles *a, const struct roles *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->items[i].node != b->items[i].node || role_compare(&a->items[i], &b->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool roles_behind(const struct roles *a, const struct roles *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const struct role *mine = roles_find(a, b->items[i].node);
        if (mine == NULL || role_compare(mine, &b->items[i]) < 0) {
            return true;
        }
    }
    return false;
}

void roles_write(struct writer *writer, const struct roles *roles)
{
    write_array(writer, roles->count);
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct role *role = &roles->items[i];
        write_array(writer, ROLE_FIELDS);
        write_u64(writer, role->node);
        write_u64(writer, role->stamp);
        write_u64(writer, role->author);
        write_u64(writer, role->kind | (role->staged ? ROLE_STAGED : 0));
        write_u64(writer, role->weight);
        write_text(writer, role->name);
        write_text(writer, role->zone);
    }
}

static void role_read(struct reader *reader, struct role *role)
{
    if (read_array(reader, ROLE_FIELDS) != ROLE_FIELDS) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    role->node = read_u64(reader);
    role->stamp = read_u64(reader);
    role->author = read_u64(reader);
    uint32_t kind = (uint32_t)read_u64_max(reader, ROLE_STAGED | ROLE_REMOVED);
    role->kind = kind & ~ROLE_STAGED;
    role->staged = (kind & ROLE_STAGED) != 0;
    role->weight = (uint32_t)read_u64_max(reader, LIMIT_WEIGHT);
    read_text(reader, role->name, sizeof(role->name));
    read_text(reader, role->zone, sizeof(role->zone));
}

int roles_read(struct reader *reader, struct roles *out)
{
    uint32_t count = read_array(reader, LIMIT_ROLES_HARD);
    if (reader->error != 0) {
        return SHOAL_EPROTO;
    }
    struct role *items = mem_alloc_zeroed(count, sizeof(*items));
    if (items == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count && reader->error == 0; i++) {
        role_read(reader, &items[i]);
        if (!role_valid(&items[i]) || (i > 0 && items[i - 1].node >= items[i].node)) {
            reader_fail(reader, SHOAL_EPROTO);
        }
    }
    if (reader->error != 0) {
        mem_free(items);
        return SHOAL_EPROTO;
    }
    *out = (struct roles){.items = items, .count = count};
    return 0;
}
