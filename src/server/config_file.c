/* The JSON file: every key must be known and of the right type. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "server/config_load.h"
#include "server/json_lines.h"
#include "shoal/error.h"

#define FILE_BYTES_MAX LIMIT_MIB
#define SHOWN_BYTES 80

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_into(struct config_load *load, int fd, struct buffer *text)
{
    for (;;) {
        if (buffer_reserve(text, 16384) != 0) {
            config_problem(load, NULL, 0, "larger than a megabyte: not a configuration");
            return false;
        }
        ssize_t got = read(fd, text->data + text->len, text->capacity - text->len);
        if (got < 0 && errno != EINTR) {
            config_problem(load, NULL, 0, "can't be read: %s", strerror(errno));
            return false;
        }
        if (got == 0) {
            return true;
        }
        text->len += got > 0 ? (size_t)got : 0;
    }
}

static bool read_text(struct config_load *load, struct buffer *text)
{
    int fd = open(load->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        config_problem(load, NULL, 0, "can't be opened: %s", strerror(errno));
        return false;
    }
    bool done = read_into(load, fd, text);
    close(fd);
    return done;
}

/* ---- unknown keys ---------------------------------------------------------------------------- */

/* Names of a section's keys, or of all sections and top-level keys; ended by NULL. */
static void names_in(const char *section, const char *names[CONFIG_KEYS_MAX * 2])
{
    size_t count = 0;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (strcmp(key->section, section) == 0) {
            names[count++] = key->name;
        } else if (section[0] == 0 &&
                   (i == 0 || strcmp(config_keys[i - 1].section, key->section) != 0)) {
            names[count++] = key->section;
        }
    }
    names[count] = NULL;
}

/* The section that has a key of this name; NULL when none has. */
static const char *section_with(const char *name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].name, name) == 0) {
            return config_keys[i].section;
        }
    }
    return NULL;
}

static void report_unknown(struct config_load *load, const char *section, const char *name)
{
    const char *names[CONFIG_KEYS_MAX * 2];
    names_in(section, names);
    uint32_t line = json_line_of(load->text, section, name);
    const char *dot = section[0] == 0 ? "" : ".";
    const char *nearest = text_nearest(name, names);
    const char *elsewhere = section_with(name);
    if (nearest != NULL) {
        config_problem(load, NULL, line, "unknown key \"%s%s%s\": did you mean \"%s%s%s\"?",
                       section, dot, name, section, dot, nearest);
    } else if (elsewhere != NULL && elsewhere[0] != 0) {
        config_problem(load, NULL, line, "unknown key \"%s%s%s\": \"%s\" belongs in \"%s\"",
                       section, dot, name, name, elsewhere);
    } else if (elsewhere != NULL) {
        config_problem(load, NULL, line, "unknown key \"%s%s%s\": \"%s\" belongs at the top level",
                       section, dot, name, name);
    } else {
        config_problem(load, NULL, line, "unknown key \"%s%s%s\"", section, dot, name);
    }
}

/* ---- known keys ------------------------------------------------------------------------------ */

/* A value as JSON, cut to what fits a message. */
static void show(const json_t *value, char out[SHOWN_BYTES + 4])
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text == NULL) {
        snprintf(out, SHOWN_BYTES + 4, "?");
        return;
    }
    snprintf(out, SHOWN_BYTES + 4, "%.*s%s", (int)SHOWN_BYTES, text,
             strlen(text) > SHOWN_BYTES ? "..." : "");
    free(text);
}

static void read_key(struct config_load *load, const char *section, const char *name,
                     const json_t *value)
{
    const struct config_key *key = config_key_find(section, name);
    if (key == NULL) {
        report_unknown(load, section, name);
        return;
    }
    uint32_t line = json_line_of(load->text, section, name);
    load->lines[key - config_keys] = line;
    config_set_origin(load, key, ORIGIN_FILE);
    if (config_set_json(&load->config, key, value) != 0) {
        char path[64];
        char shown[SHOWN_BYTES + 4];
        config_key_path(key, path);
        show(value, shown);
        config_problem(load, key, line, "%s is %s: expected is %s", path, shown, key->expected);
    }
}

static void read_section(struct config_load *load, const char *section, json_t *object)
{
    if (!json_is_object(object)) {
        config_problem(load, NULL, json_line_of(load->text, "", section),
                       "\"%s\" is a section: expected is an object, {...}", section);
        return;
    }
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        read_key(load, section, name, value);
    }
}

static void read_root(struct config_load *load, json_t *root)
{
    const char *name;
    json_t *value;
    if (!json_is_object(root)) {
        config_problem(load, NULL, 1, "expected is an object, {...}");
        return;
    }
    json_object_foreach(root, name, value)
    {
        if (config_section_exists(name)) {
            read_section(load, name, value);
        } else {
            read_key(load, "", name, value);
        }
    }
}

void config_read_file(struct config_load *load)
{
    struct buffer text;
    buffer_init(&text, FILE_BYTES_MAX);
    if (read_text(load, &text)) {
        json_error_t error;
        load->text = buffer_bytes(&text);
        json_t *root =
            json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
        if (root == NULL) {
            config_problem(load, NULL, (uint32_t)(error.line > 0 ? error.line : 0),
                           "not JSON: %s (column %d)", error.text, error.column);
        } else {
            read_root(load, root);
        }
        json_decref(root);
    }
    load->text = bytes_make(NULL, 0);
    buffer_deinit(&text);
}
