"""A small OpenTelemetry collector: takes spans by OTLP/HTTP JSON, on a port of its own, and refuses
whatever isn't strictly of its shape (opentelemetry-proto, trace/v1, and OTLP's rules for JSON: ids in
hex, times and 64-bit numbers as strings of digits, enumerations as numbers)."""
import http.server
import json
import re
import threading

KINDS = {1: "internal", 2: "server", 3: "client"}
VALUE_TYPES = {
    "stringValue": lambda value: isinstance(value, str),
    "boolValue": lambda value: isinstance(value, bool),
    "intValue": lambda value: isinstance(value, str) and re.fullmatch(r"-?\d+", value),
}


class Malformed(Exception):
    """What about it."""


def check(truth, what):
    if not truth:
        raise Malformed(what)


def only(item, what, needed, optional=()):
    check(isinstance(item, dict), f"{what}: not an object")
    missing = set(needed) - set(item)
    unknown = set(item) - set(needed) - set(optional)
    check(not missing and not unknown, f"{what}: missing {missing}, unknown {unknown}")


def attributes_of(items, what):
    found = {}
    check(isinstance(items, list), f"{what}: attributes are no list")
    for item in items:
        only(item, what, ["key", "value"])
        check(item["key"] not in found, f"{what}: {item['key']} twice")
        only(item["value"], item["key"], [], VALUE_TYPES)
        check(len(item["value"]) == 1, f"{item['key']}: not one value")
        (kind, value), = item["value"].items()
        check(VALUE_TYPES[kind](value), f"{item['key']}: {value!r} as {kind}")
        found[item["key"]] = int(value) if kind == "intValue" else value
    return found


def is_hex(text, digits):
    return isinstance(text, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", text) and text.strip("0")


class Span:
    def __init__(self, item, resource):
        only(item, "span", ["traceId", "spanId", "name", "kind", "startTimeUnixNano",
                            "endTimeUnixNano", "attributes"], ["parentSpanId", "status"])
        check(is_hex(item["traceId"], 32), f"traceId {item['traceId']!r}")
        check(is_hex(item["spanId"], 16), f"spanId {item['spanId']!r}")
        check("parentSpanId" not in item or is_hex(item["parentSpanId"], 16), "parentSpanId")
        check(isinstance(item["name"], str) and item["name"], "name")
        check(type(item["kind"]) is int and item["kind"] in KINDS, f"kind {item['kind']!r}")
        for name in ("startTimeUnixNano", "endTimeUnixNano"):
            check(isinstance(item[name], str) and re.fullmatch(r"\d{19}", item[name]), name)
        if "status" in item:
            only(item["status"], "status", ["code"], ["message"])
            check(type(item["status"]["code"]) is int and item["status"]["code"] in (0, 1, 2),
                  "status")
        self.trace = item["traceId"]
        self.id = item["spanId"]
        self.parent = item.get("parentSpanId")
        self.name = item["name"]
        self.kind = KINDS[item["kind"]]
        self.begin = int(item["startTimeUnixNano"])
        self.end = int(item["endTimeUnixNano"])
        check(self.begin <= self.end, "it ends before it begins")
        self.attributes = attributes_of(item["attributes"], self.name)
        self.error = item.get("status", {}).get("code") == 2
        self.node = resource["service.instance.id"]
        self.resource = resource

    def __repr__(self):
        return f"<{self.kind} {self.name} at {self.node}, {self.id} below {self.parent}, {self.attributes}>"


def spans_of(body):
    """All spans of a request's body. Malformed."""
    only(body, "request", ["resourceSpans"])
    spans = []
    for part in body["resourceSpans"]:
        only(part, "resourceSpans", ["resource", "scopeSpans"])
        only(part["resource"], "resource", ["attributes"])
        resource = attributes_of(part["resource"]["attributes"], "resource")
        check(resource.get("service.name") == "shoal", "service.name")
        for scope in part["scopeSpans"]:
            only(scope, "scopeSpans", ["scope", "spans"])
            only(scope["scope"], "scope", ["name", "version"])
            spans += [Span(item, resource) for item in scope["spans"]]
    return spans


class Collector:
    """Use as a context manager. `answers` are statuses to give first, before it takes anything."""

    def __init__(self, answers=()):
        collector = self
        self.spans = []
        self.problems = []
        self.posts = 0
        self._answers = list(answers)
        self._lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = collector.take(self.path, self.headers, body)
                answer = b"{}" if status == 200 else b"no"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def take(self, path, headers, body):
        with self._lock:
            self.posts += 1
            if self._answers:
                return self._answers.pop(0)
            try:
                check(path == "/v1/traces", f"path {path}")
                check(headers["Content-Type"] == "application/json", "Content-Type")
                self.spans += spans_of(json.loads(body))
            except (Malformed, ValueError, KeyError) as problem:
                self.problems.append(repr(problem))
                return 400
            return 200

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    def of(self, trace):
        with self._lock:
            return [span for span in self.spans if span.trace == trace]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
