# SPDX-License-Identifier: Apache-2.0
"""What lock files say, against packaging.pylock: which are refused, and what is selected from the others. SEED and CASES
make it random and longer."""

import json
import os
import pathlib
import random
import subprocess

from packaging.pylock import PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock, PylockSelectError
from packaging.tags import Tag

TOOL = pathlib.Path(os.environ.get("BUILD_DIR", "build")).resolve() / "tools" / "lock"
SEED = os.environ.get("SEED") or "1"
CASES = int(os.environ.get("CASES") or 3000)
ENVIRONMENT = {
    "implementation_name": "cpython", "implementation_version": "3.13.0", "os_name": "posix", "platform_machine": "x86_64",
    "platform_release": "6.1.0", "platform_system": "Linux", "platform_version": "#1 SMP", "python_full_version": "3.13.0",
    "platform_python_implementation": "CPython", "python_version": "3.13", "sys_platform": "linux",
}

# Where this program decides otherwise on purpose, no case is made:
# - a digest of a strong algorithm has the form of one, and a size is not negative: nothing else can ever be met,
#   and a package with weaker digests alone is not installed;
# - an archive that is a wheel is one of the package that it stands for;
# - of two wheels that differ in the build tag alone the higher one is taken, as the wheel format has it; packaging takes the first;
# - a marker that compares a set (extras == 'x') is refused when the lock is read, not only when it is evaluated;
# - upload-time is not looked at, and so need not be a date;
# - source distributions may have any ending that pip knows, not .tar.gz and .zip alone.
NAMES = ["a", "b", "c-d"]
VERSIONS = ["1.0", "1", "2.0rc1", "1.0+x"]
TAGS = ["py3-none-any", "py2.py3-none-any", "cp313-cp313-manylinux_2_17_x86_64", "cp312-abi3-linux_x86_64", "cp27-none-win32",
        "cp313-cp313-win_amd64"]
MARKERS = ["os_name == 'posix'", "os_name == 'nt'", "python_version < '3.9'", "'x' in extras", "'x' not in extras",
           "'G' in dependency_groups", "'dev' in dependency_groups or sys_platform == 'linux'", "os_name = 'nt'", ""]
SPECIFIERS = [">=3.9", "<3", "==3.13.*", "", "three", "~=3.13"]
ODD = [7, True, "", "odd", [], {}, ["x"], [7], {"x": 1}, "A.b"]


def hashes(rng):
    return rng.choice([{"sha256": "0" * 64}, {"sha256": "0" * 64, "md5": "x"}, {"sha512": "a" * 128}])


def file(rng, name):
    out = {"hashes": hashes(rng)}
    place = rng.choice(["path", "url", "both", "name"])
    if place in ("path", "both"):
        out["path"] = rng.choice(["", "w/", "../"]) + name
    if place in ("url", "both"):
        out["url"] = f"https://files.example/{name.replace('+', '%2B')}{rng.choice(['', '?q=/z', '#f'])}"
    if place == "name":
        out.update(name=name, url="https://files.example/x")
    if rng.random() < 0.3:
        out["size"] = rng.randrange(1000)
    return out


def wheels(rng, name, version):
    escaped = name.replace("-", "_")
    if rng.random() < 0.03:
        escaped = "z"
    if rng.random() < 0.03:
        version = "9"
    return [file(rng, f"{escaped}-{version}-{tag}.whl") for tag in rng.sample(TAGS, rng.randint(0, 3))]


def source(rng, name, version):
    kind = rng.choice(["wheels"] * 6 + ["sdist", "both", "archive", "directory", "vcs", "mixed"])
    out = {}
    if kind in ("wheels", "both", "mixed"):
        out["wheels"] = wheels(rng, name, version)
    if kind in ("sdist", "both"):
        out["sdist"] = file(rng, f"{name.replace('-', '_')}-{version}.tar.gz")
    if kind in ("archive", "mixed"):
        out["archive"] = file(rng, "some.zip")
        if rng.random() < 0.3:
            out["archive"]["subdirectory"] = "s"
    if kind == "directory":
        out["directory"] = {"path": "src", "editable": rng.random() < 0.5}
    if kind == "vcs":
        out["vcs"] = {"type": "git", "url": "https://git.example/x", "commit-id": "c0ffee", "requested-revision": "main"}
    return out


def package(rng):
    name, version = rng.choice(NAMES), rng.choice(VERSIONS)
    out = {"name": name, **source(rng, name, version)}
    if rng.random() < 0.7:
        out["version"] = version
    if rng.random() < 0.4:
        out["marker"] = rng.choice(MARKERS)
    if rng.random() < 0.2:
        out["requires-python"] = rng.choice(SPECIFIERS)
    if rng.random() < 0.3:
        out["dependencies"] = [{"name": rng.choice(NAMES)}]
    if rng.random() < 0.2:
        out["index"] = "https://index.example/simple"
    if rng.random() < 0.1:
        out["attestation-identities"] = [{"kind": "GitHub"}]
    return out


def places(value):
    """Every table in the document, with its keys."""
    if isinstance(value, dict):
        for key in value:
            yield value, key
        for item in value.values():
            yield from places(item)
    elif isinstance(value, list):
        for item in value:
            yield from places(item)


def document(rng):
    out = {"lock-version": rng.choice(["1.0"] * 8 + ["1", "1.2", "2.0", "0.9", "x"]), "created-by": "x",
           "packages": [package(rng) for _ in range(rng.randint(0, 3))]}
    for key, chance, choices in (
            ("requires-python", 0.2, SPECIFIERS), ("extras", 0.1, [[], ["x"], ["A.b"]]), ("dependency-groups", 0.1, [["dev"]]),
            ("default-groups", 0.3, [["g"], ["G"], ["dev", "main"]]), ("environments", 0.2, [[m] for m in MARKERS[:3]] + [MARKERS[:2]]),
            ("tool", 0.1, [{"x": {"y": 1}}])):
        if rng.random() < chance:
            out[key] = rng.choice(choices)
    if rng.random() < 0.4:  # nearly valid
        table, key = rng.choice(list(places(out)))
        if key in ("sha256", "sha512"):
            pass  # see above
        elif rng.random() < 0.4:
            del table[key]
        elif key not in ("size", "url", "path"):
            table[key] = rng.choice(ODD)
    return out


def reference(lock, tags):
    try:
        parsed = Pylock.from_dict(lock)
    except Exception as e:
        return "error", str(e)
    out = []
    try:
        for chosen, what in parsed.select(environment=ENVIRONMENT, tags=tags):
            kind = {PackageArchive: "archive", PackageDirectory: "directory", PackageVcs: "vcs"}.get(type(what))
            out.append(f"{chosen.name}={what.filename if isinstance(what, (PackageWheel, PackageSdist)) else kind}")
    except PylockSelectError as e:
        return "refused", str(e)
    return "select", " ".join(out)


def test_against_packaging():
    rng = random.Random(SEED)
    documents = [document(rng) for _ in range(CASES)]
    done = subprocess.run([TOOL], input="".join(json.dumps({"document": d}) + "\n" for d in documents), capture_output=True,
                          text=True, check=True, timeout=600)
    first, *answers = done.stdout.splitlines()
    tags = [Tag(*tag.split("-")) for tag in first.split()]
    assert len(answers) == CASES
    seen = {"error": 0, "refused": 0, "select": 0}
    for lock, said in zip(documents, answers):
        verdict, text = reference(lock, tags)
        ours, _, rest = said.partition(" ")
        assert ours == verdict, (said, verdict, text, json.dumps(lock))
        if verdict == "select":
            assert rest == text, json.dumps(lock)
        seen[verdict] += 1
    assert min(seen.values()) > CASES / 30, seen  # each kind of answer was asked for
