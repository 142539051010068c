# SPDX-License-Identifier: Apache-2.0
"""Folders with a project in them, named by path or URL: a wheel of what they are now is built and installed."""

import json
import os
import re

import pytest

from checks import check_records, leftovers
from repositories import Repository
from sources import make_folder


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "the source", "from-folder", "1.0", ["needed"])


def built(done):
    return re.findall(r"built (.+) in [0-9.]+ s", done.err)


def recorded(root, name):
    return json.loads((root.info(name) / "direct_url.json").read_text())


def tree(folder):
    return {path: (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("form", ["path", "url", "name", "egg", "relative", "install"])
def test_folders(root, index, folder, form):
    index.add("needed", "1.0")
    before = tree(folder)
    url = folder.as_uri()
    env = {}
    if form == "install":
        (root.conf / "extensions.yaml").write_text(f'install: ["{folder}"]\n')
    elif form == "relative":
        root.requirements(f"./{os.path.relpath(folder, root.conf)}\n")
    else:
        env["EXTENSION_AUTO_INSTALL"] = {"path": str(folder), "url": url, "name": f"from-folder @ {url}", "egg": f"{url}#egg=from_folder"}[form]
    done = root.sync(**env)
    assert built(done) == [str(folder)]
    assert root.installed() == {"from-folder": "1.0", "needed": "1.0"}
    assert root.localstack_sees("import from_folder; print(from_folder.version)") == "1.0"
    assert recorded(root, "from-folder") == {"url": url, "dir_info": {}}
    assert tree(folder) == before
    check_records(root)
    assert root.run("check", env=env).status == 0
    assert leftovers(root) == []
    assert root.boot("/bin/echo", "on", env=env).err == ""


def test_what_is_edited_is_built_again(root, index, folder):
    """A boot sees what the project's own files tell; every sync, for whatever reason, looks at the rest too."""
    index.add("needed", "1.0")
    env = {"EXTENSION_AUTO_INSTALL": str(folder)}
    root.sync(**env)
    (folder / "from_folder/__init__.py").write_text("version = 'edited'\n")
    assert root.boot("/bin/echo", "on", env=env).err == ""
    index.add("other", "1.0")
    done = root.sync(EXTENSION_AUTO_INSTALL=f"{folder},other")
    assert built(done) == [str(folder)]
    assert root.localstack_sees("import from_folder; print(from_folder.version)") == "edited"
    make_folder(folder, "from-folder", "2.0", [])
    done = root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": f"{folder},other"})
    assert f"the folder {folder} changed" in done.err and built(done) == [str(folder)]
    assert root.installed() == {"from-folder": "2.0", "other": "1.0"}


def test_what_is_as_it_was_is_not_built_again(root, index, folder):
    index.add("needed", "1.0")
    index.add("other", "1.0")
    env = {"EXTENSION_AUTO_INSTALL": str(folder)}
    root.sync(**env)
    # Neither from the cache, nor without it.
    root.sync(EXTENSION_AUTO_INSTALL="")
    assert root.installed() == {}
    index.stop()
    assert built(root.sync("--offline", **env)) == [] and root.installed() == {"from-folder": "1.0", "needed": "1.0"}
    assert root.run("cache", "clean").status == 0
    os.utime(folder / "pyproject.toml")
    (folder / "__pycache__").mkdir()
    done = root.boot("/bin/echo", "on", env=env)
    assert f"the folder {folder} changed" in done.err and built(done) == []


def test_a_name_that_only_a_build_tells(root, index, tmp_path):
    folder = make_folder(tmp_path / "src", "from-folder", "1.0", project=False)
    env = {"EXTENSION_AUTO_INSTALL": str(folder)}
    assert built(root.sync(**env)) == [str(folder)]
    assert root.installed() == {"from-folder": "1.0"}
    index.add("other", "1.0")
    assert built(root.sync(EXTENSION_AUTO_INSTALL=f"{folder},other")) == []
    assert root.boot("/bin/echo", "on", env={"EXTENSION_AUTO_INSTALL": f"{folder},other"}).err == ""


def test_a_project_below_the_folder(root, tmp_path):
    make_folder(tmp_path / "many/inner", "from-folder", "1.0")
    url = f"{(tmp_path / 'many').as_uri()}#egg=from-folder&subdirectory=inner"
    env = {"EXTENSION_AUTO_INSTALL": url}
    root.sync(**env)
    assert root.installed() == {"from-folder": "1.0"}
    assert recorded(root, "from-folder") == {"url": (tmp_path / "many").as_uri(), "dir_info": {}, "subdirectory": "inner"}
    assert root.boot("/bin/echo", "on", env=env).err == ""


def test_plan_and_list_say_where_from(root, index, folder):
    index.add("needed", "1.0")
    plan = root.plan(EXTENSION_AUTO_INSTALL=str(folder))
    found, = (entry for entry in plan["install"] if entry["name"] == "from-folder")
    assert (found["source"], found["url"], found["hash"], found["dev"]) == ("path", folder.as_uri(), None, False)
    root.sync(EXTENSION_AUTO_INSTALL=str(folder))
    assert folder.as_uri() in root.run("list").out


@pytest.mark.parametrize("what", ["no project", "nothing there", "other name", "no end"])
def test_folders_that_are_no_good(root, index, folder, tmp_path, what):
    index.add("needed", "1.0")
    index.add("other", "1.0")
    reference = str(folder)
    if what == "no project":
        (folder / "pyproject.toml").unlink()
        reason = f"the folder {folder} is no Python project: it has neither a pyproject.toml nor a setup.py"
    elif what == "nothing there":
        reference = str(folder / "nowhere/")
        reason = "there is no file or folder"
    elif what == "other name":
        reference = f"another @ {folder.as_uri()}"
        reason = "its source is another distribution's: the build made from_folder-1.0-py3-none-any.whl"
    else:
        (folder / ("d/" * 120)).mkdir(parents=True)
        reason = "more than 100 deep"
    done = root.sync(status=1, EXTENSION_AUTO_INSTALL=f"{reference},other")
    assert reason in done.err
    assert root.installed() == {"other": "1.0"}
    assert leftovers(root) == []


def test_a_folder_that_is_gone_keeps_what_was_built(root, index, folder):
    index.add("needed", "1.0")
    index.add("other", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL=str(folder))
    folder.rename(folder.parent / "away")
    done = root.sync(status=1, EXTENSION_AUTO_INSTALL=f"{folder},other")
    assert "there is no file or folder" in done.err
    assert root.installed() == {"from-folder": "1.0", "needed": "1.0", "other": "1.0"}


def test_a_version_of_git_is_part_of_what_a_folder_is(root, index, folder):
    """Tools that take the version from tags see another one after a commit; an index that git refreshes is nothing new."""
    index.add("needed", "1.0")
    git = folder / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs/heads/main").write_text("1" * 40)
    (git / "index").write_text("one")
    env = {"EXTENSION_AUTO_INSTALL": str(folder)}
    root.sync(**env)
    (git / "index").write_text("two")
    index.add("other", "1.0")
    assert built(root.sync(EXTENSION_AUTO_INSTALL=f"{folder},other")) == []
    (git / "refs/heads/main").write_text("2" * 40)
    assert built(root.sync(**env)) == [str(folder)]


def test_a_folder_that_something_else_requires(root, index, folder):
    index.add("needed", "1.0")
    index.add("user", "1.0", [f"from-folder @ {folder.as_uri()}"])
    root.sync(EXTENSION_AUTO_INSTALL="user")
    assert root.installed() == {"from-folder": "1.0", "needed": "1.0", "user": "1.0"}


def test_folders_and_repositories_are_built_side_by_side(root, index, tmp_path):
    folders = [make_folder(tmp_path / name, name, "1.0") for name in ("one", "two")]
    repository = Repository(tmp_path / "repository")
    made = make_folder(tmp_path / "made", "three", "1.0")
    repository.commit({str(p.relative_to(made)): p.read_text() for p in made.rglob("*") if p.is_file()})
    url = repository.folder.as_uri()
    done = root.sync(EXTENSION_AUTO_INSTALL=",".join([*map(str, folders), f"git+{url}#egg=three"]))
    assert root.installed() == {"one": "1.0", "two": "1.0", "three": "1.0"}
    lines = [line for line in done.err.splitlines() if "building " in line or "built " in line]
    assert ["building" in line for line in lines] == [True] * 3 + [False] * 3, lines


def test_what_fails_to_build_is_built_once_in_a_run(root, index, folder, tmp_path):
    """However often the solver comes by: here it looks at an index again for another requirement that cannot be met."""
    index.add("needed", "1.0")
    index.add("other", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="other")
    (folder / "backend.py").write_text("def build_wheel(*args):\n    raise RuntimeError('no spoon')\n")
    second = make_folder(tmp_path / "second", "second", "1.0")
    done = root.sync(EXTENSION_AUTO_INSTALL=f"other,{folder},other>=2,{second}", status=1)
    assert done.err.count(f"building {folder}\n") == 1 and done.err.count("RuntimeError: no spoon") >= 1
    assert "other>=2 (EXTENSION_AUTO_INSTALL) is set aside" in done.err
    assert root.installed() == {"other": "1.0", "second": "1.0"}
