# SPDX-License-Identifier: Apache-2.0
"""Developers' sources, -e and folders where several things meet."""

import concurrent.futures
import json
import os
import signal
import subprocess

import pytest

from sources import make_folder, make_source
from test_dev_mode import boot, project, sees, sources, unchanged, write  # noqa: F401

BROKEN = "[project\n"


def quiet(root, **env):
    done = unchanged(root, **env)
    said = [line for line in done.err.splitlines() if "developer mode enabled" not in line and "- mounting extension" not in line]
    assert said == [], done


class Gate:
    """A build that says when it has begun, and goes on when it may."""

    def __init__(self, folder):
        self.begun, self.may = folder / "begun", folder / "may"
        os.mkfifo(self.begun)
        os.mkfifo(self.may)

    def put(self, backend):
        text = backend.read_text()
        backend.write_text(f"import os\nif os.path.exists({str(self.may)!r}):\n    open({str(self.begun)!r}).read()\n"
                           f"    open({str(self.may)!r}).read()\n{text}")

    def during(self, root, deed, **env):
        """A boot, and what is done while it builds."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = pool.submit(boot, root, **env)
            self.begun.write_text("")
            self.begun.unlink()
            deed()
            self.may.write_text("")
            self.may.unlink()
            return done.result()


# ---- what could not be used is looked at again when it changed

@pytest.mark.parametrize("form", ["-e {path}", "{path}", "my-extension @ {url}", "-e my-extension@{url}"])
@pytest.mark.parametrize("fault", ["broken", "no project"])
def test_a_folder_that_is_mended(root, tmp_path, form, fault):
    source = project(tmp_path / "src", "my-extension", "1.0")
    good = (source / "pyproject.toml").read_text()
    if fault == "broken":
        (source / "pyproject.toml").write_text(BROKEN)
    else:
        (source / "pyproject.toml").unlink()
    root.requirements(form.format(path=source, url=source.as_uri()) + "\n")
    root.env["EXTENSION_OFFLINE"] = "1"
    first = boot(root)
    assert root.installed() == {}, first
    if form.startswith("-e"):
        (source / "pyproject.toml").write_text(good)
        done = boot(root)
        assert root.installed() == {"my-extension": "1.0"}, done
        quiet(root)
    else:
        make_folder(source, "my-extension", "2.0")
        done = boot(root)
        assert root.installed() == {"my-extension": "2.0"}, done
        quiet(root)


def test_the_second_of_two_editables_is_renamed(root, tmp_path):
    one = project(tmp_path / "one", "my-extension", "1.0")
    two = project(tmp_path / "two", "my-extension", "2.0", files={"other/__init__.py": ""})
    root.requirements(f"-e {one}\n-e {two}\n")
    done = boot(root)
    assert root.installed() == {"my-extension": "1.0"} and f"{one} and {two} are both sources" in done.err
    assert "both sources" in unchanged(root).err
    project(two, "other-name", "2.0", files={})
    boot(root)
    assert root.installed() == {"my-extension": "1.0", "other-name": "2.0"}
    quiet(root)


# ---- folders

def test_a_project_below_a_folder_is_edited(root, tmp_path):
    make_folder(tmp_path / "many/inner", "from-folder", "1.0")
    root.requirements(f"{(tmp_path / 'many').as_uri()}#egg=from-folder&subdirectory=inner\n")
    boot(root)
    assert root.installed() == {"from-folder": "1.0"}
    make_folder(tmp_path / "many/inner", "from-folder", "2.0")
    boot(root)
    assert root.installed() == {"from-folder": "2.0"}
    quiet(root)


def test_a_folder_that_a_source_requires_is_edited(root, sources, tmp_path):
    folder = make_folder(tmp_path / "folder", "from-folder", "1.0")
    project(sources / "src", "my-extension", requires=[f"from-folder @ {folder.as_uri()}"])
    boot(root)
    assert root.installed() == {"from-folder": "1.0", "my-extension": "0.1.0"}
    quiet(root)
    make_folder(folder, "from-folder", "2.0")
    boot(root)
    assert root.installed() == {"from-folder": "2.0", "my-extension": "0.1.0"}
    quiet(root)


@pytest.mark.parametrize("form", ["{path}", "from-folder @ {url}"])
def test_a_folder_that_is_edited_while_it_is_built(root, tmp_path, form):
    """What is built is what the digest is of; what was edited since then is for the next boot."""
    folder, gate = make_folder(tmp_path / "src", "from-folder", "1.0"), Gate(tmp_path)
    gate.put(folder / "backend.py")
    root.requirements(form.format(path=folder, url=folder.as_uri()) + "\n")
    gate.during(root, lambda: make_folder(folder, "from-folder", "2.0"))
    assert root.installed() == {"from-folder": "1.0"}
    boot(root)
    assert root.installed() == {"from-folder": "2.0"}
    quiet(root)


def test_a_source_that_is_mended_while_another_is_built(root, sources, tmp_path):
    broken, gate = project(sources / "a", "my-extension"), Gate(tmp_path)
    good = (broken / "pyproject.toml").read_text()
    (broken / "pyproject.toml").write_text(BROKEN)
    gate.put(make_folder(sources / "b", "built-one", "1.0", project=False) / "backend.py")
    gate.during(root, lambda: (broken / "pyproject.toml").write_text(good))
    assert root.installed() == {"built-one": "1.0"}
    boot(root)
    assert root.installed() == {"built-one": "1.0", "my-extension": "0.1.0"}
    quiet(root)


# ---- -e in the forms that pip takes

@pytest.mark.parametrize("form", ["{url}/", "{url}#egg=my-extension", "{localhost}", "{path}/", "{path}/../src", "my-extension@{url}#egg=my_extension",
                                  '"my-extension @ {url}"', "{odd}", "{link}"])
def test_urls_of_an_editable(root, tmp_path, form):
    source = project(tmp_path / "src", "my-extension", "2.0")
    (tmp_path / "link").symlink_to("src")
    url = source.as_uri()
    root.requirements("-e " + form.format(path=source, url=url, localhost=url.replace("file://", "file://localhost"),
                                          odd=url.replace("src", "sr%63"), link=tmp_path / "link") + "\n")
    done = boot(root)
    assert root.installed() == {"my-extension": "2.0"}, done
    assert sees(root, "my_extension") == "2.0"
    quiet(root)
    plan = root.plan()
    assert [k["name"] for k in plan["keep"]] == ["my-extension"] and plan["install"] == [] == plan["remove"], plan


def test_a_subdirectory_of_an_editable(root, tmp_path):
    project(tmp_path / "many", "outer-one", "1.0")
    source = project(tmp_path / "many/inner", "my-extension", "2.0")
    root.requirements(f"-e {(tmp_path / 'many').as_uri()}#egg=my-extension&subdirectory=inner\n")
    done = boot(root)
    assert root.installed() == {"my-extension": "2.0"}, done
    assert os.readlink(root.site / "my_extension") == str(source / "my_extension")
    quiet(root)
    project(source, "my-extension", "3.0")
    boot(root)
    assert root.installed() == {"my-extension": "3.0"}


@pytest.mark.parametrize("form", ["-e other-name@{url}", "-e {url}#egg=other-name", "other-name @ {url}"])
def test_a_name_that_is_another_ones(root, tmp_path, form):
    source = project(tmp_path / "src", "my-extension", "2.0")
    root.requirements(form.format(url=source.as_uri()) + "\n")
    root.env["EXTENSION_OFFLINE"] = "1"
    done = boot(root)
    assert root.installed() == {}, done
    if form.startswith("-e"):
        assert "my-extension" in done.err and "other-name" in done.err, done


# ---- one folder, asked for twice

@pytest.mark.parametrize("form", ["-e {path}", "-e {link}", "{path}", "my-extension @ {url}", "{url}"])
def test_a_source_that_is_asked_for_as_a_folder_too(developer, form, tmp_path):
    root = developer.root
    source = developer.source("my-extension", "my-extension", "1.0")
    (tmp_path / "link").symlink_to(source)
    root.requirements(form.format(path=source, url=source.as_uri(), link=tmp_path / "link") + "\n")
    done = developer.boot()
    assert "both sources" not in done.err and "is used instead" not in done.err, done
    assert root.installed() == {"my-extension": "1.0"}
    again = developer.boot()
    assert again.err.count("preparing") == 0, again
    assert "both" not in again.err


# ---- a source of another name

@pytest.mark.parametrize("other", ["", "absent-thing"])
def test_a_source_is_renamed(root, index, sources, other):
    source = project(sources / "src", "old-name", "1.0", files={"pack/__init__.py": "version = 1\n"})
    boot(root, EXTENSION_AUTO_INSTALL=other)
    assert root.installed() == {"old-name": "1.0"}
    project(source, "new-name", "1.0", files={"pack/__init__.py": "version = 2\n"})
    done = boot(root, EXTENSION_AUTO_INSTALL=other)
    assert root.installed() == {"new-name": "1.0"}, done
    assert sees(root, "pack") == "2"
    if not other:
        quiet(root)


def test_a_source_is_renamed_while_its_old_name_is_asked_for(root, index, sources):
    index.add("old-name", "0.5", files={"other/__init__.py": "version = 'released'\n"})
    source = project(sources / "src", "old-name", "1.0", files={"pack/__init__.py": "version = 1\n"})
    boot(root, EXTENSION_AUTO_INSTALL="old-name")
    assert root.installed() == {"old-name": "1.0"}
    project(source, "new-name", "1.0", files={"pack/__init__.py": "version = 2\n"})
    done = boot(root, EXTENSION_AUTO_INSTALL="old-name")
    assert root.installed() == {"new-name": "1.0", "old-name": "0.5"}, done
    quiet(root, EXTENSION_AUTO_INSTALL="old-name")


# ---- what is broken for a while keeps its links

@pytest.mark.parametrize("kind", ["source", "editable"])
def test_half_way_through_an_edit(root, index, kind, tmp_path):
    index.add("my-extension", "0.1", files={"my_extension/__init__.py": "version = 'released'\n"})
    index.add("user", "1.0", ["my-extension"])
    index.add("more", "1.0")
    if kind == "source":
        root.env["EXTENSION_DEV_MODE"] = "1"
        place = root.folder / "opt/code/extensions/my-extension"
    else:
        place = tmp_path / "src"
        root.requirements(f"-e {place}\n")
    source = project(place, "my-extension", "1.0")
    good = (source / "pyproject.toml").read_text()
    boot(root, EXTENSION_AUTO_INSTALL="user,my-extension")
    assert root.installed() == {"my-extension": "1.0", "user": "1.0"}
    (source / "pyproject.toml").write_text(BROKEN)
    done = boot(root, EXTENSION_AUTO_INSTALL="user,my-extension,more")
    assert f"{source}/pyproject.toml" in done.err
    assert root.installed() == {"my-extension": "1.0", "user": "1.0", "more": "1.0"}, done
    assert sees(root, "my_extension") == "1.0"
    assert f"{source}/pyproject.toml" in unchanged(root, EXTENSION_AUTO_INSTALL="user,my-extension,more").err
    (source / "pyproject.toml").write_text(good)
    boot(root, EXTENSION_AUTO_INSTALL="user,my-extension,more")
    quiet(root, EXTENSION_AUTO_INSTALL="user,my-extension,more")


def test_a_folder_that_vanishes_while_something_else_fails(root, index, sources):
    source = project(sources / "src", "my-extension", "1.0")
    boot(root, EXTENSION_AUTO_INSTALL="absent-thing")
    assert root.installed() == {"my-extension": "1.0"}
    source.rename(root.folder / "away")
    boot(root, EXTENSION_AUTO_INSTALL="absent-thing")
    assert root.installed() == {} and not os.path.lexists(root.site / "my_extension")
    (root.folder / "away").rename(source)
    boot(root, EXTENSION_AUTO_INSTALL="absent-thing")
    assert root.installed() == {"my-extension": "1.0"}


def test_links_become_a_build_and_links_again(root, tmp_path):
    folder = make_folder(tmp_path / "src", "from-folder", "1.0")
    for form, linked in (("-e ", True), ("", False), ("-e ", True)):
        root.requirements(f"{form}{folder}\n")
        boot(root)
        assert root.installed() == {"from-folder": "1.0"} and (root.site / "from_folder").is_symlink() == linked
        quiet(root)


# ---- the base

def test_a_source_of_what_the_base_has_loosens_nobody(root, index, sources):
    project(sources / "wz", "werkzeug", "9.0")
    index.add("user", "1.0", ["werkzeug>=9"])
    done = boot(root, EXTENSION_AUTO_INSTALL="user,werkzeug==9.0")
    assert root.installed() == {}, done
    assert "is used instead" not in done.err
    assert "werkzeug==9.0 (EXTENSION_AUTO_INSTALL) is set aside" in done.err, done


def test_a_source_that_needs_another_version_of_the_base(root, index, sources):
    project(sources / "one", "ext-one", requires=["werkzeug>=9"])
    project(sources / "two", "ext-two", requires=["werkzeug"])
    boot(root)
    assert root.installed() == {"ext-two": "0.1.0"}
    boot(root, EXTENSION_BASE_CONFLICTS="tolerate")
    assert root.installed() == {"ext-one": "0.1.0", "ext-two": "0.1.0"}
    unchanged(root, EXTENSION_BASE_CONFLICTS="tolerate")


def test_a_lock_with_what_the_base_has_beside_a_source_of_it(root, index, sources, tmp_path):
    index.add("user", "1.0", ["werkzeug"])
    lock = tmp_path / "pylock.toml"
    root.env.pop("EXTENSION_DEV_MODE")
    assert root.run("lock", "--output", str(lock), "user").status == 0
    root.env["EXTENSION_DEV_MODE"] = "1"
    project(sources / "wz", "werkzeug", "9.0")
    boot(root, EXTENSION_LOCK=str(lock))
    assert root.installed() == {"user": "1.0"}


# ---- upgrades

@pytest.mark.parametrize("kind", ["folder", "editable", "source", "archive", "wheel by URL", "archive by URL"])
def test_upgrades_leave_what_is_as_it_was(root, index, tmp_path, kind):
    folder = make_folder(tmp_path / "src", "from-folder", "1.0")
    if kind == "source":
        root.env["EXTENSION_DEV_MODE"] = "1"
        (root.folder / "opt/code/extensions").mkdir(parents=True)
        folder.rename(root.folder / "opt/code/extensions/one")
    elif kind == "archive":
        root.requirements(f"{make_source(tmp_path, 'from-archive', '1.0')}\n")
    elif kind == "wheel by URL":
        index.add("mine", "1.0")
        root.requirements(f"mine @ {index.server.url.removesuffix('/simple/')}/files/mine-1.0-py3-none-any.whl\n")
    elif kind == "archive by URL":
        index.index.add(make_source(tmp_path, "mine", "1.0"))
        root.requirements(f"mine @ {index.server.url.removesuffix('/simple/')}/files/mine-1.0.tar.gz\n")
    else:
        root.requirements(f"{'-e ' if kind == 'editable' else ''}{folder}\n")
    boot(root, EXTENSION_UPGRADE="1")
    assert len(root.installed()) == 1
    done = boot(root, EXTENSION_UPGRADE="1")
    assert ": installed " not in done.err, done


# ---- locks

def test_a_lock_of_what_is_linked(root, index, sources, tmp_path):
    index.add("my-extension", "1.0")
    project(sources / "src", "my-extension", "2.0")
    boot(root)
    lock = tmp_path / "pylock.toml"
    done = root.run("lock", "--output", str(lock), "my-extension")
    assert done.status == 0, done
    assert 'version = "1.0"' in lock.read_text()


# ---- by hand

def by_hand(root, name, version, folder):
    """What pip install -e leaves."""
    info = root.site / f"{name.replace('-', '_')}-{version}.dist-info"
    write(info, {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "INSTALLER": "pip\n", "REQUESTED": "",
                 "direct_url.json": json.dumps({"url": folder.as_uri(), "dir_info": {"editable": True}}),
                 "RECORD": "".join(f"{info.name}/{f},,\n" for f in ("METADATA", "INSTALLER", "REQUESTED", "direct_url.json", "RECORD"))
                 + f"__editable__.{name}.pth,,\n"})
    (root.site / f"__editable__.{name}.pth").write_text(f"{folder}\n")


def test_an_editable_by_hand(root, index, tmp_path):
    index.add("my-extension", "1.0")
    index.add("other", "1.0")
    index.add("more", "1.0")
    boot(root, EXTENSION_AUTO_INSTALL="other")
    by_hand(root, "my-extension", "2.0", tmp_path / "src")
    done = boot(root, EXTENSION_AUTO_INSTALL="other,my-extension")
    assert "my-extension 2.0 was installed by hand as editable and stays as it is" in done.err
    assert root.installed() == {"my-extension": "2.0", "other": "1.0"}
    plan = root.plan(EXTENSION_AUTO_INSTALL="other,my-extension")
    assert plan["install"] == [] == plan["remove"], plan
    boot(root, EXTENSION_AUTO_INSTALL="other,my-extension,more")
    assert root.installed() == {"my-extension": "2.0", "more": "1.0", "other": "1.0"}
    assert (root.info("my-extension") / "INSTALLER").read_text() == "pip\n"


def test_a_source_over_an_editable_by_hand(root, index, sources, tmp_path):
    index.add("other", "1.0")
    boot(root, EXTENSION_AUTO_INSTALL="other")
    by_hand(root, "my-extension", "2.0", tmp_path / "src")
    project(sources / "src", "my-extension", "3.0")
    boot(root, EXTENSION_AUTO_INSTALL="other")
    assert root.installed() == {"my-extension": "3.0", "other": "1.0"}
    assert not (root.site / "__editable__.my-extension.pth").exists()
    quiet(root, EXTENSION_AUTO_INSTALL="other")


def test_constraints_that_cannot_be_read(root, index, tmp_path):
    index.add("x-ext", "0.1")
    editable = project(tmp_path / "src", "x-ext", "2.0")
    root.requirements(f"-c {tmp_path}/nowhere.txt\n-e {editable}\n")
    done = boot(root, EXTENSION_AUTO_INSTALL="x-ext")
    assert f"-e {editable} ({root.conf}/extensions.txt:2) is set aside" in done.err
    assert root.installed() == {"x-ext": "0.1"}


# ---- hashes

def test_hashes_and_sources(root, index, sources, tmp_path):
    index.add("plain", "1.0")
    index.add("x-ext", "0.1")
    project(sources / "dev", "dev-ext", requires=["plain"])
    editable = project(tmp_path / "src", "x-ext", "2.0")
    root.requirements(f"--require-hashes\n-e {editable}\n")
    done = boot(root)
    assert root.installed() == {"dev-ext": "0.1.0", "plain": "1.0"}
    asks = "its file asks for hashes, and there is none for a folder: name it in a file that asks for none"
    assert f"-e {editable} ({root.conf}/extensions.txt:2) is set aside: {asks}" in done.err
    folder = make_folder(tmp_path / "folder", "from-folder", "1.0")
    root.requirements(f"--require-hashes\n{folder}\n")
    done = boot(root)
    assert root.installed() == {"dev-ext": "0.1.0", "plain": "1.0"}
    assert f"{folder} ({root.conf}/extensions.txt:2) is set aside: {asks}" in done.err


# ---- extras and conflicts

def test_an_extra_of_a_source(root, index, sources):
    index.add("extra", "1.0")
    project(sources / "src", "my-extension", "2.0", extra='[project.optional-dependencies]\nmore = ["extra"]\n')
    boot(root, EXTENSION_AUTO_INSTALL="my-extension[more]==1")
    assert root.installed() == {"my-extension": "2.0", "extra": "1.0"}
    quiet(root, EXTENSION_AUTO_INSTALL="my-extension[more]==1")
    boot(root)
    assert root.installed() == {"my-extension": "2.0"}


def test_sources_that_contradict_each_other(root, index, sources):
    index.add("shared", "1.0")
    index.add("shared", "2.0")
    project(sources / "one", "ext-one", requires=["shared==1.0"])
    project(sources / "two", "ext-two", requires=["shared==2.0"])
    boot(root)
    assert root.installed() == {"ext-one": "0.1.0", "shared": "1.0"}
    plan = root.plan(status=1)
    assert plan["install"] == [] == plan["remove"] and [f["from"] for f in plan["failed"]] == [str(sources / "two")]


def test_two_sources_with_the_same_package(root, sources):
    for name in ("one", "two"):
        project(sources / name, f"ext-{name}", files={"shared/__init__.py": f"version = '{name}'\n"})
    for _ in range(2):
        done = boot(root)
        assert root.installed() == {"ext-one": "0.1.0"}
        assert "it would overwrite" in done.err and "which belongs to ext-one" in done.err


# ---- entry points that stand in code alone

PLUX = """
import types
class PluginSpecResolver:
    def resolve(self, member):
        if not getattr(member, "is_plugin", False):
            raise ValueError("no plugin")
        return types.SimpleNamespace(factory=member, namespace="localstack.extensions", name=member.__name__)
"""


@pytest.fixture
def plux(root):
    """LocalStack's base has one."""
    (root.base / f"lib/{root.python}/site-packages/plux.py").write_text(PLUX)


def plugin(name):
    return f"version = 1\nclass {name}:\n    is_plugin = True\n"


def plux_project(folder, name, files, **more):
    project(folder, name, files=files, **more)
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace('["setuptools"]', '["setuptools", "plux"]'))
    return folder


def entry_points(root, name):
    path = root.info(name) / "entry_points.txt"
    return sorted(line for line in path.read_text().splitlines() if " = " in line) if path.exists() else []


def test_entry_points_of_modules_in_a_namespace(root, sources, plux):
    plux_project(sources / "src", "my-extension", {"src/ns/pytools.py": plugin("One"), "src/ns/part/__init__.py": plugin("Two"),
                                                   "src/ns/part/python.py": plugin("Three")})
    boot(root)
    assert entry_points(root, "my-extension") == ["One = ns.pytools:One", "Three = ns.part.python:Three", "Two = ns.part:Two"]
    assert root.plan()["install"] == []


def test_entry_points_that_need_what_comes_with_them(root, index, sources, plux):
    index.add("needed", "1.0", files={"needed.py": ""})
    plux_project(sources / "src", "my-extension", {"my_extension/__init__.py": "import needed\n" + plugin("One")}, requires=["needed"])
    done = boot(root)
    assert entry_points(root, "my-extension") == ["One = my_extension:One"], done
    assert root.plan()["install"] == []
    quiet(root)
    (sources / "src/my_extension/__init__.py").write_text("import absent\n" + plugin("One"))
    done = boot(root)
    assert "entry points in its code may be missing, because my_extension cannot be imported: ModuleNotFoundError" in done.err
    quiet(root)
    (sources / "src/my_extension/__init__.py").write_text(plugin("Two"))
    boot(root)
    assert entry_points(root, "my-extension") == ["Two = my_extension:Two"]


# ---- builds

@pytest.mark.parametrize("kind", ["source", "folder", "editable"])
def test_a_build_that_fails_is_tried_again(root, tmp_path, kind):
    """What it needs may be there, or its code be mended, without a word in its project file."""
    place = tmp_path / "src"
    if kind == "source":
        root.env["EXTENSION_DEV_MODE"] = "1"
        place = root.folder / "opt/code/extensions/src"
    else:
        root.requirements(f"{'-e ' if kind == 'editable' else ''}{place}\n")
    folder = make_folder(place, "built-one", "1.0", project=False)
    (folder / "backend.py").write_text("import of_another_file\n" + (folder / "backend.py").read_text())
    (folder / "of_another_file.py").write_text("raise RuntimeError('broken')\n")
    (root.volume / "logs").mkdir(exist_ok=True)
    done = boot(root)
    assert root.installed() == {} and "RuntimeError" in done.err, done
    assert "src cannot be built from source" in done.err
    assert [p.name for p in root.volume.glob("logs/*")] == ["src-build.log"]
    (folder / "of_another_file.py").write_text("")
    boot(root)
    assert root.installed() == {"built-one": "1.0"}
    quiet(root)


# ---- commands that only look

@pytest.mark.parametrize("kind", ["source", "folder", "editable"])
def test_commands_that_only_look_build_nothing(root, tmp_path, kind):
    """Of what only a build tells the venv tells it too: the cache may be deleted at any time."""
    place = tmp_path / "src"
    if kind == "source":
        root.env["EXTENSION_DEV_MODE"] = "1"
        place = root.folder / "opt/code/extensions/src"
    else:
        root.requirements(f"{'-e ' if kind == 'editable' else ''}{place}\n")
    make_folder(place, "built-one", "1.0", project=False)
    boot(root)
    assert root.run("cache", "clean").status == 0
    for command in (["list"], ["tree"], ["why", "built-one"], ["check"], ["doctor"]):
        done = root.run(*command)
        assert done.status == 0 and "buil" not in done.err and "would have to be built" not in done.out, done
        assert "built-one" in done.out or command[0] in ("check", "doctor"), done
    assert not (root.volume / "cache/extensions/built").exists()


# ---- what is asked for in the wrong place

@pytest.mark.parametrize("said", ["-e {path}", "--editable {path}", "-e{path}", "-r {path}/r.txt"])
def test_options_among_requirements(root, tmp_path, said):
    source = project(tmp_path / "src", "my-extension")
    asked = said.format(path=source)
    done = boot(root, EXTENSION_AUTO_INSTALL=asked)
    assert f"{asked} (EXTENSION_AUTO_INSTALL) is set aside: options stand in requirements files alone: write this line" in done.err
    (root.conf / "extensions.yaml").write_text(f'install: ["{asked}"]\n')
    assert f"{asked} (install) is set aside: options stand in requirements files alone" in boot(root).err


@pytest.mark.parametrize("kind", ["source", "folder", "editable"])
def test_a_signal_while_a_source_is_built(root, tmp_path, kind):
    gate, place = Gate(tmp_path), tmp_path / "src"
    if kind == "source":
        root.env["EXTENSION_DEV_MODE"] = "1"
        place = root.folder / "opt/code/extensions/src"
    else:
        root.requirements(f"{'-e ' if kind == 'editable' else ''}{place}\n")
    gate.put(make_folder(place, "built-one", "1.0", project=False) / "backend.py")
    with subprocess.Popen(root.command("sync"), env=root.environment({}), stderr=subprocess.PIPE, text=True) as child:
        gate.begun.write_text("")
        child.send_signal(signal.SIGTERM)
        said = child.communicate(timeout=60)[1]
    assert child.returncode in (143, -signal.SIGTERM), said
    assert not root.venv.exists() and not (root.extensions / ".localstack-extensions.state").exists()


def test_half_way_through_an_edit_beside_a_lock(root, index, sources, tmp_path):
    index.add("my-extension", "0.9")
    index.add("more", "1.0")
    lock, env = tmp_path / "pylock.toml", {"EXTENSION_LOCK": tmp_path / "pylock.toml"}
    root.env.pop("EXTENSION_DEV_MODE")
    assert root.run("lock", "--output", lock, "my-extension").status == 0
    root.env["EXTENSION_DEV_MODE"] = "1"
    source = project(sources / "src", "my-extension", "1.0")
    good = (source / "pyproject.toml").read_text()
    boot(root, **env)
    assert root.installed() == {"my-extension": "1.0"}
    (source / "pyproject.toml").write_text(BROKEN)
    assert f"{source}/pyproject.toml" in boot(root, **env).err
    assert root.installed() == {"my-extension": "1.0"} and sees(root, "my_extension") == "1.0"
    assert f"{source}/pyproject.toml" in unchanged(root, **env).err
    plan = root.plan(status=1, **env)
    assert plan["install"] == [] == plan["remove"] and [k["name"] for k in plan["keep"]] == ["my-extension"]
    (source / "pyproject.toml").write_text(good)
    boot(root, **env)
    boot(root, EXTENSION_DEV_MODE=None, **env)
    assert root.installed() == {"my-extension": "0.9"}


@pytest.mark.parametrize("form", ["{path}", "from-folder @ {url}"])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_folder_that_may_not_be_read(root, index, tmp_path, form, what):
    """It is set aside, and the others are installed."""
    if os.geteuid() != 0:
        pytest.skip("lets go of root's right to read everything")
    index.add("other", "1.0")
    folder, blind = make_folder(tmp_path / "src", "from-folder", "1.0"), ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    (folder / "secret").write_text("")
    closed = folder / "secret" if what == "file" else folder
    mode = closed.stat().st_mode
    closed.chmod(0)
    root.requirements(form.format(path=folder, url=folder.as_uri()) + "\nother\n")
    done = root.boot("/bin/echo", "on", wrap=blind)
    assert root.installed() == {"other": "1.0"}
    assert ("cannot open secret: Permission denied" if what == "file" else f"the folder {folder} cannot be read: Permission denied") in done.err
    closed.chmod(mode)
    done = root.boot("/bin/echo", "on", wrap=blind)
    assert root.installed() == {"from-folder": "1.0", "other": "1.0"}, done
    quiet(root)


def test_a_folder_with_all_kinds_of_things_in_it(root, tmp_path):
    """What no copy has is no part of what a folder is."""
    folder = make_folder(tmp_path / "src", "from-folder", "1.0")
    os.mkfifo(folder / "fifo")
    (folder / "nowhere").symlink_to("nothing")
    (folder / "away").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(".")
    (folder / "line\nfeed").write_text("")
    (folder / os.fsdecode(b"latin-\xe4")).write_text("")
    (tmp_path / "link").symlink_to("src")
    for form in (str(folder), f"{tmp_path}/link", f"{tmp_path}/link/", f"from-folder @ file://localhost{folder}", f"from-folder @ {folder.as_uri()}/"):
        root.requirements(f"{form}\n")
        boot(root)
        assert root.installed() == {"from-folder": "1.0"}
        plan = root.plan()
        assert plan["install"] == [] == plan["remove"], (form, plan)
