#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What plugins cost beside the same without it: signatures at a first start and later, a switch in a
running host, the traffic of others while plugins are switched, and that of a service in a worker."""
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from side_by_side import LOAD_CORE, PROXY_CORE, SECONDS, Programs, cpu_seconds, in_turns, load, table

STAGE = os.environ["K2S_STAGE"]
PLUGINS = os.path.join(os.environ["K2S_BUILD"], "test/plugins")
ROUNDS = int(os.environ.get("K2S_BENCH_ROUNDS", "20"))
BIG_MB = 64
PORT, APART, ECHO = 18281, 18282, 19100


def median_us(action, rounds, prepare=lambda: None):
    times = []
    for _ in range(rounds):
        prepare()
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def row(name, ours, peer_name, peer, unit="µs"):
    print(f"  {name:44} {ours:9.1f} {unit}   {peer_name} {peer:9.1f} {unit}  ratio {ours / peer:6.2f}",
          flush=True)


class Tree:
    """A copy of the staged tree, its plugins sealed as an installation does it."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "tree")
        shutil.copytree(STAGE, self.root, symlinks=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, "K2S_STATE_DIR": folder + "/state",
                            "K2S_RUN_DIR": folder + "/run", "K2S_LOG_ROOT": folder + "/log"}
        self.plugins = os.path.join(self.root, "lib/k2s/plugins")

    def run(self, *words, tool="k2s", **options):
        return subprocess.run([os.path.join(self.root, "bin", tool), *words], env=self.environment,
                              stdout=subprocess.PIPE, check=True, **options).stdout

    def add(self, name, library, text, pad_mb=0):
        folder = os.path.join(self.plugins, name)
        os.makedirs(folder)
        with open(os.path.join(folder, "plugin.json"), "w") as file:
            json.dump(text, file)
        target = os.path.join(folder, text["library"] + ".so")
        shutil.copyfile(library, target)
        with open(target, "ab") as file:  # what the loader never looks at, but a signature counts
            file.write(os.urandom(1 << 20) * pad_mb)
        return target


def manifest(name, library):
    return {"manifest": 1, "id": name, "version": "1.0.0", "summary": "x", "library": library,
            "abi": {"major": 1, "minor": 0},
            "features": [{"id": name, "kind": "command", "summary": "x"}],
            "commands": [{"path": [name], "feature": name, "summary": "x"}]}


def signatures(tree):
    # The library calls itself "bad"; it is a good one.
    big = tree.add("bad", os.path.join(PLUGINS, "bad-none.so"), manifest("bad", "bad"), BIG_MB)
    size = os.path.getsize(big) / (1 << 20)
    tree.run("plugin", "trust", "seal", *sorted(os.listdir(tree.plugins)))

    def first(policy):
        return median_us(lambda: tree.run("bad", "--set", f"trust={policy}"), ROUNDS, lambda: os.utime(big))

    signed, unsigned = first("enforce"), first("off")
    digest = median_us(lambda: subprocess.run(["openssl", "dgst", "-sha256", big], check=True,
                                              stdout=subprocess.DEVNULL), ROUNDS)
    print(f"a plugin of {size:.0f} MB, start of a command to its end")
    row("first start, signed", signed, "not signed", unsigned)
    print(f"  verification per MB: {(signed - unsigned) / size:.0f} µs (target 1000); "
          f"openssl dgst: {digest / size:.0f} µs")

    def later(policy):
        return median_us(lambda: tree.run("yaml2json", "--set", f"trust={policy}", input=b"a: 1\n"), 1)

    times = {"enforce": [], "off": []}
    for _ in range(ROUNDS * 10):
        for policy, values in times.items():
            values.append(later(policy))
    enforce, off = (statistics.median(values) for values in times.values())
    print("yaml2json, the verdict is known, start to end")
    row("the verdict is compared", enforce, "no policy", off)
    print(f"  the compare: {enforce - off:.0f} µs (target 100)")


def wait_until_ready(tree):
    for _ in range(200):
        try:
            if json.loads(tree.run("host", "status", "--format", "json"))["state"] == "running":
                return
        except subprocess.CalledProcessError:
            time.sleep(0.05)
    raise SystemExit("the host does not start")


def switch(tree, rounds):
    times = {"disable": [], "enable": []}
    for _ in range(rounds):
        for word, values in times.items():
            values.append(median_us(lambda: tree.run("plugin", word, "example"), 1))
    return times


def switching(tree, programs):
    load_tool = programs.compile("tcp_load.c")
    programs.start(LOAD_CORE, [load_tool, "serve", f"127.0.0.1:{ECHO}"], ECHO)
    config = programs.write("host.json", json.dumps({"services": {
        "edge": {"feature": "httpproxy", "settings": {"addr": [f"127.0.0.1:{PORT}"]}},
        "apart": {"feature": "httpproxy", "isolation": "process", "settings": {"addr": [f"127.0.0.1:{APART}"]}},
        "ticker": {}}}))
    host = programs.start(PROXY_CORE, [os.path.join(tree.root, "bin/k2s"), "run", "--config", config], PORT,
                   env=tree.environment)
    wait_until_ready(tree)
    times = switch(tree, ROUNDS)
    nothing = median_us(lambda: tree.run("plugin", "list"), ROUNDS)
    print("a plugin with a service in a running host, start of the command to its end")
    for word, values in times.items():
        row(f"k2s plugin {word} (target 100 000)", statistics.median(values), "k2s plugin list", nothing)

    def load_meanwhile(while_it_runs):
        running = subprocess.Popen(["taskset", "-c", LOAD_CORE, load_tool, "keep", f"127.0.0.1:{PORT}",
                                    "connections=32", f"seconds={SECONDS}", f"connect=127.0.0.1:{ECHO}"],
                                   stdout=subprocess.PIPE, text=True)
        while running.poll() is None:
            while_it_runs()
        with running.stdout:
            return [int(word) for word in running.stdout.read().split()[1:5]]

    _, _, quiet50, quiet99 = load_meanwhile(lambda: time.sleep(0.1))
    exchanges, errors, busy50, busy99 = load_meanwhile(lambda: switch(tree, 1))
    print(f"32 tunnels of httpproxy while another plugin is switched on and off all the time: "
          f"{exchanges} exchanges of 1 KB, {errors} failed (target 0)")
    row("p50", busy50, "undisturbed", quiet50)
    row("p99", busy99, "undisturbed", quiet99)

    def traffic(where):
        before = cpu_seconds(host)
        exchanges, errors, p50, p99 = load(
            [load_tool, "keep", f"127.0.0.1:{APART if where == 'worker' else PORT}", "connections=32",
             f"seconds={SECONDS}", f"connect=127.0.0.1:{ECHO}"])[:4]
        return {"CPU µs": (cpu_seconds(host) - before) * 1e6 / exchanges, "p50 µs": p50, "p99 µs": p99,
                "failed": errors}

    table("32 tunnels of httpproxy in a worker and in the host, CPU of both for 1 KB there and back",
          in_turns(("worker", "in the host"), traffic), "CPU µs")


def main():
    with tempfile.TemporaryDirectory() as folder, Programs() as programs:
        os.chmod(folder, 0o755)  # a privileged process looks at the folders above a plugin
        tree = Tree(folder)
        signatures(tree)
        switching(tree, programs)


if __name__ == "__main__":
    main()
