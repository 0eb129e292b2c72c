"""HTTP as clients speak it: one kept connection a client, answers with what tests look at."""
import http.client
import json
import urllib.parse

ANSWER_S = 60


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]

    @property
    def context(self):
        return self.headers["X-Shoal-Context"]

    @property
    def tag(self):
        return self.headers["ETag"]

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:500]!r}"


def quoted(key):
    """A key as it stands in a path."""
    return urllib.parse.quote(key, safe="")


class Client:
    def __init__(self, node):
        self.connection = http.client.HTTPConnection(node.host, node.http_port, timeout=ANSWER_S)

    def close(self):
        self.connection.close()

    def ask(self, method, target, body=None, **fields):
        """Fields are given as if_match="..." for If-Match."""
        headers = {name.replace("_", "-"): value for name, value in fields.items() if value is not None}
        self.connection.request(method, target, body=body, headers=headers)
        response = self.connection.getresponse()
        return Answer(response, response.read())

    def get(self, target, **fields):
        return self.ask("GET", target, **fields)

    def put(self, target, body, **fields):
        return self.ask("PUT", target, body, **fields)

    def delete(self, target, **fields):
        return self.ask("DELETE", target, **fields)

    def post(self, target, content, **fields):
        text = content if isinstance(content, (bytes, str)) else json.dumps(content)
        return self.ask("POST", target, text if isinstance(text, bytes) else text.encode(), **fields)

    def execute(self, *commands):
        """Commands as ("get", key), ("set", key, value), ("delete", key)."""
        return self.post("/v1/execute", {"commands": [
            dict(zip(("cmd_type", "key", "value"), command)) for command in commands]})
