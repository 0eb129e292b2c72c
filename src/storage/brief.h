/* What a record itself says of what engines tell without reading: the one place where an engine
 * looks into an object. */
#ifndef STORAGE_BRIEF_H
#define STORAGE_BRIEF_H

#include "model/object.h"
#include "storage/engine.h"

static inline struct engine_brief engine_brief_of(struct bytes record)
{
    struct object_glance glance;
    if (!object_glance(record, &glance)) {
        return (struct engine_brief){0};
    }
    return (struct engine_brief){.simple = true,
                                 .tombstone = glance.tombstone,
                                 .expires = glance.expires,
                                 .dot = glance.dot};
}

#endif
