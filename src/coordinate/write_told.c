/* What becomes of a key by a write that is over, for who keeps account of changes (the live feed):
 * once for each write that has given a dot, however often it was made again, and whether it is
 * known to be kept or not. Who passed a request on says nothing: it has given no dot. */
#include "coordinate/write.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_BYTES 24u

void write_told(const struct operation *operation, const struct request *request)
{
    const struct courier *courier = &operation->coordinator->courier;
    struct change_told told = {
        .op = request->op == REQUEST_DELETE ? REQUEST_DELETE : REQUEST_PUT,
        .key = request->key,
        .value_bytes = operation->put_bytes,
        .expiry_ms = operation->put_expiry_ms,
    };
    char number[NUMBER_BYTES];
    if (request->op == REQUEST_PUT) {
        told.value = request->value;
        if (told.value.data == NULL) {
            told.value = bytes_make("", 0);
        }
    } else if (request->op == REQUEST_ADD && operation->issued) {
        int len = snprintf(number, sizeof(number), "%" PRId64, operation->number);
        told.value = bytes_make(number, (size_t)len);
    }
    told.value_bytes = told.value.data != NULL ? told.value.len : told.value_bytes;
    courier->changed(courier->self, &told);
}
