/* What the surface itself refuses, before the core sees it: sizes and options that can't be right
 * on any cluster, each with a text that names what it was and what the limit is. Pure. */
#ifndef API_NATIVE_CHECK_H
#define API_NATIVE_CHECK_H

#include "wire/messages.h"

#define NATIVE_TEXT_BYTES 256

struct native_bounds {
    uint64_t key_bytes;
    uint64_t value_bytes;
};

/* 0, or SHOAL_EINVAL or SHOAL_ETOOBIG and the text. */
int native_check_request(const struct native_bounds *bounds, const struct message_request *request,
                         char text[NATIVE_TEXT_BYTES]);
int native_check_list(const struct native_bounds *bounds, const struct message_list *list,
                      char text[NATIVE_TEXT_BYTES]);
int native_check_timeout(uint64_t timeout_us, char text[NATIVE_TEXT_BYTES]);
int native_check_join(const struct message_join *join, char text[NATIVE_TEXT_BYTES]);
/* Also SHOAL_EUNSUPPORTED: a change that is not known here. */
int native_check_change(const struct message_change *change, char text[NATIVE_TEXT_BYTES]);

/* The largest frame that an acceptable request needs. */
size_t native_frame_bytes_max(const struct native_bounds *bounds);

/* The text for a frame over that. */
void native_explain_frame(const struct native_bounds *bounds, size_t len,
                          char text[NATIVE_TEXT_BYTES]);

#endif
