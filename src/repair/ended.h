/* Actors of which this node has confirmed that they have ended: from then on it takes no write in
 * their name, so that no dot of theirs turns up after everybody has looked for the last ones
 * (closing.h). A late write would do more harm than its dot, which would be known as gone: what it
 * replaces would go with it.
 *
 * Nothing of it is kept over a restart: writes on their way to this process end with its
 * connections. It is bounded: over the bound it forgets what the holding's clock has closed, for
 * the clock refuses that too, and else confirms nothing more. */
#ifndef REPAIR_ENDED_H
#define REPAIR_ENDED_H

#include "base/table.h"
#include "replica/holding.h"
#include "wire/messages.h"

#define ENDED_ACTORS_MAX 1024u /* of one partition */

struct ended_partition {
    uint64_t *actors; /* ascending */
    uint32_t count;
    uint32_t capacity;
};

struct ended {
    struct table partitions; /* partition + 1 -> struct ended_partition * */
};

void ended_init(struct ended *ended);
void ended_deinit(struct ended *ended);

/* Forgets all, for another cluster. */
void ended_forget(struct ended *ended);

/* Must a write in the name of this actor be refused? `holding` may be NULL. */
bool ended_refuses(const struct ended *ended, uint32_t partition, const struct holding *holding,
                   uint64_t actor);

/* How this node stands to a partition when it is asked. */
struct ended_standing {
    const struct holding *holding; /* NULL: none */
    bool has_record; /* of an earlier holding, which might go on: then nothing can be said */
    bool owes;       /* hints, or a holding that is to be let go */
};

/* The answer to the question: a bit for each actor that is confirmed. */
uint64_t ended_confirm(struct ended *ended, const struct message_ended *question,
                       const struct ended_standing *standing);

void ended_check(const struct ended *ended);

#endif
