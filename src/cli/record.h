/* One record as a line of JSON: {"key":...,"value":...}, each as a string, or as base64 under
 * key_base64 and value_base64 where it isn't UTF-8. What dump writes and load reads. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <stdio.h>

#include "base/buffer.h"
#include "shoal/client.h"

#define RECORD_WHY_BYTES 256u

/* Appends key and value to the buffers. 0, SHOAL_ENOMEM, or SHOAL_EINVAL with the reason in `why`.
 */
int record_read(struct bytes line, struct buffer *key, struct buffer *value,
                char why[RECORD_WHY_BYTES]);

/* Writes the line with its newline. 0, SHOAL_ENOMEM, or SHOAL_EIO when the file can't be written.
 */
int record_write(FILE *file, const struct shoal_entry *entry);

#endif
