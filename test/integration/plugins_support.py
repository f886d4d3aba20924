# SPDX-License-Identifier: MIT
"""A copy of the staged tree with one extra plugin, and runs of its exes. Nothing of the machine is used
but the tree: state, sockets, logs and configuration are in a temporary folder."""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

WINDOWS = os.environ.get("K2S_HOST_OS", "linux") == "windows"
STAGE = pathlib.Path(os.environ["K2S_STAGE_DIR"])
WRAPPER = shlex.split(os.environ.get("K2S_EXE_WRAPPER", ""))
BAD = pathlib.Path(os.environ["K2S_BAD_PLUGINS"])
SUFFIX = ".dll" if WINDOWS else ".so"
EXE = ".exe" if WINDOWS else ""
USED = ("storage", "example")  # the others cost only time to copy


def manifest(plugin_id="bad", **changes):
    """A plugin.json; a change to None removes the key."""
    made = {
        "manifest": 1, "id": plugin_id, "version": "1.0.0", "summary": "A bad plugin",
        "abi": {"major": 1, "minor": 0}, "library": "bad",
        "provides": [{"contract": plugin_id + ".contract", "version": "1.0.0"}],
        "features": [{"id": plugin_id, "kind": "command", "summary": "A bad feature"}],
        "commands": [{"path": [plugin_id], "feature": plugin_id, "summary": "Run it"}],
    }
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
        self.err = done.stderr.decode("utf-8", "replace").replace("\r\n", "\n")

    def __repr__(self):
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class TreeTest(unittest.TestCase):
    """Each test has a tree of its own."""
    longMessage = True
    more = ()  # folders of the tree beside its exes and libraries

    def setUp(self):
        if not STAGE.is_dir():
            self.fail(f"{STAGE} is not there: run the tests with ./dev test, which makes it")
        self.temporary = tempfile.TemporaryDirectory(prefix="k2s-plugins-", dir=self.place(),
                                                     ignore_cleanup_errors=True)
        self.addCleanup(self.temporary.cleanup)
        self.top = pathlib.Path(self.temporary.name).resolve()
        self.tree = self.top / "tree"
        self.copy("bin")
        if not WINDOWS:
            for library in STAGE.glob("lib/*.so"):
                self.copy(f"lib/{library.name}")
        for folder in self.more:
            self.copy(folder)
        for plugin in USED:
            self.copy(f"lib/k2s/plugins/{plugin}")
        self.plugins = self.tree / "lib/k2s/plugins"
        self.folder = self.plugins / "bad"
        for name in ("home", "state", "run", "log"):
            (self.top / name).mkdir()

    def place(self):
        """Where the tree is made; nothing: where temporary files belong."""
        return None

    def copy(self, name):
        """As hard links where the file systems allow: the tree has tens of megabytes. Libraries are
        real copies, because their identity is recorded by file."""
        source, target = STAGE / name, self.tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)

    def environment(self, more=None):
        home = str(self.top / "home")
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith(("K2S_", "XDG_")) or key == "XDG_CACHE_HOME"}
        return {**kept, "HOME": home, "XDG_CONFIG_HOME": home + "/config",
                "XDG_STATE_HOME": home + "/state", "K2S_STATE_DIR": str(self.top / "state"),
                "K2S_RUN_DIR": str(self.top / "run"), "K2S_LOG_ROOT": self.native(self.top / "log"),
                "LC_ALL": "C.UTF-8", **(more or {})}

    @staticmethod
    def native(path):
        return "Z:" + str(path).replace("/", "\\") if WINDOWS else str(path)

    def command(self, *words):
        return [*WRAPPER, str(self.tree / "bin" / (words[0] + EXE)), *words[1:]]

    def run_exe(self, *words, stdin=b"", timeout=120, env=None):
        return Result(subprocess.run(self.command(*words), input=stdin, capture_output=True,
                                     timeout=timeout, env=self.environment(env), check=False))

    def k2s(self, *words):
        """What a command tells."""
        result = self.run_exe("k2s", *words, "--format", "json")
        self.assertEqual(result.code, 0, result)
        return json.loads(result.out)

    def fails(self, code, *words, text=""):
        result = self.run_exe("k2s", *words)
        self.assert_fails(result, code, text)
        return result

    def add(self, defect=None, data=None, name="bad", **changes):
        """Installs the plugin: a built library by its defect, or one with these bytes, or none."""
        folder = self.plugins / name
        folder.mkdir(exist_ok=True)
        (folder / "plugin.json").write_text(json.dumps(manifest(name, **changes)))
        library = folder / ("bad" + SUFFIX)
        if defect is not None:
            shutil.copyfile(BAD / f"bad-{defect}{SUFFIX}", library)
        elif data is not None:
            library.write_bytes(data)

    def add_text(self, data, name="bad"):
        """Installs a plugin.json that is just these bytes, beside a library that would work."""
        self.add("none", name=name)
        (self.plugins / name / "plugin.json").write_bytes(data)

    def assert_fails(self, result, code, *texts):
        self.assertEqual(result.code, code, result)
        for text in texts:
            self.assertIn(text, result.err, result)
        self.assertNotIn("internal error", result.err, result)

    def assert_others_work(self):
        """What the issue asks of each bad input: every other feature still works."""
        listed = self.run_exe("k2s", "plugin", "list")
        self.assertEqual(listed.code, 0, listed)
        self.assertIn("storage", listed.out, listed)
        converted = self.run_exe("k2s", "yaml2json", stdin=b"a: 1\n")
        self.assertEqual((converted.code, converted.out), (0, '{"a":1}\n'), converted)
        preset = self.run_exe("yaml2json", stdin=b"[b]\n")
        self.assertEqual((preset.code, preset.out), (0, '["b"]\n'), preset)

    def listed(self, name):
        """The entry of `k2s plugin list` for a plugin or a broken file of this folder."""
        result = self.run_exe("k2s", "plugin", "list", "--format", "json")
        self.assertEqual(result.code, 0, result)
        found = [entry for entry in json.loads(result.out)
                 if entry["id"] == name or f"{name}/plugin.json" in entry["id"].replace("\\", "/")]
        self.assertTrue(found, result)
        return found[0]


def versioned(version, **changes):
    """The plugin.json of test/plugins/versioned.cpp."""
    return {"manifest": 1, "id": "versioned", "version": version, "summary": "In several versions",
            "abi": {"major": 1, "minor": 0}, "library": "versioned",
            "features": [{"id": "versioned", "kind": "service", "summary": "x"},
                         {"id": "versioned-tell", "kind": "command", "summary": "x"}],
            "commands": [{"path": ["versioned"], "feature": "versioned-tell", "summary": "Tell",
                          "output": "data"}], **changes}


class VersionedTest(TreeTest):
    """One plugin in several versions."""

    def source(self, version, **changes):
        folder = self.top / f"source-{version}"
        folder.mkdir(exist_ok=True)
        (folder / "plugin.json").write_text(json.dumps(versioned(version, **changes)))
        shutil.copyfile(BAD / f"versioned-{version}{SUFFIX}", folder / f"versioned{SUFFIX}")
        (folder / "LICENSE").write_text("MIT")
        return folder

    def pack(self, version, **changes):
        file = self.top / f"versioned-{version}.k2splugin"
        self.k2s("plugin", "pack", self.native(self.source(version, **changes)), "-o",
                 self.native(file))
        return self.native(file)


def main():
    unittest.main(module=sys.modules["__main__"], verbosity=2)
