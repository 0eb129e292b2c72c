# Shared by the scripts beside it, which source it: where the repository is, how to speak, how to
# become root. Bash; no side effects but ROOT.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export ROOT

say() {
    printf '== %s\n' "$*"
}

warn() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

fail() {
    warn "$@"
    exit 1
}

# The text for --help: the comment block at the top of the script, without its marks.
usage() {
    sed -n '2,/^[^#]/{ /^#/!d; s/^# \{0,1\}//; p }' "$0"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Processes to use: one a core that this process may run on.
jobs_max() {
    nproc 2>/dev/null || echo 2
}

# Runs a command as root, directly or through sudo; fails plainly where neither is possible.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo; as root, run: $*"
    fi
}

# configure FOLDER OPTION...: sets up a meson build folder, or brings one up to these options. A
# stamp of them spares the second run a configuration.
configure() {
    local folder="$1" stamp="$1/options.stamp"
    shift
    if [ -f "$folder/build.ninja" ]; then
        [ "$(cat "$stamp" 2>/dev/null)" = "$*" ] && return
        meson configure "$folder" "$@" >/dev/null ||
            fail "meson could not configure $folder; remove it and try again"
    else
        mkdir -p "$folder"
        meson setup "$folder" "$ROOT" "$@" >"$folder/setup.log" 2>&1 || {
            cat "$folder/setup.log" >&2
            fail "meson could not set up $folder"
        }
    fi
    printf '%s' "$*" >"$stamp"
}
