# SPDX-License-Identifier: Apache-2.0
"""What stands in requirements files beside names: options, hashes, constraints, paths and URLs, from an index that nginx serves."""

import hashlib
import json
import re
import shutil
import sys

import pytest

from fault_server import Answer, FaultServer, page
from sources import make_source
from wheels import make_wheel, metadata_text


def sha(path, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, path.read_bytes()).hexdigest()}"


def answer(plan):
    return {entry["name"]: entry["version"] for entry in plan["install"]}


def reasons(plan):
    return {entry["requirement"]: entry["reason"] for entry in plan["failed"]}


# ---- where distributions come from

def test_an_index_named_in_the_file_counts_for_everything(root, workshop):
    workshop.add("tool", "1", ["part"])
    workshop.add("part", "1")
    root.requirements(f"--index-url {workshop.serve().url}\ntool\n")
    root.env["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
    root.sync(EXTENSION_AUTO_INSTALL="part")
    assert root.installed() == {"tool": "1", "part": "1"}
    assert "preparing" not in root.boot("true", env={"EXTENSION_AUTO_INSTALL": "part"}).err  # the same options again: nothing changed


def test_find_links_beside_the_file_and_no_index(root, workshop, tmp_path):
    make_wheel(root.conf / "wheels", "tool", "1")
    root.requirements("--no-index\n--find-links wheels\ntool\n")
    root.env["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
    assert answer(root.plan()) == {"tool": "1"}


def test_an_extra_index_in_the_file_is_asked_first(root, index, tmp_path):
    index.add("tool", "2")
    other = type(index)(tmp_path / "other")
    other.add("tool", "1")
    try:
        root.requirements(f"--extra-index-url {other.serve().url}\ntool\n")
        assert answer(root.plan()) == {"tool": "1"}
        assert answer(root.plan(EXTENSION_INDEX_STRATEGY="best")) == {"tool": "2"}
    finally:
        other.stop()


def test_a_nested_file_over_http_is_relative_to_where_it_came_from(root, index):
    index.add("one", "1")
    index.add("two", "1")
    index.add("two", "2")
    www = index.folder / "index"
    (www / "lists").mkdir()
    (www / "lists/a.txt").write_text("one\n-r ../b.txt\n")
    (www / "b.txt").write_text("two\n-c lists/limits.txt\n")
    (www / "lists/limits.txt").write_text("two<2\n")
    base = index.server.url.rsplit("/", 2)[0]
    root.requirements(f"-r {base}/lists/a.txt\n")
    plan = root.plan()
    assert answer(plan) == {"one": "1", "two": "1"}
    assert all(entry["requested"] for entry in plan["install"])


def test_a_file_from_a_server_names_no_file_of_this_machine(root, index, tmp_path):
    index.add("foo", "1")
    index.add("bar", "1")
    www = index.folder / "index"
    (www / "lists").mkdir()
    (www / "lists/a.txt").write_text("-r /lists/b.txt\nfoo\n")
    (www / "lists/b.txt").write_text("bar\n")
    root.requirements(f"-r {index.server.url.rsplit('/', 2)[0]}/lists/a.txt\n")
    assert answer(root.plan()) == {"foo": "1", "bar": "1"}
    (tmp_path / "mine.txt").write_text("secret line\n")
    for name in (tmp_path / "mine.txt", f"file://{tmp_path}/mine.txt"):
        (www / "lists/a.txt").write_text(f"-r {name}\nfoo\n")
        done = root.run("plan")
        assert done.status == 1 and "secret" not in done.out + done.err, done


def test_the_index_of_a_line_comes_before_its_extra_indexes(root, index, tmp_path):
    index.add("foo", "1")
    other = type(index)(tmp_path / "other")
    other.add("bar", "1")
    try:
        root.requirements(f"--extra-index-url {other.serve().url} --index-url {index.server.url}\nfoo\nbar\n")
        assert answer(root.plan()) == {"foo": "1", "bar": "1"}
    finally:
        other.stop()


# ---- which releases

@pytest.fixture
def releases(index):
    for version in ("1.0", "2.0rc1"):
        index.add("alpha", version)
        index.add("beta", version)
    index.add("only", "1.0b1")
    return index


@pytest.mark.parametrize("options, env, expected", [
    ("", {}, {"alpha": "1.0", "beta": "1.0", "only": "1.0b1"}),
    ("--pre\n", {}, {"alpha": "2.0rc1", "beta": "2.0rc1", "only": "1.0b1"}),
    ("--all-releases alpha\n", {}, {"alpha": "2.0rc1", "beta": "1.0", "only": "1.0b1"}),
    ("--all-releases :all:\n--only-final beta\n", {}, {"alpha": "2.0rc1", "beta": "1.0", "only": "1.0b1"}),
    ("--only-final :all:\n", {}, {"alpha": "1.0", "beta": "1.0", "only": None}),
    ("--pre\n--only-final only\n", {}, {"alpha": "2.0rc1", "beta": "2.0rc1", "only": None}),
    ("", {"PIP_ALL_RELEASES": "beta"}, {"alpha": "1.0", "beta": "2.0rc1", "only": "1.0b1"}),
    ("", {"PIP_ONLY_FINAL": "only"}, {"alpha": "1.0", "beta": "1.0", "only": None}),
])
def test_which_prereleases_are_taken(root, releases, options, env, expected):
    root.requirements(f"{options}alpha\nbeta\nonly\n")
    plan = root.plan(status=1 if None in expected.values() else 0, **env)
    assert answer(plan) == {name: version for name, version in expected.items() if version}
    assert all("only final releases are asked for" in reason for reason in reasons(plan).values())


def test_what_may_not_come_from_a_wheel_is_set_aside(root, index):
    index.add("tool", "1")
    index.add("part", "1")
    for options in ("--no-binary tool\n", "--no-binary :all:\n--only-binary part\n", "part --no-binary tool\n"):
        root.requirements(f"{options}tool\npart\n")
        plan = root.plan(status=1)
        assert answer(plan) == {"part": "1"}
        assert "--no-binary" in reasons(plan)["tool"]
    root.requirements("--no-binary :all:\n--no-binary :none:\ntool\n")
    assert answer(root.plan()) == {"tool": "1"}


# ---- hashes

def test_a_hash_that_fits_lets_the_file_in(root, index):
    wheel = index.add("tool", "1")
    for algorithm in ("sha256", "sha384", "sha512"):
        root.requirements(f"tool==1 --hash=sha256:{'0' * 64} \\\n  --hash={sha(wheel, algorithm)}\n")
        root.sync()
        assert root.installed() == {"tool": "1"}
        root.requirements("")
        root.sync()


def test_a_hash_that_does_not_fit_keeps_it_out_and_the_others_go_on(root, index):
    wheel = index.add("tool", "1")
    index.add("other", "1")
    root.requirements(f"tool==1 --hash=sha256:{'0' * 64}\n")
    done = root.sync(status=1, EXTENSION_AUTO_INSTALL="other")
    assert root.installed() == {"other": "1"}
    assert re.search(rf"tool==1 .*extensions.txt:1\) is set aside: no file of tool 1 has a hash that \S+extensions.txt:1 gives: "
                     rf"{wheel.name} has {sha(wheel)}", done.err), done


def test_a_hash_is_checked_where_the_page_has_none(root, workshop):
    wheel = workshop.add("tool", "1", page={"digest": None})
    workshop.add("other", "1")
    root.env["PIP_INDEX_URL"] = workshop.serve().url
    for good in (False, True):
        root.requirements(f"tool --hash={sha(wheel, 'sha512') if good else 'sha512:' + '0' * 128}\n")
        done = root.sync(status=0 if good else 1, EXTENSION_AUTO_INSTALL="other")
        assert root.installed() == ({"tool": "1", "other": "1"} if good else {"other": "1"})
        assert good or sha(wheel) in done.err, done


def test_of_several_wheels_and_versions_the_one_with_the_hash_is_taken(root, index):
    python = root.python.replace("python", "py").replace(".", "")
    general = index.add("tool", "1")
    index.add("tool", "1", tag=f"{python}-none-any")
    index.add("tool", "2")
    index.add("user", "1", ["tool"])
    root.requirements(f"tool --hash={sha(general)}\n")
    plan = root.plan()
    assert [(i["version"], i["url"].rsplit("/")[-1], i["hash"]) for i in plan["install"]] == [("1", general.name, sha(general))]
    plan = root.plan(EXTENSION_AUTO_INSTALL="user")  # who else needs it takes the same
    assert answer(plan) == {"tool": "1", "user": "1"}


def test_what_only_checked_requirements_need_has_to_have_a_hash(root, index):
    tool = index.add("tool", "1", ["part", "typing-extensions"])
    part = index.add("part", "2")
    index.add("free", "1", ["part"])
    root.requirements(f"tool==1 --hash={sha(tool)}\n")
    plan = root.plan(status=1)
    assert answer(plan) == {}
    assert f"\npart==2 --hash={sha(part)}" in reasons(plan)["tool==1"]
    assert "typing-extensions" not in reasons(plan)["tool==1"]  # LocalStack's own
    # What an unchecked requirement brings anyway needs none.
    assert answer(root.plan(EXTENSION_AUTO_INSTALL="free")) == {"free": "1", "part": "2", "tool": "1"}
    root.requirements(f"tool==1 --hash={sha(tool)}\npart==2 --hash={sha(part)}\n")
    root.sync()
    assert root.installed() == {"tool": "1", "part": "2"}


def test_a_requirement_without_a_hash_beside_one_that_has_it(root, index):
    tool, other = index.add("tool", "1"), index.add("other", "3")
    root.requirements(f"other\ntool==1 --hash={sha(tool)}\n")
    plan = root.plan(status=1)
    assert answer(plan) == {"tool": "1"}
    assert f"\nother==3 --hash={sha(other)}" in reasons(plan)["other"]
    root.requirements(f"other\ntool==1 --hash={sha(tool)}\n--no-require-hashes\n")
    assert answer(root.plan()) == {"tool": "1", "other": "3"}
    root.requirements("other\n--require-hashes\n")
    assert list(reasons(root.plan(status=1))) == ["other"]
    root.requirements("")
    plan = root.plan(status=1, EXTENSION_AUTO_INSTALL="other", PIP_REQUIRE_HASHES="1")
    assert f"\nother==3 --hash={sha(other)}" in reasons(plan)["other"]


def test_hashes_of_constraints(root, index):
    tool, part = index.add("tool", "1", ["part"]), index.add("part", "1")
    index.add("part", "2")
    (root.conf / "limits.txt").write_text(f"tool==1 --hash={sha(tool)}\npart==1 --hash={sha(part)}\n")
    root.requirements("tool\n-c limits.txt\n")
    assert answer(root.plan()) == {"tool": "1", "part": "1"}
    (root.conf / "limits.txt").write_text(f"tool==1 --hash={sha(tool)}\npart==1 --hash=sha256:{'1' * 64}\n")
    plan = root.plan(status=1)
    assert answer(plan) == {}
    assert "none of the hashes of the constraint" in reasons(plan)["tool"]


def test_hashes_of_direct_references(root, index):
    wheel = index.add("tool", "1")
    url = index.server.url.rsplit("/", 2)[0] + f"/files/{wheel.name}"
    good, bad = sha(wheel, "sha512"), "sha512:" + "0" * 128
    root.requirements(f"tool @ {url}#{sha(wheel).replace(':', '=')} --hash={bad}\n")
    plan = root.plan(status=1)
    assert answer(plan) == {} and f"has {sha(wheel)}" in plan["failed"][0]["reason"]
    root.requirements(f"{url} --hash={good}\n")
    root.sync()
    assert root.installed() == {"tool": "1"}
    root.requirements(f"--require-hashes\ntool @ {url}#{sha(wheel).replace(':', '=')}\n")
    root.sync()
    root.requirements(f"--require-hashes\ntool @ {url}?again\n")
    plan = root.plan(status=1)
    assert f"?again --hash={sha(wheel)}" in plan["failed"][0]["reason"]


def test_a_hashed_requirement_that_fails_leaves_no_trace(root, index):
    """What the others get is what they would have got had it not been asked for."""
    index.add("tool", "1")
    index.add("tool", "2")
    index.add("user", "1", ["tool"])
    root.requirements(f"tool==1 --hash=sha256:{'0' * 64}\n")
    plan = root.plan(status=1, EXTENSION_AUTO_INSTALL="user")
    assert answer(plan) == {"user": "1", "tool": "2"}


def test_a_digest_in_the_url_of_metadata_is_not_the_users(root, index, tmp_path):
    part = make_wheel(tmp_path / "parts", "part", "1")
    url = f"file://{part}#{sha(part).replace(':', '=')}"
    tool = index.add("tool", "1", [f"part @ {url}"])
    root.requirements(f"tool==1 --hash={sha(tool)}\n")
    plan = root.plan(status=1)
    assert answer(plan) == {} and f"--hash={sha(part)}" in plan["failed"][0]["reason"]
    root.requirements(f"tool==1 --hash={sha(tool)}\npart @ {url}\n")
    assert answer(root.plan()) == {"tool": "1", "part": "1"}


def test_a_constraints_file_may_ask_for_hashes(root, index, tmp_path):
    index.add("tool", "1")
    (tmp_path / "limits.txt").write_text("--require-hashes\n")
    (tmp_path / "mine.txt").write_text("tool\n")
    assert list(reasons(root.plan("-r", tmp_path / "mine.txt", "-c", tmp_path / "limits.txt", status=1))) == ["tool"]


def announce(index, name, hashes):
    """The page of the project says this of all its files, whatever they are."""
    page = index.folder / f"index/simple/{name}/index.json"
    text = json.loads(page.read_text())
    for entry in text["files"]:
        entry["hashes"] = hashes
    page.write_text(json.dumps(text))


def test_a_page_cannot_lend_a_hash_to_another_file(root, index, tmp_path):
    """Beside the sha256 of the file that it wants to be taken it announces the sha512 that the user gives."""
    evil = index.add("tool", "1", files={"tool/__init__.py": "evil = 1\n"})
    good = make_wheel(tmp_path / "good", "tool", "1", files={"tool/__init__.py": "good = 1\n"})
    both = {"sha256": sha(evil).split(":")[1], "sha512": sha(good, "sha512").split(":")[1]}
    announce(index, "tool", both)
    hashed = f"tool==1 --hash={sha(good, 'sha512')}\n"
    root.requirements(hashed)
    root.sync(status=1)
    lock = root.run("lock")
    assert lock.status == 1 and lock.out == "", lock
    announce(index, "tool", {"sha256": both["sha256"]})  # it gets into the cache, without a hash
    shutil.rmtree(root.volume / "cache/extensions/pages")
    root.requirements("tool\n")
    root.sync()
    root.requirements("")
    root.sync()
    announce(index, "tool", both)
    shutil.rmtree(root.volume / "cache/extensions/pages")
    root.requirements(hashed)
    root.sync(status=1)
    assert root.installed() == {}


def test_wheels_of_one_version_have_dependencies_of_their_own(root, index, tmp_path):
    tag = f"py{sys.version_info[0]}{sys.version_info[1]}-none-any"
    index.add("dep", "1")
    index.add("other", "1")
    index.add("foo", "1", ["other"], tag=tag, page={"digest": False})
    general = index.add("foo", "1", ["dep"], page={"digest": False})
    root.requirements(f"--no-require-hashes\nfoo==1 --hash={sha(general)}\n")
    root.sync()
    assert root.installed() == {"foo": "1", "dep": "1"}
    bad, good = (make_wheel(tmp_path / where, "bar", "1", requires) for where, requires in (("a", ["nowhere"]), ("b", ["dep"])))
    root.requirements(f"bar @ file://{bad}\nbar @ file://{good}\n")
    plan = root.plan(status=1)
    assert [entry["requirement"] for entry in plan["failed"]] == [f"bar @ file://{bad}"]
    assert answer(plan) == {"bar": "1"}


@pytest.mark.parametrize("line", [
    "foo=1 --hash=sha256:{0}", "./foo-1.tar.gz --hash=sha256:{0}", "foo==1 --hash=md5:{1}", "foo==1; os_name == 'nt' --hash=sha256:{0}"])
def test_a_hash_counts_whatever_is_wrong_with_its_line(root, index, line):
    index.add("foo", "1")
    index.add("bar", "1")
    root.requirements(line.format("a" * 64, "a" * 32) + "\nbar==1\n")
    plan = root.plan(status=1)
    assert answer(plan) == {} and "asks for hashes" in reasons(plan)["bar==1"]


def test_another_hash_of_the_same_url_means_other_bytes(root, index, tmp_path):
    wheel = index.add("foo", "1", files={"foo.py": "a = 1\n"})
    url = index.server.url.rsplit("/", 2)[0] + f"/files/{wheel.name}"
    root.requirements(f"foo @ {url} --hash={sha(wheel)}\n")
    root.sync()
    wheel.write_bytes(make_wheel(tmp_path, "foo", "1", files={"foo.py": "b = 12\n"}).read_bytes())
    root.sync()
    assert (root.site / "foo.py").read_text() == "a = 1\n"  # nobody asks for other bytes
    root.requirements(f"foo @ {url} --hash={sha(wheel)}\n")
    root.sync()
    assert (root.site / "foo.py").read_text() == "b = 12\n"


# ---- what is said

def test_no_part_of_a_long_password_is_shown(root, index):
    secret = "S3cr3t" * 120
    index.add("foo", "1")
    for line in ("--pre https://aws:{}@127.0.0.1:9/x", "foo @ https://aws:{}@127.0.0.1:9/foo-1-py3-none-any.whl",
                 "foo==1\nfoo @ https://aws:{}@127.0.0.1:9/foo-1-py3-none-any.whl", "foo @ git+https://aws:{}@127.0.0.1:9/foo",
                 "-e git+https://aws:{}@127.0.0.1:9/foo", "foo==1 --config-settings https://aws:{}@127.0.0.1:9/foo.txt",
                 "foo==1 --hash https://aws:{}@127.0.0.1:9/foo.txt", "https://aws:{}@127.0.0.1:9/foo-1.tar.gz"):
        root.requirements(line.format(secret) + "\n")
        done, plan = root.run("sync", "-v"), root.run("plan", "--format", "json")
        state = (root.extensions / ".localstack-extensions.state").read_text()
        assert all("S3cr3tS3cr3t" not in text for text in (done.err, done.out, plan.out, plan.err, state)), line


NOTICES = {
    "a line": b"Service Unavailable, come back later\n",
    "an option": b"--no-such-option\n",
    "no text": b"\xff\xfe\x00\xd8",
    "too large": b"other\n" * (17 * 1024 * 1024 // 6),
    "itself": b"-r list.txt\n",
}


@pytest.mark.parametrize("option", ["-r", "-c"])
@pytest.mark.parametrize("notice", NOTICES)
def test_what_a_server_says_once_in_place_of_a_file(root, index, option, notice):
    """A notice of maintenance, or the page of a captive portal: the next boots ask again."""
    for name in ("foo", "other"):
        index.add(name, "1")
    index.add("foo", "2")
    with FaultServer() as server:
        server.add("/list.txt", *[Answer(body=NOTICES[notice])] * 2, Answer(body=b"foo==1\n"))
        root.requirements(f"{option} {server.url}/list.txt\nother\n" + ("foo\n" if option == "-c" else ""))
        for asked in (1, 2):
            done = root.boot("true")
            assert done.status == 0 and "each boot tries again" in done.err, done
            assert len(server.asked("/list.txt")) == asked
        done = root.boot("true")
        assert "set aside" not in done.err and root.installed() == {"foo": "1", "other": "1"}, done
        assert root.boot("true").err == "" and len(server.asked("/list.txt")) == 3


def test_too_many_files_of_a_server(root, index):
    index.add("foo", "1")
    (root.conf / "mine.txt").write_text("foo\n")
    with FaultServer() as server:
        names = [f"/{i}.txt" for i in range(199)]
        for name in names:
            server.add(name, Answer())
        server.add("/list.txt", Answer(body="".join(f"-r {name}\n" for name in names).encode()), Answer())
        root.requirements(f"-r {server.url}/list.txt\n-r mine.txt\n")
        assert "mine.txt (" in root.boot("true").err and not root.installed()
        assert "set aside" not in root.boot("true").err and root.installed() == {"foo": "1"}


def test_what_stands_in_a_file_of_this_machine_beside_one_of_a_server_stays_wrong(root, index):
    index.add("foo", "1")
    with FaultServer() as server:
        server.add("/list.txt", Answer(body=b"foo\n"))
        root.requirements(f"-r {server.url}/list.txt\nbad bad\n")
        root.boot("true")
        done = root.boot("true")
        assert "bad bad" in done.err and "tries again" not in done.err and len(server.asked("/list.txt")) == 1, done


# ---- constraints

def test_what_constraints_that_cannot_be_read_would_limit_is_set_aside(root, index):
    for version in ("1", "2"):
        index.add("foo", version)
    index.add("bar", "1")
    index.add("user", "1", ["foo"])
    root.requirements("bad bad\nfoo\n-c nowhere.txt\nbar\n")
    plan = root.plan(status=1, EXTENSION_AUTO_INSTALL="user")
    assert answer(plan) == {"user": "1", "foo": "2"}
    assert [entry["requirement"] for entry in plan["failed"]] == ["bad bad", "-c nowhere.txt", "foo", "bar"]
    assert "-c nowhere.txt" in reasons(plan)["foo"] and "extensions.txt:3" in reasons(plan)["foo"]
    (root.conf / "nowhere.txt").write_text("foo=1\n")
    plan = root.plan(status=1, EXTENSION_AUTO_INSTALL="user")
    assert answer(plan) == {"bar": "1"}
    assert "nowhere.txt:1" in reasons(plan)["foo"] and "foo=1" in reasons(plan)["user"]


def test_constraints_of_the_command_line_hold_for_the_default_inputs(root, index, tmp_path):
    for version in ("1", "2"):
        index.add("foo", version)
    root.requirements("foo\n")
    root.sync()
    (tmp_path / "limits.txt").write_text("foo<2\n")
    root.sync("-c", tmp_path / "limits.txt")
    assert root.installed() == {"foo": "1"}
    assert "preparing the extensions" in root.boot("true").err  # no boot asks for these
    done = root.run("plan", "-c", tmp_path / "limits.txt", env={"EXTENSION_LOCK": str(tmp_path / "pylock.toml")})
    assert done.status == 2 and "leave out -c" in done.err, done


def test_hashes_of_constraints_on_the_command_line(root, index, tmp_path):
    tool = index.add("tool", "1", ["part"])
    index.add("part", "1")
    (tmp_path / "limits.txt").write_text(f"tool==1 --hash={sha(tool)}\n")
    assert list(reasons(root.plan("-c", tmp_path / "limits.txt", "tool", status=1))) == ["tool"]


def test_a_constraint_may_name_the_url(root, index, tmp_path):
    index.add("tool", "2")
    index.add("user", "1", ["tool>=1"])
    wheel = make_wheel(tmp_path / "mine", "tool", "1.5")
    (root.conf / "limits.txt").write_text(f"tool @ file://{wheel}\n")
    root.requirements("user\n-c limits.txt\n")
    root.sync()
    assert root.installed() == {"user": "1", "tool": "1.5"}
    root.requirements("user\ntool>=2\n-c limits.txt\n")
    plan = root.plan(status=1)
    assert "outside the constraint tool @ file://" in reasons(plan)["tool>=2"]
    root.requirements("-c limits.txt\n")
    assert answer(root.plan()) == {}  # it asks for nothing


# ---- paths and URLs

def test_a_path_counts_from_the_file_and_else_from_the_working_directory(root, index):
    wheel = make_wheel(root.conf / "wheels", "tool", "1")
    root.requirements(f"wheels/{wheel.name}\n")
    plan = root.plan()
    assert [(i["source"], i["url"]) for i in plan["install"]] == [("path", f"file://{wheel}")]
    wheel.rename(root.conf / wheel.name)
    root.requirements(wheel.name + "\n")
    assert answer(root.plan()) == {"tool": "1"}
    root.requirements(f"nowhere/{wheel.name}\n")
    assert root.plan(status=1)["install"] == []


def test_a_local_wheel_that_changed_is_installed_again(root, index, tmp_path):
    wheel = make_wheel(root.conf, "foo", "1", files={"foo.py": "a = 1\n"})
    root.requirements(f"./{wheel.name}\n")
    assert root.boot("true").status == 0
    assert root.boot("true").err == ""
    wheel.write_bytes(make_wheel(tmp_path, "foo", "1", files={"foo.py": "b = 12\n"}).read_bytes())
    assert f"{wheel.name} changed" in root.boot("true").err
    assert (root.site / "foo.py").read_text() == "b = 12\n"


@pytest.mark.parametrize("text", [
    "foo @ {url}\nnew\n", "./{name}\nnew\n", "foo\n-c limits.txt\nnew\n", "user\nnew\n", "./{source}\nnew\n", "foo @ {url} ; python_version > '3'\nnew\n",
])
def test_a_local_wheel_that_is_replaced_while_others_are_fetched(root, index, tmp_path, text):
    def write():
        files = {"foo.py": f"version = {len(written)}\n" + "#" * len(written)}
        written.append(make_wheel(root.conf, "foo", "1", files=files))
        written.append(make_source(root.conf, "foo", "1", files=files))

    def answer(_request):
        write()
        return Answer(body=new.read_bytes())

    written = []
    write()
    wheel, source = written
    (root.conf / "limits.txt").write_text(f"foo @ file://{wheel}\n")
    new = make_wheel(tmp_path, "new", "1")
    user = index.add("user", "1", [f"foo @ file://{wheel}"])
    with FaultServer() as server:
        root.env["PIP_INDEX_URL"] = f"{server.url}/simple/"
        for path in (new, user):
            server.add(f"/simple/{path.name.split('-')[0]}/", page([{"filename": path.name, "url": f"/{path.name}", "hashes": {}, "core-metadata": True}]))
        server.add(f"/{new.name}.metadata", Answer(body=metadata_text("new", "1").encode()))  # its wheel comes when all is solved
        server.add(f"/{user.name}.metadata", Answer(body=metadata_text("user", "1", [f"foo @ file://{wheel}"]).encode()))
        server.add(f"/{user.name}", Answer(body=user.read_bytes()))
        server.add(f"/{new.name}", answer, Answer(body=new.read_bytes()))
        root.requirements(text.format(url=f"file://{wheel}", name=wheel.name, source=source.name))
        assert root.boot("true").status == 0
        assert len(written) == 4 and root.installed().keys() >= {"foo", "new"}
        assert (root.site / "foo.py").read_text() == "version = 0\n"
        assert f"{source.name if 'source' in text else wheel.name} changed" in root.boot("true").err
        assert (root.site / "foo.py").read_text() == "version = 2\n##"
        assert root.boot("true").err == ""


def test_an_archive_that_was_no_good_and_is_replaced(root, index, tmp_path):
    archive = root.conf / "thing.tar.gz"
    archive.write_text("not whole yet")
    root.requirements("./thing.tar.gz\n")
    for _ in range(2):
        assert "write NAME @ " in root.boot("true").err and root.installed() == {}
    archive.write_bytes(make_source(tmp_path, "foo", "1").read_bytes())
    assert "thing.tar.gz changed" in root.boot("true").err and root.installed() == {"foo": "1"}


@pytest.mark.parametrize("line", ["bar @ git+https://127.0.0.1:9/x", "git+https://127.0.0.1:9/x", "bar @ https://127.0.0.1:9/bar-1.tar.gz",
                                  "./nowhere.zip", "./nowhere-1-py3-none-any.whl"])
def test_what_is_for_other_machines_is_passed_over(root, index, line):
    index.add("foo", "1")
    root.requirements(f'{line} ; sys_platform == "win32"\nfoo\n')
    assert answer(root.plan()) == {"foo": "1"}


def test_a_repository_without_a_name_says_what_to_write(root, index):
    index.add("user", "1")
    root.requirements("git+https://git.example/x.git\nuser\n")
    plan = root.plan(status=1)
    assert "write NAME @ git+https://git.example/x.git" in reasons(plan)["git+https://git.example/x.git"]
    assert answer(plan) == {"user": "1"}


# ---- variables

def said(done):
    """Why the boot synced, None where it did not."""
    found = re.search(r"preparing the extensions: (.*)", done.err)
    return found and found[1]


@pytest.fixture
def versions(index):
    for name in ("aaa", "bbb"):
        for version in ("1.0", "2.0"):
            index.add(name, version)
    return index


@pytest.mark.parametrize("text, values", [
    ("aaa==${GIVEN}\n", ("1.0", "2.0")),
    ("aaa\n-r ${GIVEN}\n", ("one.txt", "two.txt")),
    ("aaa\n-c ${GIVEN}\n", ("one.txt", "two.txt")),
    ("-r nested.txt\n", ("1.0", "2.0")),
    ("aaa\n-c nested.txt\n", ("1.0", "2.0")),
    ("-r {www}/nested.txt\n", ("1.0", "2.0")),
    ("bbb==1.0\n--config-settings=${GIVEN}\naaa==${GIVEN}\n# ${OTHER}\n", ("1.0", "2.0")),
])
def test_a_variable_in_a_file_is_an_input(root, versions, text, values):
    www = versions.folder / "index"
    for folder in (root.conf, www):
        (folder / "nested.txt").write_text("aaa==${GIVEN}\n")
        (folder / "one.txt").write_text("aaa==1.0\n")
        (folder / "two.txt").write_text("aaa==2.0\n")
    root.requirements(text.replace("{www}", versions.server.url.rsplit("/", 2)[0]))
    for value, version, why in zip(values, ("1.0", "2.0"), ("there has been no sync yet", "the variable GIVEN changed")):
        assert said(root.boot("true", env={"GIVEN": value, "OTHER": value})) == why
        assert root.installed()["aaa"] == version
        assert said(root.boot("true", env={"GIVEN": value, "OTHER": "another"})) is None


def test_a_variable_that_is_set_mends_what_was_malformed_without_it(root, versions):
    root.requirements("aaa==${AAA_VERSION}\nbbb\n")
    for said_then in ("there has been no sync yet", None):
        done = root.boot("true")
        assert said(done) == said_then and 'is not a version' in done.err and root.installed() == {"bbb": "2.0"}, done
    assert said(root.boot("true", env={"AAA_VERSION": ""})) is None  # as pip has it: not set
    done = root.boot("true", env={"AAA_VERSION": "1.0"})
    assert said(done) == "the variable AAA_VERSION is new" and root.installed() == {"aaa": "1.0", "bbb": "2.0"}, done
    # The forms of LocalStack's command line win, and are one with the others.
    done = root.boot("true", env={"AAA_VERSION": "2.0", "LOCALSTACK_AAA_VERSION": "1.0"})
    assert said(done) is None, done
    assert "the variable AAA_VERSION changed" in root.run("doctor", env={"LOCALSTACK_AAA_VERSION": "2.0"}).out
    done = root.boot("true", env={"LOCALSTACK_AAA_VERSION": "2.0"})
    assert said(done) == "the variable AAA_VERSION changed" and root.installed()["aaa"] == "2.0", done
    done = root.boot("true")
    assert said(done) == "the variable AAA_VERSION is gone" and root.installed()["aaa"] == "2.0", done


def test_the_value_of_a_variable_is_kept_nowhere(root, versions):
    url = versions.server.url.replace("http://", "http://${INDEX_USER}:${INDEX_PASSWORD}@")
    root.requirements(f"--index-url {url}\naaa\n")
    env = {"INDEX_USER": "somebody", "INDEX_PASSWORD": "hunter2"}
    assert root.boot("true", env=env).status == 0 and root.installed() == {"aaa": "2.0"}
    state = (root.extensions / ".localstack-extensions.state").read_text()
    assert not [value for value in env.values() if value in state]
    kept = {line.split("\t")[2]: line.split("\t")[1] for line in state.splitlines() if line.startswith("variable\t")}
    assert list(kept) == ["INDEX_USER", "INDEX_PASSWORD"]
    for name, value in env.items():  # less than a digest of it, under a salt
        assert len(kept[name]) == 6 and not hashlib.sha256(value.encode()).hexdigest().startswith(kept[name])
    done = root.boot("true", env={**env, "INDEX_PASSWORD": "hunter3"})
    assert said(done) == "the variable INDEX_PASSWORD changed" and "hunter" not in done.err, done
    assert said(root.boot("true", env={**env, "INDEX_PASSWORD": "hunter3"})) is None
    again = (root.extensions / ".localstack-extensions.state").read_text()
    assert re.search(r"variable\t.*\tINDEX_USER", again)[0] not in state  # under another salt


def test_a_lock_needs_no_variables(root, versions):
    root.requirements("aaa==${AAA_VERSION}\n")
    lock = root.run("lock", env={"AAA_VERSION": "1.0"})
    (root.conf / "pylock.toml").write_text(lock.out)
    for version, why in (("1.0", "there has been no sync yet"), ("2.0", None), (None, None)):
        done = root.boot("true", env={"EXTENSION_LOCK": root.conf / "pylock.toml", "AAA_VERSION": version})
        assert said(done) == why and root.installed() == {"aaa": "1.0"}, done
