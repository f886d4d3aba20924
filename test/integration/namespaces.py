# SPDX-License-Identifier: MIT
"""What the tests that make network namespaces of their own share."""
import ctypes
import os
import shutil
import subprocess
import sys


def sh(*words, check=True, **options):
    return subprocess.run(words, check=check, capture_output=True, text=True, **options).stdout


def make(test, *names):
    """Namespaces with a loopback that is up, which go with the test."""
    for name in names:
        sh("ip", "netns", "add", name)
        test.addCleanup(sh, "ip", "netns", "del", name, check=False)
        sh("ip", "-n", name, "link", "set", "lo", "up")


def pings(name, address):
    """Whether the namespace reaches it."""
    return subprocess.run(["ip", "netns", "exec", name, "ping", "-c1", "-W1", address], capture_output=True).returncode == 0


def hide(folder):
    """From now on this process and its children have an empty folder of their own there, in a mount namespace."""
    if ctypes.CDLL(None).unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise OSError("unshare")
    sh("mount", "--make-rslave", "/")
    os.makedirs(folder, exist_ok=True)
    sh("mount", "-t", "tmpfs", "tmpfs", folder)


def why_not(windows, *tools):
    """The reason to skip; None: these tests can run. `windows` is the one there."""
    if sys.platform != "linux" or os.environ.get("K2S_EXE_WRAPPER"):
        return windows
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in tools if not shutil.which(tool)]
    return f"{', '.join(missing)} missing" if missing else None
