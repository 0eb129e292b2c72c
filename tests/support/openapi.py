"""docs/openapi.yaml, held against what a node answers: statuses and bodies of answers, and the routes that the
server's tables have. Schemas are checked by jsonschema where that is installed (python3-jsonschema)."""
import functools
import glob
import json
import os
import re

import yaml

try:
    import jsonschema
except ImportError:
    jsonschema = None

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PATH = os.path.join(ROOT, "docs", "openapi.yaml")
METHODS = {"get", "put", "post", "delete", "head", "options", "patch", "trace"}


@functools.lru_cache(maxsize=None)
def description():
    with open(PATH, encoding="utf-8") as file:
        return yaml.safe_load(file)


def resolve(item):
    while "$ref" in item:
        found = description()
        for part in item["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        item = found
    return item


def operation(method, target):
    """What is said of the path that fits best: the one with the longest text before its parameter."""
    path = target.partition("?")[0]
    best = None
    for pattern, item in description()["paths"].items():
        fixed = pattern.partition("{")[0]
        fits = path == pattern or ("{" in pattern and path.startswith(fixed) and len(path) > len(fixed))
        if fits and method.lower() in item and (best is None or len(fixed) > len(best[0])):
            best = (fixed, item[method.lower()])
    assert best is not None, f"{method} {path} is not described"
    return best[1]


def check(case, method, target, answer):
    """The answer is one that the description knows."""
    responses = operation(method, target)["responses"]
    case.assertIn(str(answer.status), responses, f"{method} {target}: {answer}")
    response = resolve(responses[str(answer.status)])
    content = response.get("content", {})
    if not content:
        case.assertEqual(answer.body, b"", f"{method} {target}")
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    case.assertTrue(kind in content or "*/*" in content, f"{method} {target}: {kind} is not described")
    schema = content.get(kind, content.get("*/*"))["schema"]
    body = json.loads(answer.body) if kind == "application/json" else answer.body.decode("latin-1")
    check_schema(schema, body)


def check_schema(schema, body):
    """Of a schema, or the name of one."""
    if isinstance(schema, str):
        schema = description()["components"]["schemas"][schema]
    if jsonschema is not None:
        # References are within the whole description.
        jsonschema.Draft202012Validator({**schema, "components": description()["components"]}).validate(body)


def routes_of_tables():
    """(method, pattern) of each route in src/api/http."""
    found = set()
    for path in glob.glob(os.path.join(ROOT, "src", "api", "http", "*.c")):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for table in re.findall(r"struct http_route \w+\[\] = \{(.*?)\n\};", text, flags=re.S):
            for row in re.findall(r"\{(.*?)\}", table, flags=re.S):
                methods = re.search(r"\.methods = ([A-Z_| ]+)", row)
                pattern = re.search(r'\.pattern = "([^"]*)"', row)
                for method in methods.group(1).split("|"):
                    found.add((method.strip().removeprefix("HTTP_"), pattern.group(1)))
    return found


def check_routes(case, client):
    """Every route of the tables is described, every description is a route, and OPTIONS says the same."""
    described = set()
    for path, item in description()["paths"].items():
        pattern = re.sub(r"\{[^}]*\}$", "*", path)
        described |= {(method.upper(), pattern) for method in item if method in METHODS}
    case.assertEqual(described, routes_of_tables())
    case.assertGreater(len(described), 15)
    for pattern in {pattern for _, pattern in described}:
        answer = client.ask("OPTIONS", pattern.replace("*", "a"))
        allowed = {method.strip() for method in answer.headers["Allow"].split(",")} - {"HEAD", "OPTIONS"}
        case.assertEqual(allowed, {method for method, other in described if other == pattern}, pattern)
