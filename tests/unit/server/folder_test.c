/* Made under /tmp and removed with everything in it. */
#include "folder_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_test_setup(void **state)
{
    static struct folder_test folder;
    strcpy(folder.path, "/tmp/shoal-test-XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder.fd >= 0);
    *state = &folder;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

int folder_test_teardown(void **state)
{
    struct folder_test *folder = *state;
    close(folder->fd);
    return nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void folder_test_write(struct folder_test *folder, const char *name, struct bytes content)
{
    char parent[128] = "";
    size_t len = strcspn(name, "/");
    assert_true(len < sizeof(parent));
    memcpy(parent, name, len);
    if (name[len] == '/') {
        (void)mkdirat(folder->fd, parent, 0700);
    }
    int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.data, content.len), content.len);
    close(fd);
}

void folder_test_flip(struct folder_test *folder, const char *name, size_t offset)
{
    uint8_t byte;
    int fd = openat(folder->fd, name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

size_t folder_test_size(struct folder_test *folder, const char *name)
{
    struct stat status;
    assert_int_equal(fstatat(folder->fd, name, &status, 0), 0);
    return (size_t)status.st_size;
}

bool folder_test_has(struct folder_test *folder, const char *name)
{
    return faccessat(folder->fd, name, F_OK, 0) == 0;
}
