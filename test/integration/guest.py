# SPDX-License-Identifier: MIT
"""A virtual machine with Debian's kernel, for what the kernel of the build machine lacks. It has nothing but busybox, the
programs that a test names with their libraries, and a script that runs its steps; software virtualization, seconds to
boot."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "k2s", "guest")
BOOT_SECONDS = 300
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /run /tmp
/bin/busybox --install -s /bin
export PATH=/sbin:/bin
ip() { /sbin/ip "$@"; } # its shell would rather take its own
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /run
mount -t tmpfs none /tmp
for module in $(cat /modules/order); do insmod /modules/$module; done
. /steps
echo '@@end'
poweroff -f
"""


def why_not():
    missing = [name for name in ("qemu-system-x86_64", "ldd", "strip", "dpkg-deb", "apt-get") if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} missing"
    try:
        kernel()
    except (AttributeError, OSError, subprocess.SubprocessError) as error:
        return f"Debian's kernel for virtual machines cannot be had: {error}"
    return None


def kernel():
    """Debian's kernel for virtual machines, unpacked: vmlinuz and the folder of its modules."""
    if not glob.glob(os.path.join(CACHE, "boot", "vmlinuz-*")):
        shown = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True, check=True)
        package = re.search(r"Depends: (linux-image-\S+)", shown.stdout).group(1)
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True, capture_output=True, timeout=300)
            subprocess.run(["dpkg-deb", "-x", *glob.glob(f"{folder}/*.deb"), CACHE], check=True)
    return glob.glob(os.path.join(CACHE, "boot", "vmlinuz-*"))[0], glob.glob(os.path.join(CACHE, "lib", "modules", "*"))[0]


class Archive:
    """The initial file system, in cpio's format "newc"."""

    def __init__(self):
        self.data, self.number, self.folders = bytearray(), 0, {""}
        self.entry("dev/console", 0o020600, device=(5, 1))

    def entry(self, name, mode, content=b"", device=(0, 0)):
        parent = os.path.dirname(name)
        if parent not in self.folders:
            self.folders.add(parent)
            self.entry(parent, 0o040755)
        self.number += 1
        fields = (self.number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0", content):
            self.data += part
            self.data += b"\0" * (-len(self.data) % 4)

    def folder(self, name):
        self.entry(f"{name}/.keep", 0o100644)

    def file(self, source, name=None, strip=False):
        with tempfile.NamedTemporaryFile() as smaller:
            if strip:
                subprocess.run(["strip", "--strip-debug", "-o", smaller.name, source], check=True)
            with open(smaller.name if strip else source, "rb") as file:
                self.entry((name or source).lstrip("/"), 0o100755, file.read())

    def program(self, source, name=None, strip=False):
        """With its libraries."""
        self.file(source, name, strip)
        shown = subprocess.run(["ldd", source], capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", shown):
            if library not in self.folders:
                self.folders.add(library)
                self.file(library)

    def modules(self, folder, names):
        order = []

        def add(name):
            path, = glob.glob(os.path.join(folder, "kernel", "**", name.replace("_", "[_-]") + ".ko"), recursive=True)
            if os.path.basename(path) in order:
                return
            with open(path, "rb") as file:
                content = file.read()
            for needed in re.search(rb"\0depends=([^\0]*)\0", content).group(1).decode().split(","):
                if needed:
                    add(needed)
            order.append(os.path.basename(path))
            self.entry(f"modules/{order[-1]}", 0o100644, content)

        for name in names:
            add(name)
        self.entry("modules/order", 0o100644, "\n".join(order).encode())


def run(archive, steps):
    """Runs each of the steps, shell commands by name, whatever the others do; exit code and output by name."""
    image, _ = kernel()
    # Empty lines, because the kernel writes to the same console.
    script = "".join(f"echo; echo '@@{name}'\n({command}) 2>&1\ncode=$?; echo; echo \"@@= $code\"\n"
                     for name, command in steps.items())
    archive.entry("steps", 0o100644, script.encode())
    archive.entry("init", 0o100755, INIT.encode())
    archive.entry("TRAILER!!!", 0)
    with tempfile.NamedTemporaryFile() as initial:
        initial.write(archive.data)
        initial.flush()
        done = subprocess.run(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", "512", "-nodefaults", "-nographic",
             "-no-reboot", "-serial", "stdio", "-kernel", image, "-initrd", initial.name,
             "-append", "console=ttyS0 quiet panic=-1"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=BOOT_SECONDS)
    output = done.stdout.replace("\r", "")
    if "@@end" not in output:
        raise RuntimeError(f"the virtual machine did not come to its end: {done.stderr}{output[-2000:]}")
    found = re.findall(r"^@@([^=\n][^\n]*)\n(.*?)^@@= (\d+)$", output, flags=re.M | re.S)
    return {name: (int(code), text) for name, text, code in found}
