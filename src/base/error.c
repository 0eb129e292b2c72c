/* One row for each code: its text, the exit status it gives the command line, and whether it says
 * that nothing was applied. */
#include "shoal/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PUBLIC __attribute__((visibility("default")))

/* The command line's exit statuses, as the README documents them. */
enum exit_status {
    EXIT_OK = 0,
    EXIT_NOT_FOUND = 1,
    EXIT_BAD_INPUT = 2,
    EXIT_NO_CONNECTION = 3,
    EXIT_NOT_APPLIED = 4,
    EXIT_CONTEXT = 5,
    EXIT_NOT_PERMITTED = 6,
    EXIT_UNKNOWN = 7,
    EXIT_DIFFER = 8,
};

struct row {
    int code;
    enum exit_status exit_status;
    bool nothing_applied;
    const char *text;
};

static const struct row rows[] = {
    {SHOAL_OK, EXIT_OK, false, "ok"},
    {SHOAL_ENOTFOUND, EXIT_NOT_FOUND, true, "no such key"},
    {SHOAL_EINVAL, EXIT_BAD_INPUT, true, "invalid argument"},
    {SHOAL_ETOOBIG, EXIT_BAD_INPUT, true, "too big"},
    {SHOAL_EPROTO, EXIT_NO_CONNECTION, true, "malformed message"},
    {SHOAL_EVERSION, EXIT_NO_CONNECTION, true, "version not understood"},
    {SHOAL_ECONTEXT, EXIT_CONTEXT, true, "context refused: it is damaged or of another key"},
    {SHOAL_EPERM, EXIT_NOT_PERMITTED, true, "not permitted"},
    {SHOAL_EUNSUPPORTED, EXIT_BAD_INPUT, true, "not supported here"},

    {SHOAL_ECONNECT, EXIT_NO_CONNECTION, true, "no node could be reached"},
    {SHOAL_EQUORUM, EXIT_NOT_APPLIED, true, "quorum not met; nothing applied"},
    {SHOAL_EOVERLOAD, EXIT_NOT_APPLIED, true, "overloaded"},
    {SHOAL_ETIMEOUT, EXIT_NOT_APPLIED, true, "timed out"},
    {SHOAL_ENOTOWNER, EXIT_NOT_APPLIED, true, "not an owner of the key"},
    {SHOAL_EREFILLING, EXIT_NOT_APPLIED, true, "still being filled by its peers"},
    {SHOAL_ESHUTDOWN, EXIT_NOT_APPLIED, true, "the node is stopping"},
    {SHOAL_ENOMEM, EXIT_NOT_APPLIED, true, "out of memory"},
    {SHOAL_ENOSPC, EXIT_NOT_APPLIED, true, "disk full"},
    {SHOAL_EIO, EXIT_NOT_APPLIED, true, "storage failed"},
    {SHOAL_EDAMAGED, EXIT_NOT_APPLIED, true, "damaged on disk"},

    {SHOAL_ECLUSTER, EXIT_NO_CONNECTION, true, "belongs to another cluster"},
    {SHOAL_EHASDATA, EXIT_BAD_INPUT, true, "holds data of its own"},
    {SHOAL_ECONFLICT, EXIT_BAD_INPUT, true, "conflicts with what is there already"},

    {SHOAL_EUNKNOWN, EXIT_UNKNOWN, false, "outcome unknown: it may have been applied"},

    {SHOAL_EDIFFER, EXIT_DIFFER, true, "replicas are not identical"},
    {SHOAL_EINTERNAL, EXIT_UNKNOWN, false, "internal error; please report it"},
};

/* A number that is no code of ours is taken as a bug, about which nothing is known. */
static const struct row unknown_row = {0, EXIT_UNKNOWN, false, "unknown error"};

static const struct row *row_of(int code)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return &unknown_row;
}

PUBLIC const char *shoal_error_text(int code)
{
    return row_of(code)->text;
}

PUBLIC int shoal_error_exit_status(int code)
{
    return (int)row_of(code)->exit_status;
}

PUBLIC int shoal_error_nothing_applied(int code)
{
    return row_of(code)->nothing_applied ? 1 : 0;
}
