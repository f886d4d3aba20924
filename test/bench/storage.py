#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""yaml2json beside libfyaml's own events and Go's yaml.v3 on 100 MB of Kubernetes manifests, and zap
beside `rm -rf` on a layer store of small files. In turns; before each removal the page cache is dropped
(as root) and the file system synchronised, so that nobody pays for what the other has left to be written.
K2S_BENCH_FILES and K2S_BENCH_ROUNDS change the size, K2S_BENCH_FOLDER the file system."""
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

STAGE = os.environ["K2S_STAGE"]
FILES = int(os.environ.get("K2S_BENCH_FILES", "500000"))
ROUNDS = int(os.environ.get("K2S_BENCH_ROUNDS", "3"))
PER_FOLDER = 100


def fill(job):
    """Layers as images have them: folders below folders, some links, files of a few bytes."""
    base, first, count = job
    for index in range(first, first + count, PER_FOLDER):
        folder = f"{base}/snapshots/{index // 50000}/fs/usr/lib/{index // 5000}/{index}"
        os.makedirs(folder)
        for file in range(PER_FOLDER - 1):
            with open(f"{folder}/file-{file}", "wb") as out:
                out.write(b"0123456789abcdef" * 8)
        os.symlink("file-0", folder + "/link")


def make(base):
    share = FILES // 8
    with multiprocessing.Pool(os.cpu_count()) as pool:
        pool.map(fill, [(base, i * share, share) for i in range(8)])
    os.sync()
    if os.geteuid() == 0:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")


def run(command):
    """Seconds, CPU seconds and the largest memory in KB: looked at while it runs, because what wait4
    tells begins with the memory of this script."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    largest = [0]

    def watch():
        while True:
            try:
                with open(f"/proc/{process.pid}/status") as file:
                    largest[0] = next((int(line.split()[1]) for line in file if line.startswith("VmHWM")),
                                      largest[0])
            except OSError:
                return
            time.sleep(0.1)

    threading.Thread(target=watch, daemon=True).start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        sys.exit(f"{command[0]} ended with {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, largest[0]


MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{i}
  labels: {{app: web-{i}, tier: "frontend"}}
  annotations:
    description: 'generated manifest number {i}'
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: web
        image: registry.example.com/team/web:1.{i}
        args: ["--port", "8080", "--verbose"]
        ports:
        - containerPort: 8080
          protocol: TCP
        env:
        - name: LIMIT
          value: "100"
        livenessProbe:
          httpGet:
            path: /healthz
            port: 8080
          periodSeconds: 10
        command:
        - /bin/sh
        - -c
        - |
          set -e
          exec /usr/bin/web
---
"""


def documents(place):
    manifests = place + "/manifests.yaml"
    with open(manifests, "w") as file:
        size = number = 0
        while size < 100_000_000:
            size += file.write(MANIFEST.format(i=number))
            number += 1
    commands = {"yaml2json": [STAGE + "/bin/yaml2json", manifests],
                "libfyaml's events": [os.environ["K2S_BUILD"] + "/test/bench/yaml_events", manifests]}
    if shutil.which("go"):
        peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "yamlv3")
        subprocess.run(["go", "build", "-o", place + "/yamlv3", "."], cwd=peer, check=True)
        commands["yaml.v3"] = [place + "/yamlv3", manifests]
    found = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            found[name].append(run(command))
    print(f"100 MB of manifests, {ROUNDS} rounds: median seconds, CPU seconds, largest memory; ratios to yaml2json")
    seconds = {name: statistics.median(v[0] for v in values) for name, values in found.items()}
    cpu = {name: statistics.median(v[1] for v in values) for name, values in found.items()}
    for name, values in found.items():
        print(f"  {name:18} {seconds[name]:6.2f}  {cpu[name]:6.2f}  {max(v[2] for v in values) / 1000:6.1f} MB"
              f"  {seconds[name] / seconds['yaml2json']:.2f}  {cpu[name] / cpu['yaml2json']:.2f}")


def main():
    place = tempfile.mkdtemp(prefix="k2s-bench-", dir=os.environ.get("K2S_BENCH_FOLDER"))
    os.environ["K2S_STATE_DIR"] = place + "/state"
    os.environ["K2S_LOG_ROOT"] = place + "/log"
    store = place + "/store"
    commands = {"zap": [STAGE + "/bin/zap", "-root", place, "-folder", store], "rm -rf": ["rm", "-rf", store]}
    found = {name: [] for name in commands}
    try:
        documents(place)
        os.mkdir(store)
        subprocess.run(commands["zap"], check=True, stdout=subprocess.DEVNULL)  # the first probes the plugin
        for number in range(ROUNDS):
            for name in (list(commands) if number % 2 == 0 else reversed(commands)):
                make(store)
                found[name].append(run(commands[name]))
                os.sync()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{FILES} files of 128 bytes, {ROUNDS} rounds: median seconds (minimum), CPU s, largest memory")
    for name, values in found.items():
        times, cpu, memory = zip(*values)
        print(f"  {name:8} {statistics.median(times):6.2f} ({min(times):.2f})  {statistics.median(cpu):6.2f}"
              f"  {max(memory) / 1000:.1f} MB")
    medians = {name: statistics.median(v[0] for v in values) for name, values in found.items()}
    print(f"  rm -rf / zap: {medians['rm -rf'] / medians['zap']:.2f} (target 1.5)")


if __name__ == "__main__":
    main()
