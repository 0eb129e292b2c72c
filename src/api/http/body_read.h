/* What stands in the bodies of /data and /v1/execute: keys, values and commands, read from their
 * JSON with everything refused that isn't known. Pure. */
#ifndef API_HTTP_BODY_READ_H
#define API_HTTP_BODY_READ_H

#include "base/arena.h"
#include "base/bytes.h"

#define BODY_TEXT_BYTES 256u

struct body_entry {
    struct bytes key;
    struct bytes value; /* as it is to be stored */
};

/* {"key" | "key_base64", "value" | "value_base64"}: 0; SHOAL_EINVAL and why; SHOAL_ENOMEM. Borrows
 * from the body and the arena. */
int body_read_entry(struct arena *arena, struct bytes body, struct body_entry *out,
                    char why[BODY_TEXT_BYTES]);

enum body_command_type {
    BODY_GET,
    BODY_SET,
    BODY_DELETE,
};

struct body_command {
    enum body_command_type type;
    struct bytes key;
    struct bytes value; /* of a set, as it is to be stored */
    uint32_t cell;      /* for whoever carries it out */
};

/* {"commands":[{"cmd_type", "key" | "key_base64", "value" | "value_base64"}, ...]}. As above; the
 * text for a command of a type that isn't known is "unknown command". SHOAL_ETOOBIG: more than
 * LIMIT_UNIT_COMMANDS. */
int body_read_commands(struct arena *arena, struct bytes body, struct body_command **out,
                       uint32_t *count, char why[BODY_TEXT_BYTES]);

#endif
