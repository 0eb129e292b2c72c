/* Outcomes as answers. See request.h. */
#include "coordinate/request.h"

#include "shoal/error.h"

const char *request_surface_text(uint32_t surface)
{
    static const char *const texts[] = {
        [SURFACE_NONE] = "node", [SURFACE_NATIVE] = "native", [SURFACE_REDIS] = "redis",
        [SURFACE_HTTP] = "http", [SURFACE_PEER] = "peer",
    };
    return surface <= SURFACE_PEER ? texts[surface] : "node";
}

const char *request_wait_text(uint32_t wait)
{
    static const char *const texts[] = {
        [WAIT_NOTHING] = "nothing", [WAIT_DISK] = "disk",       [WAIT_PEER] = "peer",
        [WAIT_FORWARD] = "forward", [WAIT_SILENCE] = "silence", [WAIT_VIEW] = "layout",
        [WAIT_QUEUE] = "queue",
    };
    return wait <= WAIT_QUEUE ? texts[wait] : "nothing";
}

void outcome_to_result(const struct outcome *outcome, uint64_t id, struct message_result *out)
{
    *out = (struct message_result){
        .id = id,
        .code = outcome->code,
        .text = outcome->text,
        .context = outcome->context,
        .values = outcome->values,
        .value_count = outcome->value_count,
        .owners = outcome->owners,
        .fallbacks = outcome->fallbacks,
        .needed = outcome->needed,
        .number = outcome->number,
    };
    if (out->code != 0 && out->text.data == NULL) {
        out->text = bytes_from_string(shoal_error_text(out->code));
    }
}
