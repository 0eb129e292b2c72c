/* Tables of texts: collected whole, since only then the widths are known. */
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

#define CELL_BYTES 300u

void table_begin(struct table_text *table, FILE *out)
{
    *table = (struct table_text){.out = out};
}

/* Without memory cells are left out; a table is for looking at. */
static void add(struct table_text *table, const char *text)
{
    if (table->cell_count == table->capacity) {
        uint32_t capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
        char **cells = mem_realloc(table->cells, capacity * sizeof(char *));
        if (cells == NULL) {
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char *copy = mem_copy_string(text, strlen(text));
    if (copy != NULL) {
        table->cells[table->cell_count++] = copy;
    }
}

void table_head(struct table_text *table, const char *const *heads, uint32_t count)
{
    table->columns = count < TABLE_COLUMNS_MAX ? count : TABLE_COLUMNS_MAX;
    for (uint32_t i = 0; i < table->columns; i++) {
        add(table, heads[i]);
    }
}

void table_cell(struct table_text *table, const char *form, ...)
{
    char text[CELL_BYTES];
    va_list arguments;
    va_start(arguments, form);
    (void)vsnprintf(text, sizeof(text), form, arguments);
    va_end(arguments);
    add(table, text);
}

/* Also one with a unit behind it: "1.2 GiB". */
static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits;
    return digits > 0 && (unit[0] == '\0' ||
                          (unit[0] == ' ' && unit[1] != '\0' && unit[strcspn(unit, "B")] == 'B' &&
                           unit[strcspn(unit, "B") + 1] == '\0'));
}

/* A column is one of numbers when its first cell below the head is one. */
static bool is_right(const struct table_text *table, uint32_t column)
{
    uint32_t below = table->columns + column;
    return below < table->cell_count && is_number(table->cells[below]);
}

static size_t width_of(const struct table_text *table, uint32_t column)
{
    size_t width = 0;
    for (uint32_t i = column; i < table->cell_count; i += table->columns) {
        size_t len = strlen(table->cells[i]);
        width = len > width ? len : width;
    }
    return width;
}

void table_end(struct table_text *table)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    bool right[TABLE_COLUMNS_MAX] = {0};
    for (uint32_t i = 0; i < table->columns; i++) {
        widths[i] = width_of(table, i);
        right[i] = is_right(table, i);
    }
    for (uint32_t i = 0; i < table->cell_count && table->columns > 0; i++) {
        uint32_t column = i % table->columns;
        bool last = column + 1 == table->columns || i + 1 == table->cell_count;
        int width = (int)widths[column];
        if (right[column]) {
            (void)fprintf(table->out, "%*s%s", width, table->cells[i], last ? "\n" : "  ");
        } else {
            (void)fprintf(table->out, "%-*s%s", last ? 0 : width, table->cells[i],
                          last ? "\n" : "  ");
        }
        mem_free(table->cells[i]);
    }
    mem_free(table->cells);
    *table = (struct table_text){0};
}
