/* The check that every payload passes before anything is decoded, so that a hostile frame costs one
 * walk over its bytes and no memory. Decoders are safe on unvalidated bytes too; this refuses early
 * and in one place what no decoder looks at: unknown fields and unknown kinds. */
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/element.h"
#include "wire/frame.h"

int frame_validate(struct bytes payload)
{
    if (payload.len == 0) {
        return SHOAL_EPROTO;
    }
    const uint8_t *end = payload.data + payload.len;
    if (element_skip(payload.data, end, 1, LIMIT_FRAME_DEPTH) != end) {
        return SHOAL_EPROTO;
    }
    uint32_t kind;
    uint64_t id;
    return frame_peek(payload, &kind, &id);
}
