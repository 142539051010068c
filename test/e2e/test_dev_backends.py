# SPDX-License-Identifier: Apache-2.0
"""Developers' sources of each back end, against what the back end itself makes of them, and entry points that stand in code alone,
found by the real plux."""

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from packaging.metadata import parse_email

from conftest import LONG, SANITIZED
from real_index import pip_env, real_index
from reloading import PLUGIN, LocalStack
from test_project_reference import PINS, make, meaning
from test_restriction import CREATE_RULESET, WITHOUT

BANNER = ("localstack-entrypoint: LocalStack extension developer mode enabled", "localstack-entrypoint: - mounting extension ")
PLUX = "plux==1.14.0"

# ---- projects

REQUIRES = ["MarkupSafe>=2", 'typing-extensions ; python_version >= "3.8"', 'no-such-thing>=1 ; os_name == "nt"']
POINTS = {"localstack.extensions": {"mine": "{package}:Mine"}, "localstack.hooks.on_infra_start": {"say": "{package}.plugin:say"}}


def package(path, **more):
    return {f"{path}/__init__.py": '"""A package."""\n__version__ = "1.2.3"\nclass Mine: pass\n', f"{path}/plugin.py": "def say(): pass\n",
            f"{path}/sub/__init__.py": "", f"{path}/sub/deep.py": "", f"{path}/data.json": "{}", **more}


def module(name):
    return {f"{name}.py": '"""A module."""\n__version__ = "1.2.3"\nclass Mine: pass\ndef say(): pass\n'}


def toml(name, build, version='version = "1.2.3"', package_name=None, points=POINTS, requires=REQUIRES, tail=""):
    """pyproject.toml with a [project]; build: a back end and what it needs."""
    backend, *needs = build
    used = package_name or name.replace("-", "_")
    text = f'[build-system]\nrequires = {json.dumps(needs)}\nbuild-backend = "{backend}"\n[project]\nname = "{name}"\n{version}\n' \
           f"dependencies = {json.dumps(requires)}\nrequires-python = \">=3.8\"\ndescription = \"One of many\"\n" \
           f"[project.optional-dependencies]\nmore = [\"werkzeug\"]\n[project.scripts]\n{name}-tool = \"{used}:Mine\"\n"
    for group, names in points.items():
        text += f'[project.entry-points."{group}"]\n' + "".join(f'{k} = "{v.format(package=used)}"\n' for k, v in names.items())
    return {"pyproject.toml": text + tail}


SETUPTOOLS = ("setuptools.build_meta", "setuptools")
HATCH = ("hatchling.build", "hatchling")
FLIT = ("flit_core.buildapi", "flit_core")
POETRY = ("poetry.core.masonry.api", "poetry-core")
PDM = ("pdm.backend", "pdm-backend")
SCM = ("setuptools.build_meta", "setuptools", "setuptools-scm")
VCS = ("hatchling.build", "hatchling", "hatch-vcs")
DYNAMIC = 'dynamic = ["version"]'

SETUP_CFG = """[metadata]
name = {name}
version = {version}
description = One of many
[options]
{where}python_requires = >=3.8
install_requires =
    MarkupSafe>=2
    typing-extensions ; python_version >= "3.8"
[options.extras_require]
more = werkzeug
[options.entry_points]
localstack.extensions =
    mine = {package}:Mine
"""

OLD_POETRY = """[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[tool.poetry]
name = "poetry-old"
version = "1.2.3"
description = "One of many"
authors = []
[tool.poetry.dependencies]
python = "^3.8"
MarkupSafe = "^3.0"
werkzeug = { version = ">=3", optional = true }
[tool.poetry.extras]
more = ["werkzeug"]
[tool.poetry.plugins."localstack.extensions"]
mine = "poetry_old:Mine"
"""

# Back ends in the repository itself, one that has its metadata in [project] and one that alone knows it.
OWN = """import base64, hashlib, os, zipfile
NAME, VERSION = "{name}", "1.2.3"
def build_wheel(folder, config_settings=None, metadata_directory=None):
    wheel = f"{{NAME.replace('-', '_')}}-{{VERSION}}-py3-none-any.whl"
    info = f"{{NAME.replace('-', '_')}}-{{VERSION}}.dist-info"
    files = {{f"{{info}}/METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\nRequires-Dist: markupsafe\\n",
             f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
             f"{{info}}/entry_points.txt": "[localstack.extensions]\\nmine = {package}:Mine\\n"}}
    for above, _, names in os.walk("{top}/{package}"):
        for name in sorted(names):
            path = os.path.join(above, name)
            files[os.path.relpath(path, "{top}")] = open(path).read()
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{{path}},sha256={{digest}},{{len(text.encode())}}\\n"
    files[f"{{info}}/RECORD"] = record + f"{{info}}/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as z:
        for path, text in files.items():
            z.writestr(path, text)
    return wheel
"""
OWN_BUILD = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["backend"]\n'


def own(name, top):
    used = name.replace("-", "_")
    return {"backend/own.py": OWN.format(name=name, package=used, top=top),
            **package(f"{top}/{used}" if top != "." else used)}


# What can be read. The template is that of LocalStack's own tools.
READ = {
    "template": {"pyproject.toml": """[build-system]
requires = ["setuptools", "wheel", "plux>=1.3.1"]
build-backend = "setuptools.build_meta"

[project]
name = "template"
version = "0.1.0"
description = "LocalStack Extension: template"
readme = {file = "README.md", content-type = "text/markdown; charset=UTF-8"}
requires-python = ">=3.9"
authors = [{ name = "Somebody", email = "somebody@example.org" }]
keywords = ["localstack", "localstack-extension", "extension"]
classifiers = []
dependencies = []

[project.urls]
Homepage = "https://example.org/template"

[project.optional-dependencies]
dev = ["localstack-core>=1.0.0"]

[project.entry-points."localstack.extensions"]
template = "template.extension:MyExtension"
""", "README.md": "template\n", ".gitignore": "/.venv\n", "Makefile": "all:\n", "template/__init__.py": "name = \"template\"\n",
                 "template/extension.py": "class MyExtension:\n    name = \"template\"\n"},
    "st-flat": {**toml("st-flat", SETUPTOOLS), **package("st_flat"), "tests/test_it.py": ""},
    "st-src": {**toml("st-src", SETUPTOOLS), **package("src/st_src")},
    "st-module": {**toml("st-module", SETUPTOOLS, points={}), **module("st_module")},
    "st-namespace": {**toml("st-namespace", SETUPTOOLS, package_name="st_ns.inner"), **package("src/st_ns/inner")},
    "st-attr": {**toml("st-attr", SETUPTOOLS, DYNAMIC, tail='[tool.setuptools.dynamic]\nversion = {attr = "st_attr.__version__"}\n'),
                **package("st_attr")},
    "st-file": {**toml("st-file", SETUPTOOLS, DYNAMIC, tail='[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n'),
                **package("src/st_file"), "VERSION": "2.0rc1\n"},
    "st-find": {**toml("st-find", SETUPTOOLS, tail='[tool.setuptools.packages.find]\nwhere = ["lib"]\ninclude = ["st_find*"]\n'),
                **package("lib/st_find"), "lib/other/__init__.py": ""},
    "st-egg": {**toml("st-egg", SETUPTOOLS), **package("src/st_egg")},
    "cfg-flat": {"setup.cfg": SETUP_CFG.format(name="cfg-flat", version="attr: cfg_flat.__version__", package="cfg_flat",
                                               where="packages = find:\n"),
                 "setup.py": "from setuptools import setup\nsetup()\n", **package("cfg_flat")},
    "cfg-src": {"setup.cfg": SETUP_CFG.format(name="cfg-src", version="3", package="cfg_src", where="package_dir =\n    = src\n"
                                              "packages = find_namespace:\n") + "[options.packages.find]\nwhere = src\n",
                "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
                **package("src/cfg_src")},
    "cfg-egg": {"setup.cfg": SETUP_CFG.format(name="cfg-egg", version="1", package="cfg_egg", where="packages = find:\n"),
                "setup.py": "from setuptools import setup\nsetup()\n", **package("cfg_egg")},
    "py-flat": {"setup.py": """from setuptools import setup, find_packages
setup(name="py-flat", version="0.4", packages=find_packages(), python_requires=">=3.8", install_requires=["MarkupSafe>=2"],
      extras_require={"more": ["werkzeug"]}, entry_points={"localstack.extensions": ["mine = py_flat:Mine"]})
""", **package("py_flat")},
    "hatch-flat": {**toml("hatch-flat", HATCH), **package("hatch_flat")},
    "hatch-src": {**toml("hatch-src", HATCH, DYNAMIC, tail='[tool.hatch.version]\npath = "src/hatch_src/__init__.py"\n'),
                  **package("src/hatch_src")},
    "hatch-module": {**toml("hatch-module", HATCH, points={}), **module("hatch_module")},
    "hatch-namespace": {**toml("hatch-namespace", HATCH, package_name="hatch_ns.inner",
                               tail='[tool.hatch.build.targets.wheel]\npackages = ["src/hatch_ns"]\n'), **package("src/hatch_ns/inner")},
    "flit-flat": {**toml("flit-flat", FLIT, 'dynamic = ["version"]'), **package("flit_flat")},
    "flit-src": {**toml("flit-src", FLIT), **package("src/flit_src")},
    "flit-module": {**toml("flit-module", FLIT, 'dynamic = ["version"]', points={}), **module("flit_module")},
    "flit-namespace": {**toml("flit-namespace", FLIT, package_name="flit_ns.inner", tail='[tool.flit.module]\nname = "flit_ns.inner"\n'),
                       **package("flit_ns/inner")},
    "poetry-new": {**toml("poetry-new", POETRY), **package("src/poetry_new")},
    "poetry-old": {"pyproject.toml": OLD_POETRY, **package("poetry_old")},
    "poetry-module": {**toml("poetry-module", POETRY, points={}), **module("poetry_module")},
    "poetry-namespace": {**toml("poetry-namespace", POETRY, package_name="poetry_ns.inner",
                                tail='[tool.poetry]\npackages = [{ include = "poetry_ns", from = "src" }]\n'),
                         **package("src/poetry_ns/inner")},
    "pdm-flat": {**toml("pdm-flat", PDM, DYNAMIC, tail='[tool.pdm.version]\nsource = "file"\npath = "pdm_flat/__init__.py"\n'),
                 **package("pdm_flat")},
    "pdm-src": {**toml("pdm-src", PDM), **package("src/pdm_src")},
    "pdm-module": {**toml("pdm-module", PDM, points={}), **module("pdm_module")},
    "own-static": {"pyproject.toml": OWN_BUILD + '[project]\nname = "own-static"\nversion = "1.2.3"\ndependencies = ["markupsafe"]\n'
                   '[project.entry-points."localstack.extensions"]\nmine = "own_static:Mine"\n', **own("own-static", "src")},
    # Several in one repository.
    "mono/one": {**toml("mono-one", SETUPTOOLS, requires=["mono-two>=1"]), **package("mono_one")},
    "mono/two": {**toml("mono-two", HATCH, requires=[]), **package("src/mono_two")},
}
EGG_INFO = ("st-egg", "cfg-egg")

# What has to be built to be known.
GIT_FILES = {".gitignore": "*.pyc\n"}
BUILT = {
    "scm-flat": {**toml("scm-flat", SCM, DYNAMIC, tail="[tool.setuptools_scm]\n"), **package("scm_flat"), **GIT_FILES},
    "scm-src": {**toml("scm-src", SCM, DYNAMIC, tail="[tool.setuptools_scm]\n"), **package("src/scm_src"), **GIT_FILES},
    "vcs-src": {**toml("vcs-src", VCS, DYNAMIC, tail='[tool.hatch.version]\nsource = "vcs"\n'), **package("src/vcs_src"), **GIT_FILES},
    "own-flat": {"pyproject.toml": OWN_BUILD, **own("own-flat", ".")},
    "own-src": {"pyproject.toml": OWN_BUILD, **own("own-src", "src")},
}


def git(folder, *args):
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
           **{f"GIT_{who}_{what}": "somebody@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}}
    subprocess.run(["git", "-C", folder, *args], check=True, env=env, capture_output=True, timeout=LONG)


def make_repository(folder, tag="v4.5.6"):
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    git(folder, "tag", tag)


# ---- what the back ends say

# Each wheel in a process of its own. The answer: METADATA, entry_points.txt and the names of the files of each.
BUILD_WHEELS = """
import importlib, json, os, pathlib, sys, zipfile
import setuptools.build_meta, hatchling.build, flit_core.buildapi, poetry.core.masonry.api, pdm.backend
try:
    import tomllib
except ImportError:
    from setuptools._vendor import tomli as tomllib

def build(folder, out):
    os.chdir(folder)
    file = pathlib.Path("pyproject.toml")
    system = tomllib.loads(file.read_text()).get("build-system", {}) if file.exists() else {}
    sys.path[:0] = [os.path.join(folder, path) for path in system.get("backend-path", [])]
    if "build-backend" in system:
        backend = importlib.import_module(system["build-backend"])
    else:
        backend = setuptools.build_meta.__legacy__
    with zipfile.ZipFile(pathlib.Path(out, backend.build_wheel(out))) as wheel:
        names = wheel.namelist()
        read = lambda end: "".join(wheel.read(n).decode() for n in names if n.endswith(".dist-info/" + end))
        return {"metadata": read("METADATA"), "points": read("entry_points.txt"),
                "files": [n for n in names if ".dist-info/" not in n and ".data/" not in n]}

answers = {}
for folder in json.load(sys.stdin):
    out = folder + ".out"
    os.mkdir(out)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(folder + ".log", os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(1, 2)
        said = build(folder, out)
        pathlib.Path(folder + ".json").write_text(json.dumps(said))
        os._exit(0)
    os.waitpid(child, 0)
    answers[folder] = json.loads(pathlib.Path(folder + ".json").read_text())
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def backends(tmp_path_factory):
    """A Python with all of them."""
    venv = tmp_path_factory.mktemp("backends") / "venv"
    env = pip_env()
    subprocess.run(["/usr/bin/python3", "-m", "venv", venv], check=True, env=env, timeout=LONG)
    subprocess.run([venv / "bin/pip", "install", "-q", *PINS, "setuptools-scm", "hatch-vcs"], check=True, env=env, timeout=LONG)
    return venv / "bin/python"


@pytest.fixture(scope="module")
def plux(backends, tmp_path_factory):
    """The real one, as LocalStack's base has it: a folder with it alone."""
    folder = tmp_path_factory.mktemp("plux")
    env = pip_env()
    subprocess.run([backends.with_name("pip"), "install", "-q", "--no-deps", "--target", folder, PLUX], check=True, env=env, timeout=LONG)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    return folder


@pytest.fixture
def with_plux(root, plux):
    """The small root, whose LocalStack has plux."""
    shutil.copytree(plux, next(root.base.glob("lib/python3.*/site-packages")), dirs_exist_ok=True)
    return root


def make_all(folder, projects):
    """name -> folder; the egg-infos are made later, by who has setuptools."""
    made = {name: make(folder / name, files) for name, files in projects.items()}
    for name, files in projects.items():
        if ".gitignore" in files and name in BUILT:
            make_repository(made[name])
    return made


def built(python, folder, sources):
    """What the back end makes of a copy of each: name -> its answer."""
    copies = {name: folder / name.replace("/", "-") for name in sources}
    for name, copy in copies.items():
        shutil.copytree(sources[name], copy, symlinks=True)
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run([python, "-I", "-c", BUILD_WHEELS], input=json.dumps([str(copy) for copy in copies.values()]), env=env,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    return {name: answers[str(copy)] for name, copy in copies.items()}


def add_egg_info(python, folder):
    script = "import setuptools, sys; sys.argv[1:] = ['-q', 'egg_info']; setuptools.setup()"
    subprocess.run([python, "-I", "-c", script], cwd=folder, check=True, capture_output=True, timeout=LONG)


def tree(folder):
    """Every file, link and folder below it, byte code of imports aside."""
    out = {}
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for path in (Path(above, name) for name in [*folders, *files]):
            st = path.lstat()
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            out[path] = (st.st_mode, None if what is None else st.st_mtime_ns, what)
    return out


# ---- what we say


def only_banner(done):
    return [line for line in done.err.splitlines() if not line.startswith(BANNER)] == []


def quiet_boot(developer, tmp_path, **env):
    """A boot that starts no child and says nothing but which sources there are."""
    log = tmp_path / "strace"
    done = developer.boot("strace", "-f", "-qq", "-o", log, "-e", "trace=fork,vfork,clone,clone3", **env)
    assert only_banner(done), done
    assert log.read_text() == "", done


IMPORT = """
import importlib, json, os, sys
sys.path.append(sys.argv[1])
def where(name):
    try:
        return os.path.realpath(importlib.import_module(name).__file__)
    except Exception as e:
        return f"{type(e).__name__}: {e}"
print(json.dumps({name: where(name) for name in json.load(sys.stdin)}))
"""


def modules(files):
    for file in files:
        if file.endswith(".py"):
            yield file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(developer, names):
    """Where LocalStack gets each module from."""
    root = developer.root
    done = subprocess.run([*developer.container.prefix, root.base / "bin/python3", "-I", "-B", "-c", IMPORT, root.site], text=True,
                          input=json.dumps(names), capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"}, timeout=LONG)
    return json.loads(done.stdout)


def dist_info(root, name):
    info = root.info(name)
    points = info / "entry_points.txt"
    return meaning((info / "METADATA").read_text(), points.read_text() if points.exists() else "")


def check_sources(developer, sources, right):
    """What is installed and imported of each is what its back end makes of it."""
    names = {name: parse_email(said["metadata"])[0]["name"] for name, said in right.items()}
    wrong = []
    where = imported(developer, [module for said in right.values() for module in modules(said["files"])])
    for name, said in right.items():
        theirs, ours = meaning(said["metadata"], said["points"]), dist_info(developer.root, names[name])
        wrong += [(name, key, ours[key], theirs[key]) for key in theirs if ours[key] != theirs[key] and (
            key != "summary" or ours[key] and theirs[key])]
        place = developer.places / sources[name].name
        assert any(modules(said["files"])), name
        wrong += [(name, module, where[module]) for module in modules(said["files"]) if not where[module].startswith(f"{place}/")]
    assert not wrong, wrong


def mount_read_only(developer, folder):
    developer.container.mount("--bind", folder, folder)
    developer.container.mount("-o", "remount,bind,ro", folder)


# ---- each back end


@pytest.fixture(scope="module")
def read_ones(backends, tmp_path_factory):
    """The sources that can be read, and what their back ends say."""
    folder = tmp_path_factory.mktemp("read")
    sources = make_all(folder / "src", READ)
    right = built(backends, folder, sources)
    for name in EGG_INFO:
        add_egg_info(backends, sources[name])
    return sources, right


@pytest.mark.parametrize("flags", ["rw", "ro"])
def test_sources_that_can_be_read(read_ones, with_plux, developer, tmp_path, flags):
    sources, right = read_ones
    top = sources["template"].parent
    if flags == "ro":
        mount_read_only(developer, top)
    developer.env["PIP_NO_INDEX"] = "1"  # nothing is asked for that is not there
    developer.named = list(sources.values())
    before = tree(top)
    done = developer.boot()
    assert not [line for line in done.err.splitlines() if "warning" in line], done
    check_sources(developer, sources, right)
    quiet_boot(developer, tmp_path)
    assert developer.root.run("check", env=developer.environment({}), wrap=developer.container.prefix).status == 0
    assert tree(top) == before


# ---- what has to be built to be known

@pytest.fixture(scope="module")
def built_ones(backends, tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    sources = make_all(folder / "src", BUILT)
    return sources, built(backends, folder, sources)


@pytest.mark.once
@pytest.mark.parametrize("flags, names", [("rw", list(BUILT)), ("ro", ["scm-src", "own-flat"])])
def test_sources_that_have_to_be_built(built_ones, developer, tmp_path, flags, names):
    sources, right = ({name: all_of[name] for name in names} for all_of in built_ones)
    top = next(iter(sources.values())).parent
    if flags == "ro":
        mount_read_only(developer, top)
    developer.named = list(sources.values())
    developer.env |= real_index()
    before = tree(top)
    done = developer.boot()
    assert not [line for line in done.err.splitlines() if "warning" in line], done
    assert developer.root.installed()["scm-src"] == "4.5.6"
    check_sources(developer, sources, right)
    quiet_boot(developer, tmp_path)
    assert tree(top) == before


# A back end that comes from an index.
TELLS = """import sys
sys.path.insert(0, ".")
from pathlib import Path
def build_wheel(folder, config_settings=None, metadata_directory=None):
    scope = {"__name__": "own"}
    exec(Path("own.txt").read_text(), scope)
    return scope["build_wheel"](folder)
"""


def tells(folder, name, static):
    """A project that a back end from an index builds; static: all but its version can be read."""
    text = '[build-system]\nrequires = ["tells"]\nbuild-backend = "tells"\n'
    if static:
        text += f'[project]\nname = "{name}"\ndynamic = ["version"]\ndependencies = ["markupsafe"]\n' \
                f'[project.entry-points."localstack.extensions"]\nmine = "{name}:Mine"\n'
    files = own(name, ".")
    return make(folder, {"pyproject.toml": text, **files, "own.txt": files["backend/own.py"]})


def test_without_what_builds_it_a_source_is_used_as_far_as_it_can_be_read(developer, index, tmp_path):
    root = developer.root
    source = tells(developer.src / "half", "half", static=True)
    developer.named = [source]
    done = developer.boot()
    assert f"{source} is used as far as it can be read, but its version is dynamic: half cannot be built from source: no index has " \
           "tells, which builds it" in done.err, done
    assert "It is built when its project file changes, or by `localstack-extensions sync`" in done.err, done
    assert root.installed() == {"half": "0+unknown"}
    assert dist_info(root, "half")["points"] == {"localstack.extensions": {"mine": "half:Mine"}}
    assert imported(developer, ["half", "half.sub.deep"])["half.sub.deep"].startswith(str(developer.places))
    # A boot does not wait for a build that would only tell the version; who asks for a sync gets one.
    quiet_boot(developer, tmp_path)
    index.add("tells", "1.0", files={"tells.py": TELLS})
    quiet_boot(developer, tmp_path)
    developer.run("sync")
    assert root.installed() == {"half": "1.2.3"}
    quiet_boot(developer, tmp_path)


def test_its_version_is_known_at_the_next_boot_that_syncs(developer, index):
    root = developer.root
    developer.named = [tells(developer.src / "half", "half", static=True)]
    developer.boot()
    index.add("tells", "1.0", files={"tells.py": TELLS})
    index.add("other", "1.0")
    developer.boot(EXTENSION_AUTO_INSTALL="other")
    assert root.installed() == {"half": "1.2.3", "other": "1.0"}


def test_a_source_of_which_nothing_can_be_read_is_tried_at_each_boot(developer, index, tmp_path):
    root = developer.root
    source = tells(developer.src / "dark", "dark", static=False)
    developer.named = [source]
    developer.source("good")
    for _ in range(2):
        done = developer.boot()
        assert f"{source}" in done.err and "no index has tells, which builds it" in done.err, done
        assert root.installed() == {"good": "1.0"}
    index.add("tells", "1.0", files={"tells.py": TELLS})
    developer.boot()
    assert root.installed() == {"dark": "1.2.3", "good": "1.0"}
    quiet_boot(developer, tmp_path)


def test_a_back_end_that_fails_and_is_mended(developer, tmp_path):
    """Its own file is no fact of the state: whether it was mended is seen by a build alone."""
    root = developer.root
    source = make(developer.src / "own-flat", BUILT["own-flat"])
    developer.named = [source]
    backend = source / "backend/own.py"
    text = backend.read_text()
    developer.boot()
    assert root.installed() == {"own-flat": "1.2.3"}
    with open(source / "pyproject.toml", "a") as file:
        file.write("# changed\n")
    backend.write_text(text.replace("def build_wheel", "raise RuntimeError('half way through an edit')\ndef build_wheel"))
    for _ in range(2):
        said = developer.boot().err
        assert f"failed: RuntimeError: half way through an edit; its whole output is in {root.volume}/logs/own-flat-build.log" in said
        assert root.installed() == {"own-flat": "1.2.3"}  # what was linked stays
        assert "own_flat" in imported(developer, ["own_flat.plugin"])["own_flat.plugin"]
    backend.write_text(text.replace('"1.2.3"', '"1.2.4"'))
    developer.boot()
    assert root.installed() == {"own-flat": "1.2.4"}
    quiet_boot(developer, tmp_path)


# ---- entry points that stand in code alone

TEMPLATE = """[build-system]
requires = ["setuptools", "wheel", "plux>=1.3.1"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "0.1.0"
dependencies = {requires}
[project.entry-points."localstack.extensions"]
mine = "{name}.extension:Mine"
"""
HOOK = """from plux import plugin
@plugin(namespace="localstack.hooks.on_infra_start")
def {name}():
    pass
"""
PROVIDER = """import plux
from plux import Plugin, PluginSpec
class Abstract(Plugin):
    namespace = "localstack.providers"
class Provider(Abstract):
    name = "one:custom"
class _Private(Abstract):
    name = "private"
spec = PluginSpec("localstack.specs", "two", Provider)
"""
HOOKS = "localstack.hooks.on_infra_start"
STATIC = {"localstack.extensions": {"mine": "marker.extension:Mine"}}


def write(source, files, requires=(), tail=""):
    return make(source, {"pyproject.toml": TEMPLATE.format(name="marker", requires=json.dumps(list(requires))) + tail, **files})


def marker(developer, files, requires=(), tail=""):
    files = {"marker/__init__.py": "", "marker/extension.py": "class Mine: pass\n", **files}
    source = write(developer.src / "marker", files, requires, tail)
    developer.named = [source]
    return source


def points(developer):
    return dist_info(developer.root, "marker")["points"]


def theirs(python, plux, folder, source):
    """What plux itself finds in a copy, which it writes to."""
    copy = folder / "copy"
    shutil.copytree(source, copy)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(plux)}
    done = subprocess.run([python, "-m", "plux", "entrypoints"], cwd=copy, env=env, check=False, capture_output=True, text=True,
                          timeout=LONG)
    assert done.returncode == 0, done.stderr
    [text] = copy.rglob("*.egg-info/entry_points.txt")
    return meaning("Metadata-Version: 2.1\nName: x\nVersion: 1\n", text.read_text())["points"]


def test_entry_points_that_stand_in_code(with_plux, plux, backends, developer, tmp_path):
    source = marker(developer, {"marker/hooks.py": HOOK.format(name="say"), "marker/sub/__init__.py": HOOK.format(name="top"),
                                "marker/provider.py": PROVIDER, "marker/no/package.py": HOOK.format(name="namespace"),
                                "tests/__init__.py": "", "tests/test_it.py": HOOK.format(name="test")})
    before = tree(developer.src)
    assert "warning" not in developer.boot().err
    assert points(developer) == theirs(backends, plux, tmp_path, source) == {
        **STATIC, HOOKS: {"say": "marker.hooks:say", "top": "marker.sub:top", "namespace": "marker.no.package:namespace"},
        "localstack.providers": {"one:custom": "marker.provider:Provider", "private": "marker.provider:_Private"},
        "localstack.specs": {"two": "marker.provider:Provider"}}
    quiet_boot(developer, tmp_path)
    assert tree(developer.src) == before


FAILS = "raise RuntimeError('nobody shall import this')\n"
TAILS = {
    "excluded": '[tool.plux]\nexclude = ["marker/sub", "marker/no/*.py", "./tests"]\n',
    "excluded below": '[tool.plux]\nexclude = ["**/sub", "marker/no*"]\n',
    "included": '[tool.plux]\ninclude = ["marker", "nothing"]\n',
    "no packages": '[tool.setuptools.packages.find]\nexclude = ["marker.sub*", "marker.no*"]\n',
    "no namespaces": '[tool.plux]\nexclude = ["marker/sub"]\n[tool.setuptools.packages.find]\nnamespaces = false\n',
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_packages_where_no_entry_points_are_looked_for(with_plux, plux, backends, developer, tmp_path, tail):
    source = marker(developer, {"marker/hooks.py": HOOK.format(name="say"), "marker/sub/__init__.py": FAILS + HOOK.format(name="top"),
                                "marker/no/package/deep.py": FAILS + HOOK.format(name="deep")}, tail=tail)
    assert "warning" not in developer.boot().err
    assert points(developer) == theirs(backends, plux, tmp_path, source) == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}


def test_entry_points_that_are_made_by_hand(with_plux, developer, tmp_path):
    """Their list is a file, as LocalStack's own is."""
    tail = '[tool.plux]\nentrypoint_build_mode = "manual"\n[tool.setuptools.dynamic]\nentry-points = {file = "plux.ini"}\n'
    source = marker(developer, {"marker/hooks.py": FAILS, "plux.ini": f"[{HOOKS}]\nlisted = marker.hooks:listed\n"})
    project = source / "pyproject.toml"
    text = project.read_text().partition("[project.entry-points")[0]
    project.write_text(text + 'dynamic = ["entry-points"]\n' + tail)
    assert "warning" not in developer.boot().err
    assert points(developer) == {HOOKS: {"listed": "marker.hooks:listed"}}
    quiet_boot(developer, tmp_path)


def test_code_that_needs_what_comes_with_the_same_sync(with_plux, developer, index, tmp_path):
    index.add("needed", "1.0", files={"needed.py": "name = 'say'\n"})
    index.add("later", "1.0", files={"later.py": "name = 'say'\n"})
    source = marker(developer, {"marker/hooks.py": "import needed\n" + HOOK.format(name="say")}, ["needed"])
    assert "warning" not in developer.boot().err
    assert points(developer) == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}
    quiet_boot(developer, tmp_path)
    # And with a later one; what was found before stays meanwhile.
    write(source, {"marker/more.py": "import later\n" + HOOK.format(name="more")}, ["needed", "later"])
    assert "warning" not in developer.boot().err
    assert points(developer) == {**STATIC, HOOKS: {"say": "marker.hooks:say", "more": "marker.more:more"}}
    quiet_boot(developer, tmp_path)


def test_code_that_needs_another_source_and_its_own_metadata(with_plux, developer, tmp_path):
    """Neither is there before the sync."""
    marker(developer, {"marker/hooks.py": "import other\n" + HOOK.format(name="say"),
                       "marker/__init__.py": "from importlib.metadata import version\n__version__ = version(__name__)\n"})
    developer.source("other")
    assert "warning" not in developer.boot().err
    assert points(developer) == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}
    quiet_boot(developer, tmp_path)


def test_the_code_of_editable_requirements(with_plux, developer, tmp_path):
    source = marker(developer, {"marker/hooks.py": HOOK.format(name="say")})
    developer.named, developer.env = [], {}
    developer.root.requirements(f"-e {source}\n")
    developer.boot()
    assert points(developer) == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}
    quiet_boot(developer, tmp_path)
    (source / "marker/more.py").write_text(HOOK.format(name="more"))
    developer.boot()
    assert points(developer)[HOOKS] == {"say": "marker.hooks:say", "more": "marker.more:more"}
    quiet_boot(developer, tmp_path)


def test_a_hook_that_is_new_in_code(with_plux, developer, tmp_path):
    source = marker(developer, {"marker/hooks.py": HOOK.format(name="say")})
    developer.boot()
    (source / "marker/hooks.py").write_text(HOOK.format(name="say") + HOOK.format(name="more"))
    (source / "marker/__init__.py").write_text("from .hooks import more\n")  # it stays that of its own module
    developer.boot()
    assert points(developer)[HOOKS] == {"say": "marker.hooks:say", "more": "marker.hooks:more"}
    quiet_boot(developer, tmp_path)
    (source / "marker/hooks.py").unlink()
    (source / "marker/__init__.py").write_text("")
    developer.boot()
    assert points(developer) == STATIC


def test_a_module_that_cannot_be_imported(with_plux, developer, tmp_path):
    source = marker(developer, {"marker/hooks.py": HOOK.format(name="say"), "marker/bad.py": "import no_such_module\n",
                                "marker/worse.py": "def (:\n"})
    done = developer.boot()
    assert f"{source}: entry points in its code may be missing, because marker.bad cannot be imported: ModuleNotFoundError: No module " \
           "named 'no_such_module' (nor 1 more)" in done.err, done
    assert points(developer) == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}
    quiet_boot(developer, tmp_path)
    (source / "marker/bad.py").write_text(HOOK.format(name="good"))
    (source / "marker/worse.py").unlink()
    assert "warning" not in developer.boot().err
    assert points(developer)[HOOKS] == {"say": "marker.hooks:say", "good": "marker.bad:good"}


MISCHIEF = {
    "prints": "import os, sys\nfor fd in (1, 2):\n    os.write(fd, b'\\n@localstack-extensions-probe\\n{}\\n' * 1000)\nprint('x' * 100000)\n",
    "threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n",
    "exits": "import sys\nsys.exit(3)\n",
    "own": "from pathlib import Path\nPath(__file__).with_name('written').write_text('')\n",
    "home": "from pathlib import Path\nPath.home().joinpath('written').write_text('')\n",
    "cache": "import os\nos.makedirs(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache/mine'))\n",
    "temp": "import tempfile\nopen(tempfile.mkdtemp() + '/written', 'w').close()\n",
    "removes": "import os\nos.unlink(__file__)\n",
    "venv": "import sys\nopen(sys.path[-1] + '/written.pth', 'w').write('')\n",
    "daemon": "import subprocess\nsubprocess.Popen(['sleep', '98765.4321'], start_new_session=True)\n",
    "y_closes": "import os\nos.close(0)\nos.close(2)\n",
    "z_paths": "import os, sys\nos.environ.clear()\nos.chdir('/tmp')\nsys.modules.pop('json')\nsys.stdout = sys.stderr = None\n",
    "exit_handler": "import atexit, time\natexit.register(time.sleep, 1000)\n",
    "hides": "class __Odd:\n    __class__ = property(lambda self: 1 / 0)\nodd = __Odd()\n",
}


def daemons():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path] if b"98765.4321" in path.read_bytes() else []
        except OSError:
            pass
    return found


def test_modules_that_do_mischief_when_they_are_imported(with_plux, developer, tmp_path):
    """Nothing of it happens outside of the child that imports them; those that come after them count as well."""
    source = marker(developer, {f"marker/{name}.py": code + HOOK.format(name=name) for name, code in MISCHIEF.items()}
                    | {"marker/zz.py": HOOK.format(name="last")})
    home = Path(developer.root.env["HOME"])
    before, at_home = tree(developer.src), tree(home)
    done = developer.boot(XDG_CACHE_HOME=home / "cache")
    [warning] = [line for line in done.err.splitlines() if "warning" in line]
    assert "cannot be imported" in warning and f"{source}: " in warning, done
    assert "localstack-extensions-probe" not in done.err and "xxxx" not in done.err
    assert tree(developer.src) == before and daemons() == []
    assert not (home / "written").exists() and set(tree(home)) - set(at_home) <= {home / ".cache"}, tree(home)
    assert not (developer.root.site / "written.pth").exists()
    found = set(points(developer)[HOOKS])
    assert found >= {"last", "prints", "threads", "daemon", "y_closes", "z_paths", "exit_handler", "hides", "home", "temp", "cache"}, found
    assert not found & {"exits", "own", "removes", "venv"}
    quiet_boot(developer, tmp_path)


def test_a_module_whose_import_is_without_end(with_plux, developer, tmp_path):
    """It does not take all the time that a sync has."""
    source = marker(developer, {"marker/bad.py": "import time\ntime.sleep(1000)\n", "marker/hooks.py": HOOK.format(name="say")})
    developer.source("other")
    done = developer.boot(EXTENSION_SYNC_TIMEOUT="12" if SANITIZED else "6")
    assert f"{source}: only the entry points that its files name are known of it: " in done.err and "did not answer within " in done.err
    assert developer.root.installed() == {"marker": "0.1.0", "other": "1.0"} and points(developer) == STATIC
    quiet_boot(developer, tmp_path, EXTENSION_SYNC_TIMEOUT="12" if SANITIZED else "6")


@pytest.mark.parametrize("path", ["marker/own.py", "marker_own.py"])
def test_without_landlock_a_copy_of_the_code_is_imported(with_plux, developer, tmp_path, path):
    source = marker(developer, {path: MISCHIEF["own"] + HOOK.format(name="own")},
                    tail='[tool.setuptools]\npackages = ["marker"]\npy-modules = ["marker_own"]\n' if "/" not in path else "")
    before = tree(source)
    assert "warning" not in developer.boot("python3", WITHOUT, CREATE_RULESET, "ENOSYS").err
    assert points(developer)[HOOKS] == {"own": path.removesuffix(".py").replace("/", ".") + ":own"}
    assert tree(source) == before
    quiet_boot(developer, tmp_path)


@pytest.mark.parametrize("code, why", [("import os\nos._exit(0)\n", "cannot be understood"), ("import os\nos._exit(7)\n", "exit status 7"),
                                       ("import os\nos.kill(os.getpid(), 9)\n", "does not run"),
                                       ("import os\nos.closerange(3, 1000)\n", "does not run")])
def test_a_module_that_ends_its_interpreter(with_plux, developer, tmp_path, code, why):
    source = marker(developer, {"marker/bad.py": code, "marker/hooks.py": HOOK.format(name="say")})
    done = developer.boot()
    assert f"warning: {source}: only the entry points that its files name are known of it: " in done.err and why in done.err, done
    assert points(developer) == STATIC
    quiet_boot(developer, tmp_path)
    (source / "marker/bad.py").unlink()
    developer.boot()
    assert points(developer) == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}


# ---- LocalStack itself


@pytest.mark.once
def test_localstack_runs_a_source_as_it_is_at_each_start(localstack_root, tmp_path):
    """Its hook stands in the code alone."""
    root, source = localstack_root, tmp_path / "marker"
    write(source, {"marker/__init__.py": "", "marker/extension.py": "class Mine: pass\n", "marker/hooks.py": PLUGIN.format("first")})
    before = tree(source)
    running = LocalStack(root, source, EXTENSION_DEV_RELOAD="0")
    try:
        running.next(f"- mounting extension {root.folder}/opt/code/extensions/marker$")
        running.says("first")
        assert dist_info(root, "marker")["points"] == {**STATIC, HOOKS: {"say": "marker.hooks:say"}}
        assert tree(source) == before
        (source / "marker/hooks.py").write_text(PLUGIN.format("second"))
        running.process.send_signal(signal.SIGUSR1)
        running.says("second")
        # A module that comes to a package needs no sync either.
        (source / "marker/more.py").write_text("word = 'third'\n")
        (source / "marker/hooks.py").write_text("from marker.more import word\n" + PLUGIN.format('" + word + "'))
        asked = urllib.request.Request(f"http://{running.gateway}/_localstack/health", b'{"action": "restart"}',
                                       {"Content-Type": "application/json"})
        urllib.request.urlopen(asked, timeout=LONG).read()
        running.says("third")
        assert not [line for line in running.said if "warning" in line and "localstack-extensions" in line], running.said
        running.end()
    finally:
        running.stop()
