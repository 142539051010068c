# SPDX-License-Identifier: Apache-2.0
"""Lock files (PEP 751): made by `lock`, by pip and by uv, and installed from with --locked and EXTENSION_LOCK. What
a lock of ours is worth to others is asked of them: packaging, pip and uv."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest
from packaging.pylock import Pylock

from checks import check_records, demo_set, tree
from wheels import make_sdist, make_wheel

BIN = pathlib.Path(sys.executable).parent
LONG = 120


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def wheel_entry(path, url=None, **hashes):
    where = f'url = "{url}"' if url else f'path = "{path}"'
    digests = ", ".join(f'{k} = "{v}"' for k, v in (hashes or {"sha256": sha256(path)}).items())
    return f'{{name = "{pathlib.Path(path).name}", {where}, hashes = {{{digests}}}}}'


def package(name, version, *wheels, **keys):
    """One [[packages]] table; keys: further lines, as TOML values."""
    lines = ["[[packages]]", f'name = "{name}"']
    if version:
        lines.append(f'version = "{version}"')
    lines += [f"{k.replace('_', '-')} = {v}" for k, v in keys.items()]
    if wheels:
        lines.append(f"wheels = [{', '.join(wheels)}]")
    return "\n".join(lines) + "\n"


def lock_text(*packages, head=""):
    return f'lock-version = "1.0"\ncreated-by = "test"\n{head}\n' + "\n".join(packages)


class Shelf:
    """Wheels in a folder, and a lock beside them that names them by relative paths."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = folder / "pylock.toml"

    def wheel(self, *args, **more):
        return make_wheel(self.folder / "wheels", *args, **more)

    def entry(self, path, **hashes):
        return wheel_entry(path, **hashes).replace(f'path = "{self.folder}/', 'path = "')

    def simple(self, name, version, *args, **more):
        return package(name, version, self.entry(self.wheel(name, version, *args)), **more)

    def write(self, *packages, **more):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock.write_text(lock_text(*packages, **more))
        return self.lock


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


def names(items):
    return [f"{i['name']} {i['version']}" for i in items]


def reasons(plan):
    return {f["requirement"]: f["reason"] for f in plan["failed"]}


# ---- installing


def test_to_the_letter(root, shelf):
    """What the lock names and nothing else, with no network; the other inputs do not count."""
    root.requirements("something-else\n")
    demo = shelf.wheel("demo", "1.0", ["part>=1"], entry_points={"console_scripts": {"demo": "demo:main"}})
    part = shelf.wheel("part", "2.0rc1")
    shelf.write(package("demo", "1.0", shelf.entry(demo), dependencies='[{name = "part"}]'),
                package("part", "2.0rc1", shelf.entry(part)))
    env = {"EXTENSION_AUTO_INSTALL": "another-thing", "PIP_NO_INDEX": "1"}
    plan = root.plan("--locked", shelf.lock, **env)
    assert [(i["name"], i["version"], i["requested"], i["requires"], i["source"], i["hash"]) for i in plan["install"]] == [
        ("demo", "1.0", True, ["part"], "lock", f"sha256:{sha256(demo)}"),
        ("part", "2.0rc1", False, [], "lock", f"sha256:{sha256(part)}")]
    assert plan["install"][0]["url"] == demo.as_uri()
    assert plan["failed"] == plan["keep"] == plan["remove"] == []
    assert not root.venv.exists()
    root.sync("--locked", shelf.lock, **env)
    assert root.installed() == {"demo": "1.0", "part": "2.0rc1"}
    assert (root.info("demo") / "REQUESTED").exists() and not (root.info("part") / "REQUESTED").exists()
    assert not (root.info("demo") / "direct_url.json").exists()
    check_records(root)


def test_nothing_differs(root, index):
    """A second sync needs neither network nor cache, and changes no file."""
    wheel = index.add("demo", "1.0")
    index.folder.joinpath("index/files/pylock.toml").write_text(
        lock_text(package("demo", "1.0", wheel_entry(wheel, index.server.url.replace("simple/", "files/") + wheel.name))))
    lock = index.folder / "index/files/pylock.toml"
    root.sync("--locked", lock)
    index.server.stop()
    subprocess.run(["rm", "-rf", root.volume / "cache"], check=True)
    before = tree(root.venv)
    done = root.sync("--locked", lock)
    assert tree(root.venv) == before and "installed" not in done.err
    assert names(root.plan("--locked", lock)["keep"]) == ["demo 1.0"]


def test_as_a_setting(root, shelf):
    """EXTENSION_LOCK and the key in extensions.yaml; an unchanged boot has no child, a changed lock is a change."""
    shelf.write(shelf.simple("demo", "1.0"))
    (root.conf / "extensions.yaml").write_text(f"lock: {shelf.lock}\ninstall: [another-thing]\n")
    root.requirements("something-else\n")
    env = {"EXTENSION_LOG_LEVEL": "debug"}
    assert root.boot("true", env=env).status == 0
    assert root.installed() == {"demo": "1.0"}
    again = root.boot("true", env=env)
    assert "nothing changed since the last sync" in again.err and "localstack-extensions:" not in again.err
    root.requirements("yet-another\n")  # no input as long as there is a lock
    assert "nothing changed since the last sync" in root.boot("true", env=env).err
    shelf.write(shelf.simple("demo", "1.1"))
    changed = root.boot("true", env=env)
    assert f"{shelf.lock} changed" in changed.err
    assert root.installed() == {"demo": "1.1"}
    other = make_wheel(shelf.folder / "other", "demo", "1.2")
    (shelf.folder / "pylock.other.toml").write_text(lock_text(package("demo", "1.2", wheel_entry(other))))
    assert root.boot("true", env={"EXTENSION_LOCK": shelf.folder / "pylock.other.toml"}).status == 0
    assert root.installed() == {"demo": "1.2"}


def test_requirements_of_the_command_line_win_over_the_setting(root, index, shelf):
    index.add("named", "1.0")
    shelf.write(shelf.simple("demo", "1.0"))
    root.sync("named", EXTENSION_LOCK=shelf.lock)
    assert root.installed() == {"named": "1.0"}


@pytest.mark.parametrize("args", [["demo"], ["-r", "/dev/null"], ["-c", "/dev/null"]])
def test_no_two_kinds_of_inputs(root, shelf, args):
    shelf.write(shelf.simple("demo", "1.0"))
    done = root.run("sync", "--locked", shelf.lock, *args)
    assert done.status == 2 and "--locked stands in for all" in done.err
    assert not root.venv.exists()


def test_what_is_not_in_it_goes(root, index, shelf):
    """Ours goes; what somebody installed by hand stays, with what it needs."""
    index.add("ours", "1.0", ["under"])
    index.add("under", "1.0")
    root.sync("ours")
    hand = make_wheel(root.folder / "hand", "hand", "1.0", ["helper"])
    helper = make_wheel(root.folder / "hand", "helper", "1.0")
    root.pip("install", "--no-index", "--find-links", helper.parent, hand)
    shelf.write(shelf.simple("demo", "1.0"))
    done = root.sync("--locked", shelf.lock)
    assert root.installed() == {"demo": "1.0", "hand": "1.0", "helper": "1.0"}
    assert "removed ours 1.0: nothing needs it any more" in done.err


def test_by_hand_at_another_version_is_replaced(root, shelf):
    shelf.write(shelf.simple("demo", "1.0"))
    root.sync("--locked", shelf.lock)
    root.pip("install", "--no-index", make_wheel(root.folder / "hand", "demo", "0.5"))
    assert root.installed() == {"demo": "0.5"}
    root.sync("--locked", shelf.lock)
    assert root.installed() == {"demo": "1.0"}
    assert (root.info("demo") / "INSTALLER").read_text().strip() == "localstack-extensions"


def test_same_version_from_another_file_is_replaced(root, shelf):
    """An archive is a direct reference: what is recorded of its origin has to agree."""
    first = make_wheel(shelf.folder / "a", "demo", "1.0", files={"demo.py": "which = 1\n"})
    second = make_wheel(shelf.folder / "b", "demo", "1.0", files={"demo.py": "which = 2\n"})
    archive = 'archive = {path = "%s", hashes = {sha256 = "%s"}}\n'
    shelf.write(package("demo", None) + archive % (first.relative_to(shelf.folder), sha256(first)))
    root.sync("--locked", shelf.lock)
    recorded = json.loads((root.info("demo") / "direct_url.json").read_text())
    assert recorded["url"] == first.as_uri() and recorded["archive_info"]["hashes"] == {"sha256": sha256(first)}
    assert names(root.plan("--locked", shelf.lock)["keep"]) == ["demo 1.0"]
    shelf.write(package("demo", None) + archive % (second.relative_to(shelf.folder), sha256(second)))
    root.sync("--locked", shelf.lock)
    assert (root.site / "demo.py").read_text() == "which = 2\n"
    shelf.write(package("demo", "1.0", shelf.entry(second)))  # the same bytes, as a wheel now
    assert names(root.plan("--locked", shelf.lock)["keep"]) == ["demo 1.0"]


def test_yanked_and_withdrawn_do_not_matter(root, index):
    wheel = index.add("demo", "1.0.dev1", page={"yanked": "broken"})
    url = index.server.url.replace("simple/", "files/") + wheel.name
    index.index.withdraw("demo", wheel.name)
    lock = index.folder / "pylock.toml"
    lock.write_text(lock_text(package("demo", "1.0.dev1", wheel_entry(wheel, url))))
    root.sync("--locked", lock)
    assert root.installed() == {"demo": "1.0.dev1"}
    assert [r for r in index.server.requests() if "/simple/" in r] == []


def test_offline_from_the_cache(root, index):
    wheel = index.add("demo", "1.0")
    url = index.server.url.replace("simple/", "files/") + wheel.name
    lock = index.folder / "pylock.toml"
    lock.write_text(lock_text(package("demo", "1.0", wheel_entry(wheel, url))))
    root.sync("demo")
    subprocess.run(["rm", "-rf", root.venv], check=True)
    index.server.stop()
    root.sync("--locked", lock, "--offline")
    assert root.installed() == {"demo": "1.0"}


# ---- choosing


def test_the_best_wheel(root, shelf):
    """By tags as pip ranks them, then by build tag; wheels of other platforms do not matter."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    wheels = [shelf.wheel("demo", "1.0", tag=t) for t in
              ("py3-none-any", f"{tag}-{tag}-linux_{os.uname().machine}", "cp27-cp27m-win32", "1-py2.py3-none-any")]
    shelf.write(package("demo", "1.0", *map(shelf.entry, wheels)))
    assert root.plan("--locked", shelf.lock)["install"][0]["url"] == wheels[1].as_uri()
    shelf.write(package("demo", "1.0", *map(shelf.entry, [wheels[0], wheels[2], wheels[3]])))
    assert root.plan("--locked", shelf.lock)["install"][0]["url"] == wheels[3].as_uri()


def test_markers_groups_and_environments(root, shelf):
    shelf.write(
        shelf.simple("always", "1.0"),
        shelf.simple("elsewhere", "1.0", marker="\"sys_platform == 'win32'\""),
        shelf.simple("extra", "1.0", marker="\"'more' in extras\""),
        shelf.simple("default", "1.0", marker="\"'main' in dependency_groups\""),
        shelf.simple("dev", "1.0", marker="\"'dev' in dependency_groups\""),
        shelf.simple("twice", "1.0", marker="\"sys_platform == 'linux'\""),
        shelf.simple("twice", "2.0", marker="\"sys_platform != 'linux'\""),
        head='extras = ["more"]\ndependency-groups = ["dev"]\ndefault-groups = ["main"]\n'
             'environments = ["sys_platform == \'win32\'", "sys_platform == \'linux\'"]\nrequires-python = ">=3.10"')
    plan = root.plan("--locked", shelf.lock)
    assert names(plan["install"]) == ["always 1.0", "default 1.0", "twice 1.0"]
    assert all(i["requested"] for i in plan["install"])  # no package says what it depends on


def test_all_reasons_at_once(root, shelf):
    """A lock that cannot be met changes nothing, and each reason is told with its place."""
    shelf.write(shelf.simple("before", "1.0"))
    root.sync("--locked", shelf.lock)
    before = tree(root.venv)
    other = shelf.wheel("other", "1.0", tag="cp27-cp27m-win32")
    weak = shelf.wheel("weak", "1.0")
    shelf.write(
        shelf.simple("fine", "1.0"),
        shelf.simple("werkzeug", "9.9"),
        shelf.simple("typing-extensions", "4.15.0"),
        package("folder", None) + 'directory = {path = "src", editable = true}\n',
        package("repository", None) + 'vcs = {type = "git", url = "https://git.example/r", commit-id = "abc"}\n',
        package("other", "1.0", shelf.entry(other)),
        package("weak", "1.0", shelf.entry(weak, md5="0" * 32)),
        shelf.simple("young", "1.0", requires_python='">=4"'),
        shelf.simple("double", "1.0"),
        shelf.simple("double", "2.0"))
    plan = root.plan("--locked", shelf.lock, status=1)
    assert plan["install"] == plan["remove"] == plan["base"] == []
    assert names(plan["keep"]) == ["before 1.0"]
    told = reasons(plan)
    for name, part in {"werkzeug==9.9": "LocalStack itself has werkzeug 3.1.6", "folder": "src is a folder", "repository": "of https://git.example/r is no whole commit",
                       "other==1.0": "none of its wheels in the lock is for this platform",
                       "weak==1.0": "no digest of weak-1.0-py3-none-any.whl that proves", "young==1.0": "needs Python >=4",
                       "double==2.0": "stands in the lock twice"}.items():
        assert part in told.pop(name), name
    assert told == {}
    lines = shelf.lock.read_text().split("\n")
    for failed in plan["failed"]:
        file, line = failed["from"].rsplit(":", 1)
        assert file == str(shelf.lock) and lines[int(line) - 1] == "[[packages]]"
        assert lines[int(line)] == f'name = "{failed["requirement"].split("=")[0]}"'
    done = root.sync("--locked", shelf.lock, status=1)
    assert f"the lock {shelf.lock} cannot be met whole, so nothing is changed" in done.err
    assert tree(root.venv) == before
    assert all(f["reason"] in done.err for f in plan["failed"])


@pytest.mark.parametrize("head, reason", [
    ('requires-python = ">=4"', "the lock is for Python >=4"),
    ('environments = ["sys_platform == \'win32\'", "os_name == \'nt\'"]', "for: sys_platform == 'win32'; or os_name == 'nt'"),
])
def test_another_environment(root, shelf, head, reason):
    shelf.write(shelf.simple("demo", "1.0"), head=head)
    failed = root.plan("--locked", shelf.lock, status=1)["failed"]
    assert [(f["requirement"], f["from"]) for f in failed] == [(str(shelf.lock), str(shelf.lock))]
    assert reason in failed[0]["reason"]


def test_by_hand_beside_a_lock(root, shelf):
    """What it asks for and does not get is told; into a venv that is made anew it cannot come."""
    shelf.write(shelf.simple("demo", "2.0"))
    root.sync("--locked", shelf.lock)
    root.pip("install", "--no-index", "--no-deps", make_wheel(root.folder / "hand", "hand", "1.0", ["demo<2"]))
    shelf.write(shelf.simple("demo", "2.1"))
    done = root.sync("--locked", shelf.lock)
    assert "hand 1.0 asks for demo<2, but demo is 2.1; the lock is obeyed" in done.err
    assert root.installed() == {"demo": "2.1", "hand": "1.0"}
    cfg = root.venv / "pyvenv.cfg"
    cfg.write_text(cfg.read_text().replace(str(root.base), "/another/base").replace("version = 3", "version = 2"))
    (root.venv / "bin/python3").unlink()
    bad = shelf.folder / "pylock.bad.toml"
    bad.write_text(lock_text(package("folder", None) + 'directory = {path = "src"}\n'))
    before = tree(root.venv)
    assert "made anew" not in root.sync("--locked", bad, status=1).err and tree(root.venv) == before
    done = root.sync("--locked", shelf.lock)
    assert "made anew" in done.err and "hand 1.0 was installed by hand and is not in the lock" in done.err
    assert root.installed() == {"demo": "2.1"}


# ---- the base


def test_the_bases_own_version_is_the_bases(root, shelf):
    shelf.write(shelf.simple("demo", "1.0", dependencies='[{name = "werkzeug"}]'), shelf.simple("werkzeug", "3.1.6"))
    plan = root.plan("--locked", shelf.lock)
    assert names(plan["install"]) == ["demo 1.0"]
    assert plan["base"] == [{"name": "werkzeug", "version": "3.1.6", "needed-by": ["demo"]}]


def test_another_version_than_the_bases_tolerated(root, shelf):
    shelf.write(shelf.simple("demo", "1.0"), shelf.simple("werkzeug", "3.0.0"))
    root.sync("--locked", shelf.lock, status=1)
    done = root.sync("--locked", shelf.lock, EXTENSION_BASE_CONFLICTS="tolerate")
    assert f"the lock has werkzeug 3.0.0 ({shelf.lock}:9), but LocalStack itself has 3.1.6, which is used" in done.err
    assert root.installed() == {"demo": "1.0"}


def test_made_beside_another_base(root, shelf):
    shelf.write(shelf.simple("demo", "1.0"), """
[tool.localstack-extensions]
base = [{name = "werkzeug", version = "3.0.9", needed-by = ["demo"]}, {name = "markupsafe", version = "3.0.3"},
        {name = "gone", version = "1"}, 7]
""")
    done = root.sync("--locked", shelf.lock)
    assert "made beside LocalStack's own werkzeug 3.0.9; this LocalStack has 3.1.6" in done.err
    assert "made beside gone 1 of LocalStack's own, and this LocalStack has none" in done.err
    assert "markupsafe" not in done.err
    assert names(root.plan("--locked", shelf.lock)["base"]) == ["markupsafe 3.0.3", "werkzeug 3.1.6"]


def test_metadata_that_asks_for_more(root, shelf):
    shelf.write(package("demo", "1.0", shelf.entry(shelf.wheel("demo", "1.0", ["absent>=2", "werkzeug<3", "part<2", "markupsafe",
                                                                            "never; sys_platform == 'win32'"]))),
                shelf.simple("part", "2.0"))
    done = root.sync("--locked", shelf.lock)
    assert "demo 1.0 asks for absent>=2, which neither the lock nor LocalStack itself has" in done.err
    assert "demo 1.0 asks for werkzeug<3, but werkzeug is 3.1.6" in done.err
    assert "demo 1.0 asks for part<2, but part is 2.0" in done.err
    assert "markupsafe" not in done.err and "never" not in done.err
    assert root.installed() == {"demo": "1.0", "part": "2.0"}


# ---- hashes


def digests(path, *algorithms):
    data = pathlib.Path(path).read_bytes()
    return {a: hashlib.new(a, data).hexdigest() for a in algorithms}


STRONG = ("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s")


@pytest.mark.parametrize("algorithm", STRONG)
def test_every_digest_alone(root, shelf, algorithm):
    wheel = shelf.wheel("demo", "1.0")
    shelf.write(package("demo", "1.0", shelf.entry(wheel, **{algorithm.upper(): digests(wheel, algorithm)[algorithm].upper()})))
    root.sync("--locked", shelf.lock)
    assert root.installed() == {"demo": "1.0"}


@pytest.mark.parametrize("algorithm", STRONG)
def test_one_wrong_digest_among_all(root, shelf, algorithm):
    wheel = shelf.wheel("demo", "1.0")
    given = digests(wheel, *STRONG)
    given[algorithm] = "0" * len(given[algorithm])
    shelf.write(shelf.simple("good", "1.0"), package("demo", "1.0", shelf.entry(wheel, **given)))
    done = root.sync("--locked", shelf.lock, status=1)
    assert f"demo==1.0 ({shelf.lock}:9) cannot be had as locked: demo-1.0-py3-none-any.whl came with the {algorithm} " in done.err
    assert root.installed() == {}


def test_a_wrong_size(root, shelf):
    wheel = shelf.wheel("demo", "1.0")
    shelf.write(package("demo", "1.0", shelf.entry(wheel).replace("hashes", "size = 7, hashes")))
    assert f"has {wheel.stat().st_size} bytes, but the lock says 7" in root.sync("--locked", shelf.lock, status=1).err
    shelf.write(package("demo", "1.0", shelf.entry(wheel).replace("hashes", f"size = {wheel.stat().st_size}, hashes")))
    root.sync("--locked", shelf.lock)


def test_all_that_cannot_be_fetched(root, index, shelf):
    wheel = index.add("demo", "1.0")
    base = index.server.url.replace("simple/", "files/")
    gone = shelf.wheel("gone", "1.0")
    bad = shelf.wheel("bad", "1.0", record="nonsense\n")
    shelf.write(package("demo", "1.0", wheel_entry(wheel, base + wheel.name)),
                package("gone", "1.0", wheel_entry(gone, base + gone.name)),
                package("missing", "1.0", wheel_entry("missing-1.0-py3-none-any.whl", sha256="0" * 64)),
                package("bad", "1.0", shelf.entry(bad)))
    done = root.sync("--locked", shelf.lock, status=1)
    for name in ("gone", "missing", "bad"):
        assert f"{name}==1.0 ({shelf.lock}:" in done.err, done
    assert f"gone-1.0-py3-none-any.whl is not there (404), although {shelf.lock} lists it" in done.err
    assert "demo==1.0" not in done.err and root.installed() == {}


def test_a_failure_is_remembered(root, index):
    """The boot tries again what a server did not give, and tells again, without a child, what only another lock mends."""
    wheel = index.add("demo", "1.0")
    url = index.server.url.replace("simple/", "files/") + wheel.name
    lock = index.folder / "pylock.toml"
    lock.write_text(lock_text(package("demo", "1.0", wheel_entry(wheel, url))))
    env = {"EXTENSION_LOCK": lock}
    data = wheel.read_bytes()
    wheel.unlink()
    assert "demo==1.0" in root.boot("true", env=env).err
    assert root.installed() == {}
    wheel.write_bytes(data)
    assert "requirements that failed are tried again" in root.boot("true", env=env).err
    assert root.installed() == {"demo": "1.0"}
    lock.write_text(lock_text(package("folder", None) + 'directory = {path = "src"}\n'))
    assert "src is a folder" in root.boot("true", env=env).err
    again = root.boot("true", env=env)
    assert "src is a folder" in again.err and "localstack-extensions:" not in again.err
    assert root.installed() == {"demo": "1.0"}


# ---- the file


FAULTS = {
    "no TOML": ("lock-version = 1\n=\n", ":2: this cannot be read as TOML: "),
    "no UTF-8": (b"a = 1\n# \xff\n", ":2: this cannot be read as TOML: this is not UTF-8"),
    "too deep": ("a = " + "[" * 70 + "]" * 70, ": this cannot be read as TOML: tables and arrays are more than 64 deep"),
    "newer": ('lock-version = "2.0"\ncreated-by = "x"\npackages = []\n', ": lock-version is 2.0; this program reads 1.0"),
    "no packages": ('lock-version = "1.0"\ncreated-by = "x"\n', ": packages is missing"),
    "a package": (lock_text("", package("Demo", "1")), ':5: packages[0]: name "Demo" has to be normalised: "demo"'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_lock(root, tmp_path, fault):
    """Named by the command line it is a usage error; as a setting it is a failure."""
    content, message = FAULTS[fault]
    lock = tmp_path / "pylock.toml"
    lock.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = root.run("sync", "--locked", lock)
    assert done.status == 2 and f"{lock}{message}" in done.err, done
    assert root.run("plan", "--locked", lock).status == 2
    failed = root.plan(status=1, EXTENSION_LOCK=lock)["failed"]
    assert len(failed) == 1 and failed[0]["requirement"] == str(lock)
    assert f'{failed[0]["from"]}: {failed[0]["reason"]}'.startswith(f"{lock}{message}")
    assert root.sync(status=1, EXTENSION_LOCK=lock).status == 1
    assert not root.venv.exists()


def test_no_file(root, index, tmp_path):
    lock = tmp_path / "pylock.toml"
    assert "No such file" in root.run("sync", "--locked", lock).err
    assert root.run("sync", "--locked", lock).status == 2
    assert root.run("sync", "--locked", index.server.url.replace("simple/", "files/pylock.toml")).status == 2
    assert root.plan(status=1, EXTENSION_LOCK=lock)["failed"][0]["from"] == str(lock)


def test_a_newer_minor_version(root, shelf):
    shelf.write(shelf.simple("demo", "1.0", colour='"red"'))
    shelf.lock.write_text(shelf.lock.read_text().replace('"1.0"', '"1.7"', 1).replace("created-by", "made-in = 2\ncreated-by", 1))
    done = root.sync("--locked", shelf.lock)
    assert f"{shelf.lock} is of lock-version 1.7, newer than the 1.0 that is known here" in done.err
    assert f"{shelf.lock}: made-in is a key that is not known here" in done.err
    assert f"{shelf.lock}:5: package demo: colour is a key" in done.err


def test_another_file_name(root, shelf):
    shelf.write(shelf.simple("demo", "1.0"))
    odd = shelf.folder / "my.lock"
    shelf.lock.rename(odd)
    assert "a lock file is named pylock.toml or pylock.NAME.toml" in root.sync("--locked", odd).err
    odd.rename(shelf.folder / "pylock.some.toml")
    assert "is named" not in root.sync("--locked", shelf.folder / "pylock.some.toml").err


def without(root, *modules):
    """The base's Python as one that lacks modules, behind a script: `-I -B -X utf8 -c TEXT` are its arguments."""
    path = root.folder / "python3"
    blocked = "; ".join(f"sys.modules['{m}'] = None" for m in modules)
    path.write_text(f"""#!/bin/sh
exec {root.base}/bin/python3 -I -B -X utf8 -c "import sys; {blocked}; exec(sys.argv[1])" "$6"
""")
    path.chmod(0o755)
    return path


def test_the_toml_reader_of_pip(root, shelf):
    """Python 3.10 has none of its own; pip brings one."""
    shelf.write(shelf.simple("demo", "1.0"))
    assert names(root.plan("--locked", shelf.lock, "--python", without(root, "tomllib"))["install"]) == ["demo 1.0"]
    done = root.run("plan", "--locked", shelf.lock, "--python", without(root, "tomllib", "pip"))
    assert done.status == 2 and "is older than 3.11 and has no pip" in done.err, done


# ---- over the network


def test_from_a_url(root, index):
    """Relative paths are relative to the lock's URL; credentials of the index go along, and into no message."""
    wheel = index.add("demo", "1.0+local")
    lock = index.folder / "index/files/pylock.toml"
    lock.write_text(lock_text(package("demo", "1.0+local", wheel_entry(wheel.name, sha256=sha256(wheel)))))
    url = index.server.url.replace("simple/", "files/pylock.toml")
    secret = url.replace("http://", "http://user:hidden@")
    done = root.sync("--locked", secret, "-v")
    assert root.installed() == {"demo": "1.0+local"}
    assert "hidden" not in done.err
    assert root.boot("true", env={"EXTENSION_LOCK": secret, "EXTENSION_LOG_LEVEL": "debug"}).status == 0
    state = (root.extensions / ".localstack-extensions.state").read_text()
    assert "hidden" not in state and "pylock.toml" in state
    again = root.boot("true", env={"EXTENSION_LOCK": secret, "EXTENSION_LOG_LEVEL": "debug"})
    assert "nothing changed since the last sync" in again.err


@pytest.mark.parametrize("where", ['path = "/etc/demo-1.0-py3-none-any.whl"', 'url = "file:///etc/demo-1.0-py3-none-any.whl"',
                                   'path = "//files.example/demo-1.0-py3-none-any.whl"'])
def test_a_lock_from_the_network_names_no_file_of_ours(root, index, where):
    lock = index.folder / "index/files/pylock.toml"
    lock.write_text(lock_text(package("demo", "1.0", f'{{{where}, hashes = {{sha256 = "{"0" * 64}"}}}}')))
    plan = root.plan("--locked", index.server.url.replace("simple/", "files/pylock.toml"), status=1)
    assert "may not name a file of this machine" in plan["failed"][0]["reason"]


# ---- writing


def lock(root, *args, status=0, **env):
    done = root.run("lock", *args, env=env)
    assert done.status == status, done
    return done


def read(text):
    """As packaging reads it, which refuses what is not to the specification."""
    document = tomllib.loads(text)
    Pylock.from_dict(document).validate()
    return document


def other_venv(folder):
    """A venv into which pip and uv of the tests' venv install."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=LONG)
    return folder


def run_tool(env, *args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=LONG, check=False,
                          env={"PATH": "/usr/bin:/bin", "HOME": env["HOME"], "PIP_CONFIG_FILE": "/dev/null", "LANG": "C.UTF-8",
                               "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(root, venv, *args):
    return run_tool(root.env, BIN / "python", "-m", "pip", "--python", venv / "bin/python", *args)


def uv(root, *args):
    return run_tool(root.env, BIN / "uv", "--no-progress", *args)


def venv_has(venv):
    out = {}
    for info in venv.glob("lib/python3*/site-packages/*.dist-info"):
        name, version = info.stem.rsplit("-", 1)
        out[name.replace("_", "-")] = version
    return out


def test_contents(root, index):
    demo_set(index)
    direct = make_wheel(index.folder / "local", "straight", "3.0", requires_python=">=3.10", requires=["lib-one"])
    index.index.projects["lib-one"]["lib_one-2.5-py3-none-any.whl"]["digest"] = False
    index.index.write("lib-one")
    root.requirements(f"viewer\ntyped>=0.1\n{direct}\n")
    made = lock(root)
    document = read(made.out)
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert {k: v for k, v in document.items() if k not in ("packages", "tool")} == {
        "lock-version": "1.0", "created-by": "localstack-extensions", "requires-python": f"=={minor}.*"}
    files = index.folder / "index/files"
    url = index.server.url.replace("simple/", "files/")

    def wheel(name):
        return {"name": name, "url": url + name, "hashes": {"sha256": sha256(files / name)}}

    assert document["packages"] == [
        {"name": "lib-one", "version": "2.5", "index": index.server.url, "wheels": [wheel("lib_one-2.5-py3-none-any.whl")]},
        {"name": "straight", "version": "3.0", "requires-python": ">=3.10", "dependencies": [{"name": "lib-one"}],
         "archive": {"path": str(direct), "hashes": {"sha256": sha256(direct)}}},
        {"name": "typed", "version": "0.3", "index": index.server.url, "dependencies": [{"name": "lib-one"}],
         "wheels": [wheel("typed-0.3-py3-none-any.whl")]},
        {"name": "viewer", "version": "1.0", "index": index.server.url, "wheels": [wheel("viewer-1.0-py3-none-any.whl")]},
    ]
    assert document["tool"] == {"localstack-extensions": {
        "base": [{"name": "werkzeug", "version": "3.1.6", "needed-by": ["viewer"]}]}}
    assert not root.venv.exists()
    assert lock(root).out == made.out


def test_to_a_file(root, index, tmp_path):
    """Written whole or not at all; paths of local wheels are relative to it."""
    shelf = tmp_path / "shelf/wheels 100%"
    make_wheel(shelf, "local-one", "1.0")
    index.add("demo", "1.0", ["local-one"])
    out = tmp_path / "out/deep/pylock.toml"
    out.parent.mkdir(parents=True)
    done = lock(root, "demo", "--find-links", shelf, "--output", out)
    assert done.out == "" and f"locked 2 distributions in {out}" in done.err
    packages = {p["name"]: p for p in read(out.read_text())["packages"]}
    assert packages["local-one"]["wheels"][0]["path"] == "../../shelf/wheels 100%/local_one-1.0-py3-none-any.whl"
    assert "index" not in packages["local-one"]
    near = lock(root, "demo", "--find-links", shelf, "-o", tmp_path / "shelf/pylock.toml")
    assert 'path = "wheels 100%/local_one-1.0-py3-none-any.whl"' in (tmp_path / "shelf/pylock.toml").read_text(), near
    on_stdout = lock(root, "demo", "--find-links", shelf, "-o", "-")
    assert f'path = "{shelf}/local_one-1.0-py3-none-any.whl"' in on_stdout.out
    assert list(out.parent.iterdir()) == [out]
    assert lock(root, "demo", "--find-links", shelf, "-o", "/dev/stdout").out != "" and pathlib.Path("/dev/stdout").is_symlink()
    root.sync("--locked", out)
    assert root.installed() == {"demo": "1.0", "local-one": "1.0"}
    before = out.read_bytes()
    failed = lock(root, "demo", "absent-name", "-o", out, status=1)
    assert "absent-name (argument) is set aside" in failed.err and "no lock is written" in failed.err
    assert out.read_bytes() == before
    assert lock(root, "absent-name", status=1).out == ""
    assert lock(root, "demo", "--find-links", shelf, "-o", tmp_path / "nowhere/pylock.toml", status=3).out == ""


def test_options_of_lock(root, shelf):
    assert "--locked names one to install from" in lock(root, "--locked", shelf.lock, status=2).err
    assert "only `lock` has the option --output" in root.run("plan", "-o", "x").err


def test_what_is_installed_stays_in_the_lock(root, index):
    """At its version, found on the index again, pre-release or yanked or not."""
    index.add("demo", "1.0")
    index.add("odd", "1.0rc1")
    index.add("gone", "1.0")
    root.sync("demo", "odd", "gone")
    index.add("demo", "2.0")
    index.add("odd", "2.0")
    index.index.projects["demo"]["demo-1.0-py3-none-any.whl"]["yanked"] = "old"
    index.index.write("demo")
    assert [p["version"] for p in read(lock(root, "demo", "odd").out)["packages"]] == ["1.0", "1.0rc1"]
    assert [p["version"] for p in read(lock(root, "demo", "odd", "--upgrade").out)["packages"]] == ["2.0", "2.0"]
    assert [p["version"] for p in read(lock(root, "demo>=2").out)["packages"]] == ["2.0"]
    index.index.withdraw("gone", "gone-1.0-py3-none-any.whl")
    done = lock(root, "demo", "gone", status=1)
    assert "gone==1.0 (installed) is set aside: it is installed and stays, but no index has a wheel of this version" in done.err
    index.add("gone", "1.1")
    lock(root, "gone", status=1)
    assert [p["version"] for p in read(lock(root, "gone", "--upgrade").out)["packages"]] == ["1.1"]


def test_by_hand_is_not_in_the_lock(root, index):
    index.add("demo", "1.0")
    root.sync("demo")
    root.pip("install", "--no-index", make_wheel(root.folder / "hand", "hand", "1.0"))
    assert [p["name"] for p in read(lock(root, "demo").out)["packages"]] == ["demo"]


def test_the_setting_does_not_count(root, index, shelf):
    """So that a lock can be made anew where one is in use."""
    index.add("demo", "1.0")
    shelf.write(shelf.simple("other", "1.0"))
    root.requirements("demo\n")
    assert [p["name"] for p in read(lock(root, EXTENSION_LOCK=shelf.lock).out)["packages"]] == ["demo"]


def test_environments(root, index):
    """Only what a wheel or a marker depended on."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    index.add("marked", "1.0", ["never; platform_system == 'Windows'", "other; extra == 'x' and os_name == 'nt'"])
    index.add("native", "1.0", tag=f"{tag}-{tag}-linux_{os.uname().machine}")
    assert read(lock(root, "marked").out)["environments"] == ["platform_system == 'Linux'"]
    assert read(lock(root, "native").out)["environments"] == [
        f"implementation_name == 'cpython' and platform_machine == '{os.uname().machine}' and sys_platform == 'linux'"]
    assert read(lock(root).out)["packages"] == []


def test_others_install_from_ours(root, index, tmp_path):
    index.add("demo", "1.0", ["part>=1", "never; sys_platform == 'win32'"])
    index.add("part", "2.0")
    straight = index.add("straight", "3.0")
    url = index.server.url.replace("simple/", "files/") + straight.name
    local = make_wheel(tmp_path / "shelf", "local-one", "1.0")
    out = tmp_path / "shelf/pylock.toml"
    lock(root, "demo", f"straight @ {url}", "local-one", "--find-links", local.parent, "-o", out)
    expected = {"demo": "1.0", "part": "2.0", "straight": "3.0", "local-one": "1.0"}
    by_pip = other_venv(tmp_path / "pip")
    pip(root, by_pip, "install", "-q", "-r", out)
    assert venv_has(by_pip) == expected
    for number, args in enumerate((["pip", "sync", "--preview"], ["pip", "install", "--preview", "-r"])):
        venv = other_venv(tmp_path / f"uv{number}")
        uv(root, *args, out, "--python", venv / "bin/python")
        assert venv_has(venv) == expected
    root.sync("--locked", out)
    assert root.installed() == expected


def test_we_install_from_pips(root, index, tmp_path):
    index.add("demo", "1.0", ["part>=1"])
    index.add("part", "2.0")
    straight = index.add("straight", "3.0")
    url = index.server.url.replace("simple/", "files/") + straight.name
    out = tmp_path / "pylock.toml"
    run_tool(root.env, BIN / "python", "-m", "pip", "lock", "-q", "--index-url", index.server.url, "-o", out, "demo",
             f"straight @ {url}")
    assert 'created-by = "pip"' in out.read_text()
    root.sync("--locked", out)
    assert root.installed() == {"demo": "1.0", "part": "2.0", "straight": "3.0"}
    assert names(root.plan("--locked", out)["keep"]) == ["demo 1.0", "part 2.0", "straight 3.0"]


def test_we_install_from_uvs(root, index, tmp_path):
    """uv's are for all platforms, with markers, groups and source distributions beside the wheels."""
    index.add("demo", "1.0", ["part>=1", "never; sys_platform == 'win32'"])
    index.add("never", "1.0")
    index.add("part", "2.0")
    index.index.add(make_sdist(index.folder / "new", "part", "2.0"))
    wanted = tmp_path / "requirements.in"
    wanted.write_text("demo\n")
    out = tmp_path / "pylock.toml"
    uv(root, "pip", "compile", "-q", "--universal", "--format", "pylock.toml", "--index-url", index.server.url, "-o", out, wanted,
       "--python", sys.executable)
    text = out.read_text()
    assert 'created-by = "uv"' in text and "never" in text
    root.sync("--locked", out)
    assert root.installed() == {"demo": "1.0", "part": "2.0"}
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["part"]\n'
        '[dependency-groups]\ndev = ["demo"]\n[tool.uv]\npackage = false\n')
    uv(root, "lock", "-q", "--project", project, "--index-url", index.server.url, "--python", sys.executable)
    out = project / "pylock.toml"
    out.write_text(uv(root, "export", "-q", "--project", project, "--index-url", index.server.url, "--format", "pylock.toml",
                      "--no-dev", "--python", sys.executable))
    root.sync("--locked", out)
    assert root.installed() == {"part": "2.0"}


def test_a_password_protected_index(root, workshop):
    wheel = workshop.add("demo", "1.0")
    server = workshop.serve(password="hidden")
    root.env["PIP_INDEX_URL"] = server.url.replace("http://", "http://user:hidden@")
    lock = workshop.folder / "pylock.toml"
    done = root.run("lock", "-o", lock, "demo")
    assert done.status == 0 and "hidden" not in lock.read_text() + done.err
    root.sync("--locked", lock)
    assert root.installed() == {"demo": "1.0"} and wheel.name in lock.read_text()


@pytest.mark.once
def test_real_extensions(localstack_root):
    """Locked from the real index over the real base, and the same again on an empty volume."""
    out = localstack_root.folder / "pylock.toml"
    lock(localstack_root, "localstack-extension-typedb", "localstack-wiremock", "-o", out)
    document = read(out.read_text())
    locked = {p["name"]: p["version"] for p in document["packages"]}
    assert {"localstack-extension-typedb", "localstack-wiremock", "httpx", "twisted"} <= set(locked)
    assert "typing-extensions" in {b["name"] for b in document["tool"]["localstack-extensions"]["base"]}
    done = localstack_root.sync("--locked", out)
    assert localstack_root.installed() == locked and "the lock is obeyed" not in done.err
    assert [names(v) for k, v in localstack_root.plan("--locked", out).items() if k in ("install", "remove", "failed")] == [[], [], []]


def test_tree_and_why_know_who_asks(root, index, tmp_path):
    index.add("tool", "1", ["part"])
    index.add("part", "1")
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "-o", lock, "tool").status == 0
    env = {"EXTENSION_LOCK": str(lock)}
    root.sync(**env)
    tree = root.run("tree", env=env)
    assert f"tool 1  (==1; asked for in {lock}:" in tree.out and "earlier" not in tree.out, tree
    why = root.run("why", "part", env=env)
    assert why.out.splitlines()[1].startswith(f"{lock}:") and "asks for tool==1" in why.out, why
