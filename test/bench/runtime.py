#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cold start beside a Go "hello world" and a C program, memory of an idle host, size of the tree.
Each round starts every program once, one after the other, so that a slow moment meets them all."""
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

STAGE = os.environ["K2S_STAGE"]
ROUNDS = int(os.environ.get("K2S_BENCH_ROUNDS", "200"))

GO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n'
C = '#include <stdio.h>\nint main(void) { puts("hello"); }\n'


def build_peers(folder):
    peers = {}
    with open(folder + "/hello.c", "w") as file:
        file.write(C)
    subprocess.run(["cc", "-O2", "-o", folder + "/c", folder + "/hello.c"], check=True)
    peers["C, dynamic"] = [folder + "/c"]
    if shutil.which("go"):
        with open(folder + "/hello.go", "w") as file:
            file.write(GO)
        subprocess.run(["go", "build", "-o", folder + "/go", folder + "/hello.go"], check=True,
                       env=os.environ | {"GOFLAGS": "-ldflags=-s", "GO111MODULE": "off"})
        peers["Go hello"] = [folder + "/go"]
    return peers


def stripped_tree(folder):
    tree = folder + "/tree"
    shutil.copytree(STAGE, tree, symlinks=True)
    total = 0
    for top in ("bin", "lib"):
        for place, _, names in os.walk(os.path.join(tree, top)):
            for name in names:
                path = os.path.join(place, name)
                subprocess.run(["strip", path], capture_output=True)
                total += os.path.getsize(path)
    return tree, total


def measure(commands, environment):
    null = os.open(os.devnull, os.O_RDWR)
    streams = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1)]
    times = {name: [] for name in commands}
    for round_number in range(ROUNDS + 5):
        for name, command in commands.items():
            start = time.perf_counter()
            pid = os.posix_spawn(command[0], command, environment, file_actions=streams)
            os.waitpid(pid, 0)
            if round_number >= 5:  # the first rounds fill caches and probe the plugins
                times[name].append((time.perf_counter() - start) * 1e6)
    return times


def idle_memory(tree, environment):
    host = subprocess.Popen([tree + "/bin/k2s", "run", "--set", "admin.socket=false", "--set",
                             'services={"p":{"feature":"httpproxy","settings":{"addr":["127.0.0.1:0"]}}}'],
                            env=environment, stderr=subprocess.DEVNULL)
    time.sleep(2)
    with open(f"/proc/{host.pid}/status") as status:
        memory = next(line.split()[1] for line in status if line.startswith("VmRSS"))
    host.send_signal(signal.SIGTERM)
    host.wait(30)
    return int(memory)


def main():
    with tempfile.TemporaryDirectory() as folder:
        tree, size = stripped_tree(folder)
        with open(folder + "/small.yaml", "w") as file:
            file.write("name: demo\nlist: [1, 2, 3]\n")
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "K2S_STATE_DIR": folder + "/state",
                       "K2S_LOG_ROOT": folder + "/log"}
        tool = tree + "/bin/yaml2json"
        commands = build_peers(folder) | {
            "yaml2json --version": [tool, "--version"],
            "yaml2json --help": [tool, "--help"],
            "yaml2json small.yaml": [tool, folder + "/small.yaml"],
            "k2s --help": [tree + "/bin/k2s", "--help"],
            "k2s plugin list": [tree + "/bin/k2s", "plugin", "list"],
        }
        times = measure(commands, environment)
        base = statistics.median(times["Go hello"]) if "Go hello" in times else None
        print(f"cold start, exec to exit, µs, {ROUNDS} rounds: median (minimum) ratio to Go")
        for name, values in times.items():
            median = statistics.median(values)
            ratio = f"{median / base:5.2f}" if base else ""
            print(f"  {name:24} {median:7.0f} ({min(values):5.0f}) {ratio}")
        print(f"idle `k2s run` with httpproxy: {idle_memory(tree, environment) / 1000:.1f} MB RSS")
        print(f"bin/ and lib/, stripped: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
