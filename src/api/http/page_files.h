/* The files of the admin page, as they are compiled into the server: a source that
 * src/page/embed.py makes when this is built. */
#ifndef API_HTTP_PAGE_FILES_H
#define API_HTTP_PAGE_FILES_H

#include "base/bytes.h"

struct page_file {
    const char *path;
    const char *type;
    const char *tag;   /* of its content, in quotes */
    bool is_immutable; /* its path has a hash of its content: what is served under it never changes
                        */
    struct bytes plain;
    struct bytes gzipped;
};

extern const struct page_file page_files[];
extern const uint32_t page_files_count;

#endif
