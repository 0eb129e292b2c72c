/* One walk over the text that follows depth and keys; values are passed over. */
#include "server/json_lines.h"

struct walk {
    struct bytes text;
    size_t at;
    uint32_t line;
    uint32_t depth;
    bool expects_key;  /* in an object, before a key */
    bool in_object[3]; /* by depth, as far as it matters */
};

/* Takes a string; its content between the quotes. */
static struct bytes take_string(struct walk *walk)
{
    size_t start = ++walk->at;
    while (walk->at < walk->text.len && walk->text.data[walk->at] != '"') {
        walk->at += walk->text.data[walk->at] == '\\' ? 2 : 1;
    }
    size_t end = walk->at < walk->text.len ? walk->at : walk->text.len;
    walk->at = end + 1;
    return bytes_make(walk->text.data + start, end - start);
}

static bool in_object(const struct walk *walk)
{
    return walk->depth >= 1 && walk->depth <= 2 && walk->in_object[walk->depth];
}

static void take_other(struct walk *walk)
{
    uint8_t byte = walk->text.data[walk->at++];
    if (byte == '\n') {
        walk->line++;
    } else if (byte == '{' || byte == '[') {
        walk->depth++;
        if (walk->depth <= 2) {
            walk->in_object[walk->depth] = byte == '{';
        }
        walk->expects_key = byte == '{';
    } else if (byte == '}' || byte == ']') {
        walk->depth--;
        walk->expects_key = false;
    } else if (byte == ',') {
        walk->expects_key = in_object(walk);
    }
}

uint32_t json_line_of(struct bytes text, const char *section, const char *name)
{
    struct walk walk = {.text = text, .line = 1};
    struct bytes name_wanted = bytes_from_string(name);
    struct bytes section_wanted = bytes_from_string(section);
    bool at_top = section_wanted.len == 0;
    bool in_section = false;
    while (walk.at < text.len) {
        if (text.data[walk.at] != '"') {
            take_other(&walk);
            continue;
        }
        bool is_key = walk.expects_key && in_object(&walk);
        struct bytes string = take_string(&walk);
        if (!is_key) {
            continue;
        }
        walk.expects_key = false;
        if (walk.depth == 1) {
            if (at_top && bytes_equal(string, name_wanted)) {
                return walk.line;
            }
            in_section = bytes_equal(string, section_wanted);
        } else if (in_section && !at_top && bytes_equal(string, name_wanted)) {
            return walk.line;
        }
    }
    return 0;
}
