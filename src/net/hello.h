/* The first exchange on every connection, both sides of it: which version to speak, and who the
 * other is. Whether a peer is of this cluster is the worker's to judge; that both can talk at all
 * is judged here. */
#ifndef NET_HELLO_H
#define NET_HELLO_H

#include "net/loop.h"
#include "wire/messages.h"

/* This node's hello to a peer. `with_cluster` is false towards a node whose cluster isn't known. */
struct message_hello hello_to_peer(struct loop *loop, uint64_t id, bool with_cluster);

/* The version to speak with the sender of the hello: 0 and *version, or SHOAL_EVERSION and a text.
 */
int hello_agree(const struct message_hello *hello, uint32_t *version, char text[256]);

/* This node's answer. */
struct message_hello_reply hello_answer(struct loop *loop, const struct message_hello *hello,
                                        uint32_t version, uint64_t frame_bytes_max);

/* A peer's answer as the hello it stands for, for worker_check_hello. */
struct message_hello hello_of_reply(const struct message_hello_reply *reply);

/* Appends a RESULT frame that refuses: for whatever a connection does wrong. 0, SHOAL_ENOMEM. */
int hello_refuse(struct buffer *out, uint64_t id, int code, const char *text);

/* SO_KEEPALIVE, TCP_NODELAY, and so on: what every connection here wants. */
void hello_socket_options(int fd);

#endif
