/* shoal verify: whether all owners of each partition hold the same. Exit status 8 and the
 * partitions that differ if they don't. What could not be compared is neither: that fails, naming a
 * node. */
#include <inttypes.h>

#include "cli/session.h"

#define TIMEOUT_ROOTS_MS 60000u
#define TIMEOUT_VALUES_MS 3600000u /* the most that a node takes */
#define NAMED_MAX 20u

static json_t *json_of_partitions(const uint32_t *partitions, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_integer((json_int_t)partitions[i]));
    }
    return list;
}

static int exit_status_of(const struct shoal_verification *found)
{
    int code = found->differing_count > 0 ? SHOAL_EDIFFER : found->identical ? 0 : SHOAL_EQUORUM;
    return shoal_error_exit_status(code);
}

/* "identical" is null where nobody knows. */
static int print_json(struct terminal *terminal, const struct shoal_verification *found)
{
    bool unknown = found->differing_count == 0 && !found->identical;
    json_t *object =
        json_pack("{s:o,s:i,s:I,s:b,s:o,s:o}", "identical",
                  unknown ? json_null() : json_boolean(found->identical), "partitions",
                  (int)found->partitions, "siblings", (json_int_t)found->siblings, "values",
                  found->with_values, "differing",
                  json_of_partitions(found->differing, found->differing_count), "unverified",
                  json_of_partitions(found->unverified, found->unverified_count));
    if (object != NULL && found->identical) {
        (void)json_object_set_new(object, "digest", json_string(found->digest));
    }
    if (object != NULL && found->with_values) {
        (void)json_object_set_new(object, "bytes", json_integer((json_int_t)found->bytes));
    }
    if (object != NULL && found->text[0] != '\0') {
        (void)json_object_set_new(object, "text", json_string(found->text));
    }
    int status = terminal_print_json(terminal, terminal->out, object);
    return status != 0 ? status : exit_status_of(found);
}

static void name_partitions(const uint32_t *partitions, size_t count, char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32, i == 0 ? "" : ", ",
                                 partitions[i]);
    }
    if (count > NAMED_MAX) {
        (void)snprintf(text + used, size - used, " and %zu more (see --json)", count - NAMED_MAX);
    }
}

static int print_plain(struct terminal *terminal, const struct shoal_verification *found)
{
    char names[NAMED_MAX * 12 + 64];
    if (found->differing_count > 0) {
        name_partitions(found->differing, found->differing_count, names, sizeof(names));
        return terminal_fail_form(terminal, SHOAL_EDIFFER,
                                  "not identical: the owners of %zu of %" PRIu32
                                  " partitions differ: %s",
                                  found->differing_count, found->partitions, names);
    }
    if (!found->identical) {
        return terminal_fail_form(terminal, SHOAL_EQUORUM,
                                  "not verified: %zu of %" PRIu32
                                  " partitions could not be compared: %s",
                                  found->unverified_count, found->partitions, found->text);
    }
    (void)fprintf(terminal->out,
                  "identical: %" PRIu32 " partitions, %" PRIu64 " siblings%s, digest %s\n",
                  found->partitions, found->siblings,
                  found->with_values ? " with their values" : "", found->digest);
    return 0;
}

static int run(struct session *session)
{
    struct shoal_verification *found = NULL;
    int code =
        shoal_verify(session->client, session->invocation->values, &session->options, &found);
    if (code != 0) {
        return session_fail(session, code);
    }
    struct terminal *terminal = session->terminal;
    int status = terminal->json ? print_json(terminal, found) : print_plain(terminal, found);
    shoal_verification_free(found);
    return status;
}

int command_verify(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation,
                              invocation->values ? TIMEOUT_VALUES_MS : TIMEOUT_ROOTS_MS);
    if (status != 0) {
        return status;
    }
    status = run(&session);
    session_close(&session);
    return status;
}
