# SPDX-License-Identifier: Apache-2.0
"""check: every kind of fault made for real, found, told in text and JSON, and repaired by the next sync or boot."""

import json
import os
import shutil
import stat

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
