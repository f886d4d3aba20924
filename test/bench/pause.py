#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pause beside catatonit and tini: size of the file and what one sandbox costs in memory, each as the
first process of a PID namespace. tini has to have a child; only tini itself is counted."""
import os
import shutil
import subprocess
import sys
import time

STAGE = os.environ["K2S_STAGE"]
FIELDS = ("Private_Dirty", "Private_Clean", "Rss", "Pss")


def first_child(pid):
    for _ in range(500):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            found = file.read().split()
        if found:
            return int(found[0])
        time.sleep(0.01)
    sys.exit("the sandbox did not start")


def memory(command):
    outer = subprocess.Popen(["unshare", "-pf", "--kill-child", *command],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        inner = first_child(outer.pid)
        time.sleep(0.5)
        values = {}
        with open(f"/proc/{inner}/smaps_rollup") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in FIELDS:
                    values[name] = int(rest.split()[0])
        with open(f"/proc/{inner}/status") as file:
            values["VmPTE"] = next(int(line.split()[1]) for line in file if line.startswith("VmPTE"))
        return values
    finally:
        outer.kill()
        outer.wait()


def main():
    if os.geteuid() != 0:
        sys.exit("pause: needs root for a PID namespace")
    program = STAGE + "/bin/pause"
    programs = {"pause": [program]}
    for name, arguments in (("catatonit", ["-P"]), ("tini", ["--", "sleep", "60"])):
        path = shutil.which(name)
        if path:
            programs[name] = [path, *arguments]
    print(f"{'':10} {'bytes':>8} {'private dirty':>14} {'Rss':>8} {'page tables':>12}   KB")
    for name, command in programs.items():
        found = memory(command)
        print(f"{name:10} {os.path.getsize(command[0]):8} {found['Private_Dirty']:14} {found['Rss']:8} "
              f"{found['VmPTE']:12}")


if __name__ == "__main__":
    main()
