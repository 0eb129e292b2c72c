/* A folder of its own for each test, and small files in it. */
#ifndef UNIT_SERVER_FOLDER_TEST_H
#define UNIT_SERVER_FOLDER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/bytes.h"

struct folder_test {
    char path[64];
    int fd;
};

/* For cmocka: *state is a struct folder_test. */
int folder_test_setup(void **state);
int folder_test_teardown(void **state);

/* Names may lead into folders, which are made. */
void folder_test_write(struct folder_test *folder, const char *name, struct bytes content);
void folder_test_flip(struct folder_test *folder, const char *name, size_t offset);
size_t folder_test_size(struct folder_test *folder, const char *name);
bool folder_test_has(struct folder_test *folder, const char *name);

#define FOLDER_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, folder_test_setup, folder_test_teardown)

#endif
