# SPDX-License-Identifier: MIT
"""The generated man pages through groff with all warnings, the bash completion through bash."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

directory = pathlib.Path(tempfile.mkdtemp(prefix="k2s-documents-"))
failures = []
checks = 0


def expect(what, actual, wanted):
    global checks
    checks += 1
    if actual != wanted:
        failures.append(f"{what}: expected {wanted!r}, found {actual!r}")


def complete(tool, line):
    """What bash offers for the line; readline splits words at blanks and at "="."""
    words = line.replace("=", " = ").split(" ")
    if line.endswith("="):
        words = words[:-1]
    script = (f"source '{directory}/{tool}.bash'; COMP_WORDS=({' '.join(repr(w) for w in words)});"
              f"COMP_CWORD={len(words) - 1}; _{tool}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=directory)
    if run.stderr:
        failures.append(f"{tool}: {line}: {run.stderr}")
    return sorted(run.stdout.split())


try:
    subprocess.run([sys.argv[1], str(directory)], check=True)
    pages = sorted(directory.glob("*.1"))
    if shutil.which("groff"):
        for page in pages:
            run = subprocess.run(["groff", "-ww", "-man", "-Tutf8", str(page)], capture_output=True,
                                 text=True)
            expect(f"groff {page.name}", (run.returncode, run.stderr), (0, ""))
        text = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", str(directory / "k2s-install.1")],
                              capture_output=True, text=True).stdout
        for part in ["-w, --wait DURATION", "Back\\slash, 'quotes' and .dots.", "reboot needed"]:
            expect(f"k2s-install.1 shows {part}", part in text, True)
    if shutil.which("bash"):
        (directory / "some.yaml").touch()
        expect("words", complete("k2s", "k2s pl"), ["plugin"])
        expect("sub commands", complete("k2s", "k2s plugin "), ["info", "list"])
        expect("options", complete("k2s", "k2s plugin list --fo"), ["--format"])
        expect("values", complete("k2s", "k2s plugin list --format "), ["json", "text", "yaml"])
        expect("values after =", complete("k2s", "k2s plugin list --format=j"), ["json"])
        expect("all values after =", complete("k2s", "k2s plugin list --format="),
               ["json", "text", "yaml"])
        expect("go style", complete("httpproxy", "httpproxy -allow"), ["-allowed-cidr"])
        expect("no words for free text", complete("httpproxy", "httpproxy -addr "), [])
        expect("file option", complete("yaml2json", "yaml2json -input so"), ["some.yaml"])
        expect("file argument", complete("yaml2json", "yaml2json some"), ["some.yaml"])
        expect("hidden", complete("k2s", "k2s sec"), [])
    print("\n".join(failures) or f"{checks} checks of {len(pages)} pages and the completion passed")
finally:
    shutil.rmtree(directory)
sys.exit(1 if failures else 0)
