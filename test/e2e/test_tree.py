# SPDX-License-Identifier: Apache-2.0
"""tree and why: what needs what, from what is installed, as a user sees it."""

import json

import pytest

from wheels import make_wheel


def lines(text):
    return text.strip("\n").splitlines()


def tree(root, *args, env=None):
    done = root.run("tree", *args, env=env)
    assert done.status == 0, done
    return lines(done.out)


def tree_json(root, *args, env=None):
    done = root.run("tree", "--format", "json", *args, env=env)
    assert done.status == 0, done
    return {node["name"]: node for node in json.loads(done.out)}


def why(root, name, *args, status=0, env=None):
    done = root.run("why", name, *args, env=env)
    assert done.status == status, done
    return lines(done.out)


def why_json(root, name, status=0, env=None):
    done = root.run("why", "--format", "json", name, env=env)
    assert done.status == status, done
    return json.loads(done.out)


def chains(answer):
    return [" -> ".join(step["name"] for step in chain) for chain in answer["chains"]]


def driver_set(index):
    index.add("driver", "1.0", ["http>=2", "typing_extensions>=4.5"])
    index.add("http", "2.1", ["io<2,>=1.5", "Typing-Extensions"])
    index.add("io", "1.5", ["http"])
    index.add("viewer", "3.0", ["http"])


ASKED = {"EXTENSION_AUTO_INSTALL": "viewer,driver"}


def test_what_is_asked_for_stands_above_what_it_needs(root, index):
    driver_set(index)
    root.sync(**ASKED)
    assert tree(root, env=ASKED) == [
        "driver 1.0  (asked for in EXTENSION_AUTO_INSTALL)",
        "|-- http 2.1  (>=2)",
        "|   |-- io 1.5  (<2,>=1.5)",
        "|   |   `-- http 2.1  (shown above)",
        "|   `-- typing-extensions 4.15.0  (LocalStack's own)",
        "`-- typing-extensions 4.15.0  (>=4.5; LocalStack's own)",
        "viewer 3.0  (asked for in EXTENSION_AUTO_INSTALL)",
        "`-- http 2.1  (shown above)",
    ]


def test_the_chains_of_why_are_shortest_first(root, index):
    driver_set(index)
    root.requirements("viewer\ndriver\n")
    root.sync()
    file = root.conf / "extensions.txt"
    assert why(root, "IO") == [
        "io 1.5 is in the extensions' venv:",
        f"{file}:2 asks for driver",
        "  driver 1.0 requires http>=2",
        "    http 2.1 requires io<2,>=1.5",
        f"{file}:1 asks for viewer",
        "  viewer 3.0 requires http",
        "    http 2.1 requires io<2,>=1.5",
    ]
    assert chains(why_json(root, "typing_extensions")) == [
        "driver -> typing-extensions", "driver -> http -> typing-extensions", "viewer -> http -> typing-extensions"]


def test_nothing_is_written_and_nobody_asked(root, index):
    driver_set(index)
    root.sync(**ASKED)
    before = {p: p.lstat().st_mtime_ns for p in root.folder.rglob("*")}
    asked = len(index.server.requests())
    root.requirements(f"-r {index.server.url}more.txt\nviewer\n")
    (root.conf / "extensions.txt").touch()
    before.update({p: p.lstat().st_mtime_ns for p in (root.conf, root.conf / "extensions.txt")})
    done = root.run("tree")
    assert "warning: -r" in done.err and "is passed over: this command uses no network" in done.err, done
    root.run("why", "http", "--format", "json")
    assert {p: p.lstat().st_mtime_ns for p in root.folder.rglob("*")} == before
    assert len(index.server.requests()) == asked


def test_before_the_first_sync(root):
    assert tree(root) == ["nothing is asked for, and nothing is installed"]
    assert tree(root, "--format", "json") == ["[]"]
    env = {"EXTENSION_AUTO_INSTALL": "driver>=2,werkzeug<4"}
    assert tree(root, env=env) == [
        "driver, missing  (>=2; asked for in EXTENSION_AUTO_INSTALL)",
        "werkzeug 3.1.6  (<4; LocalStack's own; asked for in EXTENSION_AUTO_INSTALL)",
    ]
    assert not root.extensions.exists()


# ---- the base


def test_below_the_base_it_is_the_bases_affair(root, index):
    index.add("ext", "1", ["localstack-core"])
    root.sync(EXTENSION_AUTO_INSTALL="ext")
    assert tree(root) == [
        "ext 1  (asked for earlier)",
        "`-- localstack-core 4.12.0  (LocalStack's own)",
    ]
    assert tree_json(root)["localstack-core"]["requires"] == []
    assert tree(root, "-v") == [
        "ext 1  (asked for earlier)",
        "`-- localstack-core 4.12.0  (LocalStack's own)",
        "    |-- typing-extensions 4.15.0  (>=4; LocalStack's own)",
        "    `-- werkzeug[watchdog] 3.1.6  (<4; LocalStack's own)",
        "        |-- markupsafe 3.0.3  (>=2; LocalStack's own)",
        "        `-- watchlog, missing  (>=2)",
    ]
    assert why(root, "markupsafe") == ["markupsafe 3.0.3 is LocalStack's own; no extension uses it"]
    assert why(root, "markupsafe", "-v")[1:] == [
        "ext was asked for earlier; nothing asks for it now",
        "  ext 1 requires localstack-core",
        "    localstack-core 4.12.0 (LocalStack's own) requires werkzeug[watchdog]<4",
        "      werkzeug 3.1.6 (LocalStack's own) requires markupsafe>=2",
    ]


def test_an_extra_of_the_base_is_the_extensions_affair(root, index):
    index.add("watchlog", "2.1")
    root.sync(EXTENSION_AUTO_INSTALL="werkzeug[watchdog]")
    env = {"EXTENSION_AUTO_INSTALL": "werkzeug[watchdog]"}
    assert tree(root, env=env) == [
        "werkzeug[watchdog] 3.1.6  (LocalStack's own; asked for in EXTENSION_AUTO_INSTALL)",
        "`-- watchlog 2.1  (>=2)",
    ]
    assert why(root, "watchlog", env=env) == [
        "watchlog 2.1 is in the extensions' venv:",
        "EXTENSION_AUTO_INSTALL asks for werkzeug[watchdog]",
        '  werkzeug 3.1.6 (LocalStack\'s own) requires watchlog>=2 ; extra == "watchdog"',
    ]
    # nothing asks for the extra any more, and no sync has been since
    assert tree(root) == ["watchlog 2.1  (nothing needs it)"]
    assert why(root, "watchlog")[1:] == ["nothing asks for watchlog, and nothing needs it"]


def test_what_stands_in_the_shadow_of_the_base(root, index):
    index.add("ext", "1", ["typing-extensions>=4.16"])
    root.sync(EXTENSION_AUTO_INSTALL="ext", EXTENSION_BASE_CONFLICTS="tolerate")
    newer = make_wheel(index.folder / "more", "typing-extensions", "4.16.0")
    root.pip("install", "--no-index", "--no-deps", "--target", root.site, newer)
    assert tree(root) == [
        "ext 1  (asked for earlier)",
        "`-- typing-extensions 4.15.0, does not meet >=4.16  (LocalStack's own)",
        "typing-extensions 4.16.0  (not used: LocalStack imports its own 4.15.0)",
    ]
    assert why(root, "typing-extensions") == [
        "typing-extensions 4.15.0 is LocalStack's own:",
        "(The extensions' venv has typing-extensions 4.16.0, which LocalStack does not import.)",
        "ext was asked for earlier; nothing asks for it now",
        "  ext 1 requires typing-extensions>=4.16, which 4.15.0 does not meet",
    ]


# ---- extras and markers


def test_extras_and_markers(root, index):
    index.add("ext", "1", ["kit[all]>=1", 'windows-only ; sys_platform == "win32"', 'py3 ; python_version >= "3"'])
    index.add("kit", "1.2", ['kit[speed] ; extra == "all"', 'fast<9 ; extra == "speed"', 'slow ; extra == "compat"'],
              extras=["all", "speed", "compat"])
    for name in ("fast", "slow", "py3"):
        index.add(name, "1")
    root.sync(EXTENSION_AUTO_INSTALL="ext")
    assert tree(root) == [
        "ext 1  (asked for earlier)",
        "|-- kit[all] 1.2  (>=1)",
        "|   |-- fast 1  (<9)",
        "|   `-- kit[speed] 1.2  (shown above)",
        "`-- py3 1",
    ]
    assert tree_json(root)["ext"]["requires"] == [
        {"name": "kit", "specifier": ">=1", "extras": ["all"], "marker": None, "installed": "1.2", "base": False, "met": True},
        {"name": "py3", "specifier": "", "extras": [], "marker": 'python_version >= "3"', "installed": "1", "base": False,
         "met": True},
    ]
    assert why(root, "fast")[-1] == '    kit 1.2 requires fast<9 ; extra == "speed"'


# ---- by hand, missing, unmet


def test_by_hand_missing_and_unmet(root, index):
    index.add("ext", "1", ["part>=2"])
    index.add("part", "2")
    index.add("part", "1")
    index.add("mine", "5", ["helper"])
    index.add("helper", "1")
    root.sync(EXTENSION_AUTO_INSTALL="ext")
    asked = {"EXTENSION_AUTO_INSTALL": "ext"}
    root.pip("install", "-q", "--index-url", index.server.url, "mine")
    root.pip("install", "-q", "--index-url", index.server.url, "part==1")
    root.pip("uninstall", "-q", "-y", "helper")
    assert tree(root, env=asked) == [
        "ext 1  (asked for in EXTENSION_AUTO_INSTALL)",
        "`-- part 1, does not meet >=2",
        "mine 5  (installed by hand)",
        "`-- helper, missing",
        "part 1  (installed by hand)",
    ]
    nodes = tree_json(root, env=asked)
    assert sorted(nodes) == ["ext", "mine", "part"]
    assert nodes["ext"]["requires"][0]["met"] is False and nodes["ext"]["requires"][0]["installed"] == "1"
    assert nodes["mine"]["requires"][0]["installed"] is None and nodes["mine"]["requires"][0]["met"] is False
    assert [nodes[n]["by-hand"] for n in sorted(nodes)] == [False, True, True]
    assert [nodes[n]["requested"] for n in sorted(nodes)] == [True, True, True]
    assert why(root, "helper", status=1, env=asked) == [
        "helper is not installed, but wanted:",
        "mine was installed by hand",
        "  mine 5 requires helper",
    ]
    assert why(root, "part", env=asked) == [
        "part 1 is in the extensions' venv:",
        "part was installed by hand",
        "EXTENSION_AUTO_INSTALL asks for ext",
        "  ext 1 requires part>=2, which 1 does not meet",
    ]
    wanted = {"EXTENSION_AUTO_INSTALL": "ext>=2"}
    assert tree(root, env=wanted)[0] == "ext 1, does not meet >=2  (asked for in EXTENSION_AUTO_INSTALL)"
    assert why(root, "ext", env=wanted)[1] == "EXTENSION_AUTO_INSTALL asks for ext>=2, which 1 does not meet"


def test_a_direct_reference_without_its_password(root, index, tmp_path):
    wheel = make_wheel(tmp_path / "links", "linked", "1")
    index.add("ext", "1", [f"linked @ {wheel.as_uri()}"])
    root.sync(EXTENSION_AUTO_INSTALL="ext")
    assert tree(root)[1] == f"`-- linked 1  (@ {wheel.as_uri()})"
    info = root.info("ext") / "METADATA"
    info.write_text(info.read_text().replace("file://", "https://me:secret@files.example"))
    assert f"https://files.example{wheel}" in tree(root)[1]
    assert "secret" not in "".join([*why(root, "linked"), json.dumps(why_json(root, "linked")), json.dumps(tree_json(root))])
    assert tree_json(root)["ext"]["requires"][0]["specifier"] == f"@ https://files.example{wheel}"


def test_metadata_that_cannot_be_read_stops_nothing(root, index):
    driver_set(index)
    root.sync(**ASKED)
    path = root.info("http") / "METADATA"
    path.write_text("Metadata-Version: 2.1\nName: http\nVersion: 2.1\nRequires-Dist: ???\n")
    done = root.run("tree", env=ASKED)
    assert "|-- http 2.1  (>=2; what it requires cannot be read)" in done.out
    assert "io 1.5  (nothing needs it)" in done.out
    assert str(path) in done.err and "???" in done.err


# ---- inputs that cannot be read


def test_unreadable_inputs_are_warned_of(root, index):
    driver_set(index)
    root.sync(**ASKED)
    root.requirements("driver ><\n-r absent.txt\nviewer\n")
    done = root.run("tree", env={"PIP_CONSTRAINT": "/nowhere/limits.txt"})
    assert done.status == 0
    assert f"viewer 3.0  (asked for in {root.conf}/extensions.txt:3)" in done.out
    assert "driver 1.0  (asked for earlier)" in done.out
    assert "driver >< (" in done.err and "-r absent.txt" in done.err
    named = root.run("tree", "-r", "/nowhere/r.txt")
    assert named.status == 2 and "/nowhere/r.txt" in named.err


def test_a_venv_that_has_to_be_made_anew(root, index):
    driver_set(index)
    root.sync(**ASKED)
    (root.venv / "bin/pip").unlink()
    done = root.run("tree", env=ASKED)
    assert "the next sync makes the extensions' venv anew" in done.err
    assert "http 2.1  (>=2)" in done.out
    (root.venv / "lib" / root.python).rename(root.venv / "lib/python3.5")
    assert tree(root, env=ASKED)[0] == "driver, missing  (asked for in EXTENSION_AUTO_INSTALL)"


# ---- why


def test_why_of_what_is_not_there(root, index):
    index.add("localstack-extension-mail", "1")
    root.sync(EXTENSION_AUTO_INSTALL="localstack-extension-mail")

    def said(name):
        done = root.run("why", name)
        assert done.status == 1 and done.out == "", done
        return done.err

    assert said("werkzoig").endswith("werkzoig is not installed, and nothing asks for it; did you mean werkzeug?\n")
    assert said("Mail").endswith("; did you mean localstack-extension-mail?\n")
    assert said("something-else").endswith("something-else is not installed, and nothing asks for it\n")
    absent = {"name": "some-thing", "version": None, "base": False, "requested": False, "by-hand": False, "chains": []}
    assert why_json(root, "Some_Thing", status=1) == absent
    env = {"EXTENSION_AUTO_INSTALL": "absent>=2"}
    assert why(root, "absent", status=1, env=env) == ["absent is not installed, but wanted:", "EXTENSION_AUTO_INSTALL asks for absent>=2"]
    answer = why_json(root, "absent", status=1, env=env)
    assert answer["version"] is None and answer["requested"] is True
    assert answer["chains"] == [[{"name": "absent", "version": None, "requirement": "absent>=2", "from": "EXTENSION_AUTO_INSTALL"}]]


@pytest.mark.parametrize("args, part", [
    (("why",), "not 0"),
    (("why", "a", "b"), "not 2"),
    (("why", "a>=1"), '"a>=1" is none'),
    (("tree", "thing"), "why thing"),
])
def test_wrong_arguments(root, args, part):
    done = root.run(*args)
    assert done.status == 2 and part in done.err and done.out == "", done


def test_more_chains_than_fit_on_a_screen(root, index):
    names = [f"ext-{i:02}" for i in range(15)]
    for name in names:
        index.add(name, "1", ["shared"])
    index.add("shared", "1")
    env = {"EXTENSION_AUTO_INSTALL": ",".join(names)}
    root.sync(**env)
    printed = why(root, "shared", env=env)
    assert len(printed) <= 24
    assert printed[1:3] == ["EXTENSION_AUTO_INSTALL asks for ext-00", "  ext-00 1 requires shared"]
    assert printed[-1] == "and 4 more, which --format json lists"
    assert len(why_json(root, "shared", env=env)["chains"]) == 15


def test_the_json_has_every_key_always(root, index):
    driver_set(index)
    root.sync(**ASKED)
    done = root.run("tree", "--format", "json", env=ASKED)
    nodes = json.loads(done.out)
    assert [n["name"] for n in nodes] == sorted(n["name"] for n in nodes)
    for node in nodes:
        assert list(node) == ["name", "version", "requested", "by-hand", "base", "requires"]
        for requirement in node["requires"]:
            assert list(requirement) == ["name", "specifier", "extras", "marker", "installed", "base", "met"]
    answer = why_json(root, "io", env=ASKED)
    assert list(answer) == ["name", "version", "base", "requested", "by-hand", "chains"]
    assert answer["chains"][0] == [
        {"name": "driver", "version": "1.0", "requirement": "driver", "from": "EXTENSION_AUTO_INSTALL"},
        {"name": "http", "version": "2.1", "requirement": "http>=2", "from": None},
        {"name": "io", "version": "1.5", "requirement": "io<2,>=1.5", "from": None},
    ]


# ---- real extensions


@pytest.mark.once
def test_real_extensions_on_a_real_base(localstack_root):
    root = localstack_root
    env = {"EXTENSION_AUTO_INSTALL": "localstack-extension-typedb,localstack-wiremock"}
    root.sync(**env)
    printed = tree(root, env=env)
    assert printed[0].startswith("localstack-extension-typedb 0.")
    assert not [line for line in printed if "missing" in line or "does not meet" in line or "nothing needs it" in line]
    nodes = tree_json(root, env=env)
    assert {n for n, node in nodes.items() if not node["base"]} == set(root.installed())
    assert "localstack-wiremock -> localstack-extensions-utils -> twisted" in chains(why_json(root, "twisted", env=env))
    assert why(root, "idna", env=env)[0].endswith("is LocalStack's own:")
    # the base's own needs are all met too, or its LocalStack would not run
    unfolded = tree_json(root, "-v", env=env)
    assert len(unfolded) > len(nodes)
    assert all(r["met"] for node in unfolded.values() for r in node["requires"])
