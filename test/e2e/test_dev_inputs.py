# SPDX-License-Identifier: Apache-2.0
"""Developers' sources: every file that decides what one installs is an input of the boot, and every tree comes to an end."""

import os

import pytest

from sources import make_folder
from test_dev_corners import Gate
from test_dev_mode import boot, project, unchanged, write

BUILD = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
DYNAMIC = BUILD + '[project]\nname = "mine"\nversion = "1"\ndynamic = ["{field}"]\n[tool.setuptools.dynamic]\n{field} = {{file = ["{file}"]}}\n'
CFG = "[metadata]\nname = mine\nversion = 1\n[options]\n"


@pytest.fixture(params=["developer's", "editable"])
def source(request, root, tmp_path):
    """A folder whose project is used as it stands."""
    if request.param == "editable":
        folder = tmp_path / "mine"
        root.requirements(f"-e {folder}\n")
    else:
        root.env["EXTENSION_DEV_MODE"] = "1"
        folder = root.folder / "opt/code/extensions/mine"
    write(folder, {"mine/__init__.py": ""})
    return folder


def noticed(root, reason):
    done = boot(root)
    assert f"preparing the extensions: {reason}" in done.err, done
    unchanged(root)


# ---- files that a project file leads to

@pytest.mark.parametrize("files", [{"pyproject.toml": DYNAMIC.format(field="dependencies", file="needs/list.txt")},
                                   {"setup.cfg": CFG + "install_requires = file: needs/list.txt\n", "setup.py": "import setuptools\nsetuptools.setup()\n"}],
                         ids=["pyproject.toml", "setup.cfg"])
def test_a_file_of_requirements(root, index, source, files):
    for version in ("1.0", "2.0"):
        index.add("aaa", version)
    index.add("bbb", "1.0")
    file = source / "needs/list.txt"
    write(source, {**files, "needs/list.txt": "aaa==1.0\n", "needs/other.txt": ""})
    boot(root)
    assert root.installed() == {"mine": "1", "aaa": "1.0"}
    unchanged(root)
    file.write_text("aaa==2.0\nbbb\n")
    noticed(root, f"{file} changed")
    assert root.installed() == {"mine": "1", "aaa": "2.0", "bbb": "1.0"}
    (source / "needs/other.txt").write_text("nobody reads it\n")
    unchanged(root)
    # Without it there is no project, until it is back.
    file.unlink()
    assert f"preparing the extensions: {file} is gone" in boot(root).err
    assert "needs/list.txt, and there is no such file" in unchanged(root).err
    file.write_text("bbb\n")
    noticed(root, f"{file} is new")
    assert root.installed() == {"mine": "1", "bbb": "1.0"}


def test_a_file_that_was_never_there(root, index, source):
    index.add("aaa", "1.0")
    write(source, {"pyproject.toml": DYNAMIC.format(field="dependencies", file="needs/list.txt"), "needs/README": ""})
    assert "needs/list.txt, and there is no such file" in boot(root).err
    assert root.installed() == {}
    unchanged(root)
    write(source, {"needs/list.txt": "aaa\n"})
    noticed(root, f"{source}/needs/list.txt is new")
    assert root.installed() == {"mine": "1", "aaa": "1.0"}


def test_a_file_that_leads_out_of_the_source(root, index, source, tmp_path):
    index.add("aaa", "1.0")
    (tmp_path / "shared.txt").write_text("aaa\n")
    write(source, {"pyproject.toml": DYNAMIC.format(field="dependencies", file="list.txt")})
    (source / "list.txt").symlink_to(tmp_path / "shared.txt")
    assert "outside of the project's folder" in boot(root).err
    unchanged(root)
    (source / "list.txt").unlink()
    (source / "list.txt").write_text("aaa # of its own\n")
    noticed(root, f"{source}/list.txt changed")
    assert root.installed() == {"mine": "1", "aaa": "1.0"}


def test_a_file_of_entry_points(root, source):
    write(source, {"pyproject.toml": DYNAMIC.format(field="entry-points", file="meta/points.ini"), "meta/points.ini": "[a.group]\none = mine:one\n"})
    boot(root)
    write(source, {"meta/points.ini": "[a.group]\nother = mine:other\n"})
    noticed(root, f"{source}/meta/points.ini changed")
    assert (root.info("mine") / "entry_points.txt").read_text() == "[a.group]\nother = mine:other\n"


@pytest.mark.parametrize("said", ['file = ["meta/VERSION"]', 'attr = "mine._version.number"'])
def test_what_has_the_version(root, source, said):
    write(source, {"pyproject.toml": f'{BUILD}[project]\nname = "mine"\ndynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {{{said}}}\n',
                   "meta/VERSION": "1.0\n", "mine/_version.py": "number = '1.0'\n"})
    boot(root)
    assert root.installed() == {"mine": "1.0"}
    file, text = ("meta/VERSION", "1.2.3\n") if "VERSION" in said else ("mine/_version.py", "number = '1.2.3'\n")
    write(source, {file: text})
    noticed(root, f"{source}/{file} changed")
    assert root.installed() == {"mine": "1.2.3"}
    write(source, {"mine/__init__.py": "code alone\n"})
    unchanged(root)


def test_a_file_that_is_edited_while_the_sync_runs(root, index, source, tmp_path):
    """Who read it before knows the old one, and so does the state."""
    index.add("aaa", "1.0")
    index.add("bbb", "1.0")
    folder, gate = make_folder(tmp_path / "folder", "from-folder", "1.0"), Gate(tmp_path)
    gate.put(folder / "backend.py")
    root.requirements(f"-e {source}\n{folder}\n")
    write(source, {"pyproject.toml": DYNAMIC.format(field="dependencies", file="needs/list.txt"), "needs/list.txt": "aaa\n"})
    gate.during(root, lambda: write(source, {"needs/list.txt": "aaa\nbbb\n"}))
    assert root.installed() == {"mine": "1", "aaa": "1.0", "from-folder": "1.0"}
    noticed(root, f"{source}/needs/list.txt changed")
    assert root.installed() == {"mine": "1", "aaa": "1.0", "bbb": "1.0", "from-folder": "1.0"}


# ---- new packages

@pytest.mark.parametrize("top", ["", "src/"])
def test_a_package_deep_in_a_namespace(root, source, top):
    project(source, "mine", files={f"{top}acme/cloud/one/__init__.py": "", f"{top}acme/cloud/one/more/__init__.py": ""},
            extra='[tool.setuptools.packages.find]\ninclude = ["acme*"]\n' + (f'where = ["{top[:-1]}"]\n' if top else ""))
    boot(root)
    assert sorted(p.name for p in (root.site / "acme/cloud").iterdir() if p.is_symlink()) == ["one"]
    write(source, {f"{top}acme/cloud/one/other/__init__.py": ""})
    unchanged(root)
    write(source, {f"{top}acme/cloud/two/__init__.py": ""})
    noticed(root, f"the folder {source} changed")
    assert os.readlink(root.site / "acme/cloud/two") == f"{source}/{top}acme/cloud/two"


@pytest.mark.parametrize("where", ["src/main/python", "code/python-3"])
def test_a_package_where_a_project_has_its_packages(root, source, where):
    project(source, "mine", files={f"{where}/one/__init__.py": ""}, extra=f'[tool.setuptools.packages.find]\nwhere = ["{where}"]\n')
    boot(root)
    write(source, {f"{where}/one/other.py": "", "docs/x.py": ""})
    boot(root)
    unchanged(root)
    write(source, {f"{where}/two/__init__.py": ""})
    noticed(root, "the folder ")
    assert (root.site / "two").is_symlink()
    write(source, {f"{where}/mine.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: mine\nVersion: 0.1.0\n",
                   f"{where}/mine.egg-info/entry_points.txt": "[a.group]\none = one:x\n"})
    noticed(root, f"the folder {source}/{where} changed")
    assert "one = one:x" in (root.info("mine") / "entry_points.txt").read_text()


def test_a_package_that_a_project_names_and_has_not_yet(root, source):
    project(source, "mine", files={"lib/code/one/__init__.py": "", "lib/README": ""},
            extra='[tool.setuptools]\npackages = ["one", "two"]\npackage-dir = {"" = "lib/code"}\n')
    assert f"{source}/lib/code/two, which the project in {source} installs as two, is missing" in boot(root).err
    unchanged(root)
    write(source, {"lib/code/two/__init__.py": ""})
    noticed(root, f"the folder {source}")
    assert (root.site / "two").is_symlink()


# ---- hostile trees

PLUX = '[build-system]\nrequires = ["setuptools", "plux"]\n[project]\nname = "mine"\nversion = "1"\n'


def link(folder, **links):
    folder.mkdir(exist_ok=True)
    for name, target in links.items():
        (folder / name).symlink_to(target)


@pytest.mark.parametrize("sync_first", [True, False])
def test_links_that_lead_round(root, source, sync_first):
    """They are nobody's packages: neither the boot nor the sync may follow them without end."""
    write(source, {"pyproject.toml": PLUX})
    if sync_first:
        boot(root)
    link(source / "data", a=".", b=".")
    link(source / "mine", a=".", b="..")
    link(source / "src", a=".", b="..", c="../src")
    boot(root)
    assert root.installed() == {"mine": "1"}
    unchanged(root)
    write(source, {"mine/hooks.py": ""})
    noticed(root, f"code that may have entry points in it changed in {source}")
    assert root.run("check").status == 0 and root.run("plan").status == 0


def test_links_to_what_changes_by_itself(root, source):
    write(source, {"pyproject.toml": PLUX})
    link(source, host="/proc/self", proc="/proc")
    boot(root)
    unchanged(root)
    unchanged(root)


def test_a_package_that_is_a_link(root, source, tmp_path):
    write(source, {"pyproject.toml": PLUX})
    (source / "mine").rename(tmp_path / "code")
    link(source, mine=tmp_path / "code")
    boot(root)
    unchanged(root)
    (tmp_path / "code/hooks.py").write_text("")
    noticed(root, f"code that may have entry points in it changed in {source}")
