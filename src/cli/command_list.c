/* shoal list and shoal mget: several keys. A list pages through the cluster until it has as many
 * keys as were asked for, or all; with a limit it ends with the cursor from which to go on. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/session.h"
#include "report/bytes_json.h"

#define PAGE_KEYS 1000u

/* A key in JSON: a plain string, unless that can't say it or its value belongs to it. */
static json_t *json_key(const struct shoal_entry *entry, bool with_value)
{
    struct bytes key = bytes_make(entry->key.data, entry->key.len);
    if (!with_value && text_is_utf8(key)) {
        return json_stringn_nocheck(entry->key.data, entry->key.len);
    }
    json_t *object = json_object();
    if (object != NULL && !(json_set_bytes(object, "key", entry->key) &&
                            (!with_value || json_set_bytes(object, "value", entry->value)))) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static void print_key(struct terminal *terminal, const struct shoal_entry *entry, bool with_value)
{
    (void)fwrite(entry->key.data, 1, entry->key.len, terminal->out);
    if (with_value) {
        (void)fputc('\t', terminal->out);
        if (entry->value.len > 0) {
            (void)fwrite(entry->value.data, 1, entry->value.len, terminal->out);
        }
    }
    (void)fputc('\n', terminal->out);
}

/* A list on its way: what is wanted, and where it has got. */
struct listing {
    struct shoal_list page;
    uint64_t left;
    struct buffer after; /* what page.after points to */
    json_t *keys;        /* under --json */
};

static int take_page(struct session *session, struct listing *listing,
                     const struct shoal_result *result)
{
    bool with_values = session->invocation->values;
    for (size_t i = 0; i < result->entry_count; i++) {
        if (listing->keys == NULL) {
            print_key(session->terminal, &result->entries[i], with_values);
        } else if (json_array_append_new(listing->keys,
                                         json_key(&result->entries[i], with_values)) != 0) {
            return terminal_fail(session->terminal, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        }
    }
    listing->left -= result->entry_count < listing->left ? result->entry_count : listing->left;
    buffer_clear(&listing->after);
    listing->page.after = (struct shoal_bytes){0};
    if (result->after.data != NULL) {
        if (buffer_append(&listing->after, result->after.data, result->after.len) != 0 ||
            buffer_reserve(&listing->after, 1) != 0) {
            return terminal_fail(session->terminal, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        }
        listing->page.after = shoal_bytes(listing->after.data, listing->after.len);
    }
    return 0;
}

static int list_pages(struct session *session, struct listing *listing)
{
    do {
        listing->page.limit = listing->left < PAGE_KEYS ? (uint32_t)listing->left : PAGE_KEYS;
        struct shoal_result *result = NULL;
        int code = shoal_list(session->client, &listing->page, &session->options, &result);
        if (code != 0) {
            return session_fail(session, code);
        }
        int status = take_page(session, listing, result);
        shoal_result_free(result);
        if (status != 0) {
            return status;
        }
    } while (listing->left > 0 && listing->page.after.data != NULL);
    return 0;
}

static int end_list(struct terminal *terminal, struct listing *listing)
{
    if (listing->keys != NULL) {
        json_t *object = json_pack("{s:O}", "keys", listing->keys);
        if (object != NULL && !json_set_token(object, "after", listing->page.after)) {
            json_decref(object);
            object = NULL;
        }
        return terminal_print_json(terminal, terminal->out, object);
    }
    if (listing->page.after.data != NULL) {
        struct buffer text;
        buffer_init(&text, 0);
        if (text_base64url_encode(buffer_bytes(&listing->after), &text) == 0) {
            terminal_remark(terminal, "shoal: there is more: --after %.*s", (int)text.len,
                            (const char *)text.data);
        }
        buffer_deinit(&text);
    }
    return 0;
}

static int begin_list(struct session *session, struct listing *listing)
{
    const struct invocation *invocation = session->invocation;
    const char *prefix = invocation->prefix;
    if (prefix == NULL && invocation->argument_count > 0) {
        prefix = invocation->arguments[0];
    }
    *listing = (struct listing){
        .page = {.with_values = invocation->values},
        .left = invocation->limit > 0 ? invocation->limit : UINT64_MAX,
    };
    buffer_init(&listing->after, 0);
    if (prefix != NULL) {
        listing->page.prefix = shoal_text(prefix);
    }
    if (invocation->after != NULL) {
        if (text_base64url_decode(bytes_from_string(invocation->after), &listing->after) != 0 ||
            listing->after.len == 0) {
            return terminal_fail(session->terminal, SHOAL_EINVAL,
                                 "--after: this is no cursor; pass on what an earlier list gave");
        }
        listing->page.after = shoal_bytes(listing->after.data, listing->after.len);
    }
    if (session->terminal->json) {
        listing->keys = json_array();
    }
    return 0;
}

int command_list(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct listing listing;
    status = begin_list(&session, &listing);
    if (status == 0) {
        status = list_pages(&session, &listing);
    }
    if (status == 0) {
        status = end_list(terminal, &listing);
    }
    json_decref(listing.keys);
    buffer_deinit(&listing.after);
    session_close(&session);
    return status;
}

/* ---- mget ------------------------------------------------------------------------------------ */

/* The first failure that isn't just a missing key, else that; 0 when all were there. */
static int worst_of(struct shoal_result *const *results, uint32_t count, const char **text)
{
    int worst = 0;
    for (uint32_t i = 0; i < count; i++) {
        int code = results[i]->code;
        if (code != 0 && (worst == 0 || worst == SHOAL_ENOTFOUND)) {
            worst = code;
            *text = results[i]->text;
        }
    }
    return worst;
}

static struct shoal_bytes winner_of(const struct shoal_result *result)
{
    return result->value_count > 0 ? result->values[0].value : (struct shoal_bytes){0};
}

static int print_values(struct terminal *terminal, const struct shoal_bytes *keys,
                        struct shoal_result *const *results, uint32_t count)
{
    json_t *array = terminal->json ? json_array() : NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct shoal_entry entry = {.key = keys[i], .value = winner_of(results[i])};
        if (terminal->json) {
            (void)json_array_append_new(array, json_key(&entry, true));
        } else if (entry.value.data != NULL) {
            print_key(terminal, &entry, true);
        }
    }
    return terminal->json
               ? terminal_print_json(terminal, terminal->out, json_pack("{s:o}", "keys", array))
               : 0;
}

static int mget_run(struct session *session, const struct shoal_bytes *keys,
                    struct shoal_result **results, uint32_t count)
{
    int code = shoal_mget(session->client, keys, count, &session->options, results);
    if (code != 0) {
        return session_fail(session, code);
    }
    const char *text = "";
    int worst = worst_of(results, count, &text);
    int status = print_values(session->terminal, keys, results, count);
    if (worst == SHOAL_ENOTFOUND) {
        status = terminal_fail(session->terminal, worst, "some of the keys do not exist");
    } else if (worst != 0) {
        status = terminal_fail(session->terminal, worst, text);
    }
    for (uint32_t i = 0; i < count; i++) {
        shoal_result_free(results[i]);
    }
    return status;
}

int command_mget(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    uint32_t count = invocation->argument_count;
    struct shoal_bytes *keys = mem_alloc_zeroed(count, sizeof(*keys));
    struct shoal_result **results = mem_alloc_zeroed(count, sizeof(struct shoal_result *));
    if (keys == NULL || results == NULL) {
        status = terminal_fail(terminal, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
    } else {
        for (uint32_t i = 0; i < count; i++) {
            keys[i] = shoal_text(invocation->arguments[i]);
        }
        status = mget_run(&session, keys, results, count);
    }
    mem_free(keys);
    mem_free(results);
    session_close(&session);
    return status;
}
