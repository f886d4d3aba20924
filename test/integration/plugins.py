# SPDX-License-Identifier: MIT
"""Bad plugins: each defect gives a clear error and the right exit code, every other feature works, and
nothing stays registered."""
import json
import os
import shutil
import signal
import stat
import subprocess
import unittest

from plugins_support import BAD, SUFFIX, USED, WINDOWS, TreeTest, main, manifest


class Libraries(TreeTest):
    """The manifest is fine, the library is not."""

    def check(self, defect, code, *texts, **changes):
        self.add(defect, **changes)
        self.assert_fails(self.run_exe("k2s", "bad"), code, "bad", *texts)
        again = self.run_exe("k2s", "bad")  # now from the records
        self.assert_fails(again, code, *texts)
        self.assert_others_work()

    def test_without_defect(self):
        self.add("none")
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        self.assert_others_work()

    def test_entry_missing(self):
        self.check("entry_missing", 3, "does not export k2s_plugin_entry_v1")

    def test_abi_2(self):
        self.check("abi_2", 4, "2.x", "1.0")

    def test_entry_fails(self):
        self.check("entry_fails", 1, "the entry does not want to")

    def test_entry_throws(self):
        self.check("entry_throws", 1, "in its entry function")

    def test_entry_crashes(self):
        self.check("entry_crashes", 1, "in its entry function")

    def test_load_crashes(self):
        # Windows' loader catches it and refuses the library.
        code, text = (3, "cannot be loaded") if WINDOWS else (1, "while it was being loaded")
        self.check("load_crashes", code, text)

    def test_entry_hangs(self):
        self.check("entry_hangs", 7, "hung in its entry function")

    def test_create_fails(self):
        self.check("create_fails", 5, "no licence on this machine")

    def test_create_throws(self):
        self.check("create_throws", 1, "let an exception out", "thrown by create")

    def test_create_registers_half(self):
        self.check("create_half", 1, "half of it was registered")
        self.assertNotIn("left behind", self.run_exe("k2s", "bad").err)

    def test_run_throws(self):
        self.check("run_throws", 1, "let an exception out", "thrown by run")

    def test_declares_commands_that_it_does_not_have(self):
        self.check("no_commands", 4, "does not offer k2s.commands/1")

    def test_wrong_id(self):
        self.check("wrong_id", 3, "somebody-else", "manifest")

    def test_wrong_version(self):
        self.check("wrong_version", 3, "9.9.9", "plugin.json")

    def test_needs_a_newer_minor(self):
        self.check("new_minor", 4, "1.1", "1.0", "newer host")

    def test_small_struct(self):
        self.check("small_struct", 1, "descriptor is incomplete")

    def test_no_descriptor(self):
        self.check("no_descriptor", 1, "no descriptor")

    def test_library_missing(self):
        self.add()
        self.assert_fails(self.run_exe("k2s", "bad"), 6, "bad" + SUFFIX)
        self.assert_others_work()

    def test_changed_library_is_tried_again(self):
        self.add("entry_fails")
        self.assertEqual(self.run_exe("k2s", "bad").code, 1)
        self.add("none")
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)

    def test_create_hangs(self):
        self.add("create_hangs")
        limit = ("--set", "limits.create_seconds=1")
        hung = self.run_exe("k2s", "bad", *limit)
        self.assert_fails(hung, 7, "'bad'", "create did not return within 1 s")
        again = self.run_exe("k2s", "bad")  # no limit: it is not called any more
        self.assert_fails(again, 7, "is quarantined", "did not return", "k2s plugin enable bad")
        self.assertEqual(self.listed("bad")["state"], "quarantined")
        self.assert_others_work()
        lifted = self.run_exe("k2s", "plugin", "enable", "bad", "--format", "json")
        self.assertEqual(json.loads(lifted.out).get("quarantine"), "lifted", lifted)
        self.assertEqual(self.listed("bad")["state"], "usable")
        self.assert_fails(self.run_exe("k2s", "bad", *limit), 7, "did not return within 1 s")

    def test_create_crashes(self):
        self.add("create_crashes")
        crashed = self.run_exe("k2s", "bad")
        if not WINDOWS:  # wine gives 0 for a crash
            self.assertLess(crashed.code, 0, crashed)
        self.assertNotIn("quarantined", crashed.err)
        again = self.run_exe("k2s", "bad")
        self.assert_fails(again, 1, "is quarantined", "did not survive", "k2s plugin enable bad")
        explained = self.run_exe("k2s", "plugin", "explain", "bad")
        self.assertIn("did not survive", explained.out, explained)
        self.assert_others_work()
        self.add("none")
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)

    def test_two_first_starts_at_once(self):
        """One waits for the other's trial, and does not take it for the trace of a crash."""
        self.add("none")
        both = [subprocess.Popen(self.command("k2s", "bad"), env=self.environment(),
                                 stderr=subprocess.PIPE) for _ in range(2)]
        for one in both:
            err = one.communicate(timeout=120)[1]
            self.assertEqual(one.returncode, 0, err)

    def test_known_plugin_hangs_a_host(self):
        """Its first start was good, so only the host's own limit ends this one."""
        self.add("create_hangs_later", features=[{"id": "bad", "kind": "service", "summary": "x"}],
                 commands=[{"path": ["bad"], "feature": "bad", "summary": "x", "service": True}])
        words = ("--set", "services.bad.enabled=true", "--set", "limits.create_seconds=1")
        fine = self.run_exe("k2s", "run", *words)  # it has no services at all
        self.assert_fails(fine, 4, "does not offer k2s.services/1")
        hung = self.run_exe("k2s", "run", *words, env={"K2S_TEST_HANG": "1"})
        self.assert_fails(hung, 7, "'bad'", "create did not return within 1 s")
        self.assert_fails(self.run_exe("k2s", "run", *words), 7, "is quarantined")


class Files(TreeTest):
    """The library is no library of this platform."""

    def check(self, data, code, *texts):
        self.add(data=data)
        self.assert_fails(self.run_exe("k2s", "bad"), code, "bad" + SUFFIX, *texts)
        self.assert_others_work()

    def test_empty(self):
        self.check(b"", 1, "empty")

    def test_truncated(self):
        whole = (BAD / f"bad-none{SUFFIX}").read_bytes()
        for size in (3, 40, 400, len(whole) // 2):
            with self.subTest(size=size):
                self.add(data=whole[:size])
                result = self.run_exe("k2s", "bad")
                self.assertIn(result.code, (1, 3, 4), result)
                self.assertIn("bad" + SUFFIX, result.err, result)
        self.assert_others_work()

    def test_text(self):
        self.check(b"#!/bin/sh\necho this is a script\n" * 40, 4, "bad")

    def test_other_platform(self):
        pe = b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0" + b"\x64\x86" + bytes(1000)
        elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0\x3e\0\x01\0\0\0" + bytes(1000)
        self.check(elf if WINDOWS else pe, 4, "Linux" if WINDOWS else "Windows")

    def test_other_machine(self):
        whole = bytearray((BAD / f"bad-none{SUFFIX}").read_bytes())
        at = int.from_bytes(whole[60:64], "little") + 4 if WINDOWS else 18
        whole[at:at + 2] = b"\x64\xaa" if WINDOWS else b"\xb7\0"  # 64-bit ARM
        self.check(bytes(whole), 4)

    def test_folder_instead_of_a_library(self):
        self.add()
        (self.folder / ("bad" + SUFFIX)).mkdir()
        result = self.run_exe("k2s", "bad")
        self.assertIn(result.code, (1, 5), result)
        self.assert_others_work()

    def test_wrong_hash(self):
        self.add("none", sha256={"bad" + SUFFIX: "0" * 64})
        self.assert_fails(self.run_exe("k2s", "bad"), 5, "SHA-256", "install the plugin again")
        self.assert_others_work()

    @unittest.skipIf(WINDOWS, "modes; the access lists are in the unit tests of trust")
    def test_writable_by_others(self):
        self.add("none")
        for path in (self.folder / "bad.so", self.folder / "plugin.json", self.folder, self.plugins):
            with self.subTest(path=path.name):
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | 0o002)
                self.assert_fails(self.run_exe("k2s", "bad"), 5, str(path), "chmod")
                path.chmod(mode)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        self.folder.chmod(0o777)
        self.assert_others_work()

    @unittest.skipIf(WINDOWS, "links to folders need a right there that few have")
    def test_a_link_to_where_others_may_write(self):
        self.add("none")
        real = self.top / "open" / "bad"
        real.parent.mkdir()
        shutil.move(self.folder, real)
        self.folder.symlink_to(real)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        real.parent.chmod(0o777)
        self.assert_fails(self.run_exe("k2s", "bad"), 5, str(real.parent), "chmod")
        self.assert_others_work()


class Manifests(TreeTest):
    """plugin.json itself is bad: the plugin is listed as broken and its command does not exist."""

    def check_broken(self, data, *texts):
        self.add_text(data)
        entry = self.listed("bad")
        self.assertEqual(entry["state"], "broken", entry)
        for text in texts:
            self.assertIn(text, entry["summary"], entry)
        unknown = self.run_exe("k2s", "bad")
        self.assert_fails(unknown, 2, "bad")
        explained = self.run_exe("k2s", "plugin", "explain", "bad")
        self.assertIn(explained.code, (3, 4, 1, 14), explained)
        self.assert_others_work()

    def changed(self, **changes):
        return json.dumps(manifest(**changes)).encode()

    def test_unknown_key(self):
        self.check_broken(self.changed(sumary="x"), "sumary", "summary")

    def test_own_key_is_ignored(self):
        self.add("none", **{"x-anything": [1, 2]})
        self.assertEqual(self.listed("bad")["state"], "usable")

    def test_wrong_types(self):
        for key, value in (("id", 5), ("version", ["1"]), ("features", {}), ("abi", "1"),
                           ("commands", [7]), ("sha256", [])):
            with self.subTest(key=key):
                self.check_broken(self.changed(**{key: value}), "/" + key)

    def test_missing_key(self):
        self.check_broken(self.changed(library=None), "library", "missing")

    def test_not_json(self):
        for data in (b"", b"{", b"manifest: 1\n", b"[]", b"null", b"\0\0\0\0", b"{}" * 10):
            with self.subTest(data=data):
                self.check_broken(data, "plugin.json")

    def test_not_utf_8(self):
        self.check_broken(self.changed().replace(b"A bad plugin", b"\xff\xfe\xfa"), "UTF-8")

    def test_100_megabytes(self):
        whole = self.changed()
        self.check_broken(whole[:-1] + b" " * 100_000_000 + b"}", "plugin.json")

    def test_deep(self):
        self.check_broken(whole_of(b'"x-deep":' + b"[" * 100_000 + b"]" * 100_000), "plugin.json")

    def test_library_outside_the_folder(self):
        for name in ("../storage/storage", "/tmp/bad", "a\\b", ".."):
            with self.subTest(name=name):
                self.check_broken(self.changed(library=name), "/library")

    def test_later_format_and_abi(self):
        self.check_broken(self.changed(manifest=2), "/manifest")
        self.check_broken(self.changed(abi={"major": 2, "minor": 0}), "2.0", "1.0")
        self.check_broken(self.changed(abi={"major": 1, "minor": 9}), "1.9", "1.0")

    def test_missing_file_is_no_plugin(self):
        self.folder.mkdir()
        (self.folder / "notes.txt").write_text("nothing here")
        self.assertEqual(self.run_exe("k2s", "plugin", "info", "bad").code, 6)
        self.assert_others_work()

    def test_folder_instead_of_a_file(self):
        (self.folder / "plugin.json").mkdir(parents=True)
        self.assert_others_work()


class Sets(TreeTest):
    """Each manifest is fine; together they are not."""

    def explain(self, name):
        result = self.run_exe("k2s", "plugin", "explain", name)
        self.assertEqual(result.code, 0, result)
        return result.out

    def test_duplicate_id(self):
        self.add("none")
        self.add("none", name="second", id="bad")
        listed = self.run_exe("k2s", "plugin", "list", "--format", "json")
        states = sorted(entry["state"] for entry in json.loads(listed.out) if entry["id"] == "bad")
        self.assertEqual(states, ["refused", "usable"], listed)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        self.assert_others_work()

    def test_claims_what_another_has(self):
        for number, change in enumerate((
                {"features": [{"id": "yaml2json", "kind": "command", "summary": "mine"}],
                 "commands": []},
                {"commands": [{"path": ["yaml2json"], "feature": "zbad", "summary": "mine"}]},
                {"provides": [{"contract": "example.greeter", "version": "1.0.0"}]})):
            with self.subTest(number=number):
                self.add("none", name="zbad", **change)
                self.assertEqual(self.listed("zbad")["state"], "refused")
                self.assertRegex(self.explain("zbad"), "storage|example")
                self.assert_others_work()

    def test_claims_a_command_of_the_host(self):
        for word in ("plugin", "config", "run", "version"):
            with self.subTest(word=word):
                self.add("none", commands=[{"path": [word], "feature": "bad", "summary": "mine"}])
                self.assertEqual(self.listed("bad")["state"], "refused")
                self.assertIn("belongs to the host", self.explain("bad"))
                self.assert_others_work()

    def test_gap(self):
        self.add("none", requires=[{"contract": "nobody.has-it", "version": ">=1.0.0"}])
        self.assertEqual(self.listed("bad")["state"], "refused")
        self.assertIn("nobody.has-it", self.explain("bad"))
        self.assert_others_work()

    def test_wrong_version(self):
        self.add("none", requires=[{"contract": "example.greeter", "version": ">=2.0.0"}])
        explained = self.explain("bad")
        for text in ("example.greeter", ">=2.0.0", "'example'", "1.0.0"):
            self.assertIn(text, explained)
        self.assert_others_work()

    def test_cycle(self):
        self.add("none", name="bad-a", requires=[{"contract": "bad-b.contract", "version": ">=1.0.0"}])
        self.add("none", name="bad-b", requires=[{"contract": "bad-a.contract", "version": ">=1.0.0"}])
        for name in ("bad-a", "bad-b"):
            self.assertEqual(self.listed(name)["state"], "refused")
            explained = self.explain(name)
            self.assertIn("cycle", explained)
            self.assertIn("bad-a", explained)
            self.assertIn("bad-b", explained)
        self.assert_others_work()


class Example(TreeTest):
    """The author's template uses every interface once."""

    def test_greets_through_its_contract(self):
        result = self.run_exe("k2s", "example", "greet", "W\u00f6rld \"x\"", "--times", "3",
                              "--format", "json", "--set",
                              "features.example.settings.greeting=Gr\u00fc\u00dfe")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(json.loads(result.out),
                         {"message": "Gr\u00fc\u00dfe, W\u00f6rld \"x\"!", "times": 3})

    def test_default_setting(self):
        result = self.run_exe("k2s", "example", "greet", "you")
        self.assertEqual(result.code, 0, result)
        self.assertIn("Hello, you!", result.out)

    def test_wrong_setting(self):
        result = self.run_exe("k2s", "example", "greet", "you", "--set",
                              "features.example.settings.greeting=[1]")
        self.assert_fails(result, 3, "greeting")

    def test_dry_run(self):
        result = self.run_exe("k2s", "example", "greet", "you", "--dry-run", "--format", "json")
        self.assertEqual(json.loads(result.out), {"would": "greet", "name": "you"}, result)

    def test_wrong_number(self):
        self.assert_fails(self.run_exe("k2s", "example", "greet", "you", "--times", "0"), 2,
                          "1 to 1000")

    def test_copies_bytes(self):
        data = bytes(range(256)) * 1000 + b"\r\n\x1a"
        done = subprocess.run(self.command("k2s", "example", "copy"), input=data,
                              capture_output=True, env=self.environment(), timeout=120, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, data), done.stderr)
        self.assertEqual(self.run_exe("k2s", "example", "copy").code, 9)

    def test_threads(self):
        result = self.run_exe("k2s", "example", "threads", "--format", "json")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(json.loads(result.out), {"lent": 1, "interrupted": True, "columns": 0})

    def test_runs_a_program(self):
        exe = self.native(self.tree / "bin" / ("yaml2json" + (".exe" if WINDOWS else "")))
        result = self.run_exe("k2s", "example", "run", "--format", "json", exe, "--", "-help")
        self.assertEqual(result.code, 0, result)
        ended = json.loads(result.out)
        self.assertEqual((ended["exit_code"], ended["timed_out"]), (0, False), result)
        self.assertIn("yaml2json", ended["output"])
        missing = self.run_exe("k2s", "example", "run", self.native(self.top / "nothing"))
        self.assert_fails(missing, 6, "nothing")

    def test_ticker_is_off_by_default(self):
        self.assert_fails(self.run_exe("k2s", "example", "ticker"), 4, "features.ticker.enabled")

    @unittest.skipIf(WINDOWS, "ends it with a signal")
    def test_ticker_runs_until_it_is_stopped(self):
        words = ("k2s", "example", "ticker", "--period-ms", "20", "--log-level", "info",
                 "--set", "features.ticker.enabled=true")
        with subprocess.Popen(self.command(*words), env=self.environment(),
                              stderr=subprocess.PIPE) as running:
            with self.assertRaises(subprocess.TimeoutExpired):
                running.communicate(timeout=2)
            running.send_signal(signal.SIGTERM)
            err = running.communicate(timeout=30)[1].decode()
            self.assertEqual(running.returncode, 0, err)
        records = [json.loads(line) for line in err.splitlines()]
        stopped = [record for record in records if record["msg"] == "ticker stopped"]
        self.assertEqual(len(stopped), 1, err)
        self.assertGreater(stopped[0]["ticks"], 3, err)

    def test_all_that_is_used_is_there(self):
        self.assertIn("example", USED)
        self.assertEqual(self.listed("example")["state"], "usable")


def whole_of(member):
    return json.dumps(manifest()).encode()[:-1] + b"," + member + b"}"


if __name__ == "__main__":
    os.umask(0o022)
    main()
