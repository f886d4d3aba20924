# SPDX-License-Identifier: MIT
"""history.py SOURCE_ROOT: today's frozen headers are an append-only extension of each released ABI.

test/abi/history/1.N holds the headers of the ABI 1.N as it was released, and their layout. They are never
edited: a plugin that was built with them is in the field. What may change today: comments, new
constants, new structs, new headers, new fields at the end of a struct that begins with struct_size.
"""
import pathlib
import re
import sys

# What is beside the headers in history/1.N/k2s/abi: everything that is not in draft/.
GUARDS = re.compile(r"^K2S_ABI_\w+_H$")


def squeeze(text):
    return " ".join(text.split())


def declarations(text):
    """Constants by name, structs as lists of fields, other typedefs by text."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        define = re.match(r"#define (\w+)(\([^)]*\))?(.*)", line)
        if define and not GUARDS.match(define.group(1)):
            # K2S_CALL and K2S_EXPORT are defined once per system.
            value = squeeze((define.group(2) or "") + define.group(3))
            found.setdefault(("constant", define.group(1)), []).append(value)
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)^\} \1;", text, flags=re.S | re.M):
        found[("struct", name)] = [squeeze(field) for field in body.split(";") if field.strip()]
    rest = re.sub(r"typedef struct (\w+) \{.*?^\} \1;", "", text, flags=re.S | re.M)
    for declared in re.findall(r"^typedef .*?;", rest, flags=re.S | re.M):
        found[("type", squeeze(declared))] = []
    return found


def read(folder):
    found = {}
    for header in sorted(folder.glob("*.h")):
        for key, value in declarations(header.read_text("utf-8")).items():
            found[key] = found.get(key, []) + value
    return found


def compare(old, new, release):
    """What of a release is not there any more as it was."""
    for key, value in old.items():
        kind, name = key
        if name == "K2S_ABI_MINOR":
            continue
        if key not in new:
            yield f"{release}: the {kind} {name} is gone"
        elif kind == "struct":
            grown = value[:1] == ["uint32_t struct_size"]
            if new[key][:len(value)] != value:
                yield f"{release}: the fields of {name} are not those that it was released with"
            elif len(new[key]) > len(value) and not grown:
                yield f"{release}: {name} has no struct_size and must not grow"
        elif new[key] != value:
            yield f"{release}: the {kind} {name} was {value} and is {new[key]}"


def compare_layouts(old, new, release):
    lines = set(new)
    for line in old:
        # A struct may be larger now; its old fields are where they were.
        if line not in lines and not re.match(r"\w+ size \d+ align \d+$", line) \
                and not line.startswith("K2S_ABI_MINOR "):
            yield f"{release}: the layout no longer has '{line}'"


def minor_of(headers):
    return int(headers.get(("constant", "K2S_ABI_MINOR"), ["-1"])[0])


def problems(abi, layout, history):
    today = read(abi)
    minor = minor_of(today)
    if minor < 0:
        yield f"{abi}: no K2S_ABI_MINOR"
    for number in range(minor + 1):
        release = history / f"1.{number}"
        old = read(release / "k2s/abi")
        if len(old) < 50 or not (release / "layout.txt").is_file():
            yield f"{release}: the headers or the layout of the released ABI 1.{number} are missing"
            continue
        if minor_of(old) != number:
            yield f"{release}: these are the headers of 1.{minor_of(old)}"
        yield from compare(old, today, f"1.{number}")
        yield from compare_layouts((release / "layout.txt").read_text().splitlines(),
                                   layout.read_text().splitlines(), f"1.{number}")
    newest = read(history / f"1.{minor}/k2s/abi")
    if newest and {key for key in today if key not in newest}:
        added = ", ".join(sorted(name for _, name in today if (_, name) not in newest))
        yield f"not in 1.{minor}: {added}: raise K2S_ABI_MINOR and keep the new headers as history"


def check_the_check(root):
    """Each kind of harm is found; a test that cannot fail shows nothing."""
    abi = root / "core/include/k2s/abi"
    good = read(abi)
    services = ("struct", "k2s_services")
    ok = ("constant", "K2S_E_BUSY")

    def changed(key, value):
        copy = dict(good)
        if value is None:
            del copy[key]
        else:
            copy[key] = value
        return list(compare(good, copy, "test"))

    fields = good[services]
    assert changed(services, fields + ["int32_t(K2S_CALL *more)(void *self)"]) == []
    assert changed(services, None)
    assert changed(services, fields[:-1])
    assert changed(services, [fields[0], fields[1], "int32_t new"] + fields[2:])
    assert changed(services, [fields[1], fields[0]] + fields[2:])
    assert changed(services, fields[:2] + [fields[2].replace("k2s_handle *", "k2s_str *")] + fields[3:])
    assert changed(("struct", "k2s_str"), good[("struct", "k2s_str")] + ["int x"])
    assert changed(ok, ["(-11)"])
    assert changed(ok, None)
    assert changed(next(key for key in good if key[0] == "type"), None)
    layout = ["k2s_str.ptr offset 0 size 8", "k2s_str size 16 align 8", "K2S_ABI_MINOR 0"]
    assert not list(compare_layouts(layout, [layout[0], "k2s_str size 24 align 8", "K2S_ABI_MINOR 1"], "test"))
    assert list(compare_layouts(layout, ["k2s_str.ptr offset 8 size 8"], "test"))
    nothing = root / "test/abi/history/none"
    assert any("missing" in one for one in problems(abi, root / "test/abi/layout.txt", nothing))


def main():
    root = pathlib.Path(sys.argv[1])
    check_the_check(root)
    found = list(problems(root / "core/include/k2s/abi", root / "test/abi/layout.txt",
                          root / "test/abi/history"))
    print("\n".join(found) or "the frozen headers only grew")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
