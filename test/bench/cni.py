#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bridge and host-local beside Debian's reference plugins: each call started, waited for, alternating in
one run, in namespaces of the measurement's own. Milliseconds from exec to exit, medians; the start of
nsenter, which every call has in front, is a row of its own."""
import ipaddress
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import side_by_side

OURS = os.path.join(os.environ["K2S_STAGE"], "bin")
THEIRS = "/usr/lib/cni"
PEERS = {"k2s": OURS, "reference": THEIRS}
PAIRS = int(os.environ.get("K2S_BENCH_PAIRS", "100"))
PODS = 200
NODE = f"k2sbench{os.getpid()}"


def sh(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


class Calls:
    def __init__(self, folder):
        self.folder = folder

    def config(self, masquerade, network="n"):
        return json.dumps({"cniVersion": "1.0.0", "name": network, "type": "bridge", "bridge": "cbench",
                           "isDefaultGateway": True, "ipMasq": masquerade,
                           "ipam": {"type": "host-local", "subnet": "10.88.0.0/16", "dataDir": self.folder}}).encode()

    def call(self, plugins, command, config, pod=0, name="bridge"):
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": command, "CNI_CONTAINERID": f"c{pod}",
               "CNI_NETNS": f"/run/netns/{NODE}-{pod}", "CNI_IFNAME": "eth0", "CNI_PATH": plugins}
        before = time.perf_counter()
        done = subprocess.run(["nsenter", f"--net=/run/netns/{NODE}", os.path.join(plugins, name)],
                              input=config, capture_output=True, env=env)
        if done.returncode:
            sys.exit(f"{plugins} {command}: {done.stdout.decode()}{done.stderr.decode()}")
        return (time.perf_counter() - before) * 1000

    def pairs(self, title, masquerade):
        rows = {name: {"VERSION": [], "ADD": [], "DEL": []} for name in PEERS}
        for _ in range(PAIRS):
            for name, plugins in PEERS.items():
                for command, times in rows[name].items():
                    config = b"" if command == "VERSION" else self.config(masquerade)
                    times.append(self.call(plugins, command, config))
        show(title, {name: {key: statistics.median(times) for key, times in row.items()}
                     for name, row in rows.items()})

    def full(self):
        """A /16 of which 99 % are taken."""
        first = int(ipaddress.ip_address("10.88.0.0"))
        os.makedirs(os.path.join(self.folder, "full"))
        for i in range(2, 64880):
            with open(os.path.join(self.folder, "full", str(ipaddress.ip_address(first + i))), "w") as file:
                file.write(f"{i:064d}\r\neth0")
        config, rows = self.config(False, "full"), {}
        for name, plugins in PEERS.items():
            times = {"ADD": [], "DEL": []}
            self.call(plugins, "DEL", config, name="host-local")  # the index, and the file system's cache
            for _ in range(30 if plugins == OURS else 3):
                for command, values in times.items():
                    values.append(self.call(plugins, command, config, name="host-local"))
            rows[name] = {key: statistics.median(values) for key, values in times.items()}
        show("host-local, a /16 that is 99 % full (ms)", rows)

    def crowd(self):
        rows = {}
        for name, plugins in PEERS.items():
            rows[name] = {}
            with ThreadPoolExecutor(PODS) as pool:
                for command in ("ADD", "DEL"):
                    used, before = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                    list(pool.map(lambda pod: self.call(plugins, command, self.config(False), pod), range(PODS)))
                    rows[name][f"{command} wall"] = time.perf_counter() - before
                    now = resource.getrusage(resource.RUSAGE_CHILDREN)
                    rows[name][f"{command} cpu"] = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        show(f"{PODS} pods at once (s)", rows)


def show(title, rows):
    print(title)
    ours = rows["k2s"]
    for name, row in rows.items():
        print(f"  {name:10} " + "  ".join(
            f"{key} {value:.2f} ({ours[key] / value:.0%})" for key, value in row.items()), flush=True)


def main():
    side_by_side.need("ip", "nsenter", "nft", os.path.join(THEIRS, "bridge"))
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    folder = tempfile.mkdtemp()
    names = [NODE] + [f"{NODE}-{pod}" for pod in range(PODS)]
    try:
        for name in names:
            sh("ip", "netns", "add", name)
        calls = Calls(folder)
        print(f"nsenter alone {statistics.median(nothing() for _ in range(PAIRS)):.2f} ms")
        calls.pairs("bridge with host-local (ms)", False)
        calls.pairs("the same with ipMasq (ms)", True)
        calls.full()
        calls.crowd()
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
        shutil.rmtree(folder)


def nothing():
    before = time.perf_counter()
    sh("nsenter", f"--net=/run/netns/{NODE}", "true")
    return (time.perf_counter() - before) * 1000


main()
