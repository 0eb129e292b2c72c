/* Amounts in words; see quantity.h. */
#include "report/quantity.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

const char *quantity_bytes(uint64_t bytes, char out[QUANTITY_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        amount /= 1024;
        unit++;
    }
    if (unit == 0 || amount >= 99.95) {
        (void)snprintf(out, QUANTITY_BYTES, "%.0f %s", amount, units[unit]);
    } else {
        (void)snprintf(out, QUANTITY_BYTES, "%.1f %s", amount, units[unit]);
    }
    return out;
}

const char *quantity_seconds(uint64_t seconds, char out[QUANTITY_BYTES])
{
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;
    uint64_t days = hours / 24;
    if (minutes == 0) {
        (void)snprintf(out, QUANTITY_BYTES, "%" PRIu64 "s", seconds);
    } else if (hours == 0) {
        (void)snprintf(out, QUANTITY_BYTES, "%" PRIu64 "m %02" PRIu64 "s", minutes, seconds % 60);
    } else if (days == 0) {
        (void)snprintf(out, QUANTITY_BYTES, "%" PRIu64 "h %02" PRIu64 "m", hours, minutes % 60);
    } else if (days < 10000) {
        (void)snprintf(out, QUANTITY_BYTES, "%" PRIu64 "d %02" PRIu64 "h", days, hours % 24);
    } else {
        (void)snprintf(out, QUANTITY_BYTES, "years");
    }
    return out;
}

const char *quantity_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}
