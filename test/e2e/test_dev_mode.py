# SPDX-License-Identifier: Apache-2.0
"""Developers' sources: linked into the venv as they stand, and LocalStack runs what they are at its next start."""

import json
import os
import shutil

import pytest

from checks import check_records, leftovers


@pytest.fixture
def sources(root):
    root.env["EXTENSION_DEV_MODE"] = "1"
    folder = root.folder / "opt/code/extensions"
    folder.mkdir(parents=True)
    return folder


def write(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def project(folder, name, version="0.1.0", requires=(), entry_points=None, files=None, extra=""):
    """A setuptools project in the form of LocalStack's own template."""
    package = name.replace("-", "_")
    listed = "".join(f'"{r}", ' for r in requires)
    text = f'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n' \
           f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n'
    for group, points in (entry_points or {}).items():
        text += f'[project.entry-points."{group}"]\n' + "".join(f'{k} = "{v}"\n' for k, v in points.items())
    write(folder, {"pyproject.toml": text + extra, **({f"{package}/__init__.py": f"version = '{version}'\n"} if files is None else files)})
    return folder


def tree(folder):
    return {path: (path.read_bytes(), path.lstat().st_mtime_ns) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def boot(root, **env):
    done = root.boot("/bin/echo", "on", env=env)
    assert done.status == 0 and done.out == "on\n", done
    return done


def unchanged(root, **env):
    """A boot that starts no child."""
    done = boot(root, **env)
    assert "preparing" not in done.err, done
    return done


def sees(root, module):
    return root.localstack_sees(f"import {module}; print({module}.version)")


def test_a_source_is_linked_and_live(root, index, sources):
    index.add("needed", "1.0")
    source = project(sources / "my-extension", "my-extension", requires=["needed"],
                     entry_points={"localstack.extensions": {"mine": "my_extension:Mine"}})
    before = tree(source)
    boot(root)
    assert root.installed() == {"my-extension": "0.1.0", "needed": "1.0"}
    assert sees(root, "my_extension") == "0.1.0"
    link = root.site / "my_extension"
    assert link.is_symlink() and os.readlink(link) == str(source / "my_extension")
    info = root.info("my-extension")
    assert json.loads((info / "direct_url.json").read_text()) == {"url": source.as_uri(), "dir_info": {"editable": True}}
    assert (info / "INSTALLER").read_text() == "localstack-extensions\n"
    assert "mine = my_extension:Mine" in (info / "entry_points.txt").read_text()
    assert tree(source) == before and leftovers(root) == []
    unchanged(root)
    # An edit, and a new module, are there without a sync.
    write(source, {"my_extension/__init__.py": "from .more import version\n", "my_extension/more.py": "version = 'edited'\n"})
    unchanged(root)
    assert sees(root, "my_extension") == "edited"
    assert root.run("check").status == 0


def test_what_a_project_file_says_is_noticed(root, index, sources):
    index.add("needed", "1.0")
    index.add("later", "1.0")
    source = project(sources / "my-extension", "my-extension", requires=["needed"])
    boot(root)
    project(source, "my-extension", "0.2.0", ["later"], {"localstack.extensions": {"mine": "my_extension:Mine"}},
            {"my_extension/__init__.py": "version = 2\n", "my_other/__init__.py": "version = 3\n"})
    done = boot(root)
    assert f"the folder {source} changed" in done.err
    assert root.installed() == {"my-extension": "0.2.0", "later": "1.0"}
    assert "mine" in (root.info("my-extension") / "entry_points.txt").read_text()
    assert sees(root, "my_extension") == "2" and sees(root, "my_other") == "3"
    unchanged(root)


def test_dev_mode_off_again(root, index, sources):
    index.add("my-extension", "1.0", files={"my_extension/__init__.py": "version = 'released'\n"})
    source = project(sources / "my-extension", "my-extension", "2.0")
    before = tree(source)
    asked = {"EXTENSION_AUTO_INSTALL": "my-extension"}
    boot(root, **asked)
    assert root.installed() == {"my-extension": "2.0"} and sees(root, "my_extension") == "2.0"
    boot(root, EXTENSION_DEV_MODE=None, **asked)
    assert root.installed() == {"my-extension": "1.0"} and sees(root, "my_extension") == "released"
    assert not (root.site / "my_extension").is_symlink()
    check_records(root)
    boot(root, **asked)
    assert sees(root, "my_extension") == "2.0"
    boot(root, EXTENSION_DEV_MODE=None)
    assert root.installed() == {} and not os.path.lexists(root.site / "my_extension")
    assert tree(source) == before


def test_a_source_stands_in_for_every_other_version(root, index, sources):
    """Who asks for another version, by pin, URL or hash, input or distribution, is content with the source."""
    index.add("my-extension", "1.0")
    index.add("user", "1.0", ["my-extension>=5"])
    (root.folder / "c.txt").write_text("my-extension<1\n")
    root.requirements(f"-c {root.folder}/c.txt\nmy-extension==1.0\nuser\n")
    source = project(sources / "my-extension", "my-extension", "2.0")
    done = boot(root)
    assert root.installed() == {"my-extension": "2.0", "user": "1.0"}
    assert f"my-extension==1.0 ({root.conf}/extensions.txt:2) is not installed: the source {source} of my-extension 2.0 is used instead" in done.err
    unchanged(root)
    assert root.run("check").status == 0, root.run("check")


def test_several_sources_that_need_each_other(root, index, sources):
    project(sources / "one", "ext-one", requires=["ext-two>=3"])
    project(sources / "two", "ext-two", "0.1")
    boot(root)
    assert root.installed() == {"ext-one": "0.1.0", "ext-two": "0.1"}


def test_a_namespace_that_two_sources_share(root, index, sources):
    index.add("ns-wheel", "1.0", files={"ns/wheel.py": "version = 'w'\n"})
    for name in ("one", "two"):
        project(sources / name, f"ns-{name}", files={f"src/ns/{name}/__init__.py": f"version = '{name}'\n"})
    before = tree(sources)
    boot(root, EXTENSION_AUTO_INSTALL="ns-wheel")
    assert [sees(root, f"ns.{name}") for name in ("one", "two", "wheel")] == ["one", "two", "w"]
    assert not (root.site / "ns").is_symlink() and (root.site / "ns/one").is_symlink()
    shutil.rmtree(sources / "one")
    boot(root, EXTENSION_AUTO_INSTALL="ns-wheel")
    assert root.installed() == {"ns-two": "0.1.0", "ns-wheel": "1.0"} and not os.path.lexists(root.site / "ns/one")
    assert sees(root, "ns.two") == "two"
    # bin/pip takes the other away, and puts a released version in its place: the source stays as it was.
    root.env.pop("EXTENSION_DEV_MODE")
    root.pip("uninstall", "-y", "ns-two")
    assert not os.path.lexists(root.site / "ns/two") and sees(root, "ns.wheel") == "w"
    assert tree(sources) == {path: what for path, what in before.items() if path in tree(sources)}


def test_pip_installs_the_released_version_over_a_source(root, index, sources):
    index.add("my-extension", "3.0", files={"my_extension/__init__.py": "version = 'released'\n"})
    source = project(sources / "my-extension", "my-extension", "2.0")
    before = tree(source)
    boot(root)
    root.pip("install", "-U", "--index-url", root.env["PIP_INDEX_URL"], "my-extension")
    assert tree(source) == before and sees(root, "my_extension") == "released"
    # The source is what is asked for.
    boot(root)
    assert sees(root, "my_extension") == "2.0" and tree(source) == before


def test_two_sources_of_one_name(root, sources):
    first = project(sources / "a", "my-extension", "1.0")
    second = project(sources / "b", "my-extension", "2.0")
    done = boot(root)
    assert root.installed() == {"my-extension": "1.0"}
    assert f"{first} and {second} are both sources of my-extension; the first is used" in done.err
    assert "both sources" in unchanged(root).err


def test_what_cannot_be_used_is_said_and_the_others_go_on(root, sources):
    project(sources / "good", "ext-good")
    write(sources / "broken", {"pyproject.toml": "[project\n"})
    (sources / "empty").mkdir()
    done = boot(root)
    assert root.installed() == {"ext-good": "0.1.0"}
    assert f"{sources}/broken/pyproject.toml" in done.err and "line 1" in done.err or ":1" in done.err, done
    assert f"{sources}/empty" in done.err


def test_a_source_of_what_localstack_itself_has(root, sources):
    project(sources / "wz", "werkzeug", "9.0")
    project(sources / "good", "ext-good")
    done = boot(root)
    assert root.installed() == {"ext-good": "0.1.0"} and "werkzeug" in done.err


def test_a_package_that_localstack_itself_has(root, sources):
    project(sources / "tw", "my-twisted", files={"twisted/__init__.py": ""})
    assert "brings the import package twisted, which LocalStack itself has from localstack-twisted" in boot(root).err


def test_plan_and_list(root, index, sources):
    index.add("needed", "1.0")
    source = project(sources / "my-extension", "my-extension", requires=["needed"])
    plan = root.plan()
    found, other = plan["install"]
    assert (found["name"], found["dev"], found["source"], found["url"], found["hash"], found["requested"]) == \
        ("my-extension", True, "path", source.as_uri(), None, True)
    assert other["name"] == "needed" and other["dev"] is False
    boot(root)
    assert str(source) in root.run("list").out
    assert root.plan()["install"] == []
    (source / "pyproject.toml").write_text((source / "pyproject.toml").read_text().replace("needed", "absent"))
    failed, = root.plan(status=1)["failed"]
    assert failed["from"] == str(source)


def test_scripts(root, sources):
    project(sources / "my-extension", "my-extension", extra='[project.scripts]\nmy-tool = "my_extension:main"\n',
            files={"my_extension/__init__.py": "def main(): print('ran')\n"})
    boot(root)
    import subprocess
    assert subprocess.run([root.venv / "bin/my-tool"], capture_output=True, text=True).stdout == "ran\n"
    boot(root, EXTENSION_DEV_MODE=None)
    assert not (root.venv / "bin/my-tool").exists()


def test_another_python_and_a_repair(root, index, sources, other_base):
    from conftest import switch_base
    project(sources / "my-extension", "my-extension", "2.0")
    boot(root)
    (root.site / "my_extension").unlink()
    assert root.run("check").status == 1
    boot(root)
    assert sees(root, "my_extension") == "2.0"
    switch_base(root, other_base)
    boot(root)
    root.site = root.venv / f"lib/{root.python}/site-packages"
    assert (root.site / "my_extension").is_symlink()


# ---- -e

@pytest.mark.parametrize("form", ["-e {path}", "-e ./relative", "--editable {url}", "-e {path}[more]", "-e my-extension@{url}"])
def test_editable_requirements(root, index, tmp_path, form):
    index.add("extra", "1.0")
    place = root.conf / "relative" if "relative" in form else tmp_path / "src"
    source = project(place, "my-extension", "2.0", extra='[project.optional-dependencies]\nmore = ["extra"]\n')
    before = tree(source)
    root.requirements(form.format(path=source, url=source.as_uri()) + "\n")
    boot(root)
    assert root.installed() == {"my-extension": "2.0", **({"extra": "1.0"} if "more" in form else {})}
    assert os.readlink(root.site / "my_extension") == str(source / "my_extension")
    unchanged(root)
    project(source, "my-extension", "3.0")
    boot(root)
    assert root.installed()["my-extension"] == "3.0"
    root.requirements("")
    boot(root)
    assert root.installed() == {} and not os.path.lexists(root.site / "my_extension")
    assert (source / "my_extension/__init__.py").exists() and before


def test_editable_repositories_are_built(root, tmp_path):
    from repositories import Repository
    from sources import make_folder
    repository = Repository(tmp_path / "repository")
    made = make_folder(tmp_path / "made", "from-folder", "1.0")
    repository.commit({str(p.relative_to(made)): p.read_text() for p in made.rglob("*") if p.is_file()})
    root.requirements(f"-e git+file://{repository.folder}#egg=from-folder\n")
    done = boot(root)
    assert root.installed() == {"from-folder": "1.0"} and "is installed as it is built" in done.err


# ---- locks

def test_sources_beside_a_lock(root, index, sources, tmp_path):
    index.add("locked", "1.0")
    index.add("beyond", "1.0")
    lock = tmp_path / "pylock.toml"
    root.env.pop("EXTENSION_DEV_MODE")
    assert root.run("lock", "--output", str(lock), "locked").status == 0
    root.env["EXTENSION_DEV_MODE"] = "1"
    project(sources / "my-extension", "my-extension", requires=["locked", "beyond"])
    done = boot(root, EXTENSION_LOCK=str(lock))
    assert root.installed() == {"locked": "1.0", "my-extension": "0.1.0"}
    assert "my-extension 0.1.0 asks for beyond, which neither the lock nor LocalStack itself has" in done.err
    unchanged(root, EXTENSION_LOCK=str(lock))


def test_a_lock_made_beside_sources_leaves_them_out(root, index, sources, tmp_path):
    index.add("needed", "1.0")
    index.add("other", "1.0")
    project(sources / "my-extension", "my-extension", requires=["needed"])
    lock = tmp_path / "pylock.toml"
    done = root.run("lock", "--output", str(lock), env={"EXTENSION_AUTO_INSTALL": "other,my-extension"})
    assert done.status == 0, done
    text = lock.read_text()
    assert "my-extension" not in text and 'name = "needed"' in text and 'name = "other"' in text


def test_a_source_beside_a_lock_that_has_its_name_is_listed_once(root, index, sources, tmp_path):
    index.add("my-extension", "1.0")
    lock = tmp_path / "pylock.toml"
    assert root.run("lock", "--output", str(lock), "my-extension", env={"EXTENSION_DEV_MODE": None}).status == 0
    project(sources / "my-extension", "my-extension", "2.0")
    env = {"EXTENSION_LOCK": str(lock)}
    boot(root, **env)
    assert root.installed() == {"my-extension": "2.0"}
    for command in (["list"], ["tree"], ["why", "my-extension"]):
        done = root.run(*command, env=env)
        assert done.out.count("my-extension 2.0") + done.out.count("my-extension  2.0") == 1 and "1.0" not in done.out, done
