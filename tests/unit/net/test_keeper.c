/* net/keeper: the node's record on disk, and every way it can be damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/keeper.h"
#include "shoal/error.h"

static char folder[64];
static int folder_fd;

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/shoal-keeper-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    return folder_fd < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlinkat(folder_fd, KEEPER_FILE, 0);
    unlinkat(folder_fd, KEEPER_FILE ".new", 0);
    close(folder_fd);
    return rmdir(folder);
}

static int load(struct buffer *out)
{
    buffer_init(out, 0);
    return keeper_load(folder_fd, out);
}

static void expect_record(const char *text)
{
    struct buffer record;
    assert_int_equal(load(&record), 0);
    assert_true(bytes_equal(buffer_bytes(&record), bytes_from_string(text)));
    buffer_deinit(&record);
}

static void there_is_none_at_first(void **state)
{
    (void)state;
    struct buffer record;
    assert_int_equal(load(&record), 1);
    assert_int_equal(record.len, 0);
    buffer_deinit(&record);
}

static void the_last_record_is_there(void **state)
{
    (void)state;
    assert_int_equal(keeper_store(folder_fd, bytes_from_string("first")), 0);
    expect_record("first");
    assert_int_equal(keeper_store(folder_fd, bytes_from_string("a longer second")), 0);
    assert_int_equal(keeper_store(folder_fd, bytes_from_string("3rd")), 0);
    expect_record("3rd");
    assert_int_equal(keeper_store(folder_fd, bytes_make(NULL, 0)), 0);
    expect_record("");
}

static size_t read_file(uint8_t *out, size_t size)
{
    int fd = openat(folder_fd, KEEPER_FILE, O_RDONLY);
    ssize_t got = read(fd, out, size);
    close(fd);
    assert_true(got > 0);
    return (size_t)got;
}

static void write_file(const uint8_t *data, size_t len)
{
    int fd = openat(folder_fd, KEEPER_FILE, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static void every_flipped_bit_and_every_cut_is_noticed(void **state)
{
    (void)state;
    uint8_t whole[256];
    uint8_t damaged[257];
    struct buffer record;
    assert_int_equal(keeper_store(folder_fd, bytes_from_string("identity and view")), 0);
    size_t len = read_file(whole, sizeof(whole));
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(damaged, whole, len);
        damaged[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        write_file(damaged, len);
        int code = load(&record);
        assert_true(code == SHOAL_EPROTO || code == SHOAL_EVERSION);
        assert_int_equal(record.len, 0);
        buffer_deinit(&record);
    }
    for (size_t cut = 0; cut < len; cut++) {
        write_file(whole, cut);
        assert_int_equal(load(&record), SHOAL_EPROTO);
        buffer_deinit(&record);
    }
    memcpy(damaged, whole, len);
    damaged[len] = 0;
    write_file(damaged, len + 1);
    assert_int_equal(load(&record), SHOAL_EPROTO);
    buffer_deinit(&record);
}

static void a_half_written_new_record_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(keeper_store(folder_fd, bytes_from_string("good")), 0);
    int fd = openat(folder_fd, KEEPER_FILE ".new", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "SHOAL", 5), 5);
    close(fd);
    expect_record("good");
    assert_int_equal(keeper_store(folder_fd, bytes_from_string("better")), 0);
    expect_record("better");
}

static void a_folder_that_is_gone_is_an_error(void **state)
{
    (void)state;
    int gone = open(folder, O_PATH | O_DIRECTORY);
    close(gone);
    assert_int_equal(keeper_store(gone, bytes_from_string("x")), SHOAL_EIO);
    struct buffer record;
    buffer_init(&record, 0);
    assert_int_equal(keeper_load(gone, &record), SHOAL_EIO);
    buffer_deinit(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_is_none_at_first, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_last_record_is_there, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(every_flipped_bit_and_every_cut_is_noticed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_half_written_new_record_does_not_count, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_that_is_gone_is_an_error, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
