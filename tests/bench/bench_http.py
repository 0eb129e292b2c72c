"""What a request over HTTP costs: GET /kv/x of one node (memory engine, one worker) beside libevent's own HTTP
server saying hello, under wrk with 64 kept connections, in turns, so that the ratio holds on a machine whose
speed drifts.

Usage: bench_http.py [ROUNDS [SECONDS]] (5, and 3). Prints each median: requests a second, the server's CPU time
for one from /proc/PID/stat, and what Shoal's are to libevent's. SHOAL_SERVER, SHOAL_CLI and EVHTTP_HELLO name
the programs; `meson test --benchmark` sets them. Needs wrk (apt).
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import Cluster, wait_until  # noqa: E402

CONNECTIONS = 64
RATIO_WANTED = 0.7
TICKS = os.sysconf("SC_CLK_TCK")
DONE = re.compile(r"^\s*(\d+) requests in", re.MULTILINE)
A_SECOND = re.compile(r"^Requests/sec:\s+([0-9.]+)", re.MULTILINE)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(url, pid, seconds):
    """Requests a second, and the server's CPU time for one in microseconds."""
    before = cpu_seconds(pid)
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url],
                         stdout=subprocess.PIPE, check=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    done = int(DONE.search(out).group(1))
    return float(A_SECOND.search(out).group(1)), (cpu_seconds(pid) - before) / done * 1e6


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if shutil.which("wrk") is None:
        print("wrk is not installed: apt-get install wrk")
        return 77
    hello = subprocess.Popen([os.environ["EVHTTP_HELLO"]], stdout=subprocess.PIPE, text=True)
    try:
        with Cluster(1, quorum={"n": 1, "r": 1, "w": 1}, workers=1) as cluster:
            node = cluster.nodes[0]
            wait_until(node.status, "the node has founded its cluster")
            url = f"http://127.0.0.1:{node.ports['http_port']}/kv/x"
            urllib.request.urlopen(urllib.request.Request(url, data=b"hello", method="PUT")).close()
            servers = {"evhttp": (f"http://127.0.0.1:{int(hello.stdout.readline())}/", hello.pid),
                       "shoal": (url, node.process.pid)}
            seen = {name: [] for name in servers}
            for _ in range(rounds):
                for name, (address, pid) in servers.items():
                    seen[name].append(measure(address, pid, seconds))
    finally:
        hello.terminate()
        hello.wait()
    medians = {}
    for name, rows in seen.items():
        medians[name] = [statistics.median(column) for column in zip(*rows)]
        print(f"{name:8} {medians[name][0]:10.0f} requests/s   {medians[name][1]:6.1f} us CPU each")
    ratios = sorted(shoal[0] / evhttp[0] for shoal, evhttp in zip(seen["shoal"], seen["evhttp"]))
    ratio = statistics.median(ratios)
    print(f"shoal/evhttp: {ratio:.2f} of its requests a second (from {ratios[0]:.2f} to {ratios[-1]:.2f}), "
          f"{medians['shoal'][1] / medians['evhttp'][1]:.2f} of its CPU time each")
    return 0 if ratio >= RATIO_WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
