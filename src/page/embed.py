#!/usr/bin/env python3
"""Writes the C source that carries the admin page: every file as it is and gzipped, under the path and with
the entity tag that it is served by. The same files give the same C source, but for what another version
of zlib makes of them.

The files that the page names are served under names with a hash of their content, and may be kept by browsers
forever; the page itself is asked for each time.

Usage: embed.py OUT PAGE.html ASSET... --as PATH FILE   (meson calls it)
    ASSET      a file that the page names as /page/FILE
    PATH FILE  another file, and the path it is served under
"""
import gzip
import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".yaml": "application/yaml",
}
GZIP_LEVEL = 9
BYTES_A_LINE = 24


def read(path):
    with open(path, "rb") as file:
        return file.read()


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def array(name, content):
    lines = [", ".join(str(byte) for byte in content[at : at + BYTES_A_LINE])
             for at in range(0, len(content), BYTES_A_LINE)]
    return "static const uint8_t %s[] = {\n%s};\n" % (name, ",\n".join(lines) + ("" if lines else "0"))


def entry(number, path, content, kept):
    kind = TYPES[os.path.splitext(path)[1] or ".html"]
    return ('    {.path = "%s", .type = "%s", .tag = "\\"%s\\"", .is_immutable = %s,\n'
            "     .plain = {plain_%d, %du}, .gzipped = {gzipped_%d, sizeof(gzipped_%d)}},\n"
            % (path, kind, digest(content), "true" if kept else "false", number, len(content), number, number))


def main():
    out, page_path, *rest = sys.argv[1:]
    split = rest.index("--as")
    other_path, other = rest[split + 1 :]
    page = read(page_path)
    files = []  # (path, content, may it be kept forever)
    for source in rest[:split]:
        name = os.path.basename(source)
        stem, extension = os.path.splitext(name)
        content = read(source)
        named = ('"/page/%s"' % name).encode()
        if named in page:
            hashed = "/page/%s-%s%s" % (stem, digest(content), extension)
            page = page.replace(named, ('"%s"' % hashed).encode())
            files.append((hashed, content, True))
        else:
            files.append(("/page/" + name, content, False))
    files.append(("/", page, False))
    files.append((other_path, read(other), False))

    text = '/* Made by src/page/embed.py of the files in src/page/built. */\n#include "api/http/page_files.h"\n\n'
    for number, (_, content, _) in enumerate(files):
        text += array("plain_%d" % number, content)
        text += array("gzipped_%d" % number, gzip.compress(content, GZIP_LEVEL, mtime=0))
    text += "\nconst struct page_file page_files[] = {\n"
    text += "".join(entry(number, path, content, kept) for number, (path, content, kept) in enumerate(files))
    text += "};\nconst uint32_t page_files_count = %du;\n" % len(files)
    with open(out, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    main()
