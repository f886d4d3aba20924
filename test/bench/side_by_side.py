# SPDX-License-Identifier: MIT
"""What the measurements of the proxies share: programs on a core of their own, the CPU time that they
use, and alternating rounds, so that a slow moment meets every peer."""
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("K2S_BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("K2S_BENCH_SECONDS", "3"))
PROXY_CORE, LOAD_CORE = "1", "0"
HERTZ = os.sysconf("SC_CLK_TCK")


def need(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        sys.exit(f"this measurement needs {', '.join(missing)}; ./dev bench installs what it can")


class Programs:
    """Starts programs and ends them all; with-statement."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp()
        os.chmod(self.folder, 0o755)
        self.running = []
        return self

    def __exit__(self, *_):
        for program in self.running:
            program.terminate()
        for program in self.running:
            try:
                program.wait(5)
            except subprocess.TimeoutExpired:
                program.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def compile(self, source):
        program = self.path(os.path.splitext(source)[0])
        subprocess.run(["cc", "-O2", "-o", program, os.path.join(HERE, source)], check=True)
        return program

    def start(self, core, command, port=None, namespace=None, **options):
        """A program on `core`; returns when it listens on `port`."""
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        log = open(self.path(f"log-{len(self.running)}"), "w")
        program = subprocess.Popen(inside + ["taskset", "-c", core] + command, stdout=log, stderr=log,
                                   **options)
        self.running.append(program)
        if port:
            wait_for(port, program, log.name)
        return program


def wait_for(port, program, log):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
        if program.poll() is not None:
            break
    with open(log) as file:
        sys.exit(f"{program.args}: no listener on port {port}:\n{file.read()}")


def family(pid):
    """The process and its descendants (squid and nginx work in children)."""
    found = [pid]
    for each in found:
        for task in os.listdir(f"/proc/{each}/task"):
            with open(f"/proc/{each}/task/{task}/children") as file:
                found += [int(word) for word in file.read().split()]
    return found


def cpu_seconds(program):
    """User and system time of a program and what it has started, until now."""
    total = 0
    for pid in family(program.pid):
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / HERTZ


def resident_kb(program):
    total = 0
    for pid in family(program.pid):
        with open(f"/proc/{pid}/status") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    return total


def load(command):
    """Runs a load generator; the numbers after RESULT."""
    done = subprocess.run(["taskset", "-c", LOAD_CORE] + command, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT"):
            return [int(word) for word in line.split()[1:]]
    sys.exit(f"{command}: no result\n{done.stdout}{done.stderr}")


def in_turns(peers, measure):
    """Calls measure(peer) for each peer, ROUNDS times round; the median of each number per peer.
    `measure` returns a dict of numbers."""
    results = {name: [] for name in peers}
    for _ in range(ROUNDS):
        for name in peers:
            results[name].append(measure(name))
    return {name: {key: statistics.median(one[key] for one in rows) for key in rows[0]}
            for name, rows in results.items()}


def table(title, rows, cost):
    """Prints the rows; `cost` is the number whose ratio to the first row's is shown."""
    print(title)
    first = next(iter(rows.values()))[cost]
    for name, row in rows.items():
        ratio = f"{first / row[cost]:6.2f}" if row[cost] else "     -"
        numbers = "  ".join(f"{key} {value:,.{0 if value >= 100 else 1 if value >= 10 else 3}f}" for key, value in row.items())
        print(f"  {name:12} {numbers}  ours/this {ratio}", flush=True)


def stop(program):
    program.send_signal(signal.SIGTERM)
    program.wait(10)
