# SPDX-License-Identifier: Apache-2.0
"""What is read out of project files without a build, against what the back ends that they name make of them: the projects of
test/data/projects and some more are built, and poetry's constraints compared by the thousand. Compared is what the metadata
means: which versions, Pythons and platforms it allows, not how that is written."""

import json
import subprocess

import pytest
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from conftest import BUILD, LONG, REPOSITORY
from real_index import pip_env
from reference import CASES, generator

STORIES = REPOSITORY / "test/data/projects"
# flit_core 4 has dropped [tool.flit.metadata], which old projects have.
PINS = ["setuptools==84.2.1", "hatchling==1.33.0", "flit_core==3.12.0", "poetry-core==2.5.0", "pdm-backend==2.5.0"]

# Each folder in a process of its own, once all is imported. The answer is METADATA, entry_points.txt and
# the names of the files, or what went wrong.
BUILD_ALL = """
import importlib, json, os, pathlib, sys, tempfile, traceback, zipfile
import setuptools.build_meta, hatchling.build, flit_core.buildapi, poetry.core.masonry.api, pdm.backend

def build(folder, name, out):
    os.chdir(folder)
    module, _, attribute = name.partition(":")
    backend = importlib.import_module(module)
    backend = getattr(backend, attribute) if attribute else backend
    with zipfile.ZipFile(pathlib.Path(out, backend.build_wheel(out))) as wheel:
        names = wheel.namelist()
        read = lambda end: "".join(wheel.read(n).decode() for n in names if n.endswith(".dist-info/" + end))
        return {"metadata": read("METADATA"), "points": read("entry_points.txt"),
                "files": [n for n in names if ".dist-info/" not in n and ".data/" not in n and not n.endswith(".so")]}

answers = []
for folder, name in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as out:
        answer = pathlib.Path(out, "answer")
        child = os.fork()
        if child == 0:
            null = os.open("/dev/null", os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            try:
                said = build(folder, name, out)
            except BaseException:
                said = {"error": traceback.format_exc()}
            answer.write_text(json.dumps(said))
            os._exit(0)
        os.waitpid(child, 0)
        answers.append(json.loads(answer.read_text()))
print(json.dumps(answers))
"""

POETRY = """
import json, sys
from poetry.core.factory import Factory
from poetry.core.constraints.version import parse_constraint
from poetry.core.version.helpers import format_python_constraint

def said(make):
    try:
        return make()
    except Exception:
        return None

print(json.dumps([[said(lambda: Factory.create_dependency("d", c).to_pep_508()),
                   said(lambda: Factory.create_dependency("d", {"version": "*", "python": c}).to_pep_508()),
                   said(lambda: format_python_constraint(parse_constraint(c)))] for c in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def backends(tmp_path_factory):
    """A Python with the back ends."""
    venv = tmp_path_factory.mktemp("backends") / "venv"
    env = pip_env()
    subprocess.run(["/usr/bin/python3", "-m", "venv", venv], check=True, env=env, timeout=LONG)
    subprocess.run([venv / "bin/pip", "install", "-q", *PINS], check=True, env=env, timeout=LONG)
    return venv / "bin/python"


def ask(python, script, question):
    done = subprocess.run([python, "-I", "-c", script], input=json.dumps(question), capture_output=True, text=True, timeout=300,
                          check=False, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- ours


class Ours:
    """An answer of the tool, taken apart."""

    def __init__(self, text):
        self.text, self.fields, self.blocks = text, {}, {}
        block = None
        for line in text.splitlines():
            if block is not None and (line.startswith("    ") or not line):
                self.blocks[block] += line.removeprefix("    ") + "\n"
                continue
            key, _, value = line.partition(": ")
            block = line.removesuffix(":") if line.endswith(":") else None
            if block:
                self.blocks[block] = ""
            else:
                self.fields[key] = value


def ours(folders):
    done = subprocess.run([BUILD / "tools/project", "/usr/bin/python3", *folders], capture_output=True, text=True, timeout=LONG,
                          check=False)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split("\n.\n")
    assert len(answers) == len(folders) + 1
    return [Ours(answer) for answer in answers[:-1]]


# ---- what metadata means

VERSIONS = [Version(v) for v in """0 0.0.1 0.0.2 0.0.3 0.0.4 0.1 0.1.1 0.2 0.2.3 0.2.9 0.3 0.3.1 0.9 1.dev0 1a1 1.0 1.0.post1 1.0.1 1.1 1.2
    1.2.dev1 1.2.1 1.2.2 1.2.3a1 1.2.3 1.2.4 1.3.dev0 1.3 1.4.5 1.5 1.9.9 2.dev0 2.0rc1 2.0 2.0.1 2.1 2.1.5 2.2 3.0a1 3.0 3.1 3.6 3.6.1 3.7
    3.7.1 3.8 3.8.2 3.9 3.9.7 3.10 3.10.1 3.11 3.12.4 3.13 3.13.1 3.14 3.15 4.dev0 4.0 4.1 5.0 6 9 10 10.1 12""".split()]
PYTHONS = [v for v in VERSIONS if Version("3.6") <= v < Version("3.14.1") and not v.is_prerelease]
ENVIRONMENTS = [{"python_version": ".".join(python.split(".")[:2]), "python_full_version": python, "os_name": name,
                 "sys_platform": platform}
                for python in ("2.7.18", "3.6.0", "3.6.1", "3.7.5", "3.8.0", "3.8.2", "3.9.0", "3.9.7", "3.10.0", "3.10.1", "3.12.4",
                               "3.13.0", "3.13.1", "3.14.2", "4.0.0", "4.1.2")
                for name, platform in (("posix", "linux"), ("nt", "win32"), ("posix", "darwin"))]


def allowed(specifiers):
    return frozenset(v for v in VERSIONS if specifiers.contains(v, prereleases=True))


def asked(requirements, extras):
    """What is asked for in each environment, under each extra."""
    requirements = [Requirement(text) for text in requirements]
    plain = [(r, (canonicalize_name(r.name), frozenset(r.extras), r.url, allowed(r.specifier))) for r in requirements]
    return [{what for r, what in plain if not r.marker or r.marker.evaluate({**environment, "extra": extra})}
            for environment in ENVIRONMENTS for extra in ("", *extras)]


def meaning(metadata, points):
    raw, _ = parse_email(metadata)
    extras = sorted(canonicalize_name(extra) for extra in raw.get("provides_extra", []))
    return {"name": canonicalize_name(raw["name"]), "version": Version(raw["version"]), "summary": raw.get("summary"), "extras": extras,
            "python": allowed(SpecifierSet(raw.get("requires_python", ""))), "requires": asked(raw.get("requires_dist", []), extras),
            "points": {group: dict(sorted(names.items())) for group, names in groups(points).items() if names}}


def groups(text):
    found, group = {}, None
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            group = found.setdefault(line[1:-1], {})
        else:
            name, _, value = line.partition("=")
            group[name.strip()] = value.strip()
    return found


# ---- whole projects

MORE = {
    "setuptools-all-dynamic": {"pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "all.dynamic"
dynamic = ["version", "description", "requires-python", "dependencies", "optional-dependencies", "scripts", "entry-points"]
[tool.setuptools]
py-modules = ["one"]
""", "setup.cfg": """
[metadata]
version = attr: one.version
description = of setup.cfg
[options]
python_requires = >=3.7,<4
install_requires =
    a; python_version < "3.9"
    b[x] >= 1
[options.extras_require]
e = c; d
f =
    g ; os_name == "nt" or os_name == "posix"
[options.entry_points]
console_scripts =
    x = one:x
    y=one:y
group = z = one:z
""", "one.py": "version = '1.0.post2'\n"},
    "setuptools-both": {"pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "both"
version = "2"
dependencies = ["of-pyproject"]
[project.optional-dependencies]
x = ["y"]
[project.scripts]
s = "m:s"
""", "setup.cfg": """
[metadata]
name = other
version = 1
[options]
py_modules = m
install_requires = of-setup-cfg
[options.entry_points]
group = a = m:a
""", "setup.py": "from setuptools import setup\nsetup(install_requires=['of-setup-py'], entry_points={'console_scripts': ['t=m:t']})\n",
        "m.py": ""},
    "setup-py-wins-in-dynamic": {"pyproject.toml": """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "both"
dynamic = ["version", "dependencies", "optional-dependencies"]
""", "setup.cfg": "[options]\ninstall_requires = of-setup-cfg\n",
        "setup.py": """from setuptools import setup
setup(version="0.1", install_requires='of\\nsetup-py', extras_require={"Some_Extra": "a>1", "e:os_name=='nt' or os_name=='x'": ["b; python_version<'3.9'"]})
""", "both.py": ""},
    "hatch-extras": {"pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "Hatch_Extras"
dynamic = ["version"]
requires-python = ">=3.8, !=3.9.*"
description = "hatched"
dependencies = ["x @ {root:uri}/x", "Y ; python_version>'3.8'"]
[project.optional-dependencies]
"A.b" = ["c; os_name=='nt' or python_version<'3.9'"]
[project.entry-points.g]
n = "m:o"
[tool.hatch.metadata]
allow-direct-references = true
[tool.hatch.version]
path = "v.py"
""", "v.py": "VERSION= \"v1.2rc1\"\n", "hatch_extras.py": ""},
    "flit-version-file": {"pyproject.toml": """
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
[project]
name = "flit-version-file"
dynamic = ["version", "description"]
dependencies = ["a"]
optional-dependencies.x = ["b ; os_name == 'nt'"]
""", "flit_version_file/__init__.py": "'''\n  The summary\n\nmore'''\nfrom ._version import __version__\n",
        "flit_version_file/_version.py": "__version__: str = '1.2'\n", "flit_version_file/__version__.py": "__version__ = '0.9'\n"},
    "poetry-mixed": {"pyproject.toml": """
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[project]
name = "poetry-mixed"
version = "1"
dynamic = ["dependencies", "requires-python"]
[project.optional-dependencies]
x = ["a>1"]
[project.gui-scripts]
g = "m:g"
[tool.poetry]
packages = [{include = "m.py"}]
[tool.poetry.dependencies]
python = ">=3.9"
b = "^2.1"
[tool.poetry.plugins.group]
p = "m:p"
""", "m.py": ""},
    "poetry-python-union": {"pyproject.toml": """
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[tool.poetry]
name = "union"
version = "1.0-beta2"
description = ""
[tool.poetry.dependencies]
Python = ">=3.6"
Some_Thing = [{version = "<2", platform = "win32 || darwin"}, {version = ">=2", markers = "sys_platform == 'linux'"}]
opt = {version = "*", optional = true, python = "~3.8 || ^3.10.1", extras = ["z"]}
[tool.poetry.extras]
Some_Extra = ["OPT"]
""", "union.py": ""},
    "pdm-getter": {"pyproject.toml": """
[build-system]
requires = ["pdm-backend"]
build-backend = "pdm.backend"
[project]
name = "pdm-pattern"
dynamic = ["version"]
dependencies = ["sub @ file:///${PROJECT_ROOT}/sub", "a"]
optional-dependencies.x = ["b"]
[tool.pdm.version]
source = "file"
path = "v.txt"
pattern = "^is (.*)$"
""", "v.txt": "what\nis 3.1\n", "pdm_pattern.py": ""},
    "setup-cfg-only-name": {"setup.cfg": "[metadata]\nname = only-name\n", "setup.py": "import setuptools\nsetuptools.setup()\n"},
}


def story_files(path):
    files, name = {}, None
    for line in path.read_text().partition("=== EXPECT\n")[0].splitlines(keepends=True):
        if line.startswith("=== "):
            name = line[4:].strip()
            files[name] = ""
        else:
            files[name] += line
    return files


def make(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def parts(answer):
    """{path in site-packages: place in the folder}"""
    rows = (line.removeprefix("part: ").split(" is ") for line in answer.text.splitlines() if line.startswith("part: "))
    return dict(rows)


def make_parts(folder, answer):
    """What a project names explicitly has to be there for a build."""
    only = answer.fields.get("only", "").replace(".", "/")
    places = list(parts(answer).values())
    if only and not any((folder / above / (only + end)).exists() for above in ("", "src") for end in ("", ".py")):
        places.append(only)
    for place in places:
        path = folder / place if place.endswith(".py") else folder / place / "__init__.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def is_below(file, path):
    return file == path or file.startswith(path + "/")


def misplaced(answer, files):
    """Files of the wheel that would not be there, and what would be there without a file in the wheel."""
    only = answer.fields.get("only", "").replace(".", "/")
    paths = [only, only + ".py"] if only else list(parts(answer))
    lost = [file for file in files if not any(is_below(file, path) for path in paths)]
    return [] if "search" in answer.fields and not only else lost + [
        path for path in parts(answer) if not any(is_below(file, path) for file in files)]


def is_compared(answer):
    """Stories of errors, of what only a build can tell, and of egg-infos have nothing to be compared with."""
    known = ("setuptools", "hatchling", "flit", "poetry", "pdm")
    if "what is between is allowed" in answer.text:  # poetry writes what is no requirement
        return False
    return not answer.fields.keys() & {"error", "why_not", "egg_info"} and answer.fields.get("backend", "setuptools").startswith(known)


def test_projects(backends, tmp_path):
    stories = {path.stem: story_files(path) for path in sorted(STORIES.glob("*.txt"))} | MORE
    folders = [make(tmp_path / name, files) for name, files in stories.items()]
    pairs = [(folder, answer) for folder, answer in zip(folders, ours(folders), strict=True) if is_compared(answer)]
    assert len(pairs) > 25
    for folder, answer in pairs:
        make_parts(folder, answer)
    right = ask(backends, BUILD_ALL, [(str(folder), answer.fields.get("backend", "setuptools.build_meta:__legacy__"))
                                      for folder, answer in pairs])
    wrong = []
    for (folder, answer), said in zip(pairs, right, strict=True):
        assert "error" not in said, f"{folder.name}: {said['error']}"
        theirs = meaning(said["metadata"], said["points"])
        mine = meaning(answer.blocks["METADATA"].replace("FOLDER", str(folder)), answer.blocks.get("entry_points.txt", ""))
        wrong += [(folder.name, key, mine[key], theirs[key]) for key in theirs
                  if mine[key] != theirs[key] and (key != "summary" or mine[key] and theirs[key])]
        wrong += [(folder.name, "files", file) for file in misplaced(answer, said["files"])]
    assert not wrong, wrong[:5]


# ---- poetry's constraints


def constraint(r):
    def version():
        text = ".".join(str(r.choice([0, 0, 1, 2, 3, 9])) for _ in range(r.choice([1, 2, 2, 3, 3, 4])))
        return text + r.choice(["", "", "", "", "", "", "rc1", ".post1", ".dev2", "b2"])

    def piece():
        kind = r.randrange(8)
        if kind < 4:
            return r.choice(["^", "~", "^ ", "~ ", "^v"]) + version()
        if kind == 4:
            return r.choice(["", "==", "!=", "= "][:3]) + r.choice(["1.*", "0.2.*", "2.1.*", "*"][: r.choice([3, 4])])
        return r.choice(["", "==", ">=", "<", ">", "<=", "!=", "~=", ">= ", "="]) + version()

    def several():
        return r.choice([",", ", ", " "]).join(piece() for _ in range(r.choice([1, 1, 1, 2, 2, 3])))

    return r.choice([" || ", "|", "||"]).join(several() for _ in range(r.choice([1, 1, 1, 1, 2])))


def readable(text):
    try:
        return text is not None and Requirement(text)
    except ValueError:
        return None


def python_constraint(r):
    versions = ["3", "3.6", "3.7", "3.8", "3.8.2", "3.9", "3.10", "3.10.1", "3.13", "4", "4.0", "2.7"]
    several = [r.choice(["^", "~", ">=", ">=", "<", "<", "<=", ">", "!="]) + r.choice(versions) for _ in range(r.choice([1, 1, 2, 2]))]
    if r.random() < 0.1:  # with another beside it poetry forgets the other
        several = [r.choice(["", "=="]) + r.choice(versions)]
    if r.random() < 0.2:
        several[-1] = r.choice(["3.*", "3.8.*", "!=3.9.*", "==3.10.*", "*"])
    return ",".join(several) + (" || " + r.choice(["^3.9", ">=3.10", "~2.7", "3.8.*"]) if r.random() < 0.2 else "")


def poetry_project(folder, dependencies):
    lines = ["[tool.poetry]", 'name = "p"', 'version = "1"', "[tool.poetry.dependencies]", *dependencies]
    return make(folder, {"pyproject.toml": "\n".join(lines) + "\n"})


def requirements(answer):
    raw, _ = parse_email(answer.blocks["METADATA"])
    return {Requirement(text).name: text for text in raw.get("requires_dist", [])}


def test_poetry_versions(backends, tmp_path):
    r = generator("poetry versions")
    texts = sorted({constraint(r) for _ in range(CASES // 4)})
    right = [(text, said[0]) for text, said in zip(texts, ask(backends, POETRY, texts), strict=True) if readable(said[0])]
    assert len(right) > len(texts) / 2
    (answer,) = ours([poetry_project(tmp_path, [f'd{i} = "{text}"' for i, (text, _) in enumerate(right)])])
    mine = requirements(answer)
    for i, (text, said) in enumerate(right):
        own, theirs = allowed(Requirement(mine[f"d{i}"]).specifier), allowed(Requirement(said).specifier)
        if "|" in text:  # of 1.* and more no pre-releases of 1 are taken: naming one would allow all
            own, theirs = ({v for v in versions if not v.is_prerelease} for versions in (own, theirs))
        # Of alternatives with something between them a requirement cannot say all, and a warning says so.
        is_whole = f"has {text} for d{i}," not in answer.text
        assert own == theirs if is_whole else own >= theirs, (text, mine[f"d{i}"], said)


def test_poetry_pythons(backends, tmp_path):
    r = generator("poetry pythons")
    texts = sorted({python_constraint(r) for _ in range(CASES // 4)})
    right = [(text, *said[1:]) for text, said in zip(texts, ask(backends, POETRY, texts), strict=True) if readable(said[1])]
    assert len(right) > len(texts) / 2
    (answer,) = ours([poetry_project(tmp_path / "markers", [f'd{i} = {{version = "*", python = "{text}"}}'
                                                            for i, (text, *_) in enumerate(right)])])
    mine = requirements(answer)
    for i, (text, said, _) in enumerate(right):
        theirs = asked([said.replace("d", f"d{i}", 1)], [])
        assert asked([mine[f"d{i}"]], []) == theirs, (text, mine[f"d{i}"], said)
    few = right[:200]
    pieces = sorted({piece for text, *_ in few for piece in text.split(" || ")})
    plain = {piece: "" if said[2] == "*" else "<0" if said[2] in (None, "<empty>") else said[2]
             for piece, said in zip(pieces, ask(backends, POETRY, pieces), strict=True)}
    answers = ours([poetry_project(tmp_path / str(i), [f'python = "{text}"']) for i, (text, *_) in enumerate(few)])
    for (text, _, said), answer in zip(few, answers, strict=True):
        raw, _ = parse_email(answer.blocks["METADATA"])
        own, theirs = ({v for v in allowed(SpecifierSet(spec or "")) if v >= Version("2.7") and not v.is_prerelease} for spec in (
            raw.get("requires_python"), "" if said == "*" else said))
        # Of one version that is left out poetry says nothing, and of alternatives the minor versions alone.
        assert own <= theirs and (own == theirs or "!=" in text or "||" in text), (text, raw, said)
        for alternative in text.split(" || ") if "!=" not in text else ():
            assert own >= {v for v in PYTHONS if v in SpecifierSet(plain[alternative])}, (text, raw, alternative)
