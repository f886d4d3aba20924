# SPDX-License-Identifier: MIT
"""complete.py INCLUDE_DIR: layout.txt names each constant, struct and field of the ABI headers, so
that what is added to a header cannot be forgotten in the golden file."""
import pathlib
import re
import sys

NOT_PINNED = {"K2S_CALL", "K2S_EXPORT", "K2S_HAS"}  # no values


def names_of(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for name in re.findall(r"^#define (K2S_\w+)", text, flags=re.M):
        if not name.endswith("_H") and name not in NOT_PINNED:
            yield name
    for name, body in re.findall(r"typedef struct (k2s_\w+) \{(.*?)^\} \1;", text, flags=re.S | re.M):
        yield name
        for declaration in filter(None, (" ".join(d.split()) for d in body.split(";"))):
            function = re.search(r"\(\s*(?:K2S_CALL)?\s*\*\s*(\w+)\)\(", declaration)
            field = function or re.search(r"(\w+)(?:\[\w+\])?$", declaration)
            yield f"{name}.{field.group(1)}"


def main():
    abi = pathlib.Path(sys.argv[1]) / "k2s/abi"
    golden = pathlib.Path(__file__).with_name("layout.txt").read_text().splitlines()
    pinned = [line.split(" ")[0] for line in golden]
    declared = [name for header in sorted(abi.rglob("*.h")) for name in names_of(header.read_text())]
    structs = re.compile(r"struct k2s_\w+ \{")
    count = sum(len(structs.findall(header.read_text())) for header in abi.rglob("*.h"))
    problems = [f"{name} is in a header, but not in layout.txt: add it to layout.c, then run "
                "`layout > layout.txt`" for name in declared if name not in pinned]
    problems += [f"{name} is in layout.txt, but in no header" for name in pinned
                 if name not in declared]
    problems += [f"{name} is pinned twice" for name in set(pinned) if pinned.count(name) > 1]
    if count != sum(1 for line in golden if re.match(r"k2s_\w+ size", line)):
        problems.append("the number of structs differs: this test does not understand a header")
    print("\n".join(problems) or f"{len(pinned)} names")
    return 1 if problems or len(pinned) < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
