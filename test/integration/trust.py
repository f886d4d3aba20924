# SPDX-License-Identifier: MIT
"""Signed plugins: what is not signed by a trusted key, or was changed in any place, is not loaded."""
import datetime
import json
import os
import pathlib
import shutil
import stat
import subprocess
import threading
import time
import unittest

from plugins_support import BAD, SUFFIX, USED, WINDOWS, TreeTest, main

DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


class Sealed(TreeTest):
    """The tree as it is after an installation: signatures are a must."""

    def place(self):
        # For a privileged host no folder above may be open to others, as Z:\\tmp is.
        return pathlib.Path(os.environ["WINEPREFIX"]) / "drive_c" if WINDOWS else None

    def setUp(self):
        super().setUp()
        if WINDOWS:  # where no variable moves the state
            self.forget_state()
            self.addCleanup(self.forget_state)
        self.k2s("plugin", "trust", "seal", *USED)

    def forget_state(self):
        state = self.place() / "ProgramData" / "K2s"
        for name in ("trust.json", "plugins.trust"):
            (state / name).unlink(missing_ok=True)

    def refused(self, *texts):
        self.assert_fails(self.run_exe("k2s", "bad"), 5, "'bad' is not trusted", *texts)

    def new_key(self, name="acme.key"):
        file = self.top / name
        made = self.k2s("plugin", "keygen", self.native(file))
        return file, made["key"]

    def sign(self, key):
        return self.k2s("plugin", "sign", self.native(self.folder), "--key", self.native(key))

    def trust(self, key, *words, prefix="bad"):
        return self.k2s("plugin", "trust", "add", self.native(key) + ".pub", "--owner", "ACME",
                        "--prefix", prefix, *words)

    def signed(self):
        self.add("none")
        key, key_id = self.new_key()
        self.sign(key)
        self.trust(key)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        return key, key_id


class Signatures(Sealed):
    def test_the_installation_signs_its_own(self):
        self.assert_others_work()
        self.assertEqual(self.listed("storage")["state"], "usable")
        verified = self.k2s("plugin", "verify", "storage")
        self.assertEqual((verified["trusted"], verified["owner"]), (True, "installation"))
        self.assertEqual([one["file"] for one in verified["files"]], ["storage" + SUFFIX])
        keys = self.k2s("plugin", "trust", "list")
        self.assertEqual([(key["owner"], key["state"]) for key in keys], [("installation", "trusted")])

    def test_unsigned(self):
        self.add("none")
        self.refused("not signed", "plugin.json.sig")
        self.assertEqual(self.listed("bad")["state"], "untrusted")
        self.assertIn("not signed", self.run_exe("k2s", "plugin", "explain", "bad").out)
        self.assert_others_work()
        if not os.environ.get("K2S_SANITIZED"):  # which reserve more memory than it gets
            warned = self.run_exe("k2s", "bad", "--set", "trust=warn")
            self.assertEqual(warned.code, 0, warned)
            self.assertIn("not signed", warned.err)
        silent = self.run_exe("k2s", "bad", "--set", "trust=off")
        self.assertEqual((silent.code, silent.err), (0, ""), silent)

    def test_takes_no_names_from_a_signed_one(self):
        """By its folder it comes first."""
        for claim in ({"features": [{"id": "yaml2json", "kind": "command", "summary": "Mine"}],
                       "commands": []},
                      {"commands": [{"path": ["yaml2json"], "feature": "aaa", "summary": "Mine"}]}):
            with self.subTest(claim=list(claim)):
                self.add("none", name="aaa", **claim)
                self.assert_others_work()
                self.assertIn("which plugin 'storage'", self.run_exe("k2s", "plugin", "explain", "aaa").out)
                warned = self.run_exe("k2s", "yaml2json", "--set", "trust=warn", stdin=b"a: 1\n")
                self.assertEqual((warned.code, warned.out), (0, '{"a":1}\n'), warned)

    def test_a_vendor(self):
        self.add("none")
        key, key_id = self.new_key()
        if not WINDOWS:
            self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertEqual(self.sign(key)["key"], key_id)
        self.refused(key_id, "not trusted here")
        added = self.trust(key, "--expires", str(TODAY + DAY))
        self.assertEqual(added["key"], key_id)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        self.assertEqual(self.k2s("plugin", "verify", self.native(self.folder))["owner"], "ACME")
        # Signing what is signed changes nothing.
        before = (self.folder / "plugin.json").read_bytes()
        self.sign(key)
        self.assertEqual((self.folder / "plugin.json").read_bytes(), before)
        self.k2s("plugin", "trust", "remove", key_id)
        self.refused("not trusted here")
        self.fails(6, "plugin", "trust", "remove", key_id)

    def test_key_outside_its_prefix(self):
        self.add("none")
        key, _ = self.new_key()
        self.sign(key)
        for prefix in ("ba", "bad-", "other"):
            self.trust(key, prefix=prefix)
            self.refused("may sign " + prefix)
        self.trust(key, prefix="*")
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)

    def test_expired(self):
        self.add("none")
        key, _ = self.new_key()
        self.sign(key)
        self.trust(key, "--expires", str(TODAY - DAY))
        self.refused("expired on")
        self.trust(key, "--expires", str(TODAY + DAY))
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        self.fails(3, "plugin", "trust", "add", self.native(key) + ".pub", "--owner", "x", "--prefix",
                   "bad", "--expires", "2027-02-30", text="expires")

    def test_doctor_tells_of_keys_that_end_soon(self):
        for days, state in ((60, None), (10, "warn"), (-1, "warn")):
            with self.subTest(days=days):
                key, key_id = self.new_key(f"{days}.key")
                end = str(TODAY + days * DAY)
                self.trust(key, "--expires", end)
                told = json.loads(self.run_exe("k2s", "doctor", "--format", "json").out)
                found = [one for one in told if key_id in one["text"]]
                self.assertEqual([one["state"] for one in found], [state] if state else [], told)
                for one in found:
                    self.assertIn(f"{key_id} of ACME counts until {end}", one["text"])
                    self.assertIn("newer key", one["remedy"])

    def test_revoked(self):
        key, key_id = self.signed()
        self.k2s("plugin", "trust", "revoke", key_id, "--reason", "lost on the train")
        self.refused("revoked", "lost on the train")
        self.k2s("plugin", "trust", "remove", key_id)
        self.refused("revoked")
        self.fails(5, "plugin", "trust", "add", self.native(key) + ".pub", "--owner", "x", "--prefix",
                   "bad", text="revoked")
        self.assertEqual(self.k2s("plugin", "trust", "list")[-1]["state"], "revoked")
        self.assert_others_work()

    def test_another_keys_signature(self):
        self.signed()
        other, _ = self.new_key("other.key")
        self.sign(other)
        self.refused("not trusted here")
        # The trusted key's name over the other's signature.
        signature = self.folder / "plugin.json.sig"
        forged = json.loads(signature.read_text())
        forged["key"] = json.loads((self.top / "state/trust.json" if not WINDOWS else self.place() /
                                    "ProgramData/K2s/trust.json").read_text())["keys"][0]["key"]
        signature.write_text(json.dumps(forged))
        self.refused("is not what the key")

    def test_files_that_are_no_keys(self):
        self.add("none")
        key, _ = self.new_key()
        self.fails(1, "plugin", "keygen", self.native(key), text="never overwritten")
        nonsense = self.top / "nonsense"
        nonsense.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        for file in (nonsense, self.top / "acme.key.pub"):
            self.fails(3, "plugin", "sign", self.native(self.folder), "--key", self.native(file),
                       text="private Ed25519 key")
        self.fails(3, "plugin", "trust", "add", self.native(key), "--owner", "x", "--prefix", "bad",
                   text="public Ed25519 key")
        self.fails(6, "plugin", "sign", self.native(self.folder), "--key", self.native(self.top / "no"))
        self.assertFalse((self.folder / "plugin.json.sig").exists())

    @unittest.skipIf(WINDOWS, "openssl on the build machine")
    def test_openssl_agrees(self):
        key, _ = self.signed()
        value = json.loads((self.folder / "plugin.json.sig").read_text())["value"]
        (self.top / "value").write_bytes(bytes.fromhex(value))
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{key}.pub",
                               "-rawin", "-in", self.folder / "plugin.json", "-sigfile",
                               self.top / "value"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        # And a key that openssl made signs.
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.top / "o.key"],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", self.top / "o.key", "-pubout", "-out",
                        self.top / "o.key.pub"], check=True, capture_output=True)
        self.sign(self.top / "o.key")
        self.trust(self.top / "o.key")
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)

    @unittest.skipIf(WINDOWS, "each start takes long under wine; the lock is in the unit tests")
    def test_operators_at_once(self):
        keys = [self.new_key(f"{n}.key") for n in range(6)]
        running = [subprocess.Popen(self.command("k2s", "plugin", "trust", "add", f"{key}.pub",
                                                 "--owner", "x", "--prefix", "bad"),
                                    env=self.environment(), stdout=subprocess.DEVNULL)
                   for key, _ in keys]
        self.assertEqual([one.wait(60) for one in running], [0] * len(keys))
        listed = {key["key"] for key in self.k2s("plugin", "trust", "list")}
        self.assertLessEqual({key_id for _, key_id in keys}, listed)


class Changes(Sealed):
    """The verdict about a plugin that was good is no help to one that has changed."""

    def test_every_region(self):
        self.signed()
        regions = 4 if WINDOWS else 24
        for name in ("bad" + SUFFIX, "plugin.json", "plugin.json.sig"):
            file = self.folder / name
            whole = file.read_bytes()
            for region in range(regions):
                with self.subTest(file=name, region=region):
                    at = region * len(whole) // regions
                    changed = bytearray(whole)
                    changed[at] ^= 1 << region % 8
                    file.write_bytes(changed)
                    result = self.run_exe("k2s", "bad")
                    # What stops to be a manifest or a library is refused as such.
                    self.assertIn(result.code, (1, 2, 3, 4, 5, 6), result)
            file.write_bytes(whole)
            self.assertEqual(self.run_exe("k2s", "bad").code, 0, name)
        self.assert_others_work()

    def test_files(self):
        self.signed()
        extra = self.folder / "helper.so"
        extra.write_text("not signed")
        self.refused("not listed")
        extra.unlink()
        (self.folder / "folder").mkdir()
        self.refused("no regular file")
        (self.folder / "folder").rmdir()
        if not WINDOWS:
            extra.symlink_to(self.folder / "bad.so")
            self.refused("no regular file")
            extra.unlink()
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)

    def test_a_data_file_is_signed_too(self):
        self.add("none")
        (self.folder / "table.txt").write_text("one")
        key, _ = self.new_key()
        self.assertEqual(self.sign(key)["files"], ["bad" + SUFFIX, "table.txt"])
        self.trust(key)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        (self.folder / "table.txt").write_text("two")
        self.refused("table.txt", "SHA-256")
        (self.folder / "table.txt").unlink()
        self.refused("table.txt", "missing")

    def test_stores_that_cannot_be_used(self):
        self.signed()
        store = self.tree / "lib/k2s/trust.json"
        whole = store.read_text()
        store.write_text(whole[:-10])
        self.fails(3, "bad", text="trust.json")
        store.write_text(whole)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)
        if not WINDOWS:
            store.chmod(0o666)
            self.fails(5, "bad", text="trust.json")

    def test_more_than_a_store_holds(self):
        _, key_id = self.signed()
        self.k2s("plugin", "trust", "revoke", key_id, "--reason", "lost")
        store = self.place() / "ProgramData/K2s/trust.json" if WINDOWS else self.top / "state/trust.json"
        full = json.loads(store.read_text())
        full["revoked"] = [{"key": f"{n:064x}", "reason": ""} for n in range(1024)]
        store.write_text(json.dumps(full))
        self.fails(3, "plugin", "trust", "revoke", key_id, "--reason", "lost",
                   text="1025 items are more than the limit of 1024")
        self.assertEqual(json.loads(store.read_text()), full)
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)

    @unittest.skipIf(WINDOWS, "an open file cannot be replaced there")
    def test_swapped_while_it_starts(self):
        """What was verified is what is loaded: the other library ends the process that maps it."""
        self.signed()
        for name, defect in (("good", "none"), ("evil", "load_crashes")):
            shutil.copyfile(BAD / f"bad-{defect}.so", self.top / name)
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                for name in ("evil", "good"):
                    shutil.copyfile(self.top / name, self.top / "next")
                    os.replace(self.top / "next", self.folder / "bad.so")
                    time.sleep(0.002)

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            seen = []
            while len(seen) < 40 or not {0, 5} <= set(seen) and len(seen) < 2000:
                seen.append(self.run_exe("k2s", "bad").code)
        finally:
            stop.set()
            thread.join()
        self.assertLessEqual(set(seen), {0, 1, 5})  # 1: changed while it was looked at
        self.assertEqual(self.run_exe("k2s", "bad").code, 0)


@unittest.skipIf(WINDOWS, "seen with the dynamic linker's own trace")
class Verdicts(Sealed):
    """What is known to be good is not hashed again: OpenSSL is not even mapped."""

    def maps_openssl(self, *words, **env):
        result = self.run_exe(*words, stdin=b"a: 1\n", env={"LD_DEBUG": "files", **env})
        self.assertEqual(result.code, 0, result)
        return "libcrypto" in result.err

    def test_only_the_first_start_hashes(self):
        self.assertTrue(self.maps_openssl("yaml2json"))
        self.assertFalse(self.maps_openssl("yaml2json"))
        (self.plugins / "storage/storage.so").touch()
        self.assertTrue(self.maps_openssl("yaml2json"))
        self.assertFalse(self.maps_openssl("yaml2json"))
        # A key that is added may also be one that is revoked.
        key, _ = self.new_key()
        self.trust(key)
        self.assertTrue(self.maps_openssl("yaml2json"))

    def test_a_moved_tree(self):
        self.assertTrue(self.maps_openssl("yaml2json"))
        moved = self.top / "moved"
        self.tree.rename(moved)
        self.tree, self.plugins = moved, moved / "lib/k2s/plugins"
        verified = self.k2s("plugin", "trust", "rescan")
        self.assertEqual({one["plugin"] for one in verified if one["trusted"]}, set(USED))
        self.assertFalse(self.maps_openssl("yaml2json"))
        self.add("none")
        self.assertEqual(self.run_exe("k2s", "plugin", "trust", "rescan").code, 8)

    def test_a_verdict_that_others_may_write_is_none(self):
        self.maps_openssl("yaml2json")
        self.assertFalse(self.maps_openssl("yaml2json"))
        (self.top / "state/plugins.trust").chmod(0o666)
        self.assertTrue(self.maps_openssl("yaml2json"))

    def test_garbage_for_a_verdict(self):
        for text in ("", "k2s plugin trust 1\n\t\t\t\n", "x" * 5000, "k2s plugin trust 1\n" + "a\t" * 999):
            (self.top / "state/plugins.trust").write_text(text)
            self.assertEqual(self.run_exe("yaml2json", stdin=b"a: 1\n").out, '{"a":1}\n')

    def test_state_that_cannot_be_written(self):
        env = {"K2S_STATE_DIR": "/proc/nothing"}
        self.assertEqual(self.run_exe("yaml2json", stdin=b"a: 1\n", env=env).out, '{"a":1}\n')

    @unittest.skipIf(os.geteuid() != 0, "only a privileged process asks for it")
    def test_folders_above(self):
        self.top.chmod(0o777)
        self.assert_fails(self.run_exe("yaml2json", stdin=b"a: 1\n"), 5, str(self.top), "chmod")
        self.top.chmod(0o755)
        self.assertEqual(self.run_exe("yaml2json", stdin=b"a: 1\n").code, 0)
        os.chown(self.tree, 12345, 0)
        self.assert_fails(self.run_exe("yaml2json", stdin=b"a: 1\n"), 5, "12345")

    def test_the_crypto_module_is_missing(self):
        (self.tree / "lib/libk2s-crypto.so").unlink()
        self.assert_fails(self.run_exe("yaml2json", stdin=b"a: 1\n"), 3, "libk2s-crypto.so",
                          "install the tree again")

    @unittest.skipIf(os.geteuid() != 0 or not shutil.which("setpriv"), "needs another user")
    def test_another_user(self):
        """Root's verdicts and records are not theirs; they verify for themselves, if they can save."""
        self.top.chmod(0o755)
        home = self.top / "other"
        home.mkdir()
        os.chown(home, 12345, 12345)
        words = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
                 *self.command("yaml2json")]
        for _ in range(2):
            done = subprocess.run(words, input=b"a: 1\n", capture_output=True, check=False,
                                  env=self.environment({"K2S_STATE_DIR": str(home), "HOME": str(home)}))
            self.assertEqual((done.returncode, done.stdout), (0, b'{"a":1}\n'), done.stderr)
        self.assertTrue((home / "plugins.trust").exists())


if __name__ == "__main__":
    os.umask(0o022)
    main()
