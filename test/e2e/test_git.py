# SPDX-License-Identifier: Apache-2.0
"""Repositories, through test/tools/git.c ($BUILD_DIR/tools/git): each kind of reference, by each way that git is served, and each way to
fail, none of which shows a password or asks anybody anything."""

import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest
from pip._internal.utils.misc import hide_url
from pip._internal.vcs.git import Git as PipGit

from conftest import BUILD, LONG
from fault_server import Answer, FaultServer
from repositories import GitDaemon, GitServer, Repository, make_ssh, other_user, tree
from servers import Authority, Tinyproxy

TOOL = BUILD / "tools/git"
SYSTEM, INPUT, UNAVAILABLE, NOT_FOUND = 11, 13, 14, 15  # the tool's exit statuses
ABSENT = "0123456789" * 4
SECRET = "s3cret%2Fwith%40marks"  # of it the server sees s3cret/with@marks


class Git:
    def __init__(self, tmp_path, env):
        self.tmp_path, self.env, self.cwd = tmp_path, env, tmp_path

    def run(self, *args, env=None, wrap=()):
        more = {k: str(v) for k, v in {**self.env, **(env or {})}.items()}
        done = subprocess.run([*map(str, wrap), TOOL, "--scratch", self.tmp_path / "scratch", *map(str, args)], env=more,
                              capture_output=True, text=True, errors="replace", timeout=LONG, cwd=self.cwd)
        assert "s3cret" not in done.stdout + done.stderr
        assert list(self.tmp_path.joinpath("scratch").iterdir()) == []
        return done

    def calls(self, *args, env=None):
        """The command lines of all that is started."""
        trace = self.tmp_path / "trace"
        done = self.run(*args, env=env, wrap=["strace", "-f", "-q", "-s", "10000", "-e", "trace=execve", "-o", trace])
        assert done.returncode == 0, done.stderr
        return [line for line in trace.read_text().splitlines() if "execve(" in line and str(TOOL) not in line]

    def resolve(self, url, *options, env=None):
        done = self.run(*options, "resolve", url, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def checkout(self, url, commit, *options, env=None):
        folder = self.tmp_path / f"checkout-{len(list(self.tmp_path.glob('checkout-*')))}"
        done = self.run(*options, "checkout", url, commit, folder, env=env)
        assert done.returncode == 0, done.stderr
        at = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
        assert at == commit
        return folder

    def fails(self, status, *words, do, env=None):
        """One line that has these words."""
        done = self.run(*do, env=env)
        assert done.returncode == status, (done.returncode, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
        for word in words:
            assert word in done.stderr
        return done.stderr


@pytest.fixture
def git(tmp_path, clean_env):
    (tmp_path / "scratch").mkdir()
    return Git(tmp_path, clean_env)


class World:
    """One repository with every kind of reference; what is expected of each."""

    def __init__(self, folder):
        self.root = folder
        self.repository = r = Repository(folder / "project")
        self.first = r.commit({"a.txt": "1", "sub/b.txt": "b"})
        r.git("tag", "v1")
        self.second = r.commit({"a.txt": "2"})
        r.git("tag", "-a", "v2", "-m", "two")
        self.nested = r.git("rev-parse", "v2")
        r.git("tag", "-a", "v2-signed-off", "-m", "again", "v2")
        r.git("checkout", "-q", "-b", "feature/x")
        self.feature = r.commit({"a.txt": "feature"})
        r.git("tag", "both", "HEAD~1")
        r.git("branch", "both")
        r.git("checkout", "-q", "-b", "side", "main")
        self.unlisted = r.commit({"a.txt": "no branch leads here"})
        self.pull = r.commit({"a.txt": "pull request"})
        r.git("update-ref", "refs/pull/7/head", "HEAD")
        self.stray = r.commit({"a.txt": "no reference leads here"})
        r.git("checkout", "-q", "main")
        self.main = r.commit({"a.txt": "3"})
        r.git("branch", "-q", "-D", "side")
        # GitHub's, like most, is a server that gives whatever it has.
        r.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def references(self):
        """What follows the URL -> the commit, and what a.txt is in it."""
        return {
            "": (self.main, "3"), "@HEAD": (self.main, "3"), "@main": (self.main, "3"), "@feature/x": (self.feature, "feature"),
            "@feature%2Fx": (self.feature, "feature"), "@v1": (self.first, "1"), "@v2": (self.second, "2"),
            "@v2-signed-off": (self.second, "2"), "@both": (self.feature, "feature"), "@refs/tags/v2": (self.second, "2"),
            "@refs/heads/feature/x": (self.feature, "feature"), "@refs/pull/7/head": (self.pull, "pull request"),
            "@tags/v2": (self.second, "2"), "@heads/main": (self.main, "3"), "@origin/feature/x": (self.feature, "feature"),
            f"@{self.first}": (self.first, "1"), f"@{self.first.upper()}": (self.first, "1"), f"@{self.second[:9]}": (self.second, "2"),
            f"@{self.stray}": (self.stray, "no reference leads here"),
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("repositories"))


@pytest.fixture
def started():
    servers = []

    def start(server):
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(world, started):
    return started(GitServer(world.root))


def test_every_kind_of_reference(git, world, server):
    contents = dict(world.references().values())
    for suffix, (commit, _) in world.references().items():
        url = server.url("project") + suffix
        assert git.resolve(url) == commit, suffix
        if commit in contents:
            assert (git.checkout(url, commit) / "a.txt").read_text() == contents.pop(commit), suffix


def test_pip_finds_the_same_commits(world, tmp_path):
    every = world.references()
    del every["@HEAD"]  # of which pip would make a branch, which git refuses
    for number, (suffix, (commit, _)) in enumerate(every.items()):
        folder = tmp_path / str(number)
        PipGit().obtain(str(folder), hide_url(f"git+file://{world.repository.folder}{suffix}"), verbosity=0)
        assert PipGit.get_revision(str(folder)) == commit, suffix


@pytest.mark.parametrize("way", ["daemon", "file", "ssh", "older protocol"])
def test_ways_to_a_repository(git, world, started, tmp_path, way):
    """The same by each; a server that gives only what it lists gives the pull request by its name."""
    if way == "daemon":
        url = started(GitDaemon(world.root, tmp_path / "daemon")).url("project")
    elif way == "file":
        url = f"git+file://{world.root}/project"
    elif way == "ssh":
        make_ssh(tmp_path / "bin")
        git.env["PATH"] = f"{tmp_path}/bin:{git.env['PATH']}"
        url = f"git+ssh://git@example.org:2222{world.root}/project"
    else:
        url = started(GitServer(world.root, protocol2=False)).url("project")
    every = world.references()
    for suffix in ("", "@feature/x", "@v2", "@refs/pull/7/head", f"@{world.second[:9]}", f"@{world.stray}"):
        assert git.resolve(url + suffix) == every[suffix][0], suffix
    for suffix in ("@v2", "@refs/pull/7/head", f"@{world.stray}"):
        assert tree(git.checkout(url + suffix, every[suffix][0])) == {"a.txt": every[suffix][1], "sub/b.txt": "b"}
    if way == "ssh":
        calls = (tmp_path / "bin/calls").read_text().splitlines()
        assert calls and all(c.startswith("-oBatchMode=yes ") and " git@example.org git-upload-pack" in c for c in calls)


def test_a_server_that_gives_only_what_it_lists(git, world, started, tmp_path):
    copy = Repository(tmp_path / "strict/project")
    copy.git("fetch", "-q", world.repository.folder, "refs/heads/*:refs/heads/*", "refs/pull/*:refs/pull/*", "--update-head-ok")
    copy.git("config", "uploadpack.allowFilter", "false")
    url = started(GitServer(tmp_path / "strict", protocol2=False)).url("project")
    assert (git.checkout(f"{url}@refs/pull/7/head", world.pull) / "a.txt").read_text() == "pull request"
    # On the way to what is listed, which is enough where that is what was asked for.
    assert (git.checkout(f"{url}@refs/pull/7/head", world.unlisted) / "a.txt").read_text() == "no branch leads here"
    git.fails(NOT_FOUND, world.unlisted, "does not give out the commit",
              do=["checkout", url, world.unlisted, tmp_path / "unlisted"])


def test_a_commit_asks_nobody(git, server):
    server.stop()
    assert git.resolve(server.url("project") + f"@{ABSENT}", env={"PATH": "/nonexistent"}) == ABSENT


def test_the_clone_has_what_versions_are_made_of(git, world, server, tmp_path):
    """Tags and the commits before, but no other files than those of the commit."""
    folder = git.checkout(server.url("project"), world.main)

    def ask(*args):
        return subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True).stdout

    assert ask("describe", "--tags", "--long").startswith("v2-1-g")
    assert ask("describe", "--tags", "HEAD~2").strip() == "v1"
    assert len([o for o in ask("rev-list", "--all", "--objects", "--missing=print").splitlines() if o.startswith("?")]) == 3
    assert ask("status", "--porcelain") == ""
    # The way out for servers that are at odds with that.
    whole = git.checkout(server.url("project"), world.main, env={"PIP_NO_PARTIAL_CLONE_FOR_BROKEN_GIT_SERVER": "1"})
    assert "?" not in subprocess.run(["git", "rev-list", "--all", "--objects", "--missing=print"], cwd=whole, check=True,
                                     capture_output=True, text=True).stdout


def test_longer_names_of_commits(git, started, tmp_path):
    commit = Repository(tmp_path / "served/new", "--object-format=sha256").commit({"x": "y"})
    url = started(GitServer(tmp_path / "served")).url("new")
    assert len(commit) == 64
    for suffix in ("", f"@{commit}", f"@{commit[:50]}"):
        assert git.resolve(url + suffix) == commit
    assert tree(git.checkout(url, commit)) == {"x": "y"}


def test_folders(git, world, tmp_path):
    url = f"git+file://{world.root}/project"
    (tmp_path / "empty").mkdir()
    assert git.run("checkout", url, world.main, "empty").returncode == 0
    assert (tmp_path / "empty/a.txt").read_text() == "3"
    git.fails(SYSTEM, "cannot be kept on disk", do=["checkout", url, world.main, "empty"])
    spaced = Repository(tmp_path / "a b%c")
    commit = spaced.commit({"x": "y"})
    named = f"git+file://localhost{tmp_path}/a%20b%25c"
    assert git.resolve(named) == commit
    assert tree(git.checkout(named, commit)) == {"x": "y"}


@pytest.mark.skipif(other_user() is None, reason="gives files to another user")
def test_a_folder_of_another_user(git, world, tmp_path):
    theirs = Repository(tmp_path / "theirs")
    commit = theirs.commit({"x": "y"})
    for path in [theirs.folder, *theirs.folder.rglob("*")]:
        os.lchown(path, other_user(), other_user())
    url = f"git+file://{theirs.folder}"
    refused = subprocess.run(["git", "ls-remote", url[4:]], env=git.env, capture_output=True, text=True)
    assert "dubious ownership" in refused.stderr
    assert git.resolve(url) == commit
    assert tree(git.checkout(url, commit)) == {"x": "y"}
    (tmp_path / "out").mkdir()
    os.chown(tmp_path / "out", other_user(), other_user())
    done = git.run("checkout", url, commit, "out")
    assert done.returncode == 0, done.stderr


def submodules(folder, url, deeper="../lib"):
    lib, inner, outer = (Repository(folder / name) for name in ("lib", "inner", "outer"))
    commit = lib.commit({"lib.txt": "lib"})
    inner.commit({"inner.txt": "inner"})
    inner.add_submodule(deeper, "deep")
    commit = inner.link_submodule("deep", commit)
    outer.commit({"outer.txt": "outer"})
    outer.add_submodule(url, "mod")
    return outer.link_submodule("mod", commit)


def test_submodules(git, started, tmp_path):
    """With a password that the submodules' server, which is the same, gets too."""
    commit = submodules(tmp_path / "served", "../inner")
    server = started(GitServer(tmp_path / "served", password=("user", "s3cret/with@marks")))
    folder = git.checkout(server.url("outer", f"user:{SECRET}"), commit)
    assert tree(folder) == {"outer.txt": "outer", "mod/inner.txt": "inner", "mod/deep/lib.txt": "lib"}


@pytest.mark.parametrize("address", ["file://FOLDER/inner", "ext::sh -c touch% FOLDER/taken", "-oProxyCommand=touch FOLDER/taken",
                                     "ssh://-oProxyCommand=touch%20FOLDER/taken/x", "../absent"])
def test_submodules_that_lead_elsewhere(git, started, tmp_path, address):
    commit = submodules(tmp_path / "served", address.replace("FOLDER", str(tmp_path / "served")))
    server = started(GitServer(tmp_path / "served"))
    config = tmp_path / "config"
    config.write_text("[protocol \"ext\"]\n\tallow = always\n")
    done = git.run("checkout", server.url("outer"), commit, tmp_path / "out", env={"GIT_CONFIG_GLOBAL": config})
    assert done.returncode in (INPUT, NOT_FOUND), done.stderr
    assert "a submodule of http://127.0.0.1" in done.stderr
    assert not (tmp_path / "served/taken").exists()
    assert not (tmp_path / "out/mod/inner.txt").exists()


def test_no_hook_is_run(git, world, server, tmp_path):
    """Neither of the user's, nor of a template, nor a monitor of files."""
    hooks = tmp_path / "hooks"
    (tmp_path / "template/hooks").mkdir(parents=True)
    for path in (hooks / "post-checkout", tmp_path / "template/hooks/post-checkout", hooks / "monitor"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        path.chmod(0o755)
    for config in (f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {hooks}/monitor\n", f"[init]\n\ttemplateDir = {tmp_path}/template\n"):
        (tmp_path / "config").write_text(config)
        env = {"GIT_CONFIG_GLOBAL": tmp_path / "config"}
        subprocess.run(["git", "clone", "-q", server.url("project")[4:], tmp_path / "plain"], check=True,
                       env={**git.env, "GIT_CONFIG_GLOBAL": str(tmp_path / "config")})
        assert (tmp_path / "ran").exists()  # so it would have been
        (tmp_path / "ran").unlink()
        folder = git.checkout(server.url("project"), world.main, env=env)
        assert not (tmp_path / "ran").exists() and not (folder / ".git/hooks/post-checkout").exists()
        shutil.rmtree(tmp_path / "plain")


def test_another_repository_does_not_count(git, world, server, tmp_path):
    """Neither by variables, nor because we are started in it."""
    other = Repository(tmp_path / "other")
    other.commit({"other": "1"})
    other.git("config", "url.http://127.0.0.1:1/.insteadOf", f"http://{server.host}/")
    git.cwd = other.folder
    assert git.resolve(server.url("project@v1")) == world.first
    git.checkout(server.url("project"), world.first)
    env = {"GIT_DIR": other.folder / ".git", "GIT_WORK_TREE": other.folder, "GIT_INDEX_FILE": tmp_path / "index",
           "GIT_OBJECT_DIRECTORY": tmp_path / "objects"}
    assert git.resolve(server.url("project@v1"), env=env) == world.first
    assert tree(git.checkout(server.url("project"), world.first, env=env)) == {"a.txt": "1", "sub/b.txt": "b"}
    assert tree(other.folder) == {"other": "1"}
    assert not (tmp_path / "objects").exists()


def test_the_users_configuration_counts(git, world, server, tmp_path):
    (tmp_path / "home/.gitconfig").write_text(f'[url "http://{server.host}/"]\n\tinsteadOf = https://example.org/\n')
    assert git.resolve("git+https://example.org/project@v1") == world.first
    # And what comes by variables, which ours are added to.
    env = {"GIT_CONFIG_COUNT": 1, "GIT_CONFIG_KEY_0": f"url.http://{server.host}/.insteadOf", "GIT_CONFIG_VALUE_0": "https://example.com/"}
    assert git.resolve("git+https://example.com/project@v1", env=env) == world.first


def test_ssh_of_the_users_own(git, world, tmp_path):
    url = f"git+ssh://deploy@example.org{world.root}/project@v1"
    own = make_ssh(tmp_path / "own", "my-ssh")
    fallen = make_ssh(tmp_path / "bin")
    git.env["PATH"] = f"{fallen.parent}:{git.env['PATH']}"
    for env, config in (({"GIT_SSH_COMMAND": f"{own} -i key"}, ""), ({"GIT_SSH": own}, ""), ({}, f"[core]\n\tsshCommand = {own} -i key\n")):
        (tmp_path / "home/.gitconfig").write_text(config)
        (own.parent / "calls").write_text("")
        assert git.resolve(url, env=env) == world.first
        assert "deploy@example.org git-upload-pack" in (own.parent / "calls").read_text()
        assert "BatchMode" not in (own.parent / "calls").read_text()
    assert not (fallen.parent / "calls").exists()


@pytest.fixture
def closed(world, started):
    return started(GitServer(world.root, password=("us er", "s3cret/with@marks")))


def test_a_password(git, world, closed, tmp_path):
    """It goes to the server that the URL names, and neither to a list of processes nor to a file, nor to the helpers of the user."""
    (tmp_path / "home/.gitconfig").write_text(f"[credential]\n\thelper = \"!f() {{ cat >>{tmp_path}/helper; }}; f\"\n")
    url = closed.url("project@v2", f"us%20er:{SECRET}")
    for do in (["resolve", url], ["checkout", url, world.second, tmp_path / "out"]):
        calls = git.calls(*do)
        assert any(closed.host in call for call in calls) and not any(re.search("s3cret|us%20er|us er", call) for call in calls)
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or not re.search(b"s3cret|us%20er|us er", path.read_bytes()), path
    assert not (tmp_path / "helper").exists()
    assert {a for _, _, a in closed.requests} > {None}


def test_a_token_alone(git, world, started):
    server = started(GitServer(world.root, password=("s3cret", "")))
    assert git.resolve(server.url("project@v1", "s3cret")) == world.first
    # The same host, however it is written.
    assert git.resolve(server.url("project@v1", "s3cret").replace("127.0.0.1", "LocalHost")) == world.first


def test_a_helper_of_the_users_own(git, world, closed, tmp_path):
    helper = "!f() { echo username=us er; echo password=s3cret/with@marks; }; f"
    (tmp_path / "home/.gitconfig").write_text(f'[credential]\n\thelper = "{helper}"\n')
    assert git.resolve(closed.url("project@v1")) == world.first
    askpass = tmp_path / "askpass"
    askpass.write_text('#!/bin/sh\ncase $1 in User*) echo "us er";; *) echo "s3cret/with@marks";; esac\n')
    askpass.chmod(0o755)
    (tmp_path / "home/.gitconfig").write_text("")
    assert git.resolve(closed.url("project@v1"), env={"GIT_ASKPASS": askpass}) == world.first


def test_a_password_that_is_refused(git, closed, tmp_path):
    german = {"LANGUAGE": "de"}
    for user in ("", "us%20er", f"nobody:{SECRET}", "us%20er:s3cret"):
        text = git.fails(INPUT, "refuses access", f"http://{closed.host}/project", do=["resolve", closed.url("project", user)], env=german)
        assert "us%20er" not in text
        git.fails(INPUT, "refuses access", do=["checkout", closed.url("project", user), ABSENT, tmp_path / "out"])


def test_credentials_stay_with_their_server(git, world, closed, started, tmp_path):
    """Neither a submodule elsewhere gets them, nor where a redirect leads."""
    outer = Repository(tmp_path / "outer/outer")
    outer.commit({"outer.txt": "outer"})
    outer.add_submodule(f"http://{closed.host}/project", "mod")
    commit = outer.link_submodule("mod", world.first)
    server = started(GitServer(tmp_path / "outer", password=("us er", "s3cret/with@marks")))
    git.fails(INPUT, "a submodule of", "refuses access",
              do=["checkout", server.url("outer", f"us%20er:{SECRET}"), commit, tmp_path / "out"])
    with FaultServer() as other:
        path = "/project/info/refs?service=git-upload-pack"
        other.add(path, Answer(status=302, headers={"Location": f"http://{closed.host}{path}"}))
        git.fails(INPUT, "refuses access", do=["resolve", f"git+http://us%20er:{SECRET}@{other.url[7:]}/project"])
    assert len(closed.requests) > 2 and {a for _, _, a in closed.requests} == {None}


def test_certificates(git, world, started, tmp_path):
    authority, clients = Authority(tmp_path / "ca", "authority"), Authority(tmp_path / "clients", "clients")
    server = started(GitServer(world.root, tls=authority, clients=clients))
    url = server.url("project@v1")
    shown = ["--client-cert", clients.issue("client")]
    git.fails(UNAVAILABLE, "certificate of the host", "PIP_CERT", do=[*shown, "resolve", url])
    assert git.resolve(url, "--ca", authority.certificate, *shown) == world.first
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(authority.certificate.read_bytes())
    authority.openssl("rehash", folder)
    assert git.resolve(url, "--ca", folder, *shown) == world.first
    assert git.run("--ca", authority.certificate, "resolve", url).returncode != 0


def test_a_proxy(git, world, server, tmp_path, started):
    """Ours serves every host and its password is kept; that of the environment gives way to NO_PROXY."""
    proxy = started(Tinyproxy(tmp_path / "proxy", password="s3cret"))
    calls = git.calls("--proxy", f"http://user:s3cret@{proxy.address}", "resolve", server.url("project@v1"), env={"NO_PROXY": "*"})
    assert proxy.requests() and len(calls) > 2 and not any("s3cret" in call for call in calls)
    before = len(proxy.requests())
    assert git.resolve(server.url("project@v1"), env={"http_proxy": f"http://user:s3cret@{proxy.address}", "NO_PROXY": "127.0.0.1"})
    assert len(proxy.requests()) == before
    git.fails(INPUT, "the proxy on the way to", "refuses access",
              do=["--proxy", f"http://user:wrong@{proxy.address}", "resolve", "git+https://nobody.invalid/x"])
    with FaultServer() as other:
        other.add("http://nobody.invalid/x/info/refs?service=git-upload-pack", Answer(status=407))
        git.fails(INPUT, "the proxy on the way to", "407", do=["--proxy", other.url, "resolve", "git+http://nobody.invalid/x"])
    git.fails(UNAVAILABLE, "cannot be reached", do=["--proxy", "http://127.0.0.1:1", "resolve", server.url("project@v1")])


def test_what_is_not_there(git, world, started, server, tmp_path):
    daemon = started(GitDaemon(world.root, tmp_path / "daemon"))
    empty = Repository(tmp_path / "empty")
    (tmp_path / "folder").mkdir()
    git.fails(NOT_FOUND, "no branch, tag or commit nothing", do=["resolve", server.url("project@nothing")])
    git.fails(NOT_FOUND, "no branch, tag or commit mai*", do=["resolve", server.url("project@mai*")])
    git.fails(NOT_FOUND, "no branch, tag or commit refs/heads/v1", do=["resolve", server.url("project@refs/heads/v1")])
    git.fails(NOT_FOUND, "no branch, tag or commit abcdef0", do=["resolve", server.url("project@abcdef0")])
    git.fails(NOT_FOUND, "no default branch", do=["resolve", f"git+file://{empty.folder}"])
    for url in (server.url("absent"), daemon.url("absent"), f"git+file://{tmp_path}/absent", f"git+file://{tmp_path}/folder"):
        git.fails(NOT_FOUND, "is not there, or is no git repository", do=["resolve", url])
        git.fails(NOT_FOUND, "is not there, or is no git repository", do=["checkout", url, world.main, tmp_path / "out"])
    git.fails(NOT_FOUND, f"the commit {ABSENT} cannot be had", do=["checkout", server.url("project"), ABSENT, tmp_path / "out"])
    git.fails(INPUT, "main is no commit", do=["checkout", server.url("project"), "main", tmp_path / "out2"])


def test_what_cannot_be_reached(git, world, server, tmp_path):
    for url in ("git+http://127.0.0.1:1/x", "git+git://127.0.0.1:1/x", "git+https://nobody.invalid/x"):
        git.fails(UNAVAILABLE, "cannot be reached", do=["resolve", url])
        git.fails(UNAVAILABLE, "cannot be reached", do=["checkout", url, ABSENT, tmp_path / "out"])
    server.server.status = 503
    git.fails(UNAVAILABLE, "cannot be reached", "503", do=["resolve", server.url("project")])


def test_a_page_is_no_repository(git, tmp_path):
    with FaultServer() as server:
        server.add("/x/info/refs?service=git-upload-pack", Answer(body=b"<html>\x1b[31m\n</html>\n", headers={"Content-Type": "text/html"}))
        git.fails(NOT_FOUND, "is no git repository", do=["resolve", f"git+{server.url}/x"])


def test_a_host_that_ssh_refuses(git, tmp_path):
    for said, words in (("Host key verification failed.", "known_hosts"), ("git@h: Permission denied (publickey).", "refuses access"),
                        ("ssh: Could not resolve hostname h: Name or service not known", "cannot be reached")):
        program = tmp_path / "bin/ssh"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 255\n")
        program.chmod(0o755)
        git.fails(UNAVAILABLE if "reach" in words else INPUT, words, said, do=["resolve", "git+ssh://git@h/x"],
                  env={"PATH": f"{tmp_path}/bin:{git.env['PATH']}"})


def test_a_terminal_is_not_asked(git, closed, tmp_path):
    """Though there is one: it would wait for an answer."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$SSH_ASKPASS $SSH_ASKPASS_REQUIRE" >&2\nexit 255\n')
    program.chmod(0o755)
    git.fails(INPUT, "/bin/false force", do=["resolve", "git+ssh://git@h/x"], env={"PATH": f"{tmp_path}/bin:{git.env['PATH']}"})
    done = subprocess.run(["script", "-qec", f"{TOOL} resolve {closed.url('project')}", "/dev/null"], env=git.env, capture_output=True,
                          text=True, timeout=LONG, stdin=subprocess.DEVNULL)
    assert done.returncode == INPUT and "refuses access" in done.stdout, done


def test_a_server_that_says_nothing(git, server, tmp_path):
    server.server.gate = threading.Event()
    for do in (["resolve", server.url("project")], ["checkout", server.url("project"), ABSENT, tmp_path / "out"]):
        git.fails(UNAVAILABLE, "did not come within 1 s", do=["--timeout", "300", *do])


def test_no_git_and_no_ssh(git, world, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to("/usr/bin/git")
    git.fails(INPUT, "git is not installed", do=["resolve", f"git+file://{world.root}/project"], env={"PATH": tmp_path})
    git.fails(INPUT, "needs ssh, which is not installed", do=["resolve", "git+ssh://git@h/x"], env={"PATH": tmp_path / "bin"})


def test_what_a_server_says_is_not_taken_for_what_git_says(git, world, tmp_path):
    """Control characters of its do not reach a terminal either."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'remote: Authentication failed \\033[31m \\377\\nfatal: something else\\n' >&2\nexit 1\n")
    program.chmod(0o755)
    text = git.fails(INPUT, "git cannot fetch ssh://h/x", "\\x1b[31m \\xff", do=["resolve", "git+ssh://x@h/x"],
                     env={"PATH": f"{tmp_path}/bin:{git.env['PATH']}"})
    assert "\x1b" not in text


def test_broken_urls(git):
    assert pathlib.Path(TOOL).exists()
    git.fails(INPUT, "write git+ssh://git@github.com/a/b instead", do=["resolve", "git+git@github.com:a/b"])
