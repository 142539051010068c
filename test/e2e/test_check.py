# SPDX-License-Identifier: Apache-2.0
"""check: every kind of fault made for real, found, told in text and JSON, and repaired by the next sync or boot."""

import base64
import hashlib
import json
import os
import shutil
import stat
import subprocess

import pytest

from checks import another_sync, check_records, demo_set
from wheels import make_wheel

ASKED = {"EXTENSION_AUTO_INSTALL": "typed,viewer"}


def check(root, *args, env=None, status=1):
    """The problems of `check --format json`, after a look at their form."""
    done = root.run("check", "--format", "json", *args, env={**ASKED, **(env or {})})
    assert done.status == status, done
    answer = json.loads(done.out)
    assert sorted(answer) == ["ok", "problems"] and answer["ok"] is (status == 0) is (answer["problems"] == [])
    for problem in answer["problems"]:
        assert sorted(problem) == ["distribution", "kind", "message", "path", "repair"], problem
        assert problem["repair"] in ("sync", "by hand", None) and problem["message"], problem
    order = [tuple(p[k] or "" for k in ("distribution", "path", "kind", "message")) for p in answer["problems"]]
    assert order == sorted(order)
    return answer["problems"]


def brief(problems):
    return [(p["kind"], p["distribution"], p["repair"]) for p in problems]


def contents(folder):
    """All of a folder that a repair has to bring back: kinds, modes, bytes, links; without byte code, and but for the
    number of the sync."""
    out = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if "__pycache__" in name:
            continue
        mode = path.lstat().st_mode
        if path.is_symlink():
            out[name] = ("link", os.readlink(path))
        elif path.is_dir():
            out[name] = ("folder", stat.S_IMODE(mode))
        else:
            lines = [line for line in path.read_bytes().split(b"\n") if not line.startswith(b"localstack-sync")]
            out[name] = (stat.S_IMODE(mode), lines)
    return out


@pytest.fixture
def ready(root, index):
    demo_set(index)
    root.sync(**ASKED)
    return root


def state(root):
    return (root.extensions / ".localstack-extensions.state").read_text()


def everything(root):
    """All below the volume with what tells a change, but for the lock, whose bytes say who looked last."""
    return {p: (p.lstat().st_mtime_ns, p.lstat().st_mode) for p in root.volume.rglob("*") if p.name != ".localstack-extensions.lock"}


def test_nothing_wrong(ready):
    before, asked = everything(ready), state(ready)
    done = ready.run("check", env=ASKED)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("nothing is wrong with 3 distributions (") and "4 requirements" in done.out, done
    done = ready.run("check", "-q", env=ASKED)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert check(ready, "--offline", status=0) == []
    assert everything(ready) == before and state(ready) == asked
    assert ready.boot("/bin/true", env=ASKED).err == ""


def test_before_the_first_sync(root):
    done = root.run("check")
    assert (done.status, done.err) == (0, "") and "nothing is wrong with 0 distributions" in done.out, done
    assert brief(check(root)) == [("requirement", None, "sync")] * 2
    assert not root.extensions.exists()


def test_the_command_line(ready):
    done = ready.run("check", "typed")
    assert done.status == 2 and 'wants no arguments ("typed")' in done.err, done


def test_without_a_base(ready):
    shutil.rmtree(ready.base)
    done = ready.run("check", env=ASKED)
    assert done.status == 3 and str(ready.base) in done.err and done.out == "", done


def test_with_sync_never(ready):
    remove(ready)
    done = ready.run("check", env={**ASKED, "EXTENSION_SYNC": "never"})
    assert done.out.splitlines()[-1] == (
        "1 problem: 1 that `localstack-extensions sync` repairs, and with EXTENSION_SYNC=never no boot"), done


def test_byte_code_that_was_made_beforehand(ready):
    """By compileall, as an image may: it is no change and no fault, and goes with what it was made of."""
    subprocess.run([ready.base / "bin/python3", "-m", "compileall", "-q", ready.venv / "lib"], check=True)
    made = {p.parent.parent.name for p in ready.site.rglob("__pycache__/*.pyc")}
    assert made >= {"typed", "viewer", "lib_one"}
    done = ready.boot("/bin/true", env=ASKED)
    assert done.status == 0 and not done.err, done
    assert check(ready, status=0) == []
    ready.sync(EXTENSION_AUTO_INSTALL="viewer")
    assert {p.parent.parent.name for p in ready.site.rglob("__pycache__/*.pyc")} == {"viewer"}
    assert not (ready.site / "typed").exists()


def test_files_that_no_record_names_are_told_with_v_alone(ready):
    for name in ("typed/data/mine.txt", "typed/__pycache__/x.pyc", "viewer/more.py", "stranger/mine.py"):
        path = ready.site / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    assert check(ready, status=0) == []
    done = ready.run("check", "-v", env=ASKED)
    told = [line for line in done.err.splitlines() if "no distribution's list of files" in line]
    assert done.status == 0 and sorted(told) == [
        f"localstack-extensions: debug: {ready.site}/{name} is in no distribution's list of files"
        for name in ("typed/data/mine.txt", "viewer/more.py")], done


# ---- files, each broken in one way; what `check` says of it


def rewrite(path, data):
    """Other bytes in a file of its own: through the hard link the cache would have them too."""
    mode = path.stat().st_mode
    path.unlink()
    path.write_bytes(data)
    path.chmod(mode)


def remove(root):
    path = root.site / "typed/cli.py"
    path.unlink()
    return [("missing", path, "is missing")]


def grow(root):
    path = root.site / "typed/cli.py"
    rewrite(path, b"import os\n" + path.read_bytes())
    return [("changed", path, "was changed: it has 37 bytes, and RECORD says 27")]


def change(root):
    path = root.site / "typed/cli.py"
    rewrite(path, path.read_bytes().replace(b"'typed'", b"'typer'"))
    return [("changed", path, "was changed: its sha256 is not that of RECORD")]


def lose_mode(root):
    path = root.venv / "bin/typed-cli"
    path.chmod(0o644)
    return [("mode", path, "cannot be executed any more")]


def link_file(root):
    path = root.site / "typed/cli.py"
    shutil.copy(path, root.folder / "elsewhere.py")
    path.unlink()
    path.symlink_to(root.folder / "elsewhere.py")
    return [("type", path, "is a link, a folder or another thing in place of a file")]


def folder_for_file(root):
    path = root.site / "typed/cli.py"
    path.unlink()
    path.mkdir()
    (path / "more.py").write_text("")
    return [("type", path, "is a link, a folder or another thing in place of a file")]


def link_folder(root):
    path = root.site / "typed"
    path.rename(root.folder / "elsewhere")
    path.symlink_to(root.folder / "elsewhere")
    return [("type", path, "is a link in place of a folder")]


def file_for_folder(root):
    path = root.site / "typed"
    shutil.rmtree(path)
    path.write_text("")
    return [("type", path, "is no folder, but stands in place of a folder")]


def remove_record(root):
    path = root.info("typed") / "RECORD"
    path.unlink()
    return [("missing", path, "is missing, so that nobody knows its files")]


def damage_record(root):
    path = root.info("typed") / "RECORD"
    rewrite(path, path.read_bytes() + b'"\n')
    return [("record", path, "RECORD line 10: a quote is not closed")]


def remove_metadata(root):
    path = root.info("typed") / "METADATA"
    path.unlink()
    return [("missing", path, "is missing")]


def damage_metadata(root):
    path = root.info("typed") / "METADATA"
    rewrite(path, b"nothing")
    return [("changed", path, "was changed: it has 7 bytes"), ("metadata", path, "no Name")]


def another_metadata(root):
    path = root.info("typed") / "METADATA"
    rewrite(path, path.read_bytes().replace(b"Version: 0.3", b"Version: 9.9"))
    return [("metadata", root.info("typed"), "says that it is typed 9.9"), ("changed", path, "was changed")]


def remove_installer(root):
    path = root.info("typed") / "INSTALLER"
    path.unlink()
    return [("missing", path, "is missing")]


FILE_FAULTS = (remove, grow, change, lose_mode, link_file, folder_for_file, link_folder, file_for_folder, remove_record,
               damage_record, remove_metadata, damage_metadata, another_metadata, remove_installer)


def found(root, expected):
    """The problems are these, in text and JSON; nothing else was changed but the state's mark."""
    before = everything(root)
    problems = check(root)
    files = [p for p in problems if p["kind"] != "requirement"]
    assert [(p["kind"], p["path"]) for p in files] == [(kind, str(path)) for kind, path, _ in expected], problems
    for problem, (_, path, message) in zip(files, expected):
        assert str(path) in problem["message"] and message in problem["message"], problem
    for problem in problems:
        assert (problem["distribution"], problem["repair"]) == ("typed", "sync"), problem
    after = everything(root)
    assert {p for p in before if before[p] != after.get(p)} <= {root.extensions, root.extensions / ".localstack-extensions.state"}
    assert set(after) == set(before)
    done = root.run("check", env=ASKED)
    assert done.status == 1 and done.out.splitlines()[:-1] == [p["message"] for p in problems], done
    assert done.out.splitlines()[-1].startswith(f"{len(problems)} problem"), done
    assert state(root).count("mark\tdistribution\ttyped\n") == 1
    return problems


@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda f: f.__name__)
def test_a_fault_of_a_file(ready, fault):
    found(ready, fault(ready))


# ---- repaired


def by_sync(root):
    done = root.run("sync", env=ASKED)
    return done


def by_boot(root):
    done = root.boot("/bin/true", env=ASKED)
    assert "`localstack-extensions check` found" in done.err, done
    return done


def repaired(root, whole, way):
    """The venv is again, to the byte, what it was, and the next boot has nothing to do."""
    done = way(root)
    assert done.status == 0, done
    assert contents(root.venv) == whole
    check_records(root)
    assert "mark\t" not in state(root)
    assert check(root, status=0) == []
    assert root.boot("/bin/true", env=ASKED).err == ""
    return done


@pytest.mark.parametrize("way", [by_sync, by_boot])
@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda f: f.__name__)
def test_a_fault_of_a_file_is_repaired(ready, fault, way):
    whole = contents(ready.venv)
    fault(ready)
    check(ready)
    done = repaired(ready, whole, way)
    assert "installed typed 0.3 (repaired): resolved in " in done.err, done


def test_what_the_cache_has_is_read_before_it_is_used(ready, index):
    """In place, through the hard link, and with its time put back: the cache's own look at sizes and times sees nothing."""
    whole = contents(ready.venv)
    path = ready.site / "typed/cli.py"
    assert path.stat().st_nlink > 1
    before = path.stat()
    data = path.read_bytes()
    with open(path, "r+b") as file:
        file.write(data.replace(b"'typed'", b"'typer'"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [p["kind"] for p in check(ready)] == ["changed"]
    asked = len(index.server.requests())
    done = repaired(ready, whole, by_sync)
    assert "is thrown away: typed/cli.py was changed" in done.err and "downloading 1 wheel" in done.err, done
    assert any("typed-0.3" in r for r in index.server.requests()[asked:])


def test_what_the_cache_has_whole_is_not_fetched_again(ready, index):
    whole = contents(ready.venv)
    grow(ready)
    check(ready)
    asked = len([r for r in index.server.requests() if ".whl" in r])
    done = repaired(ready, whole, by_sync)
    assert "downloaded 0 " in done.err and "thrown away" not in done.err, done
    assert len([r for r in index.server.requests() if ".whl" in r]) == asked


def test_a_check_that_finds_it_mended_takes_the_mark_back(ready):
    before = state(ready)
    path = ready.site / "typed/cli.py"
    data = path.read_bytes()
    rewrite(path, b"")
    times = [(p, p.stat()) for p in (ready.site, ready.venv / "bin")]
    check(ready)
    assert state(ready) != before
    rewrite(path, data)
    for folder, was in times:
        os.utime(folder, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert check(ready, status=0) == [] and state(ready) == before
    assert ready.boot("/bin/true", env=ASKED).err == ""


@pytest.mark.parametrize("text", [None, "garbage\n", "localstack-extensions-state\t2\t\nend\t\t\n"])
def test_a_state_that_is_gone_or_no_state(ready, text):
    whole = contents(ready.venv)
    path = ready.extensions / ".localstack-extensions.state"
    path.unlink()
    if text:
        path.write_text(text)
    grow(ready)
    check(ready)
    repaired(ready, whole, by_boot)


def test_plan_shows_the_repair(ready):
    grow(ready)
    assert [p["name"] for p in ready.plan(**ASKED)["install"]] == []
    check(ready)
    plan = ready.plan(**ASKED)
    assert [(p["name"], p["version"], p["replaces"], p["requested"]) for p in plan["install"]] == [("typed", "0.3", "0.3", True)]
    assert [p["name"] for p in plan["keep"]] == ["lib-one", "viewer"]


def test_what_cannot_be_had_anew_stays_and_is_tried_again(ready, index):
    whole = contents(ready.venv)
    shutil.rmtree(ready.volume / "cache")
    remove(ready)
    check(ready)
    damaged = contents(ready.venv)
    done = ready.boot("/bin/true", env={**ASKED, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert done.status == 0 and "`check` found typed at fault, and it cannot be had anew: " in done.err, done
    assert contents(ready.venv) == damaged and "mark\tdistribution\ttyped\n" in state(ready)
    done = ready.run("sync", "--offline", env=ASKED)
    assert done.status == 1 and "the network is switched off" in done.err, done
    repaired(ready, whole, by_boot)


def test_a_version_that_is_gone_gives_way_to_one_that_fits(ready, index):
    index.add("typed", "0.4", ["lib-one"])
    index.index.withdraw("typed", "typed-0.3-py3-none-any.whl")
    shutil.rmtree(ready.volume / "cache")
    remove(ready)
    check(ready)
    done = ready.sync(**ASKED)
    assert "installed typed 0.4 (was 0.3): " in done.err and ready.installed()["typed"] == "0.4", done
    assert check(ready, status=0) == []


@pytest.mark.parametrize("form", ["path", "url", "lock"])
def test_a_direct_reference_or_a_lock(root, index, tmp_path, form):
    wheel = make_wheel(tmp_path / "links", "mine", "3.0", files={"mine.py": "value = 1\n"})
    if form == "lock":
        index.add("mine", "3.0", files={"mine.py": "value = 1\n"})
        done = root.run("lock", "-o", tmp_path / "pylock.toml", "mine")
        assert done.status == 0, done
        asked = {"EXTENSION_LOCK": tmp_path / "pylock.toml"}
    else:
        asked = {"EXTENSION_AUTO_INSTALL": f"mine @ {wheel.as_uri()}" if form == "url" else str(wheel)}
    root.sync(**asked)
    whole = contents(root.venv)
    rewrite(root.site / "mine.py", b"value = 2\n")
    assert brief(check(root, env={"EXTENSION_AUTO_INSTALL": None, **asked})) == [("changed", "mine", "sync")]
    done = root.boot("/bin/true", env=asked)
    assert "installed mine 3.0 (repaired)" in done.err and contents(root.venv) == whole, done
    assert root.boot("/bin/true", env=asked).err == ""


# ---- by hand


def test_what_was_installed_by_hand_is_told_and_left_alone(ready, index):
    index.add("mine", "5", files={"mine.py": "value = 1\n"})
    ready.pip("install", "-q", "--index-url", index.server.url, "mine")
    ready.sync(**ASKED)
    before = state(ready)
    rewrite(ready.site / "mine.py", b"value = 2\n")
    damaged = contents(ready.venv)
    assert brief(check(ready)) == [("changed", "mine", "by hand")]
    command = f"{ready.venv}/bin/pip install --force-reinstall --no-deps mine==5"
    lines = ready.run("check", env=ASKED).out.splitlines()
    assert lines[1:] == ["1 problem: 1 to be repaired by hand",
                         f"mine was installed by hand, so that no sync changes it: {command}"], lines
    assert state(ready) == before
    ready.sync(**ASKED)
    assert contents(ready.venv) == damaged
    ready.pip(*command.split()[1:], "-q", "--index-url", index.server.url)
    assert check(ready, status=0) == []


def test_a_dependency_of_what_was_installed_by_hand_is_repaired(ready, index):
    index.add("mine", "5", ["helper"])
    index.add("helper", "1", files={"helper.py": "value = 1\n"})
    ready.pip("install", "-q", "--index-url", index.server.url, "mine")
    ready.sync(**ASKED)
    rewrite(ready.site / "helper.py", b"value = 2\n")
    assert brief(check(ready)) == [("changed", "helper", "sync")]
    ready.sync(**ASKED)
    assert check(ready, status=0) == [] and (ready.site / "helper.py").read_text() == "value = 1\n"
    ready.pip("uninstall", "-q", "-y", "helper")
    problem, = check(ready)
    assert problem["message"] == "mine 5 requires helper, which is not installed" and problem["repair"] == "sync"
    by_boot(ready)
    assert ready.installed()["helper"] == "1" and check(ready, status=0) == []


# ---- the venv's own files


def no_lib64(root):
    (root.venv / "lib64").unlink()
    return root.venv / "lib64", "is missing"


def lib64_folder(root):
    (root.venv / "lib64").unlink()
    (root.venv / "lib64").mkdir()
    (root.venv / "lib64/mine.txt").write_text("")
    return root.venv / "lib64", "is no link to lib"


def lib64_elsewhere(root):
    (root.venv / "lib64").unlink()
    (root.venv / "lib64").symlink_to("bin")
    return root.venv / "lib64", "does not lead to"


def dangling_python(root):
    path = root.venv / "bin" / root.python
    path.unlink()
    path.symlink_to("/nowhere/python")
    return root.venv, "is a link to nothing"


def another_python(root):
    path = root.venv / "bin/python3"
    path.unlink()
    path.symlink_to("/bin/true")
    return root.venv, "bin/python3 is another interpreter than the base's"


def versioned_python(root):
    path = root.venv / "bin" / root.python
    target = os.readlink(path)
    for name in ("python", "python3"):
        (root.venv / "bin" / name).unlink()
        (root.venv / "bin" / name).symlink_to(target)
    path.unlink()
    path.symlink_to("/nowhere/python")
    return path, "leads to nothing, and not to"


def no_activate(root):
    path = root.venv / "bin/activate.fish"
    path.unlink()
    return path, "is missing"


def no_pip(root):
    path = root.venv / "bin/pip3"
    path.unlink()
    return path, "is missing"


def cfg_version(root):
    path = root.venv / "pyvenv.cfg"
    path.write_text(path.read_text().replace("version = 3.", "version = 2."))
    return root.venv, "it was made for Python 2."


def cfg_home(root):
    path = root.venv / "pyvenv.cfg"
    path.write_text(path.read_text().replace("home = /", "home = /else"))
    return root.venv, "it was made from another interpreter"


def cfg_path(root):
    path = root.venv / "pyvenv.cfg"
    path.write_text(path.read_text().replace("-m venv /", "-m venv /else/"))
    return root.venv, "names another path than its own"


def another_base(root):
    (root.site / "localstack-venv.pth").write_text("/usr/lib/python3/dist-packages\n")
    return root.venv, "its localstack-venv.pth names another base"


VENV_FAULTS = (no_lib64, lib64_folder, lib64_elsewhere, dangling_python, another_python, versioned_python, no_activate, no_pip,
               cfg_version, cfg_home, cfg_path, another_base)


@pytest.mark.parametrize("fault", VENV_FAULTS, ids=lambda f: f.__name__)
def test_a_fault_of_the_venv_is_found_and_repaired(ready, fault):
    whole = contents(ready.venv)
    path, message = fault(ready)
    problem, = check(ready)
    assert (problem["kind"], problem["distribution"], problem["path"], problem["repair"]) == ("venv", None, str(path), "sync")
    assert message in problem["message"], problem
    repaired(ready, whole, by_boot)


def edit_script(root, line):
    """Another first line, and a RECORD that agrees."""
    path, record = root.venv / "bin/typed-cli", root.info("typed") / "RECORD"
    data = line + path.read_bytes().split(b"\n", 1)[1]
    rewrite(path, data)
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    rows = [f"../../../bin/typed-cli,sha256={digest},{len(data)}" if row.startswith("../../../bin/typed-cli,") else row
            for row in record.read_text().splitlines()]
    rewrite(record, ("\n".join(rows) + "\n").encode())


@pytest.mark.parametrize("line", [b"#!/else/bin/python\n", b"#!/bin/sh\n'''exec' \"/else/bin/python\" \"$0\" \"$@\"\n' '''\n"])
def test_a_script_of_another_venv(ready, line):
    whole = contents(ready.venv)
    edit_script(ready, line)
    problem, = check(ready)
    assert (problem["kind"], problem["path"]) == ("script", str(ready.venv / "bin/typed-cli"))
    assert problem["message"].endswith("interpreter: " + (line.decode().split("\n")[1 if b"sh\n" in line else 0])), problem
    repaired(ready, whole, by_sync)


@pytest.fixture
def source(ready, tmp_path):
    """A developer's source in the venv, as it is installed: a package, and one in a namespace."""
    folder = tmp_path / "source"
    for path in ("pack/__init__.py", "space/name/__init__.py"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text("")
    (folder / "entry_points.txt").write_text("[console_scripts]\npack = pack:main\n")
    subprocess.run([ready.programs.folder / "tools/source", "install", ready.venv, ready.site.relative_to(ready.venv), "pack", "1",
                    folder], check=True)
    return folder


MARK = "localstack-extensions-namespace.txt"
DAMAGED_LINKS = {
    "gone": ("pack", "missing", "the link to its source"),
    "nowhere": ("pack", "link", "leads to nothing"),
    "elsewhere": ("pack", "link", "and not into its source"),
    "beside": ("pack", "link", "and not into its source"),
    "file": ("pack", "type", "stands in place of a link to its source"),
    "folder": ("pack", "type", "stands in place of a link to its source"),
    "namespace": ("space", "type", "is a link in place of a folder"),
    "mark": (f"space/{MARK}", "missing", "would remove the folder with everything in it"),
}


def damage_link(site, source, how):
    path = site / DAMAGED_LINKS[how][0]
    if how == "nowhere":
        return shutil.rmtree(source / "pack")
    path.rename(site.parent / "aside")
    target = {"elsewhere": "/", "beside": f"{source}-2", "namespace": site.parent / "aside"}.get(how)
    if target:
        path.symlink_to(target)
    elif how == "folder":
        path.mkdir()
    elif how == "file":
        path.write_text("")


@pytest.mark.parametrize("how", DAMAGED_LINKS)
def test_a_developers_links(ready, source, how):
    assert check(ready, status=0) == []
    done = ready.run("check", "-v", env=ASKED)
    assert done.status == 0 and MARK not in done.err, done
    damage_link(ready.site, source, how)
    problem, = check(ready)
    path, kind, words = DAMAGED_LINKS[how]
    assert (problem["kind"], problem["distribution"], problem["path"]) == (kind, "pack", str(ready.site / path)), problem
    assert problem["repair"] == "sync" and words in problem["message"], problem


def test_a_developers_scripts_and_dist_info(ready, source):
    (ready.venv / "bin/pack").unlink()
    (ready.info("pack") / "METADATA").write_bytes((ready.info("pack") / "METADATA").read_bytes() + b"\n")
    assert [(p["kind"], p["path"]) for p in check(ready)] == [
        ("missing", str(ready.venv / "bin/pack")), ("changed", str(ready.info("pack") / "METADATA"))]


def test_anothers_link(ready, tmp_path):
    """As `flit install --symlink` has it."""
    source = tmp_path / "source/pack"
    source.mkdir(parents=True)
    info = ready.site / "pack-1.dist-info"
    info.mkdir()
    (ready.site / "pack").symlink_to(source)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pack\nVersion: 1\n")
    (info / "INSTALLER").write_text("flit\n")
    (info / "direct_url.json").write_text(json.dumps({"url": source.parent.as_uri(), "dir_info": {"editable": True}}))
    (info / "RECORD").write_text("".join(f"{n},,\n" for n in ("pack", *(f"{info.name}/{f.name}" for f in info.iterdir()))))
    assert check(ready, status=0) == []
    source.rmdir()
    problem, = check(ready)
    assert (problem["distribution"], problem["path"]) == ("pack", str(ready.site / "pack"))


# ---- requirements


def test_what_is_asked_for_and_is_not_there(ready, index):
    env = {"EXTENSION_AUTO_INSTALL": "typed,viewer>=2,other"}
    problems = check(ready, env=env)
    assert [(p["kind"], p["distribution"], p["path"], p["repair"]) for p in problems] == [("requirement", None, None, "sync")] * 2
    assert [p["message"] for p in problems] == ["EXTENSION_AUTO_INSTALL asks for other, which is not installed",
                                                "EXTENSION_AUTO_INSTALL asks for viewer>=2, but there is 1.0"]
    index.add("viewer", "2.0")
    done = ready.run("sync", env=env)
    assert done.status == 1 and ready.installed()["viewer"] == "2.0", done
    problem, = check(ready, env=env)
    assert problem["repair"] is None and problem["message"] == (
        "EXTENSION_AUTO_INSTALL asks for other, which is not installed; the last sync set it aside, and each boot tries it again")
    assert ready.run("check", env=env).out.splitlines()[-1] == "1 problem: 1 that each boot tries again"


def test_a_requirement_that_cannot_be_read(ready):
    problem, = check(ready, env={"EXTENSION_AUTO_INSTALL": "typed,viewer,foo bar"})
    assert problem["repair"] == "by hand" and problem["message"].startswith("foo bar (EXTENSION_AUTO_INSTALL): "), problem


def test_no_password_is_told(ready):
    ready.requirements("other @ https://me:secret@files.example/other-1-py3-none-any.whl\n")
    done = ready.run("check", env=ASKED), ready.run("check", "--format", "json", env=ASKED)
    for one in done:
        assert one.status == 1 and "files.example" in one.out and "secret" not in one.out + one.err, one


def test_what_an_extension_requires_and_is_not_there(ready):
    whole = contents(ready.venv)
    ready.pip("uninstall", "-q", "-y", "lib-one")
    problem, = check(ready)
    assert (problem["kind"], problem["distribution"], problem["repair"]) == ("requirement", "typed", "sync")
    assert problem["message"] == "typed 0.3 requires Lib_One>=2, which is not installed"
    repaired(ready, whole, by_boot)


def test_what_is_there_in_a_wrong_version(ready, index):
    index.add("lib-one", "1.0")
    ready.pip("install", "-q", "--index-url", index.server.url, "lib-one==1.0")
    problem, = check(ready)
    assert problem["repair"] == "by hand"
    assert problem["message"] == "typed 0.3 requires Lib_One>=2, but there is 1.0, installed by hand"
    (ready.info("lib-one") / "REQUESTED").unlink()
    problems = check(ready)
    assert ("requirement", "typed", "sync") in brief(problems), problems
    ready.sync(**ASKED)
    assert ready.installed()["lib-one"] == "2.5" and check(ready, status=0) == []


def base_pip(root, *args):
    subprocess.run([root.base / "bin/python3", "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--disable-pip-version-check",
                    *map(str, args)], check=True, env={"PATH": "/usr/bin:/bin", "HOME": root.env["HOME"]}, timeout=120)


def test_the_base_comes_first(root, index, tmp_path):
    index.add("ext", "1", ["werkzeug>=3"])
    asked = {"EXTENSION_AUTO_INSTALL": "ext"}
    root.sync(**asked)
    base_pip(root, make_wheel(tmp_path / "base", "werkzeug", "2.0"))
    problems = check(root, env=asked)
    assert brief(problems) == [("base", None, "sync"), ("requirement", "ext", "sync")]
    assert problems[0]["message"] == f"since the last sync the distributions in {root.base}/lib/{root.python}/site-packages changed"
    assert problems[1]["message"] == "ext 1 requires werkzeug>=3, but LocalStack itself has 2.0"
    assert brief(check(root, env={**asked, "EXTENSION_BASE_CONFLICTS": "tolerate"})) == [("base", None, "sync")]
    index.add("ext", "0.9", ["werkzeug>=1"])
    done = root.boot("/bin/true", env=asked)
    assert root.installed() == {"ext": "0.9"} and check(root, env=asked, status=0) == [], done


def test_what_the_base_shadows(ready, tmp_path):
    base_pip(ready, make_wheel(tmp_path / "base", "lib-one", "2.6"))
    problems = check(ready)
    assert brief(problems) == [("base", None, "sync"), ("shadowed", "lib-one", "sync")]
    assert problems[1]["message"] == "lib-one 2.5 is never imported: LocalStack itself has 2.6, which comes first"
    by_boot(ready)
    assert "lib-one" not in ready.installed() and check(ready, status=0) == []
    ready.pip("install", "-q", "--no-index", "--no-deps", "--target", ready.site, make_wheel(tmp_path / "more", "werkzeug", "3.0"))
    assert brief(check(ready)) == [("shadowed", "werkzeug", "by hand")]


# ---- leftovers


def test_leftovers_beside_the_venv(ready):
    beside = ready.extensions
    for name in (".localstack-extensions.staging", ".localstack-extensions.cache"):
        (beside / name).mkdir()
    (beside / "..localstack-extensions.state.0a1b2c3d.new").write_text("")
    problems = check(ready)
    assert brief(problems) == [("leftover", None, "sync")] * 3
    assert [os.path.basename(p["path"]) for p in problems] == [
        "..localstack-extensions.state.0a1b2c3d.new", ".localstack-extensions.cache", ".localstack-extensions.staging"]
    by_boot(ready)
    assert check(ready, status=0) == []


def test_the_record_of_a_sync_that_was_not_finished(ready):
    (ready.extensions / ".localstack-extensions.commit").write_text("localstack-extensions commit 1\n")
    problem, = check(ready)
    assert problem["message"].endswith("is the record of a sync that was not finished"), problem
    ready.sync(**ASKED)
    assert check(ready, status=0) == []


def test_leftovers_in_the_venv(ready):
    before = state(ready)
    for name in ("~yped", "typed-0.4.dist-info", "broken.dist-info"):
        (ready.site / name).mkdir()
    problems = check(ready)
    assert [(p["kind"], p["distribution"], os.path.basename(p["path"]), p["repair"]) for p in problems] == [
        ("metadata", None, "broken.dist-info", "by hand"), ("leftover", None, "~yped", "by hand"),
        ("duplicate", "typed", "typed-0.4.dist-info", "by hand")]
    assert ready.run("check", env=ASKED).out.splitlines()[3:] == ["3 problems: 3 to be repaired by hand"]
    assert state(ready) == before


def test_a_distribution_without_a_list_of_files(ready):
    """What a pip that was killed leaves of one of ours."""
    whole = contents(ready.venv)
    for name in ("RECORD", "METADATA"):
        (ready.info("lib-one") / name).unlink()
    assert [p["kind"] for p in check(ready) if p["distribution"] == "lib-one"] == ["missing", "missing"]
    repaired(ready, whole, by_sync)


# ---- what cannot be recorded


def test_while_another_sync_is_at_work(ready):
    whole = contents(ready.venv)
    before = state(ready)
    grow(ready)
    (ready.extensions / ".localstack-extensions.staging").mkdir()
    with another_sync(ready):
        done = ready.run("check", "--format", "json", env=ASKED)
        assert done.status == 1 and brief(json.loads(done.out)["problems"]) == [("changed", "typed", "sync")], done
        assert "warning: this is not recorded for the next sync: another sync is at work on this volume" in done.err, done
        assert state(ready) == before
    check(ready)
    repaired(ready, whole, by_boot)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems of its own")
def test_on_a_volume_that_cannot_be_written(ready):
    before = state(ready)
    grow(ready)
    wrap = ["unshare", "-m", "sh", "-c", f'mount --bind {ready.volume} {ready.volume} && mount -o remount,ro,bind {ready.volume} && exec "$@"',
            "sh"]
    done = ready.run("check", env=ASKED, wrap=wrap)
    assert done.status == 1 and "1 problem: 1 that the next boot repairs" in done.out, done
    assert "Read-only file system, so that the next boot does not know of it: run `localstack-extensions sync` where" in done.err, done
    assert state(ready) == before
