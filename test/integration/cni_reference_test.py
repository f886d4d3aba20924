# SPDX-License-Identifier: MIT
"""The reference's own integration suite (containernetworking/plugins, folder integration) with our bridge and
host-local in place of its own. Its other plugins and cnitool come from the Go module proxy."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from cni_node import CACHE, OURS, VERSION, cnitool, from_modules, why_not

MODULE = "github.com/containernetworking/plugins"
SUITE = os.path.join(CACHE, f"suite-{VERSION}")
BUILD_SECONDS, RUN_SECONDS = 400, 150


def skip(reason):
    print(reason)
    sys.exit(77)


def go(*words, **options):
    return subprocess.run(["go", *words], capture_output=True, text=True, timeout=BUILD_SECONDS,
                          env={**os.environ, "GOFLAGS": "-modcacherw -buildvcs=false", "CGO_ENABLED": "0"}, **options)


def build():
    """The suite's program, kept in the cache beside its sources."""
    program = os.path.join(SUITE, "integration", "integration.test")
    if os.path.exists(program):
        return program
    if not shutil.which("go"):
        skip("go is missing")
    found = go("mod", "download", "-json", f"{MODULE}@{VERSION}", cwd="/")
    if found.returncode:
        skip(f"the suite cannot be had: {found.stderr.strip() or found.stdout.strip()}")
    shutil.rmtree(SUITE, ignore_errors=True)
    shutil.copytree(json.loads(found.stdout)["Dir"], SUITE)
    built = go("test", "-c", "-o", program, "./integration", cwd=SUITE)
    if built.returncode:
        skip(f"the suite cannot be built: {built.stderr.strip()[-500:]}")
    return program


def arrange(folder, others, data):
    """The suite looks for plugins in ../bin; its networks reserve addresses below /tmp, and one is so slow that a
    message takes a minute."""
    os.makedirs(os.path.join(folder, "bin"))
    for name, place in (("bridge", OURS), ("host-local", OURS), ("ptp", others), ("bandwidth", others)):
        os.symlink(os.path.join(place, name), os.path.join(folder, "bin", name))
    for place, _, names in os.walk(os.path.join(folder, "integration", "testdata")):
        for name in names:
            with open(os.path.join(place, name), "r+", encoding="utf-8") as file:
                text = file.read().replace('"/tmp/', f'"{data}/').replace("8000", "80000")
                file.seek(0)
                file.truncate()
                file.write(text)


def main():
    reason = why_not()
    if reason:
        skip(reason)
    tool, reason = cnitool()
    others, reason = from_modules(os.path.join(CACHE, "reference"), {
        "ptp": f"{MODULE}/plugins/main/ptp@{VERSION}", "bandwidth": f"{MODULE}/plugins/meta/bandwidth@{VERSION}",
    }) if tool else (None, reason)
    if others is None:
        skip(reason)
    program = build()
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "suite")
        shutil.copytree(SUITE, copy)
        arrange(copy, others, os.path.join(folder, "data"))
        done = subprocess.run([program, "-test.v", "-ginkgo.v"], cwd=os.path.join(copy, "integration"),
                              env={**os.environ, "PATH": f"{tool}:{os.environ['PATH']}"}, timeout=RUN_SECONDS)
    sys.exit(done.returncode)


main()
