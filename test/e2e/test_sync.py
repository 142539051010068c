# SPDX-License-Identifier: Apache-2.0
"""localstack-extensions sync, plan and list, from an empty volume on, against an index that nginx serves."""

import hashlib
import json
import os
import re
import subprocess

import pytest

from checks import check_records, demo_set, tree
from conftest import Workshop
from wheels import make_wheel, record_line


# ---- a whole sync

def test_first_sync_makes_the_venv(root, index):
    demo_set(index)
    root.requirements("# what this machine needs\ntyped\n\n")
    done = root.sync(EXTENSION_AUTO_INSTALL="viewer")
    assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}
    assert re.search(r"installed .*lib-one 2\.5.*resolved in [\d.]+ s, downloaded 3 .* installed in [\d.]+ s", done.err), done
    assert done.out == ""
    for name, requested in (("viewer", True), ("typed", True), ("lib-one", False)):
        info = root.info(name)
        assert (info / "INSTALLER").read_text().strip() == "localstack-extensions"
        assert (info / "REQUESTED").exists() == requested
        assert not (info / "direct_url.json").exists()
    check_records(root)
    assert root.localstack_sees("import typed, viewer, lib_one, werkzeug; print(werkzeug.__file__)").startswith(str(root.base))


def test_the_venv_is_laid_out_as_pythons_own(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    venv = root.venv
    assert not venv.is_symlink()
    assert {p.name for p in venv.iterdir()} >= {"bin", "include", "lib", "lib64", "pyvenv.cfg", ".gitignore"}
    assert os.readlink(venv / "lib64") == "lib"
    assert {p.name for p in (venv / "bin").iterdir()} >= {
        "Activate.ps1", "activate", "activate.csh", "activate.fish", "pip", "pip3", f"pip{root.python[6:]}",
        "python", "python3", root.python, "typed-cli"}
    assert [p.name for p in root.site.glob("*.pth")] == ["localstack-venv.pth"]
    assert (root.site / "localstack-venv.pth").read_text().splitlines() == [
        str(root.base / "lib" / root.python / "site-packages")]
    assert (root.site / "__pycache__").is_dir()
    env = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run([venv / "bin/typed-cli"], capture_output=True, text=True, env=env)
    assert done.stdout == "typed\n", done.stderr
    done = subprocess.run(["bash", "-c", f". {venv}/bin/activate; typed-cli; python -c 'import sys; print(sys.prefix)'"],
                          capture_output=True, text=True, env=env)
    assert done.stdout.split() == ["typed", str(venv)], done.stderr
    leftovers = [p.name for p in root.extensions.iterdir() if "staging" in p.name or "commit" in p.name]
    assert not leftovers
    named = subprocess.run(["grep", "-rlI", "staging", venv / "bin", venv / "pyvenv.cfg", *root.site.glob("*.dist-info")],
                           capture_output=True, text=True).stdout
    assert named == ""


def test_nothing_to_do_asks_nobody(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer")
    before = tree(root.venv)
    asked = len(index.server.requests())
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer")
    assert tree(root.venv) == before
    assert len(index.server.requests()) == asked


def test_what_satisfies_stays_until_upgrade_is_asked_for(root, index):
    index.add("tool", "1.0", ["part"])
    index.add("part", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="tool")
    index.add("tool", "1.1", ["part"])
    index.add("part", "1.5")
    index.add("more", "1")
    root.sync(EXTENSION_AUTO_INSTALL="tool,more")
    assert root.installed() == {"tool": "1.0", "part": "1.0", "more": "1"}
    index.add("part", "2.0")
    root.sync("--upgrade", EXTENSION_AUTO_INSTALL="tool,more")
    assert root.installed() == {"tool": "1.1", "part": "2.0", "more": "1"}


def test_what_is_no_longer_asked_for_goes_with_what_only_it_needed(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="viewer,typed")
    done = root.sync(EXTENSION_AUTO_INSTALL="viewer")
    assert root.installed() == {"viewer": "1.0"}
    assert "removed typed 0.3" in done.err and "removed lib-one 2.5" in done.err
    assert not (root.venv / "bin/typed-cli").exists()
    assert not (root.site / "typed").exists()
    root.sync()
    assert root.installed() == {}


# ---- the base is fixed

def test_the_base_is_used_and_never_copied(root, index):
    index.add("typing-extensions", "4.16.0")
    index.add("anyio", "4.14.2", ["typing_extensions>=4.5"])
    index.add("anyio", "4.16", ["typing_extensions>=4.16"])
    index.add("driver", "1", ["anyio>=3"])
    root.sync(EXTENSION_AUTO_INSTALL="driver")
    assert root.installed() == {"driver": "1", "anyio": "4.14.2"}


def test_what_the_base_cannot_meet_is_a_conflict_that_says_so(root, index):
    index.add("typing-extensions", "4.16.0")
    index.add("modern", "1", ["typing-extensions>=4.16"])
    index.add("fine", "1")
    done = root.sync(EXTENSION_AUTO_INSTALL="modern,fine", status=1)
    assert root.installed() == {"fine": "1"}
    for word in ("modern", "typing-extensions", "4.15.0", "EXTENSION_AUTO_INSTALL"):
        assert word in done.err, done


def test_base_conflicts_can_be_tolerated(root, index):
    index.add("modern", "1", ["typing-extensions>=4.16"])
    done = root.sync(EXTENSION_AUTO_INSTALL="modern", EXTENSION_BASE_CONFLICTS="tolerate")
    assert root.installed() == {"modern": "1"}
    assert "warning" in done.err and "typing-extensions" in done.err


def test_an_extra_of_the_base_adds_its_dependencies(root, index):
    index.add("watchlog", "2.1")
    index.add("watcher", "1", ["werkzeug[watchdog]>=3"])
    root.sync(EXTENSION_AUTO_INSTALL="watcher")
    assert root.installed() == {"watcher": "1", "watchlog": "2.1"}


def test_another_name_for_a_package_of_the_base_gets_a_warning(root, index):
    index.add("twisted", "26.1", files={"twisted/__init__.py": "who = 'venv'\n"}, top_level="twisted\n")
    done = root.sync(EXTENSION_AUTO_INSTALL="twisted")
    assert re.search(r"warning: twisted 26\.1 brings the import package twisted, which LocalStack itself has from "
                     r"localstack-twisted", done.err), done.err.splitlines()
    assert root.localstack_sees("import twisted; print(twisted.who)") == "base"


# ---- requirements

def test_requirements_file_in_pips_format(root, index):
    for name in ("one", "two", "three", "four", "five", "six"):
        for version in ("1.0", "2.0"):
            index.add(name, version)
    (root.conf / "more.txt").write_text("three  # from another file\n")
    (root.conf / "limits.txt").write_text("four<2\nunused<1\n")
    root.requirements("# a comment\n\none <2  # and another\ntwo \\\n  < 2\n-r more.txt\n-c limits.txt\nfour\n"
                      "five ; python_version < '3'\nsix ; python_version >= '3'\n")
    root.sync()
    assert root.installed() == {"one": "1.0", "two": "1.0", "three": "2.0", "four": "1.0", "six": "2.0"}


def test_the_variable_is_split_where_requirements_begin(root, index):
    index.add("foo", "1.5", ['ea ; extra == "a"', 'eb ; extra == "b"'], extras=["a", "b"])
    index.add("foo", "2.0")
    for name in ("ea", "eb", "bar"):
        index.add(name, "1")
    root.sync(EXTENSION_AUTO_INSTALL=" foo[a,b]>=1,<2 , bar,")
    assert root.installed() == {"foo": "1.5", "ea": "1", "eb": "1", "bar": "1"}


def test_the_prefixed_variable_wins(root, index):
    index.add("foo", "1")
    index.add("bar", "1")
    root.sync(EXTENSION_AUTO_INSTALL="foo", LOCALSTACK_EXTENSION_AUTO_INSTALL="bar")
    assert root.installed() == {"bar": "1"}


def test_a_direct_reference_is_recorded(root, index, tmp_path):
    wheel = make_wheel(tmp_path / "elsewhere", "direct", "3.0")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    stored = index.add("remote", "1.0")
    url = f"http://127.0.0.1:{index.server.port}/files/{stored.name}"
    root.sync(EXTENSION_AUTO_INSTALL=f"direct @ file://{wheel},remote @ {url}")
    assert root.installed() == {"direct": "3.0", "remote": "1.0"}
    direct = json.loads((root.info("direct") / "direct_url.json").read_text())
    assert direct["url"] == f"file://{wheel}" and direct["archive_info"]["hashes"] == {"sha256": digest}
    assert json.loads((root.info("remote") / "direct_url.json").read_text())["url"] == url
    asked = len(index.server.requests())
    root.sync(EXTENSION_AUTO_INSTALL=f"direct @ file://{wheel},remote @ {url}")
    assert len(index.server.requests()) == asked


def test_arguments_and_files_stand_in_for_the_default_inputs(root, index, tmp_path):
    for name in ("alpha", "beta", "gamma"):
        index.add(name, "1.0")
        index.add(name, "2.0")
    root.requirements("gamma\n")
    (tmp_path / "wanted.txt").write_text("beta\n")
    (tmp_path / "limits.txt").write_text("alpha<2\n")
    root.sync("-r", tmp_path / "wanted.txt", "-c", tmp_path / "limits.txt", "alpha", EXTENSION_AUTO_INSTALL="gamma")
    assert root.installed() == {"alpha": "1.0", "beta": "2.0"}


@pytest.mark.parametrize("requirement, version", [
    ("pre", "1.0"), ("pre>=2.0rc1", "2.0rc1"), ("onlypre", "0.5b1"), ("yanked", "1.0"), ("yanked==1.1", "1.1"),
    ("old", "1.0"), ("local==1.0", "1.0+this.build"),
])
def test_which_version_counts(root, index, requirement, version):
    index.add("pre", "1.0")
    index.add("pre", "2.0rc1")
    index.add("onlypre", "0.5b1")
    index.add("yanked", "1.0")
    index.add("yanked", "1.1", page={"yanked": "it was broken"})
    index.add("old", "1.0")
    index.add("old", "2.0", requires_python=">=4", page={"requires_python": ">=4"})
    index.add("local", "1.0+this.build")
    root.sync(EXTENSION_AUTO_INSTALL=requirement)
    assert list(root.installed().values()) == [version]


def test_pre_is_asked_for(root, index):
    index.add("tool", "1.0")
    index.add("tool", "2.0rc1")
    root.sync("--pre", EXTENSION_AUTO_INSTALL="tool")
    assert root.installed() == {"tool": "2.0rc1"}


def test_what_is_asked_for_last_gives_way_and_the_reason_is_derived(root, index):
    index.add("common", "1.0")
    index.add("common", "2.0")
    index.add("left", "1", ["common<2"])
    index.add("right", "1", ["middle"])
    index.add("middle", "1", ["common>=2"])
    root.requirements("left\n")
    done = root.sync(EXTENSION_AUTO_INSTALL="right", status=1)
    assert root.installed() == {"left": "1", "common": "1.0"}
    for word in ("right", "middle", "common", "left", "EXTENSION_AUTO_INSTALL"):
        assert word in done.err, done


def test_while_something_fails_nothing_is_removed(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="viewer,typed")
    root.sync(EXTENSION_AUTO_INSTALL="viewer,no-such-thing", status=1)
    assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}


# ---- where it comes from

@pytest.mark.parametrize("json_pages", [True, False])
@pytest.mark.parametrize("metadata", [True, False])
def test_pages_and_metadata_in_every_form(root, workshop, json_pages, metadata):
    workshop.index.metadata = metadata
    demo_set(workshop)
    workshop.add("unasked", "1", page={"digest": False})
    server = workshop.serve(json=json_pages)
    root.sync("--index-url", server.url, EXTENSION_AUTO_INSTALL="typed,viewer,unasked")
    assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5", "unasked": "1"}
    asked = server.requests()
    assert any(line.endswith(".metadata") for line in asked) == metadata
    assert len(asked) == len(set(asked)) or not metadata


def test_pypiserver(root, workshop, pypiserver):
    demo_set(workshop)
    root.sync(PIP_INDEX_URL=pypiserver.url, EXTENSION_AUTO_INSTALL="typed")
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}


def test_devpi(root, tmp_path, devpi):
    devpi.upload(make_wheel(tmp_path / "w", "lib-one", "2.5"))
    devpi.upload(make_wheel(tmp_path / "w", "typed", "0.3", ["Lib_One>=2"]))
    root.sync(PIP_INDEX_URL=devpi.url, EXTENSION_AUTO_INSTALL="typed")
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}


def test_find_links(root, index, tmp_path):
    index.add("typed", "0.3", ["lib-one"])
    make_wheel(tmp_path / "links", "lib-one", "1.0")
    plan = root.plan("--find-links", tmp_path / "links", EXTENSION_AUTO_INSTALL="typed")
    assert {i["name"]: i["source"] for i in plan["install"]} == {"typed": "index", "lib-one": "find-links"}
    root.sync(PIP_FIND_LINKS=tmp_path / "links", EXTENSION_AUTO_INSTALL="typed")
    assert root.installed() == {"typed": "0.3", "lib-one": "1.0"}


def test_no_index(root, tmp_path):
    make_wheel(tmp_path / "links", "lib-one", "1.0")
    root.sync("--no-index", "--find-links", tmp_path / "links", "lib-one")
    assert root.installed() == {"lib-one": "1.0"}


def test_the_first_index_that_has_the_name_counts(root, index, tmp_path):
    private = Workshop(tmp_path / "private")
    try:
        private.add("ours", "1.0")
        index.add("ours", "9.9")
        index.add("public", "1.0")
        url = private.serve().url
        root.sync(PIP_EXTRA_INDEX_URL=url, EXTENSION_AUTO_INSTALL="ours,public")
        assert root.installed() == {"ours": "1.0", "public": "1.0"}
        done = root.sync(PIP_EXTRA_INDEX_URL=url, EXTENSION_AUTO_INSTALL="ours>=9,public", status=1)
        assert re.search(r"ours>=9 .*is set aside.*EXTENSION_INDEX_STRATEGY=best", done.err, re.DOTALL), done
        root.sync(PIP_EXTRA_INDEX_URL=url, EXTENSION_AUTO_INSTALL="ours>=9,public", EXTENSION_INDEX_STRATEGY="best")
        assert root.installed() == {"ours": "9.9", "public": "1.0"}
    finally:
        private.stop()


def test_pip_conf_of_the_user_counts(root, index):
    demo_set(index)
    url = root.env.pop("PIP_INDEX_URL")
    del root.env["PIP_CONFIG_FILE"]
    conf = os.path.join(root.env["HOME"], ".config/pip")
    os.makedirs(conf)
    with open(os.path.join(conf, "pip.conf"), "w") as f:
        f.write(f"[install]\nindex-url = {url}\n[global]\nindex-url = http://127.0.0.1:1/\n")
    root.sync(EXTENSION_AUTO_INSTALL="typed", PIP_CERT="")
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}


def test_a_proxy_is_gone_through(root, index):
    """The index has a name that only the proxy can make sense of: here the index itself, which ignores the host."""
    demo_set(index)
    root.sync(PIP_INDEX_URL="http://packages.invalid/simple/", EXTENSION_AUTO_INSTALL="typed",
              PIP_TRUSTED_HOST="packages.invalid", http_proxy=f"http://127.0.0.1:{index.server.port}")
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}


def test_offline_takes_what_the_cache_has(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    index.stop()
    root.sync(EXTENSION_AUTO_INSTALL="")
    assert root.installed() == {}
    root.sync("--offline", EXTENSION_AUTO_INSTALL="typed")
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}
    done = root.sync("--offline", EXTENSION_AUTO_INSTALL="typed,viewer", status=1)
    assert re.search("viewer .*EXTENSION_OFFLINE", done.err), done


def test_credentials_appear_nowhere(root, workshop):
    demo_set(workshop)
    server = workshop.serve(password="geheim17")
    url = server.url.replace("//", "//user:geheim17@")
    done = root.run("sync", "-v", env={"PIP_INDEX_URL": url, "EXTENSION_AUTO_INSTALL": "typed,no-such-name"})
    assert done.status == 1 and root.installed() == {"typed": "0.3", "lib-one": "2.5"}, done
    plan = root.run("plan", "--format", "json", env={"PIP_INDEX_URL": url, "EXTENSION_AUTO_INSTALL": "viewer,no-such-name"})
    said = done.out + done.err + plan.out + plan.err
    assert "geheim17" not in said
    found = subprocess.run(["grep", "-rl", "geheim17", root.volume], capture_output=True, text=True).stdout
    assert found == ""


# ---- wheels

def test_the_five_data_schemes(root, index):
    index.add("schemes", "1.0", files={"schemes.py": ""}, data_files={
        "purelib/pure_part.py": "where = 'pure'\n", "platlib/plat_part.py": "where = 'plat'\n",
        "scripts/schemes-tool": "#!python\nimport pure_part, plat_part\nprint(pure_part.where, plat_part.where)\n",
        "scripts/schemes-shell": "#!/bin/sh\necho shell\n",
        "data/share/schemes/readme.txt": "data\n", "headers/schemes.h": "/* header */\n"})
    root.sync(EXTENSION_AUTO_INSTALL="schemes")
    env = {"PATH": "/usr/bin:/bin"}
    assert subprocess.check_output([root.venv / "bin/schemes-tool"], env=env) == b"pure plat\n"
    assert subprocess.check_output([root.venv / "bin/schemes-shell"], env=env) == b"shell\n"
    assert (root.venv / "share/schemes/readme.txt").read_text() == "data\n"
    assert (root.venv / f"include/site/{root.python}/schemes/schemes.h").exists()
    check_records(root)
    assert root.pip("uninstall", "-y", "schemes").returncode == 0
    assert not (root.venv / "bin/schemes-tool").exists() and not (root.venv / "share/schemes/readme.txt").exists()


@pytest.mark.parametrize("files", [
    {"../../../../outside.py": "x"}, {"/tmp/outside.py": "x"}, {"a/../../outside.py": "x"},
    {"localstack-venv.pth": "x"}, {"lib_one/__init__.py": "theft"},
])
def test_a_wheel_cannot_leave_the_venv_or_take_others_files(root, index, files):
    demo_set(index)
    index.add("rogue", "1.0", files=files)
    before = set(os.listdir(root.folder))
    done = root.sync(EXTENSION_AUTO_INSTALL="typed,rogue", status=1)
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}, done
    assert "rogue" in done.err
    assert set(os.listdir(root.folder)) == before
    assert not list(root.volume.rglob("outside.py"))
    check_records(root)


def test_a_wheel_that_may_not_be_installed_fails_alone_when_its_url_was_given(root, index, tmp_path):
    demo_set(index)
    wheel = make_wheel(tmp_path / "w", "zz-rogue", "1.0", files={"typed/__init__.py": "theft"})
    done = root.sync(EXTENSION_AUTO_INSTALL=f"zz-rogue @ file://{wheel},typed", status=1)
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}, done
    assert "typed/__init__.py" in done.err, done
    check_records(root)


def test_a_wheel_that_is_not_what_its_record_says_is_refused(root, index):
    demo_set(index)
    index.add("liar", "1.0", files={"liar.py": "x = 1\n"},
              record=lambda lines: [record_line("liar.py", b"x = 2\n")] + lines[1:])
    done = root.sync(EXTENSION_AUTO_INSTALL="liar,typed", status=1)
    assert "liar.py" in done.err and "RECORD" in done.err, done
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}


def test_a_rebuild_needs_only_the_cache(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer")
    subprocess.run(["rm", "-rf", root.venv], check=True)
    index.stop()
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer", EXTENSION_OFFLINE="1")
    assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}
    assert (root.site / "typed/cli.py").stat().st_nlink > 1


def test_the_cache_may_go_at_any_time(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    subprocess.run(["rm", "-rf", root.volume / "cache"], check=True)
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer")
    assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}


def test_a_damaged_cache_is_noticed(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    subprocess.run(["rm", "-rf", root.venv], check=True)
    for path in root.volume.glob("cache/**/typed/cli.py"):
        path.write_text("print('damaged')\n")
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    check_records(root)


def test_stale_plugin_lists_are_removed(root, index):
    demo_set(index)
    cached = os.path.join(root.env["HOME"], ".cache/plux")
    os.makedirs(cached)
    for name in ("a.entry_points.txt", "keep.txt"):
        open(os.path.join(cached, name), "w").close()
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    assert os.listdir(cached) == ["keep.txt"]


def test_what_was_installed_by_hand_stays_so_in_a_venv_made_anew(root, index):
    index.add("hand", "1.0", ["helper"])
    index.add("helper", "1.0")
    index.add("tool", "1.0")
    index.add("more", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="tool")
    root.pip("install", "--index-url", index.server.url, "hand")
    cfg = root.venv / "pyvenv.cfg"
    cfg.write_text(cfg.read_text().replace("version = 3.", "version = 2."))
    done = root.sync(EXTENSION_AUTO_INSTALL="tool")
    assert "is made anew: it was made for Python 2." in done.err, done
    assert (root.info("hand") / "INSTALLER").read_text().strip() == "pip"
    assert [line for line in root.run("list").out.splitlines() if "by hand" in line] == ["hand          1.0      installed by hand"]
    done = root.sync(EXTENSION_AUTO_INSTALL="more")
    assert root.installed() == {"hand": "1.0", "helper": "1.0", "more": "1.0"}, done
