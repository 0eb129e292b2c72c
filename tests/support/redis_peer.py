"""Debian's own redis-server, for tests that compare with it: on a Unix socket and a port of its own in a
folder of its own, without a file of its data, ended by its pid.

The server's package would start a service. But redis-tools has the same program as redis-check-rdb: what
it is depends on the name it is called by.
"""
import os
import shutil
import subprocess
import tempfile

import cluster
import ports
import resp

PROGRAM = shutil.which("redis-server") or shutil.which("redis-check-rdb")
VERSION = "7.0."  # what Shoal is to equal


def reason_against():
    """Why there is nothing to compare with here, or None."""
    if PROGRAM is None:
        return "redis-server is not installed (redis-tools)"
    told = subprocess.run(["redis-server", "--version"], executable=PROGRAM, stdout=subprocess.PIPE, check=True)
    return None if f" v={VERSION}".encode() in told.stdout else f"not Redis {VERSION}x: {told.stdout!r}"


class RedisPeer:
    """One redis-server process. Use as a context manager."""

    def __init__(self, *options):
        self._folder = tempfile.TemporaryDirectory(prefix="shoal-test-redis-")
        self.socket_path = os.path.join(self._folder.name, "socket")
        self.port = ports.free_port()
        self._options = options
        self._log_path = os.path.join(self._folder.name, "log")
        self.process = None

    def __enter__(self):
        with open(self._log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                 "--unixsocket", self.socket_path, "--dir", self._folder.name,
                 "--save", "", "--appendonly", "no", "--daemonize", "no", *self._options],
                executable=PROGRAM,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            cluster.wait_until(self._answers, "redis-server answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._folder.cleanup()

    def _answers(self):
        if self.process.poll() is not None:
            with open(self._log_path, encoding="utf-8", errors="replace") as file:
                raise AssertionError(f"redis-server has ended:\n{file.read()[-2000:]}")
        try:
            with resp.Connection(self.socket_path) as connection:
                return connection.call("PING") == b"PONG"
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid
