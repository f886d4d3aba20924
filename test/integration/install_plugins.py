# SPDX-License-Identifier: MIT
"""Plugins as files: pack, install, upgrade, roll back, uninstall; hostile archives; kill -9 anywhere; a
running host that moves from one version to the next."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import stat
import subprocess
import tarfile
import threading
import time
import unittest
import zipfile

from plugins_support import BAD, SUFFIX, WINDOWS, VersionedTest, main, versioned


class InstallTest(VersionedTest):
    def runs(self, version):
        self.assertEqual(self.k2s("versioned"), {"version": version})

    def assert_nothing_installed(self):
        self.assertEqual(self.run_exe("k2s", "versioned").code, 2)
        self.assertFalse((self.plugins / "versioned").exists(),
                         list(self.plugins.glob("versioned/**/*")))

    def archive(self, **files):
        """A plugin that would work, and these files; None leaves one out."""
        file = self.top / "made.k2splugin"
        whole = {"plugin.json": json.dumps(versioned("1.0.0")),
                 "versioned" + SUFFIX: (BAD / f"versioned-1.0.0{SUFFIX}").read_bytes()}
        whole.update(files)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
            for name, content in whole.items():
                if content is not None:
                    out.writestr(name, content)
        return file


class Archives(InstallTest):
    def test_life(self):
        first = self.pack("1.0.0")
        self.assertIn("would", self.k2s("plugin", "install", first, "--dry-run"))
        self.assert_nothing_installed()
        self.fails(4, "plugin", "install", self.native(self.archive(**{"versioned" + SUFFIX: b"junk" * 200})),
                   "--dry-run", text="versioned" + SUFFIX)
        self.assert_nothing_installed()
        self.assertEqual(self.k2s("plugin", "install", first)["before"], "none")
        self.runs("1.0.0")
        self.fails(1, "plugin", "install", first, text="k2s plugin upgrade")
        self.fails(1, "plugin", "upgrade", first, text="not newer")
        second = self.pack("1.1.0")
        self.assertEqual(self.k2s("plugin", "upgrade", second)["before"], "1.0.0")
        self.runs("1.1.0")
        self.assertEqual(self.k2s("plugin", "rollback", "versioned")["version"], "1.0.0")
        self.runs("1.0.0")
        self.k2s("plugin", "upgrade", second)
        self.runs("1.1.0")
        self.k2s("plugin", "uninstall", "versioned")
        self.assert_nothing_installed()
        self.fails(6, "plugin", "uninstall", "versioned")
        self.fails(6, "plugin", "upgrade", second, text="k2s plugin install")
        self.assert_others_work()

    def test_equal_folders_give_equal_files(self):
        first = pathlib.Path(self.top / "versioned-1.0.0.k2splugin")
        self.pack("1.0.0")
        before = first.read_bytes()
        time.sleep(2.1)  # zip counts in steps of two seconds
        self.pack("1.0.0")
        self.assertEqual(first.read_bytes(), before)
        with zipfile.ZipFile(first) as inside:
            self.assertEqual(sorted(inside.namelist()),
                             ["LICENSE", "plugin.json", "versioned" + SUFFIX])

    def test_by_hand_and_by_file_do_not_mix(self):
        self.fails(6, "plugin", "uninstall", "example", text="by hand")
        folder = self.plugins / "versioned"
        folder.mkdir()
        (folder / "plugin.json").write_text(json.dumps(versioned("0.9.0")))
        self.fails(1, "plugin", "install", self.pack("1.0.0"), text="not installed from an archive")
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["plugin.json"])

    def test_switches_of_what_is_gone(self):
        first = self.pack("1.0.0")
        self.k2s("plugin", "install", first)
        self.k2s("plugin", "disable", "versioned")
        self.k2s("plugin", "uninstall", "versioned")
        self.k2s("plugin", "install", first)
        self.runs("1.0.0")  # it is not remembered beyond the plugin
        self.k2s("feature", "disable", "versioned-tell")
        shutil.rmtree(self.plugins / "versioned")
        self.assertEqual(self.run_exe("k2s", "config", "validate").code, 0)
        self.k2s("plugin", "install", first)
        self.k2s("plugin", "uninstall", "versioned")

    def test_hostile_names(self):
        for name in ("../evil.so", "/etc/evil", "a/b.so", "..", ".hidden", "C:evil", "a\\b", "nul.txt",
                     "COM1", "evil.", "e vil", "f\u00fcr.txt", "x" * 300, "a\nb"):
            with self.subTest(name=name):
                self.fails(3, "plugin", "install", self.native(self.archive(**{name: b"x"})),
                           text="made.k2splugin" if name.startswith("f") else "no name for a file")
                self.assert_nothing_installed()
        self.assertFalse((self.plugins.parent / "evil.so").exists())
        self.fails(3, "plugin", "install", self.native(self.archive(**{"Plugin.JSON": b"x"})),
                   text="the same file")

    def test_hostile_kinds(self):
        file = self.archive()
        unix, ntfs, junction = 3, 10, 0x400 | 0x10  # a reparse point that is a folder
        for system, attributes, words in (
                (unix, (stat.S_IFLNK | 0o777) << 16, "link"), (unix, (stat.S_IFDIR | 0o755) << 16, "folder"),
                (0, junction, "folder"), (ntfs, junction, "folder")):
            with self.subTest(system=system, attributes=oct(attributes)):
                with zipfile.ZipFile(file, "w") as out:
                    out.writestr("plugin.json", json.dumps(versioned("1.0.0")))
                    entry = zipfile.ZipInfo("versioned" + SUFFIX + ("/" if words == "folder" else ""))
                    entry.create_system = system
                    entry.external_attr = attributes
                    out.writestr(entry, "/etc/passwd")
                self.fails(3, "plugin", "install", self.native(file), text=words)
                self.assert_nothing_installed()
        # Only other formats have hard links.
        for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT):
            with tarfile.open(file, "w", format=form) as out:
                for path in self.source("1.0.0").iterdir():
                    out.add(path, path.name)
                link = tarfile.TarInfo("linked")
                link.type, link.linkname = tarfile.LNKTYPE, "../../storage/plugin.json"
                out.addfile(link)
            self.fails(3, "plugin", "install", self.native(file), text="no plugin archive")
            self.assert_nothing_installed()

    def test_bombs(self):
        file = self.top / "bomb.k2splugin"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
            out.writestr("plugin.json", json.dumps(versioned("1.0.0")))
            with out.open("versioned" + SUFFIX, "w", force_zip64=True) as inside:
                for _ in range(257):
                    inside.write(bytes(1 << 20))
        self.fails(3, "plugin", "install", self.native(file), text="unpacked it has more than")
        many = {f"file{n}": b"" for n in range(300)}
        self.fails(3, "plugin", "install", self.native(self.archive(**many)), text="more than 256 files")
        with open(file, "wb") as out:
            out.truncate(200 << 20)
        result = self.run_exe("k2s", "plugin", "install", self.native(file))
        self.assertIn("longer than the limit", result.err, result)
        self.assert_nothing_installed()

    def test_broken_archives(self):
        whole = self.archive().read_bytes()
        file = self.top / "broken.k2splugin"
        step = len(whole) // (3 if WINDOWS else 7)
        for size in (0, 1, 30, *range(step, len(whole), step), len(whole) - 1):
            with self.subTest(size=size):
                file.write_bytes(whole[:size])
                self.fails(3, "plugin", "install", self.native(file), text="no plugin archive")
        rng = random.Random(1)
        for _ in range(3 if WINDOWS else 12):
            changed = bytearray(whole)
            for _ in range(3):
                changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            file.write_bytes(changed)
            result = self.run_exe("k2s", "plugin", "install", self.native(file))
            if result.code == 0:  # a bit that means nothing, such as one of the time
                self.runs("1.0.0")
                self.k2s("plugin", "uninstall", "versioned")
            self.assertIn(result.code, (0, 1, 3, 4, 7), result)
        self.assert_nothing_installed()

    def test_archives_that_are_no_plugin(self):
        for text, files in (("no plugin.json", {"plugin.json": None}),
                            ("plugin.json", {"plugin.json": b"{}"}),
                            ("another build", {"plugin.json": json.dumps(versioned("2.0.0"))})):
            with self.subTest(text=text):
                result = self.run_exe("k2s", "plugin", "install", self.native(self.archive(**files)))
                self.assertEqual(result.code, 3, result)
                self.assert_nothing_installed()
        self.fails(4, "plugin", "install", self.native(self.archive(**{"versioned" + SUFFIX: None})),
                   text="not for this system")
        self.fails(6, "plugin", "install", self.native(self.top / "nothing"))
        self.assert_nothing_installed()

    def test_one_that_another_plugin_keeps_out(self):
        mine = [{"id": "yaml2json", "kind": "command", "summary": "mine"}]
        self.fails(3, "plugin", "install", self.pack("1.0.0", features=mine, commands=[]),
                   text="nothing is installed")
        self.assert_nothing_installed()
        self.assert_others_work()

    def test_what_is_damaged_can_be_replaced(self):
        first, second = self.pack("1.0.0"), self.pack("1.1.0")
        folder = self.plugins / "versioned"
        for number, damage in enumerate((
                lambda: (folder / "1.1.0/plugin.json").write_bytes(b"{"),
                lambda: (folder / "1.1.0/plugin.json").unlink(),
                lambda: (folder / f"1.1.0/versioned{SUFFIX}").write_bytes(b"\x7fELF"),
                lambda: shutil.rmtree(folder / "1.1.0"),
                lambda: (folder / "current").write_bytes(b"../../storage\n"),
                lambda: (folder / "current").unlink())):
            for mend in ("uninstall", "rollback"):
                with self.subTest(number=number, mend=mend):
                    self.k2s("plugin", "install", first)
                    self.k2s("plugin", "upgrade", second)
                    damage()
                    self.k2s("plugin", mend, "versioned")
                    if mend == "rollback":
                        self.runs("1.1.0" if number > 3 else "1.0.0")  # what counted is not known
                        self.k2s("plugin", "uninstall", "versioned")
                    self.assert_nothing_installed()
        self.assert_others_work()

    def test_damaged_switches_are_forgotten_with_it(self):
        first = self.pack("1.0.0")
        self.k2s("plugin", "install", first)
        self.k2s("plugin", "disable", "versioned")
        (self.plugins / "versioned/1.0.0/plugin.json").write_bytes(b"{")
        self.fails(1, "plugin", "install", first, text="k2s plugin uninstall")
        self.k2s("plugin", "uninstall", "versioned")
        self.k2s("plugin", "install", first)
        self.runs("1.0.0")

    def test_ids_that_are_folders(self):
        (self.plugins / "current").write_text("1.0.0\n")
        (self.plugins / "1.0.0").mkdir()
        self.fails(6, "plugin", "uninstall", "nonesuch", text="k2s plugin list")
        before = sorted(self.plugins.rglob("*"))
        for name in (".", "..", "../plugins", "storage/..", "", "/", str(self.plugins), "Storage", "no\\no",
                     ".install", "x" * 300, "current"):
            for what in ("uninstall", "rollback"):
                with self.subTest(name=name, what=what):
                    result = self.run_exe("k2s", "plugin", what, "--", name)
                    self.assertIn(result.code, (2, 6), result)
        self.fails(6, "plugin", "uninstall", "storage", text="by hand")
        self.assertEqual(sorted(self.plugins.rglob("*")), before)
        self.assert_others_work()

    def test_back_through_versions(self):
        for version in ("1.0.0", "1.1.0", "1.3.0"):
            self.k2s("plugin", "upgrade" if version > "1.0.0" else "install", self.pack(version))
        folder = self.plugins / "versioned"
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["1.1.0", "1.3.0", "current"])
        # Older and newer ones lie there where a host had them mapped, or a kill left them.
        for version in ("1.0.0", "1.4.0"):
            shutil.copytree(self.source(version), folder / version)
        (folder / "2.0.0").mkdir()
        (folder / "notes").mkdir()
        for version in ("1.1.0", "1.0.0"):
            self.assertEqual(self.k2s("plugin", "rollback", "versioned")["version"], version)
            self.runs(version)
        self.k2s("plugin", "uninstall", "versioned")
        self.assert_nothing_installed()

    def test_back_only_to_what_works(self):
        self.k2s("plugin", "install", self.pack("1.0.0"))
        self.k2s("plugin", "upgrade", self.pack("1.1.0"))
        (self.plugins / "versioned/1.0.0" / ("versioned" + SUFFIX)).write_bytes(b"junk" * 200)
        for words in ((), ("--dry-run",)):
            result = self.run_exe("k2s", "plugin", "rollback", "versioned", *words)
            self.assertNotEqual(result.code, 0, result)
            self.assertIn("versioned" + SUFFIX, result.err)
            self.runs("1.1.0")

    def test_two_operators_at_once(self):
        first = self.pack("1.0.0")
        both = [subprocess.Popen(self.command("k2s", "plugin", "install", first),
                                 env=self.environment(), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE) for _ in range(2)]
        codes = []
        for one in both:
            one.communicate(timeout=120)
            codes.append(one.returncode)
        self.assertEqual(sorted(codes), [0, 1])
        self.runs("1.0.0")


@unittest.skipIf(WINDOWS, "wine lets the worker that tries a library outlive its killed host, and so keeps the file")
class Killed(InstallTest):
    """Whatever is killed when: what is there works, and the next change mends what was left."""
    POINTS = 120 if os.environ.get("K2S_SLOW") else 12

    def begin(self, *words):
        return subprocess.Popen(self.command("k2s", "plugin", *words), env=self.environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def killed_at(self, points, *words, undo):
        """Runs the command so often, killed after this part of the time that it takes; and back."""
        begin = time.monotonic()
        self.k2s("plugin", *words)
        took = time.monotonic() - begin
        self.k2s("plugin", *undo)
        for number in range(points):
            with self.begin(*words) as running:
                time.sleep(took * number / points)
                running.kill()
            yield number

    def versions(self):
        """Which one counts, by a command of it; nothing when none does."""
        told = self.run_exe("k2s", "versioned", "--format", "json")
        self.assertIn(told.code, (0, 2), told)
        return json.loads(told.out)["version"] if told.code == 0 else None

    def assert_mended(self):
        names = {path.name for path in (self.plugins / "versioned").iterdir()}
        self.assertLessEqual(names, {"current", "1.0.0", "1.1.0"})
        self.k2s("plugin", "uninstall", "versioned")
        self.assert_nothing_installed()
        self.assert_others_work()

    def test_first_install(self):
        first, seen = self.pack("1.0.0"), set()
        for _ in self.killed_at(self.POINTS, "install", first, undo=("uninstall", "versioned")):
            seen.add(self.versions())
            if self.versions() is None:
                self.k2s("plugin", "install", first)  # in spite of what was left
            self.runs("1.0.0")
            self.k2s("plugin", "uninstall", "versioned")
            self.assert_nothing_installed()
        self.assertIn(None, seen)

    def test_uninstall(self):
        first = self.pack("1.0.0")
        self.k2s("plugin", "install", first)
        for _ in self.killed_at(self.POINTS, "uninstall", "versioned", undo=("install", first)):
            self.assertIn(self.versions(), ("1.0.0", None))
            if (self.plugins / "versioned").exists():
                self.k2s("plugin", "uninstall", "versioned")
            self.assert_nothing_installed()
            self.k2s("plugin", "install", first)
        self.assert_mended()

    def test_upgrade_and_rollback(self):
        first, second = self.pack("1.0.0"), self.pack("1.1.0")
        self.k2s("plugin", "install", first)
        rng = random.Random(2)
        for number in range(self.POINTS):
            with self.begin(*(("upgrade", second), ("rollback", "versioned"))[number % 2]) as running:
                time.sleep(rng.random() * 0.2)
                running.kill()
            self.assertIn(self.versions(), ("1.0.0", "1.1.0"))
        self.run_exe("k2s", "plugin", "upgrade", second)
        self.runs("1.1.0")
        self.assert_mended()

    def test_the_worker_that_tries_it(self):
        first, killed = self.pack("1.0.0"), 0
        while killed < 3:
            with self.begin("install", first) as running:
                while running.poll() is None:
                    for worker in workers_of(running.pid):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(worker, signal.SIGKILL)
                            killed += 1
            if running.returncode == 0:  # it was too quick
                self.k2s("plugin", "uninstall", "versioned")
            self.assert_nothing_installed()
        self.k2s("plugin", "install", first)
        self.runs("1.0.0")
        self.assert_mended()


def workers_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:  # it has ended
        return []


@unittest.skipIf(WINDOWS, "wine keeps no state apart for a test; on Windows Test-Install of windows-acceptance does it")
class RunningHost(InstallTest):
    def setUp(self):
        super().setUp()
        self.start_host()

    def start_host(self):
        self.host = subprocess.Popen(
            self.command("k2s", "run", "--name", "upgrades", "--set", "features.ticker.enabled=true"),
            env=self.environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(self.host.wait)
        self.addCleanup(self.host.terminate)
        deadline = time.monotonic() + 60
        while self.run_exe("k2s", "host", "status", "--name", "upgrades").code != 0:
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(self.host.poll())
            time.sleep(0.05)

    def test_the_host_is_killed_meanwhile(self):
        first, second = self.pack("1.0.0"), self.pack("1.1.0")
        self.k2s("plugin", "install", first)
        for number in range(6):
            killer = threading.Timer(0.02 * number, self.host.kill)
            killer.start()
            done = self.run_exe("k2s", "plugin", "upgrade", second)
            killer.join()
            self.host.wait()
            self.assertIn(done.code, (0, 1), done)
            self.runs("1.1.0" if done.code == 0 else "1.0.0")
            self.start_host()
            deadline = time.monotonic() + 60
            while "status" not in self.services().get("versioned", {}):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            self.serves("1.1.0" if done.code == 0 else "1.0.0")
            if done.code == 0:
                self.k2s("plugin", "rollback", "versioned")
            self.serves("1.0.0")
        self.k2s("plugin", "upgrade", second)
        self.serves("1.1.0")

    def services(self):
        state = self.k2s("host", "status", "--name", "upgrades")
        return {one["instance"]: one for one in state["services"]}

    def serves(self, version):
        services = self.services()
        self.assertEqual(services["versioned"]["status"], {"version": version}, services)
        self.assertEqual(services["ticker"]["state"], "running")

    def ticks(self):
        return self.services()["ticker"]["status"]["ticks"]

    def test_versions_while_it_runs(self):
        installed = self.k2s("plugin", "install", self.pack("1.0.0"))
        self.assertEqual(installed["running_host"], "upgrades")
        self.serves("1.0.0")
        while self.ticks() == 0:
            time.sleep(0.1)
        ticks = self.ticks()
        self.k2s("plugin", "upgrade", self.pack("1.1.0"))
        self.serves("1.1.0")
        for version, text in (("1.2.0", "cannot be created"), ("1.3.0", "cannot be started"),
                              ("1.4.0", "sick"), ("1.5.0", "while it was created")):
            with self.subTest(version=version):
                result = self.run_exe("k2s", "plugin", "upgrade", self.pack(version))
                self.assertEqual(result.code, 1, result)
                self.assertIn(text, result.err)
                self.assertIn("version 1.1.0 is the installed one again", result.err)
                self.serves("1.1.0")
                self.runs("1.1.0")
                self.assertFalse((self.plugins / "versioned" / version).exists())
        self.k2s("plugin", "rollback", "versioned")
        self.serves("1.0.0")
        self.assertGreaterEqual(self.ticks(), ticks)  # it was never stopped
        self.k2s("plugin", "disable", "versioned")
        self.assertNotIn("versioned", self.services())
        self.k2s("plugin", "enable", "versioned")
        self.serves("1.0.0")


class Hanging(InstallTest):
    def test_a_start_that_hangs_ends_the_host_once(self):
        self.k2s("plugin", "install", self.pack("1.6.0"))
        words = ("k2s", "run", "--set", "limits.create_seconds=0.5")
        hung = self.run_exe(*words)
        self.assertEqual(hung.code, 7, hung)
        self.assertIn("the start of its service 'versioned' did not return within 0.5 s", hung.err)
        self.assertIn("k2s plugin enable versioned", hung.err)
        left_out = self.run_exe(*words)
        self.assertEqual(left_out.code, 1, left_out)
        self.assertIn("quarantined", left_out.err)


if __name__ == "__main__":
    os.umask(0o022)
    main()
