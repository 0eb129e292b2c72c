/* A table of texts for people: columns as wide as their widest cell, numbers to the right. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16u

struct table_text {
    FILE *out;
    char **cells; /* row by row, the heads first */
    uint32_t cell_count;
    uint32_t capacity;
    uint32_t columns;
};

void table_begin(struct table_text *table, FILE *out);
void table_head(struct table_text *table, const char *const *heads, uint32_t count);
/* The next cell. */
__attribute__((format(printf, 2, 3))) void table_cell(struct table_text *table, const char *form,
                                                      ...);
/* Prints it and forgets it. */
void table_end(struct table_text *table);

#endif
