#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bridge and host-local beside the reference plugins, and beside a C program that only sends the same messages and
writes the same files (cni_floor.c): each call started, waited for, alternating in one run, in namespaces of the measurement's own. Medians
in milliseconds from exec to exit, and the ratio of ours to the other's with the interval that holds it in 95 of 100
runs (bootstrap). Entering the namespace is not measured (cni_time.c)."""
import ipaddress
import json
import os
import random
import statistics
import subprocess
import sys

import side_by_side

sys.path.insert(0, os.path.join(side_by_side.HERE, "..", "integration"))
from cni_node import DEBIANS, OURS, reference  # noqa: E402

PAIRS = int(os.environ.get("K2S_BENCH_PAIRS", "200"))
PODS, CROWDS = 200, 3
PORTS = 999  # the kernel's limit for a bridge is 1023
NODE = f"k2sbench{os.getpid()}"
HERE = "/proc/self/ns/net"


def sh(*words, **options):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **options)


class Calls:
    def __init__(self, programs, theirs):
        self.folder = programs.folder
        self.timer, self.floor = (self.compile(programs, name) for name in ("cni_time", "cni_floor"))
        self.peers = {"k2s": OURS, "reference": theirs}
        os.mkdir(os.path.join(self.folder, "floor"))

    @staticmethod
    def compile(programs, name):
        program = programs.path(name)
        sh("cc", "-O2", "-o", program, os.path.join(side_by_side.HERE, name + ".c"), "-lmnl")
        return program

    def config(self, masquerade, network):
        """Each peer has a network, and with it reservations, of its own: who meets another's looks through them."""
        path = os.path.join(self.folder, f"{network}-{masquerade}.json")
        with open(path, "w") as file:
            json.dump({"cniVersion": "1.0.0", "name": network, "type": "bridge", "bridge": "cbench",
                       "isDefaultGateway": True, "ipMasq": masquerade, "ipMasqBackend": "nftables",
                       "ipam": {"type": "host-local", "subnet": "10.88.0.0/16", "dataDir": self.folder}}, file)
        return path

    def timed(self, count, netns, config, *program, **env):
        """Milliseconds of wall clock and of processor time, KiB."""
        done = subprocess.run([self.timer, str(count), netns, config, *program], capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], **env})
        if done.returncode:
            sys.exit(f"{program} {env}: {done.stdout}{done.stderr}")
        wall, used, kilo = done.stdout.split()
        return float(wall) / 1000, float(used) / 1000, int(kilo)

    def plugin(self, peer, command, config, name="bridge", netns=None, count=1):
        """For pod 0, or for the first `count` of them at once."""
        plugins = self.peers[peer]
        return self.timed(count, netns or f"/run/netns/{NODE}", config, os.path.join(plugins, name), CNI_COMMAND=command,
                          CNI_CONTAINERID="c%d", CNI_NETNS=f"/run/netns/{NODE}-%d", CNI_IFNAME="eth0", CNI_PATH=plugins)

    def least(self, command, masquerade):
        return self.timed(1, f"/run/netns/{NODE}", os.devnull, self.floor,
                          command.lower() + ("-masq" if masquerade else ""), f"/run/netns/{NODE}-0", "cbench",
                          "10.88.200.1", os.path.join(self.folder, "floor"))

    def versions(self):
        rows = {name: {"VERSION": []} for name in self.peers}
        for _ in range(PAIRS):
            for name in shuffled(rows):
                rows[name]["VERSION"].append(self.plugin(name, "VERSION", os.devnull, netns=HERE)[0])
        show("VERSION", rows)

    def pairs(self, title, masquerade):
        rows = {name: {key: [] for key in ("ADD", "DEL", "ADD cpu", "DEL cpu")} for name in (*self.peers, "floor")}
        memory, starts = {}, []
        for _ in range(PAIRS):
            for name in shuffled(rows):
                for command in ("ADD", "DEL"):
                    took, used, kilo = (self.least(command, masquerade) if name == "floor" else
                                        self.plugin(name, command, self.config(masquerade, name)))
                    rows[name][command].append(took)
                    rows[name][command + " cpu"].append(used)
                    memory[name] = max(memory.get(name, 0), kilo)
            starts.append(self.plugin("k2s", "VERSION", os.devnull)[:2])
        show(title, rows)
        print("  k2s without the work (VERSION): {:.2f}, cpu {:.2f}".format(*map(statistics.median, zip(*starts))))
        print("  largest resident size: " + ", ".join(f"{name} {kilo / 1024:.1f} MB" for name, kilo in memory.items()))

    def many_ports(self):
        """ADD with hardly a port in the bridge, and with 999 of them, which stay: to be the last part."""
        config, rows = self.config(False, "k2s"), {"k2s": {}, "floor": {}}
        for key in ("ADD #1", "ADD #1000"):
            if key == "ADD #1000":
                lines = "".join(f"link add p{i} master cbench type veth peer name q{i}\n" for i in range(PORTS))
                sh("ip", "-n", NODE, "-batch", "-", input=lines.encode())
            for _ in range(max(PAIRS // 4, 5)):
                for name in shuffled(rows):
                    call = self.least if name == "floor" else lambda command, _: self.plugin("k2s", command, config)
                    rows[name].setdefault(key, []).append(call("ADD", False)[0])
                    call("DEL", False)
        show("one bridge, up to the limit of its ports", rows)
        for name, row in rows.items():
            print(f"  {name}: #1000 takes {statistics.median(row['ADD #1000']) / statistics.median(row['ADD #1']):.2f} of #1")

    def full(self):
        """host-local alone, with a /16 of which 99 % are taken."""
        first = int(ipaddress.ip_address("10.88.0.0"))
        os.makedirs(os.path.join(self.folder, "full"))
        for i in range(2, 64880):
            with open(os.path.join(self.folder, "full", str(ipaddress.ip_address(first + i))), "w") as file:
                file.write(f"{i:064d}\r\neth0")
        config, rows = self.config(False, "full"), {}
        for name in self.peers:
            rows[name] = {"ADD": [], "DEL": []}
            self.plugin(name, "DEL", config, name="host-local", netns=HERE)  # the index, and the file system's cache
            for _ in range(PAIRS if name == "k2s" else 3):
                for command, values in rows[name].items():
                    values.append(self.plugin(name, command, config, name="host-local", netns=HERE)[0])
        show("host-local, a /16 that is 99 % full", rows)

    def crowd(self):
        rows = {name: {f"{command} {what}": [] for command in ("ADD", "DEL") for what in ("wall", "cpu")}
                for name in self.peers}
        for _ in range(CROWDS):
            for name in shuffled(rows):
                for command in ("ADD", "DEL"):
                    wall, used, _ = self.plugin(name, command, self.config(False, name), count=PODS)
                    rows[name][f"{command} wall"].append(wall)
                    rows[name][f"{command} cpu"].append(used)
        show(f"{PODS} pods at once", rows)


def shuffled(names):
    """A new order each time, so that nobody always comes behind the same."""
    return random.sample(list(names), len(names))


def interval(ours, theirs):
    """Ratio of the medians, and where it lies when the measurements are drawn again."""
    ratios = sorted(statistics.median(random.choices(ours, k=len(ours))) /
                    statistics.median(random.choices(theirs, k=len(theirs))) for _ in range(1000))
    return statistics.median(ours) / statistics.median(theirs), ratios[25], ratios[975]


def show(title, rows):
    print(title)
    for name, row in rows.items():
        cells = []
        for key, values in row.items():
            cell = f"{key} {statistics.median(values):.2f}"
            if name != "k2s":
                ratio, low, high = interval(rows["k2s"][key], values)
                cell += f" (ours is {ratio:.0%}" + (f", {low:.0%} to {high:.0%})" if len(values) > 1 else ")")
            cells.append(cell)
        print(f"  {name:10} " + "  ".join(cells), flush=True)


def main():
    side_by_side.need("ip", "nft", "cc", os.path.join(DEBIANS, "bridge"))
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    theirs, why = reference()
    if theirs is None:
        print(f"beside Debian's reference, for that of today cannot be had: {why}")
    names = [NODE] + [f"{NODE}-{pod}" for pod in range(PODS)]
    wanted = sys.argv[1:] or ["versions", "pairs", "masquerade", "full", "crowd", "ports"]
    try:
        for name in names:
            sh("ip", "netns", "add", name)
        with side_by_side.Programs() as programs:
            calls = Calls(programs, theirs or DEBIANS)
            parts = {"versions": calls.versions, "pairs": lambda: calls.pairs("bridge with host-local", False),
                     "masquerade": lambda: calls.pairs("the same with ipMasq by nftables", True),
                     "full": calls.full, "crowd": calls.crowd, "ports": calls.many_ports}
            for command in ("ADD", "DEL"):  # makes the bridge
                calls.plugin("k2s", command, calls.config(True, "k2s"))
            for part in wanted:
                parts[part]()
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


main()
