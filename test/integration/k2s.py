# SPDX-License-Identifier: MIT
"""What the integration tests share: a private copy of the staged tree, run with nothing of the
machine's own configuration, natively or through wine (K2S_EXE_WRAPPER)."""
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

STAGE = os.environ.get("K2S_STAGE_DIR") or os.environ["K2S_STAGE"]
WRAPPER = shlex.split(os.environ.get("K2S_EXE_WRAPPER", ""))
WINDOWS = bool(WRAPPER)
DEADLINE = 120  # wine's first start in a session is slow


def native(path):
    """A path as the tested program sees it."""
    return "Z:" + path.replace("/", "\\") if WINDOWS else path


def free_ports(count):
    """Different ones: each stays taken until all are found."""
    with contextlib.ExitStack() as taken:
        return [taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def free_port():
    return free_ports(1)[0]


# For a privileged host no folder above a tree may be open to others, as Z:\tmp is.
DRIVE_C = os.path.join(os.environ["WINEPREFIX"], "drive_c") if WINDOWS else None


class TreeTest(unittest.TestCase):
    """Each test class has a copy of the tree in a folder of its own, moved away from where it was
    built."""
    made_in = None  # a folder; none: where temporary files belong

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="k2s-test-", dir=cls.made_in)
        cls.tree = os.path.join(cls.folder, "moved tree")
        shutil.copytree(STAGE, cls.tree, symlinks=True)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        if WINDOWS:  # where no variable moves the state: a switch of a run that was killed must go
            shutil.rmtree(os.path.join(DRIVE_C, "ProgramData", "K2s", "switches"),
                          ignore_errors=True)
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith("K2S_") and k.lower() not in
                 ("http_proxy", "https_proxy", "no_proxy", "all_proxy")}
        home = os.path.join(cls.folder, "home")
        os.makedirs(home)
        # The log root goes by its variable; state and sockets by theirs (Linux) or %LOCALAPPDATA%.
        cls.environment = clean | {
            "K2S_LOG_ROOT": native(os.path.join(cls.folder, "log")),
            "K2S_STATE_DIR": native(os.path.join(cls.folder, "state")),
            "K2S_RUN_DIR": native(os.path.join(cls.folder, "run")),
            "HOME": home, "XDG_CONFIG_HOME": home + "/config",
            "LOCALAPPDATA": native(home), "APPDATA": native(home), "ProgramData": native(home),
        }

    def exe(self, name):
        return WRAPPER + [os.path.join(self.tree, "bin", name + (".exe" if WINDOWS else ""))]

    def run_tool(self, name, *arguments, text=True, **options):
        environment = self.environment | options.pop("env", {})
        return subprocess.run(self.exe(name) + list(arguments), capture_output=True, text=text,
                              env=environment, timeout=DEADLINE, **options)

    def succeed(self, name, *arguments, **options):
        done = self.run_tool(name, *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def fails(self, code, name, *arguments, **options):
        """Runs to a failure with this exit code; what it said."""
        done = self.run_tool(name, *arguments, **options)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done.stderr

    def data(self, name, *arguments):
        return json.loads(self.succeed(name, *arguments, "--format", "json"))

    def until_it_answers(self, *words):
        """What the host that was started tells of itself."""
        end = time.monotonic() + DEADLINE
        while True:
            done = self.run_tool("k2s", "host", "status", "--format", "json", *words)
            if done.returncode == 0:
                return json.loads(done.stdout)
            self.assertLess(time.monotonic(), end, done.stderr)
            time.sleep(0.05)

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)
        return native(path)


class Running:
    """A tool in the background; stopped and checked at the end of the test."""

    def __init__(self, test, name, *arguments, env=None):
        self.log = tempfile.TemporaryFile(dir=test.folder)
        self.process = subprocess.Popen(test.exe(name) + list(arguments),
                                        env=test.environment | (env or {}),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log)
        test.addCleanup(self.kill)

    def output(self):
        # Without moving the place where the tool writes next, which is the same open file.
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode("utf-8", "replace")

    def records(self):
        return [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]

    def wait_for(self, message, seconds=60, **fields):
        """The first record with this text and these fields."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for record in self.records():
                if record["msg"] == message and fields.items() <= record.items():
                    return record
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"no record {message!r} in:\n{self.output()}")

    def listening(self):
        host, port = self.wait_for("listening")["address"].rsplit(":", 1)
        return host, int(port)

    def end(self, how=signal.SIGTERM, seconds=60):
        """Asks it to end; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
