/* Outcomes as answers. See request.h. */
#include "coordinate/request.h"

#include "shoal/error.h"

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
