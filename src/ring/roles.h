/* What operators have asked of each node: one last-writer-wins map, so that changes made anywhere
 * merge without a leader. Removal by force is final, once it is no longer staged. A layout records
 * the map it was planned from; whatever the joined map asks beyond that is *pending*.
 *
 * A role is *staged* until an operator commits it; a layout never records a staged one. Committing
 * changes no stamp: of two copies of one role the committed one is the newer. So a change that was
 * committed and lost against another commit is pending and not staged, which is how every node
 * knows that it is *due*, to be planned again without an operator. */
#ifndef RING_ROLES_H
#define RING_ROLES_H

#include "base/limits.h"
#include "wire/reader.h"
#include "wire/writer.h"

/* Stamps stay far from overflow, whatever a peer says. */
#define ROLE_STAMP_MAX (UINT64_MAX >> 1)

enum role_kind {
    ROLE_IN = 0,      /* a member */
    ROLE_OUT = 1,     /* has left, or is to leave */
    ROLE_REMOVED = 2, /* removed by force: final */
};

struct role {
    uint64_t node;   /* node id */
    uint64_t stamp;  /* increasing: 1 + the highest known when it was asked */
    uint64_t author; /* node id of where it was asked; breaks ties of stamp */
    uint32_t kind;   /* enum role_kind */
    uint32_t weight; /* share relative to other members, 1 to 1000 */
    bool staged;     /* waits for an operator's commit */
    char name[LIMIT_NAME_BYTES + 1];
    char zone[LIMIT_NAME_BYTES + 1];
};

/* Sorted by node id. Owned memory; plain struct copies share it, so copy with roles_copy. */
struct roles {
    struct role *items;
    uint32_t count;
};

void roles_deinit(struct roles *roles);
int roles_copy(const struct roles *from, struct roles *out);

/* NULL when the node has none. */
const struct role *roles_find(const struct roles *roles, uint64_t node);
const struct role *roles_find_member_by_name(const struct roles *roles, const char *name);

/* A new map: a and b joined, the newer role of each node. 0 or SHOAL_ENOMEM. */
int roles_join(const struct roles *a, const struct roles *b, struct roles *out);

/* The highest stamp in the map. */
uint64_t roles_stamp(const struct roles *roles);

/* A new map with the node's role set and stamped above every stamp in the map; stamp in `role` is
 * ignored. 0, SHOAL_ECONFLICT (a removed node stays removed), SHOAL_EINVAL (a field out of range),
 * SHOAL_EOVERLOAD (a new node beyond LIMIT_ROLES), SHOAL_ENOMEM. */
int roles_with(const struct roles *roles, const struct role *role, struct roles *out);

/* Is a, of two roles of one node, the one that a join keeps, and not the same as b? */
bool role_newer(const struct role *a, const struct role *b);

/* Do both ask the same of the node, whenever and by whom? NULL is ROLE_OUT. */
bool role_same(const struct role *a, const struct role *b);

bool roles_equal(const struct roles *a, const struct roles *b);

/* True when b has something a lacks or has older. */
bool roles_behind(const struct roles *a, const struct roles *b);

void roles_write(struct writer *writer, const struct roles *roles);
/* 0, SHOAL_EPROTO, SHOAL_ENOMEM. */
int roles_read(struct reader *reader, struct roles *out);

#endif
