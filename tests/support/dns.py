"""A name server as small as can be: A and AAAA records that a test changes as it goes, over UDP on a port of
its own. What it doesn't know doesn't exist; names in `silent` are never answered."""
import ipaddress
import socket
import struct
import threading

A, AAAA, IN = 1, 28, 1
NO_ERROR, NO_SUCH_NAME = 0, 3


class NameServer:
    """Use as a context manager. `records`: name -> addresses, replaced at will."""

    def __init__(self, **records):
        self.records = {name.replace("_", "."): list(found) for name, found in records.items()}
        self.silent = set()
        self.asked = {}  # name -> how often
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            question, asker = self._socket.recvfrom(4096)
            if not question:
                return
            answer = self._answer(question)
            if answer is not None:
                self._socket.sendto(answer, asker)

    def _answer(self, question):
        number = struct.unpack(">H", question[:2])[0]
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        asked = question[12:at + 5]  # as it was written: large and small letters are compared
        name = ".".join(labels).lower()
        self.asked[name] = self.asked.get(name, 0) + 1
        if name in self.silent:
            return None
        code = NO_ERROR if name in self.records else NO_SUCH_NAME
        found = [ipaddress.ip_address(one) for one in self.records.get(name, ())]
        found = [one.packed for one in found if kind == (A if one.version == 4 else AAAA)]
        head = struct.pack(">HHHHHH", number, 0x8580 | code, 1, len(found), 0, 0)
        rows = [struct.pack(">HHHIH", 0xC00C, kind, IN, 0, len(one)) + one for one in found]
        return head + asked + b"".join(rows)
