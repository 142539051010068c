# SPDX-License-Identifier: Apache-2.0
"""The first process of real containers, as Docker, Podman and Kubernetes make them: their seccomp profiles, capabilities, masked paths
and users, a root file system that is read-only, few processes."""

import json
import os
import re
import shutil

import pytest

from conftest import LONG
from small_containers import Container
from reloading import Running
from sources import make_source
from surroundings import INSTALLED, MODES, STATUS, WANTED, demo_wheels, look
from test_surroundings import UID, errors, warnings

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="makes containers"),
              pytest.mark.skipif(not shutil.which("runc"), reason="needs runc")]

REPORT = "/var/lib/localstack/report"
# What an engine of 2019 does not know, and so refuses with EPERM. Not clone3, whose EPERM glibc takes for the end of everything: of that
# every engine that is still in use says ENOSYS.
NEW = """statx io_uring_setup io_uring_enter io_uring_register pidfd_open pidfd_send_signal pidfd_getfd close_range openat2 faccessat2
    fchmodat2 landlock_create_ruleset landlock_add_rule landlock_restrict_self open_tree move_mount mount_setattr fsopen fsmount fspick
    rseq copy_file_range renameat2 preadv2 pwritev2 epoll_pwait2 process_madvise process_mrelease futex_waitv memfd_secret quotactl_fd
    membarrier syncfs""".split()


@pytest.fixture
def container(tmp_path, small_base, programs, clean_env):
    c = Container(tmp_path / "container", small_base, programs, clean_env)
    demo_wheels(c.image / "opt/wheels")
    make_source(c.image / "opt/wheels", "built", "1.0", static=True)
    c.env.update(PIP_NO_INDEX="1", PIP_FIND_LINKS="/opt/wheels", EXTENSION_AUTO_INSTALL=WANTED)
    return c


def installed(container):
    found = container.volume.glob("lib/extensions/python_venv/lib/python3.*/site-packages/*.dist-info")
    return {i.stem.rsplit("-", 1)[0].replace("_", "-") for i in found}


def boot(container, mode, **how):
    """What the command saw comes along as `saw`."""
    report = container.volume / "report"
    report.unlink(missing_ok=True)
    done = container.boot(*([] if mode == "exec" else [mode]), "--", *look(REPORT), **how)
    assert done.status == STATUS, done
    done.saw = json.loads(report.read_text())
    assert done.saw["cwd"] == "/opt/code/localstack"
    assert done.saw["status"]["Pid" if mode == "exec" else "PPid"] == ["1"]
    return done


def both(container, mode, build=False, **how):
    """The first boot, which installs, with a build on demand, and the second, which has nothing to do."""
    how["env"] = {"EXTENSION_AUTO_INSTALL": f"{WANTED},built"} if build else {}
    first = boot(container, mode, **how)
    assert not errors(first) and not warnings(first), first
    assert installed(container) == {*INSTALLED, *(["built"] if build else [])}, first
    second = boot(container, mode, **how)
    assert second.err == "", second
    return first, second


def says(running, pattern, times=1):
    """By then; several processes speak, in whichever order."""
    while sum(bool(re.search(pattern, line)) for line in running.said) < times:
        running.next(pattern)


PROFILES = {"docker": {}, "podman": {"profile": "podman"}, "an old engine's": {"forbidden": NEW}}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("profile", PROFILES)
def test_seccomp(container, mode, profile):
    """Wheels and a build; Docker's capabilities and no more are the command's."""
    for done in both(container, mode, build=mode == "exec", **PROFILES[profile]):
        status = done.saw["status"]
        assert status["Seccomp"] == ["2"] and status["NoNewPrivs"] == ["0"] and status["CapEff"] == status["CapBnd"] == ["00000000a80425fb"]
        assert set(done.saw["fds"]) == {"0", "1", "2"}


@pytest.mark.parametrize("profile", PROFILES)
def test_sources_under_seccomp(container, profile):
    """Mounts are refused, so that the developer's source is linked; edits of it restart LocalStack."""
    source = container.image / "opt/source/mine"
    (source / "mine").mkdir(parents=True)
    (source / "mine/__init__.py").write_text("")
    (source / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1.0"\n')
    env = {"EXTENSION_DEV_MODE": "1", "EXTENSION_DEV_RELOAD": "1", "EXTENSION_DEV_SOURCES": "/opt/source/mine",
           "LOCALSTACK_SUPERVISOR_COMMAND": "sh -c 'echo up; exec sleep 1000'"}
    # What a boot would do, is known before there is one.
    foreseen = container.run("localstack-extensions", "doctor", env=env, **PROFILES[profile])
    assert "/opt/code/extensions/mine" in foreseen.out, foreseen
    argv = container.prepare(["/opt/bin/localstack-entrypoint", "--supervise"], env, **PROFILES[profile])
    running = Running(argv, {"PATH": os.environ["PATH"]})
    try:
        says(running, "watching for changes: ")
        says(running, "^up$")
        place = container.image / "opt/code/extensions/mine"
        assert place.is_symlink() and os.readlink(place) == "/opt/source/mine"
        (source / "mine/__init__.py").write_text("edited = True\n")
        says(running, "changed; .*LocalStack restarts")
        says(running, "^up$", 2)
        container.kill("TERM")
        assert running.process.wait(LONG) == 0
    finally:
        container.end(running.process)
    assert "mine" in installed(container)


SYSTEMS = {"docker run --read-only": {"read_only": True, "tmp": False},
           "and --tmpfs /tmp": {"read_only": True},
           "and --user": {"read_only": True, "uid": UID},
           "restricted": {"read_only": True, "uid": UID, "capabilities": [], "no_new_privileges": True},
           "restricted, without /tmp": {"read_only": True, "uid": UID, "capabilities": [], "no_new_privileges": True, "tmp": False},
           "--cap-drop ALL": {"capabilities": []}}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_read_only_root_and_few_rights(container, mode, kind):
    how = SYSTEMS[kind]
    uid = how.get("uid", 0)
    os.chown(container.volume, uid, uid)
    for done in both(container, mode, build=mode == "exec" and "restricted" in kind, **how):
        status = done.saw["status"]
        assert status["Uid"] == [str(uid)] * 4 and status["NoNewPrivs"] == [str(int(how.get("no_new_privileges", False)))]
        home = f"/var/lib/localstack/tmp/home-{uid}"
        assert (f"HOME={home}" in done.saw["env"]) == bool(uid or how.get("read_only"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tmp", [False, True])
def test_a_read_only_root_and_no_volume(container, mode, tmp):
    """LocalStack itself may not be able to do without, but that is for it to say. A home is found where one can be."""
    options = [] if mode == "exec" else [mode]
    done = container.boot(*options, "--", "sh", "-c", 'echo "$HOME"', read_only=True, volume=False, tmp=tmp)
    assert (done.status, done.out) == (0, "/tmp/home-0\n" if tmp else "/root\n"), done
    [why, who] = errors(done)
    assert why.startswith("the volume cannot be written; mount it writable, or set EXTENSION_SYNC=never") and "Read-only" in why, done
    assert who.startswith("localstack-extensions failed with exit status 3"), done
    logs, *home = warnings(done)
    assert logs.startswith("cannot create folder /var/lib/localstack/logs: Read-only file system; LocalStack may not"), done
    assert len(home) == (0 if tmp else 1) and all("Set HOME to a folder that user 0 can write to" in h for h in home), done


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pids", [1, 2, 3])
def test_a_limit_of_processes(container, mode, pids):
    """`--pids-limit`: what needs a process that is not to be had says so, and the boot goes on."""
    options = [] if mode == "exec" else [mode]
    done = container.boot(*options, "--", "echo", "booted", env={"EXTENSION_AUTO_INSTALL": f"{WANTED},built"}, pids=pids)
    boots = mode == "exec" or pids > 1
    assert (done.status, done.out) == ((0, "booted\n") if boots else (126, "")), done
    said = errors(done)
    assert re.match(r"(built cannot be built from source: )?cannot start /opt/\S+: Resource temporarily unavailable; the container may have "
                    r"too few processes \(pids limit, ulimit -u\)", said[0]), done
    assert len(said) == (1 if pids == 1 and mode == "exec" else 2), done
    if not boots:
        assert re.match("cannot start a process for .*: Resource temporarily unavailable; the container may have too few", said[1]), done


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("profile", PROFILES)
def test_docker_exec(container, mode, profile):
    """Beside the first process, under the same profile; also of a second entrypoint, which ends nobody."""
    options = [] if mode == "exec" else [mode]
    argv = container.prepare(["/opt/bin/localstack-entrypoint", *options, "--", "sh", "-c", "echo up; exec sleep 1000"], **PROFILES[profile])
    running = Running(argv, {"PATH": os.environ["PATH"]})
    try:
        running.next("^up$")
        listed = container.inside("localstack-extensions", "list")
        assert listed.status == 0 and listed.out.count("asked for") == 2, listed
        for command in ("plan", "sync", "check"):
            assert container.inside("localstack-extensions", command).status == 0
        second = container.inside("localstack-entrypoint", "sh", "-c", "exit 9")
        assert second.status == 9 and second.err == "", second
        assert container.inside("env", "EXTENSION_AUTO_INSTALL=viewer", "localstack-extensions", "sync").status == 0
        assert installed(container) == {"viewer"}
        assert running.process.poll() is None
        container.kill("TERM")
        # As the first process a command without a handler does not end of it.
        if mode == "exec":
            container.kill("KILL")
        assert running.process.wait(LONG) == {"exec": 137, "--init": 143, "--supervise": 0}[mode]
    finally:
        container.end(running.process)
