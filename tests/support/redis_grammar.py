"""Random commands for Redis, as Hypothesis strategies: mostly right, often odd, now and then with too few
or too many arguments, always such that two servers a few milliseconds apart must answer the same. So
nothing expires within minutes unless it expires at once, and nothing allocates hundreds of megabytes.

A command is a tuple of bytes. A story is a list of steps: (connection, inline?, command).
"""
from hypothesis import strategies as st

KEYS = [b"k1", b"k2", b"k3", b"{t}1", b"{t}2", b"K1", b"", b"\x00\xff\r\n", b"k" * 300, b"key with space"]

VALUES = [
    b"", b"0", b"1", b"-1", b"10", b"-0", b"007", b" 1", b"1 ", b"+1", b"1.5", b"-2.25e2", b"0.1", b"3.0e3", b"0x10",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809", b"nan", b"inf",
    b"-inf", b"1e400", b"5e-324", b"abc", b"ohmytext", b"mynewtext", b"foobar", b"\xff\xf0\x00", b"\x00\x00\x01", b"\xff" * 9,
    b"a\r\nb", b"\x00", b"x" * 44, b"x" * 45, b"\x0f" * 130, b"12345678901234567890", b"99999999999999999999.5", b"1\x00",
]

INTEGERS = [
    b"0", b"1", b"-1", b"2", b"3", b"-2", b"-3", b"5", b"7", b"8", b"-8", b"10", b"-100", b"100", b"4294967295", b"4294967296",
    b"2147483647", b"2147483648", b"-2147483649", b"9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"-9223372036854775807", b"536870912", b"4611686018427387904",
]

ODD = [b"", b"abc", b"1.0", b" 1", b"1 ", b"01", b"+1", b"-0", b"1e3", b"NX", b"EX", b"\xff", b"0x1", b"9" * 30, b"*", b"\x00"]

SECONDS = [b"1000", b"100000", b"86400", b"0", b"-1", b"-1000", b"9223372036854775", b"9223372036854775807", b"-9223372036854775808",
           b"9223372036854776", b"2000000000"]
SECONDS_AT = [b"4102444800", b"5000000000", b"1", b"0", b"-1", b"1600000000", b"9223372036854775", b"9223372036854775807", b"-9223372036854775808"]
MILLISECONDS = [b"1000000", b"100000000", b"0", b"-1", b"-1000000", b"9223372036854775807", b"9223370000000000000", b"-9223372036854775808"]
MILLISECONDS_AT = [b"4102444800123", b"5000000000000", b"1", b"0", b"-1", b"1600000000000", b"9223372036854775807", b"-9223372036854775808"]

PATTERNS = [b"*", b"k*", b"k?", b"k[12]", b"k[^1]", b"[a-z]1", b"\\k1", b"*1*", b"[", b"[k", b"k[1-", b"**?", b"\\", b"k[\\1]",
            b"", b"[^", b"k[3-1]", b"?", b"??", b"{t}*", b"*\r\n", b"K*", b"k[^12]*", b"*k*k*k*k*k*x", b"[]]", b"[k-", b"k]"]

one_of = st.one_of
pick = st.sampled_from
none = st.just(())


def often(common, rare, share=8):
    """The common strategy, and once in so many draws the rare one."""
    return st.integers(0, share - 1).flatmap(lambda n: rare if n == share - 1 else common)


key = often(pick(KEYS[:3]), pick(KEYS), 3)
value = often(pick(VALUES), st.binary(max_size=40), 3)
integer = often(pick(INTEGERS), one_of(pick(ODD), st.integers(-20, 20).map(lambda n: b"%d" % n)), 3)
small = st.integers(-12, 40).map(lambda n: b"%d" % n)
number = often(pick(VALUES[:25]), integer, 2)
pattern = pick(PATTERNS)
keys = st.lists(key, min_size=1, max_size=4).map(tuple)
pairs = st.lists(st.tuples(key, value), min_size=1, max_size=4).map(lambda some: sum(some, ()))


def word(*words):
    return pick([w.encode() for w in words])


def option(name, *strategies):
    return st.tuples(st.just(name.encode()), *strategies)


def options(*choices, most=3):
    """Some of these, in any order, also twice."""
    return st.lists(one_of(*choices), max_size=most).map(lambda some: sum(some, ()))


def maybe(strategy):
    return one_of(none, strategy.map(lambda drawn: drawn if isinstance(drawn, tuple) else (drawn,)))


def flat(parts):
    out = []
    for part in parts:
        if isinstance(part, tuple):
            out += part
        else:
            out.append(part)
    return tuple(out)


# What stories are made of, and what says something else in every server.
NAMES = {b"info", b"debug", b"memory"}


def command(name, *strategies):
    words = tuple(name.encode().split())
    NAMES.add(words[0].lower())
    return st.tuples(st.just(words), *strategies).map(flat)


expiry_options = [
    option("EX", pick(SECONDS)), option("PX", pick(MILLISECONDS)),
    option("EXAT", pick(SECONDS_AT)), option("PXAT", pick(MILLISECONDS_AT)),
]
conditions = maybe(word("NX", "XX", "GT", "LT", "nx", "foo"))
bit = often(word("0", "1"), word("2", "-1", "a", ""))
bit_range = maybe(st.tuples(small, small, maybe(word("BYTE", "BIT", "bit", "foo"))).map(flat))
scan_options = options(
    option("MATCH", pattern), option("COUNT", word("1", "10", "1000", "0", "-1", "x")),
    option("TYPE", word("string", "STRING", "list", "foo")), option("NOVALUES"), most=2,
)
bitfield_type = often(word("u8", "i8", "u1", "i64", "u63", "i5", "i16", "u32"), word("u64", "i65", "u0", "x8", "", "i"))
bitfield_offset = often(word("0", "1", "8", "#0", "#1", "#3", "100", "7"), word("-1", "#-1", "a", "#", "99999999999"))
bitfield_write = one_of(
    option("SET", bitfield_type, bitfield_offset, integer), option("INCRBY", bitfield_type, bitfield_offset, integer),
    option("OVERFLOW", word("WRAP", "SAT", "FAIL", "foo")),
)
bitfield_read = option("GET", bitfield_type, bitfield_offset)

# On keys, by what it takes.
ON_KEYS = [
    command("GET", key), command("GET", key), command("GETDEL", key), command("STRLEN", key), command("TYPE", key),
    command("SET", key, value), command("SET", key, value), command("SET", key, number),
    command("SET", key, value, options(*expiry_options, *map(option, ("NX", "XX", "GET", "KEEPTTL", "get")))),
    command("SETNX", key, value), command("GETSET", key, value), command("APPEND", key, value),
    command("SETEX", key, pick(SECONDS), value), command("PSETEX", key, pick(MILLISECONDS), value),
    command("GETEX", key, options(*expiry_options, option("PERSIST"), most=2)),
    command("MGET", keys), command("MSET", pairs), command("MSETNX", pairs),
    command("GETRANGE", key, small, small), command("GETRANGE", key, integer, integer), command("SUBSTR", key, small, small),
    command("SETRANGE", key, small, value), command("SETRANGE", key, integer, value),
    command("INCR", key), command("DECR", key), command("INCRBY", key, integer), command("DECRBY", key, integer),
    command("INCRBYFLOAT", key, number),
    command("SETBIT", key, one_of(small, integer), bit), command("GETBIT", key, one_of(small, integer)),
    command("BITCOUNT", key, bit_range), command("BITPOS", key, bit, maybe(small)), command("BITPOS", key, bit, bit_range),
    command("BITOP", often(word("AND", "OR", "XOR"), word("NOT", "not", "foo")), key, keys),
    command("BITFIELD", key, options(bitfield_write, bitfield_read)), command("BITFIELD_RO", key, options(bitfield_read, bitfield_write)),
    command("LCS", key, key, options(option("LEN"), option("IDX"), option("WITHMATCHLEN"), option("MINMATCHLEN", small))),
    command("DEL", keys), command("UNLINK", keys), command("EXISTS", keys), command("TOUCH", keys),
    command("RENAME", key, key), command("RENAMENX", key, key),
    command("COPY", key, key, options(option("REPLACE"), option("DB", word("0", "1", "-1", "x")), most=2)),
    command("EXPIRE", key, pick(SECONDS), conditions), command("PEXPIRE", key, pick(MILLISECONDS), conditions),
    command("EXPIREAT", key, pick(SECONDS_AT), conditions), command("PEXPIREAT", key, pick(MILLISECONDS_AT), conditions),
    command("TTL", key), command("PTTL", key), command("EXPIRETIME", key), command("PEXPIRETIME", key), command("PERSIST", key),
    command("OBJECT ENCODING", key),
]

# On all keys; SCAN's own steps are SCAN_ALL.
ON_ALL = [
    command("KEYS", pattern), command("KEYS", st.just(b"*")), command("DBSIZE"), command("RANDOMKEY"),
    command("SCAN", word("0", "abc", "-1", ""), scan_options), command("FLUSHALL", maybe(word("ASYNC", "SYNC", "foo"))),
    command("FLUSHDB", maybe(word("ASYNC", "SYNC", "foo"))),
]
SCAN_ALL = command("SCAN", st.just(b"0"), scan_options)

ON_CONNECTION = [
    command("PING", maybe(value)), command("ECHO", value), command("SELECT", word("0", "1", "-1", "x", "00", "99999999999")),
    command("HELLO", maybe(word("2", "3"))),
    command("HELLO", word("2", "3", "4", "1", "x", "0", ""), options(
        option("SETNAME", word("me", "a b", "", "x\ny")), option("AUTH", word("default", "other"), word("secret", "")),
        option("FOO"), most=2)),
    command("AUTH", word("secret", ""), maybe(word("secret"))), command("AUTH", word("default", "other"), word("secret", "")),
    command("CLIENT SETNAME", word("me", "a b", "", "x\ny", "Worker-1")), command("CLIENT GETNAME"), command("CLIENT ID"),
    command("CLIENT NO-EVICT", word("on", "OFF", "foo")), command("CLIENT FOO", maybe(value)), command("CLIENT"),
    command("COMMAND FOO"), command("COMMAND COUNT", value), command("COMMAND GETKEYS", word("SET", "MSET", "GET", "foo", "PING"), keys),
    command("COMMAND INFO", word("nosuchcommand")), command("COMMAND DOCS", word("nosuchcommand")),
    command("CONFIG GET", word("nosuchname", "no*name")), command("CONFIG SET", word("nosuchname"), value),
    command("CONFIG FOO"), command("FUNCTION FLUSH", maybe(word("ASYNC", "SYNC", "foo"))), command("TIME"), command("ROLE"),
    command("WAIT", word("0", "1", "-1", "x"), word("1", "-1", "x", "1.5")), command("SLOWLOG", word("GET", "LEN", "RESET", "FOO")),
    command("SLOWLOG GET", integer), command("RESET"), command("QUIT"),
    command("foo"), command("foo", st.lists(value, max_size=4).map(tuple)), st.tuples(st.just(b"get\r\nset"), value), command("OBJECT FOO"),
    st.tuples(value, value).map(flat), st.tuples(st.binary(min_size=100, max_size=200), st.binary(min_size=100, max_size=200)),
]

TRANSACTIONS = [command("MULTI"), command("EXEC"), command("DISCARD"), command("WATCH", keys), command("UNWATCH")]


def cased(name, how):
    if how == 0:
        return name
    return name.lower() if how == 1 else bytes(b ^ 0x20 if chr(b).isalpha() and n % 2 else b for n, b in enumerate(name))


def spoil(parts, how, odd):
    """Too few arguments, too many, or a wrong one."""
    parts = list(parts)
    if how == 1:
        parts = parts[:-1] or parts
    elif how == 2:
        parts.append(odd)
    elif how == 3:
        parts[-1] = odd if len(parts) > 1 else parts[-1]
    elif how == 4 and len(parts) > 2:
        parts[2] = odd
    elif how == 5:
        parts = parts[:1]
    return tuple(parts)


def as_integer(text):
    return int(text) if text[:1].lstrip(b"-").isdigit() or text[1:].isdigit() and text[:1] == b"-" else None


def tame(parts):
    """Whether two servers can be expected to agree on it: nothing expires soon, nothing is huge."""
    words = [part.upper() for part in parts]
    name = words[0]
    for at, part in enumerate(parts[1:], 1):
        try:
            size = int(part)
        except ValueError:
            continue
        soon = 0 < size < (100000 if name in (b"PSETEX", b"PEXPIRE") or words[at - 1] == b"PX" else 100)
        if soon and (name in (b"SETEX", b"PSETEX", b"EXPIRE", b"PEXPIRE") or words[at - 1] in (b"EX", b"PX")):
            return False
        if at == 2 and name in (b"SETRANGE", b"SETBIT") and 100000 < size < (1 << 32):
            return name == b"SETRANGE" and size >= 1 << 29
        if name == b"BITFIELD" and 100000 < size < (1 << 33):
            return False
    return True


def spoilt(commands):
    how = pick([0] * 30 + [1, 2, 3, 4, 5, 2])
    case = pick([0, 0, 0, 1, 2])
    return st.tuples(commands, how, pick(ODD), case).map(
        lambda drawn: (lambda parts: (cased(parts[0], drawn[3]), *parts[1:]))(spoil(*drawn[:3]))
    ).filter(tame)


on_keys = spoilt(one_of(*ON_KEYS))
anything = spoilt(often(one_of(*ON_KEYS), one_of(*ON_ALL, *ON_CONNECTION, *TRANSACTIONS), 4))
connection = pick([0, 0, 0, 1])
inline = pick([False] * 6 + [True])

single = st.tuples(connection, inline, anything).map(lambda step: [step])
scan = st.tuples(connection, st.just(None), SCAN_ALL).map(lambda step: [step])


@st.composite
def transaction(draw):
    """A transaction of one connection, perhaps watching a key, perhaps with another's word in between."""
    own = draw(connection)
    steps = []
    if draw(st.booleans()):
        steps.append((own, False, (b"WATCH", *draw(keys))))
    if draw(st.booleans()):
        steps.append((draw(connection), False, draw(on_keys)))
    steps.append((own, False, (b"MULTI",)))
    steps += [(own, draw(inline), some) for some in draw(st.lists(anything, max_size=5))]
    if draw(st.booleans()):
        steps.append((1 - own, False, draw(on_keys)))
    steps.append((own, False, (b"EXEC",)))
    return steps


story = st.lists(
    st.integers(0, 11).flatmap(lambda n: transaction() if n == 10 else scan if n == 11 else single), min_size=1, max_size=30
).map(lambda parts: sum(parts, []))
