# SPDX-License-Identifier: MIT
"""docs/authors/plugin.schema.json: a valid draft-7 schema that every plugin.json of the tree meets
and that refuses what the host's reader refuses."""
import copy
import json
import pathlib
import sys

import jsonschema

root = pathlib.Path(sys.argv[1])
schema = json.loads((root / "docs/authors/plugin.schema.json").read_text(encoding="utf-8"))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
failures = []

manifests = sorted(root.glob("plugins/**/plugin.json"))
for path in manifests:
    document = json.loads(path.read_text(encoding="utf-8"))
    for error in validator.iter_errors(document):
        place = "/" + "/".join(str(part) for part in error.absolute_path)
        failures.append(f"{path.relative_to(root)}: {place}: {error.message}")

good = {
    "manifest": 1, "id": "a", "version": "1.0.0-rc.1", "summary": "s", "library": "a", "x-own": [1],
    "abi": {"major": 1, "minor": 0},
    "features": [{"id": "f", "kind": "service", "summary": "s"}],
    "commands": [{
        "path": ["f"], "feature": "f", "summary": "s",
        "options": [{"name": "o", "type": "enum", "choices": ["x"], "help": "h"}]}],
}
failures += [f"refuses a good manifest: {error.message}" for error in validator.iter_errors(good)]


def changed(change):
    document = copy.deepcopy(good)
    change(document)
    return document


bad = {
    "unknown key": lambda d: d.update(sumary="x"),
    "missing id": lambda d: d.pop("id"),
    "upper-case id": lambda d: d.update(id="A"),
    "short version": lambda d: d.update(version="1.0"),
    "other format": lambda d: d.update(manifest=2),
    "other ABI": lambda d: d["abi"].update(major=2),
    "path as library": lambda d: d.update(library="../a"),
    "unknown privilege": lambda d: d.update(privileges=["root"]),
    "enum without choices": lambda d: d["commands"][0]["options"][0].pop("choices"),
    "choices without enum": lambda d: d["commands"][0]["options"][0].update(type="int"),
    "option with a dash": lambda d: d["commands"][0]["options"][0].update(name="-o"),
    "no path": lambda d: d["commands"][0].update(path=[]),
}
failures += [f"accepts: {name}" for name, change in bad.items() if validator.is_valid(changed(change))]

print("\n".join(failures) or f"{len(manifests)} manifests meet the schema, {len(bad)} bad ones do not")
sys.exit(1 if failures else 0)
