#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`k2s image build` beside umoci and skopeo on the same 1 GB of files, at the level that compresses no worse
than they do; then import and verify beside sha256sum of the same bytes. In turns; K2S_BENCH_MB and
K2S_BENCH_ROUNDS change the size, K2S_BENCH_FOLDER the file system."""
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

K2S = os.environ["K2S_STAGE"] + "/bin/k2s"
MEGABYTES = int(os.environ.get("K2S_BENCH_MB", "1000"))
ROUNDS = int(os.environ.get("K2S_BENCH_ROUNDS", "3"))


def fill(folder):
    """Files of the system's own, as images hold them, until there are enough."""
    left = MEGABYTES << 20
    for root, folders, files in os.walk("/usr"):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > left:
                continue
            os.makedirs(folder + root, exist_ok=True)
            shutil.copy(path, folder + root)
            left -= os.path.getsize(path)
        if left < 1 << 20:
            break


def timed(*words):
    """Seconds by the clock and of the processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def blobs(layout):
    folder = layout + "/blobs/sha256/"
    return max(os.path.getsize(folder + name) for name in os.listdir(folder))


def main():
    missing = [tool for tool in ("umoci", "skopeo") if not shutil.which(tool)]
    if missing:
        sys.exit(f"this measurement needs {', '.join(missing)}; ./dev bench installs what it can")
    with tempfile.TemporaryDirectory(dir=os.environ.get("K2S_BENCH_FOLDER")) as base:
        measure(base)


def measure(base):
    tree, plain = base + "/tree", base + "/plain"
    fill(tree)
    size = sum(os.path.getsize(os.path.join(root, name)) for root, _, files in os.walk(tree) for name in files)
    print(f"{size / 1e6:.0f} MB of files")
    subprocess.run([K2S, "image", "build", "--store", plain, "--add", tree + ":/", "--compression", "none", "-t", "x:1"],
                   check=True, stdout=subprocess.DEVNULL)
    with open(plain + "/index.json", encoding="utf-8") as file:
        index = json.load(file)
    index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "x"}
    with open(plain + "/index.json", "w", encoding="utf-8") as file:
        json.dump(index, file)

    def ours(*options):
        shutil.rmtree(base + "/ours", ignore_errors=True)
        taken = timed(K2S, "image", "build", "--store", base + "/ours", "--add", tree + ":/", "-t", "x:1", *options)
        return (*taken, blobs(base + "/ours"))

    def umoci():
        shutil.rmtree(base + "/umoci", ignore_errors=True)
        for words in (("init", "--layout", base + "/umoci"), ("new", "--image", base + "/umoci:x")):
            subprocess.run(["umoci", *words], check=True)
        return (*timed("umoci", "insert", "--image", base + "/umoci:x", tree, "/"), blobs(base + "/umoci"))

    def skopeo():
        shutil.rmtree(base + "/skopeo", ignore_errors=True)
        return (*timed("skopeo", "copy", "-q", "--dest-compress", f"oci:{plain}:x", f"oci:{base}/skopeo:x"),
                blobs(base + "/skopeo"))

    peers = {"k2s, gzip 1": lambda: ours("--level", "1"), "k2s, gzip 2 (default)": ours,
             "k2s, gzip 6": lambda: ours("--level", "6"),
             "k2s, zstd 3": lambda: ours("--compression", "zstd"),
             "umoci insert": umoci, "skopeo copy, from a layout with the layer ready": skopeo}
    results = {name: [] for name in peers}
    for _ in range(ROUNDS):
        for name, run in peers.items():
            results[name].append(run())
            os.sync()
    for name, rounds in results.items():
        wall, cpu, layer = (statistics.median(column) for column in zip(*rounds))
        print(f"{name:50} {wall:7.1f} s {cpu:7.1f} s CPU {layer / 1e6:8.1f} MB")

    archive = base + "/x.tar"
    ours()
    subprocess.run([K2S, "image", "export", "--store", base + "/ours", "x:1", archive], check=True, stdout=subprocess.DEVNULL)
    peers = {"sha256sum": lambda: timed("sha256sum", archive)[0],
             "k2s image import": lambda: timed(K2S, "image", "import", "--store", base + "/in", archive)[0],
             "k2s image verify --digests-only": lambda: timed(K2S, "image", "verify", "--store", base + "/in", "--digests-only")[0],
             "k2s image verify, unpacking": lambda: timed(K2S, "image", "verify", "--store", base + "/in")[0]}
    times = {name: [] for name in peers}
    for _ in range(ROUNDS):
        shutil.rmtree(base + "/in", ignore_errors=True)
        for name, run in peers.items():
            times[name].append(run())
            os.sync()
    megabytes = os.path.getsize(archive) / 1e6
    for name, rounds in times.items():
        print(f"{name:50} {megabytes / statistics.median(rounds):7.0f} MB/s of the archive's {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
