/* See string_options.h. Of the five ways to say how long a value lives only one may be given,
 * though that one again and again, the last counting; NX and XX exclude each other. */
#include "api/redis/string_options.h"

#include "api/redis/call.h"

static const struct {
    const char *word;
    enum string_expiry expiry;
    bool timed; /* an argument follows */
    bool of_set, of_getex;
} expiries[] = {
    {"ex", EXPIRY_EX, true, true, true},          {"px", EXPIRY_PX, true, true, true},
    {"exat", EXPIRY_EXAT, true, true, true},      {"pxat", EXPIRY_PXAT, true, true, true},
    {"keepttl", EXPIRY_KEEP, false, true, false}, {"persist", EXPIRY_DROP, false, false, true},
};

/* How many arguments the option at argv[0] takes, itself included; 0: it is none, or out of place.
 */
static uint32_t take_expiry(const struct bytes *argv, uint32_t argc, bool of_set,
                            struct string_options *options)
{
    for (size_t i = 0; i < sizeof(expiries) / sizeof(expiries[0]); i++) {
        if (!redis_is(argv[0], expiries[i].word)) {
            continue;
        }
        if (!(of_set ? expiries[i].of_set : expiries[i].of_getex) ||
            (options->expiry != EXPIRY_NONE && options->expiry != expiries[i].expiry) ||
            (expiries[i].timed && argc < 2)) {
            return 0;
        }
        options->expiry = expiries[i].expiry;
        if (!expiries[i].timed) {
            return 1;
        }
        options->time = argv[1];
        return 2;
    }
    return 0;
}

static bool take_condition(struct bytes argument, struct string_options *options)
{
    if (redis_is(argument, "nx") && !options->xx) {
        options->nx = true;
    } else if (redis_is(argument, "xx") && !options->nx) {
        options->xx = true;
    } else if (redis_is(argument, "get")) {
        options->get = true;
    } else {
        return false;
    }
    return true;
}

bool string_options_of_set(const struct bytes *argv, uint32_t argc, struct string_options *out)
{
    *out = (struct string_options){0};
    uint32_t at = 3;
    while (at < argc) {
        uint32_t taken =
            take_condition(argv[at], out) ? 1 : take_expiry(argv + at, argc - at, true, out);
        if (taken == 0) {
            return false;
        }
        at += taken;
    }
    return true;
}

bool string_options_of_getex(const struct bytes *argv, uint32_t argc, struct string_options *out)
{
    *out = (struct string_options){0};
    uint32_t at = 2;
    while (at < argc) {
        uint32_t taken = take_expiry(argv + at, argc - at, false, out);
        if (taken == 0) {
            return false;
        }
        at += taken;
    }
    return true;
}

bool string_options_expiry(struct redis_call *call, const struct string_options *options,
                           uint64_t *expiry_ms)
{
    enum string_expiry expiry = options->expiry;
    bool seconds = expiry == EXPIRY_EX || expiry == EXPIRY_EXAT;
    bool relative = expiry == EXPIRY_EX || expiry == EXPIRY_PX;
    int64_t when = 0;
    if (expiry < EXPIRY_EX) {
        *expiry_ms = 0;
        return true;
    }
    if (!redis_take_expiry(call, options->time, seconds, relative, &when)) {
        return false;
    }
    if (when <= (relative ? (int64_t)call->now_ms : 0)) {
        redis_reply_expiry(call);
        return false;
    }
    *expiry_ms = (uint64_t)when;
    return true;
}

/* What is no proper call looks at nothing and needs nothing: it will be refused. */

bool set_looks(const struct bytes *argv, uint32_t argc)
{
    struct string_options options;
    return argc > 3 && string_options_of_set(argv, argc, &options) &&
           (options.nx || options.xx || options.get || options.expiry == EXPIRY_KEEP);
}

const char *set_linear(const struct bytes *argv, uint32_t argc)
{
    struct string_options options;
    if (argc <= 3 || !string_options_of_set(argv, argc, &options)) {
        return NULL;
    }
    return options.nx                      ? "SET with NX"
           : options.xx                    ? "SET with XX"
           : options.get                   ? "SET with GET"
           : options.expiry == EXPIRY_KEEP ? "SET with KEEPTTL"
                                           : NULL;
}

const char *getex_linear(const struct bytes *argv, uint32_t argc)
{
    static const char *const texts[] = {
        [EXPIRY_DROP] = "GETEX with PERSIST", [EXPIRY_EX] = "GETEX with EX",
        [EXPIRY_PX] = "GETEX with PX",        [EXPIRY_EXAT] = "GETEX with EXAT",
        [EXPIRY_PXAT] = "GETEX with PXAT",
    };
    struct string_options options;
    return string_options_of_getex(argv, argc, &options) ? texts[options.expiry] : NULL;
}
