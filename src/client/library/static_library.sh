#!/bin/sh
# Makes the static libshoal: one object of all that the client needs, in which only what the public
# headers declare is still visible, so that an application may have its own `struct buffer` and
# `table_get`.
#
# Usage: static_library.sh LD OBJCOPY AR OUTPUT CLIENT_ARCHIVE ARCHIVE...
set -eu
ld="$1"
objcopy="$2"
ar="$3"
output="$4"
client="$5"
shift 5
object="$output.o"
rm -f "$output" "$object"
"$ld" -r -o "$object" --whole-archive "$client" --no-whole-archive --start-group "$@" --end-group
"$objcopy" --localize-hidden "$object"
"$ar" rcs "$output" "$object"
rm -f "$object"
