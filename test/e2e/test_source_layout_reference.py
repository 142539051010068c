# SPDX-License-Identifier: Apache-2.0
"""What of a source is linked, against what setuptools finds in the same folder: made trees of packages, namespaces, modules and of
what projects have beside them."""

import json
import subprocess
import sys

import pytest

from reference import CASES, TOOLS, generator

# In a process of its own: setuptools wants to be imported before distutils is.
FIND = """
import json, sys
from setuptools import discovery
print(json.dumps([sorted(getattr(discovery, finder).find(where, exclude, include)) for finder, where, include, exclude in json.load(sys.stdin)]))
"""

NAMES = ["a", "b", "ab", "_c", "tests", "docs", "build", "utils", "scripts", "python", "my-dir", "x.y", "1st", ".git", "egg.egg-info"]
FILES = ["m.py", "n.py", "setup.py", "conftest.py", "a-b.py", "_p.py", "data.json", "tasks.py", "x.pyi"]
PATTERNS = ["*", "*", "a*", "a", "a.*", "b", "*.b", "*b*", "*s*", "[ab]", "a.?", "_*"]


def make_tree(r, folder, depth=3):
    if r.random() < 0.4 and depth < 3:
        (folder / "__init__.py").write_text("")
    for name in r.sample(FILES, r.choice((0, 0, 1, 1, 2))):
        (folder / name).write_text("")
    for name in r.sample(NAMES, r.choice((0, 1, 1, 2, 3))) if depth else ():
        (folder / name).mkdir()
        make_tree(r, folder / name, depth - 1)


def modules_in(folder, packages):
    """The modules that can be imported of what setuptools finds: paths in site-packages."""
    found = set()
    for package in packages:
        parts = package.split(".")
        for file in folder.joinpath(*parts).glob("*.py"):
            if all(part.isidentifier() for part in [*parts, file.stem]):
                found.add("/".join([*parts, file.name]))
    return found


def is_regular(folder, package):
    return folder.joinpath(*package.split("."), "__init__.py").is_file()


def ask(folder, *options):
    """path -> target; None where nothing was found."""
    done = subprocess.run([TOOLS / "source", "links", folder, *options], capture_output=True, text=True)
    if done.returncode:
        assert "has nothing to link: no " in done.stderr, done.stderr
        return {}
    return dict(line.split("\t") for line in done.stdout.splitlines())


def compare(folder, where, links, packages, modules, told):
    """All that setuptools finds can be imported; links lead to what setuptools finds."""
    wanted = modules_in(where, packages) | {f"{module}.py" for module in modules}
    reached = set()
    for path, target in links.items():
        assert (where / path).resolve() == (folder / target).resolve(), told
        if (folder / target).is_dir():
            assert path.replace("/", ".") in packages and is_regular(where, path.replace("/", ".")), (path, told)
            reached |= {f"{path}/{p.relative_to(folder / target)}" for p in (folder / target).rglob("*.py")}
        else:
            assert path in wanted, (path, told)
            reached.add(path)
    assert wanted <= reached, (sorted(wanted - reached), told)


def find(*questions):
    """What setuptools finds, for each (finder, folder, include, exclude)."""
    done = subprocess.run([sys.executable, "-c", FIND], input=json.dumps(questions), capture_output=True, text=True, check=True)
    return [set(names) for names in json.loads(done.stdout)]


@pytest.fixture
def trees(tmp_path):
    """Folders with a tree in each, or in a folder of it."""

    def make(name, below=""):
        r = generator(f"layout {name}")
        folders = [tmp_path / str(number) for number in range(max(40, CASES // 40))]
        for folder in folders:
            (folder / below).mkdir(parents=True)
            make_tree(r, folder / below)
        return r, folders

    return make


def shown(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("namespaces", [True, False])
def test_where_it_is_told_to_look(trees, namespaces):
    r, folders = trees(f"find {namespaces}", "lib")
    patterns = [[[r.choice(PATTERNS) for _ in range(r.choice(counts))] for counts in ((1, 1, 2), (0, 0, 1, 2))] for _ in folders]
    finder = "PEP420PackageFinder" if namespaces else "PackageFinder"
    answers = find(*((finder, str(folder / "lib"), *pair) for folder, pair in zip(folders, patterns)))
    compared = 0
    for folder, (include, exclude), packages in zip(folders, patterns, answers):
        options = ["where=lib", *(f"include={p}" for p in include), *(f"exclude={p}" for p in exclude)]
        links = ask(folder, *options, *([] if namespaces else ["regular_only"]))
        compare(folder, folder / "lib", links, packages, [], (options, shown(folder)))
        compared += bool(links)
    assert compared > len(folders) / 20


def test_src(trees):
    _, folders = trees("src", "src")
    packages = find(*(("PEP420PackageFinder", str(folder / "src"), ["*"], []) for folder in folders))
    modules = find(*(("ModuleFinder", str(folder / "src"), ["*"], []) for folder in folders))
    compared = 0
    for folder, here, single in zip(folders, packages, modules):
        if modules_in(folder / "src", here) or single:
            compare(folder, folder / "src", ask(folder), here, single, shown(folder))
            compared += 1
    assert compared > len(folders) / 5


def test_flat(trees):
    """Where setuptools takes several packages for an accident, ours takes those that are regular or have such below."""
    _, folders = trees("flat")
    packages = find(*(("FlatLayoutPackageFinder", str(folder), ["*"], []) for folder in folders))
    modules = find(*(("FlatLayoutModuleFinder", str(folder), ["*"], []) for folder in folders))
    compared = 0
    for folder, here, single in zip(folders, packages, modules):
        tops = {p.split(".")[0] for p in here}
        if any(is_regular(folder, top) for top in tops):
            tops = {t for t in tops if any(is_regular(folder, p) for p in here if p == t or p.startswith(f"{t}."))}
        here = {p for p in here if p.split(".")[0] in tops}
        compare(folder, folder, ask(folder), here, [] if modules_in(folder, here) else single, shown(folder))
        compared += bool(here or single)
    assert compared > len(folders) / 5
