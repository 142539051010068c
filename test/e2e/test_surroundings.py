# SPDX-License-Identifier: Apache-2.0
"""Whatever surrounds PID 1, it boots, or says why not: who it runs as, what it may do, what its file systems and its volume are like,
what its environment and its descriptors are, who else is there."""

import contextlib
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from conftest import LONG, SANITIZED, Root
from mounts import Mounts
from sources import make_source
from surroundings import INSTALLED, MODES, STATUS, WANTED, WITHOUT_RIGHTS, Surroundings, as_user, expected_env, same
from wheels import make_wheel, metadata_text

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users, and has namespaces of its own")
UID = 54321  # of nobody


@pytest.fixture
def here(small_base, programs, clean_env):
    """In a folder of its own: those of pytest are root's alone, and closed again whenever another run begins."""
    with tempfile.TemporaryDirectory(prefix="surroundings-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "home").mkdir()
        root = Root(folder / "root", small_base, programs, {**clean_env, "HOME": str(folder / "home")})
        for place in (root.volume, folder / "home"):
            place.chmod(0o777)
        yield Surroundings(root, folder)
    with contextlib.suppress(OSError):
        Path(f"/tmp/home-{UID}").rmdir()


@pytest.fixture
def mounts(here):
    there = Mounts(here.root.volume)
    yield there
    there.close()


def errors(done):
    return re.findall(r"^(?:localstack-\w+: error: )(.*)", done.err, re.M)


def warnings(done):
    return re.findall(r"^(?:localstack-\w+: warning: )(.*)", done.err, re.M)


# ---- who it runs as, and what it may do

@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("home", [None, "/"])
def test_any_uid(here, mode, home):
    """One that has no passwd entry, no home, and a volume that it can write to."""
    user, own = as_user(UID), here.root.volume / f"tmp/home-{UID}"
    for done in here.both(mode, wrap=user, env={"HOME": home}):
        assert done.saw["status"]["Uid"] == [str(UID)] * 4 and f"HOME={own}" in done.saw["env"]
        assert same(done.saw["status"]) == same(here.direct(user)["status"])
    assert {p.lstat().st_uid for p in here.root.venv.rglob("*")} == {UID}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("who", [
    WITHOUT_RIGHTS, ["setpriv", "--securebits=+noroot,+noroot_locked,+keep_caps_locked", *WITHOUT_RIGHTS[1:]],
    ["setpriv", "--no-new-privs", "--"], as_user(UID, "--no-new-privs", "--bounding-set=-all")],
    ids=["no capabilities", "noroot", "no-new-privs", "restricted"])
def test_rights(here, mode, who):
    here.hook()
    for done in here.both(mode, wrap=who):
        assert same(done.saw["status"]) == same(here.direct(who)["status"])
        assert ("no-new" not in str(who)) or done.saw["status"]["NoNewPrivs"] == ["1"]
        assert done.out == "hooks BOOT\n"


# Calls that are younger than engines in the field, which then refuse them with EPERM, and than kernels, which say ENOSYS: by name, with
# their numbers on x86-64 and arm64.
YOUNG = {"statx": (332, 291), "copy_file_range": (326, 285), "renameat2": (316, 276), "rseq": (334, 293), "getrandom": (318, 278),
         "open_tree": (428, 428), "move_mount": (429, 429), "pidfd_open": (434, 434), "clone3": (435, 435), "close_range": (436, 436),
         "openat2": (437, 437), "faccessat2": (439, 439), "mount_setattr": (442, 442), "landlock_create_ruleset": (444, 444),
         "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446)}


# What builds, or starts, also does.
IN_BUILDS = {"clone3", "close_range", "pidfd_open", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}


@pytest.mark.parametrize("call, error", [*((call, "EPERM") for call in YOUNG), *((call, "ENOSYS") for call in sorted(IN_BUILDS))])
def test_a_call_that_is_refused(here, call, error):
    here.source("built")
    number = YOUNG[call][platform.machine() == "aarch64"]
    without = [sys.executable, "-IS", Path(__file__).with_name("without_syscall.py"), number, error]
    more = {"built": "1.0"} if call in IN_BUILDS else {}
    wanted = {"EXTENSION_AUTO_INSTALL": ",".join([WANTED, *more])}
    first = here.boot(wrap=without, env=wanted)
    here.has_installed(first, {**INSTALLED, **more})
    assert not warnings(first), first
    assert set(first.saw["fds"]) == {"0", "1", "2"}
    assert here.boot("--init", wrap=without, env=wanted).err == here.boot("--supervise", wrap=without, env=wanted).err == ""


# ---- HOME and TMPDIR

def homes(tmp):
    (tmp / "file").write_text("")
    (tmp / "file").chmod(0o666)
    (tmp / "unwritable").mkdir()
    (tmp / "no-way").mkdir()
    (tmp / "no-way").chmod(0o222)
    return {"unset": None, "empty": "", "root": "/", "missing": tmp / "missing", "file": tmp / "file", "unwritable": tmp / "unwritable",
            "below a file": tmp / "file/home", "no way in": tmp / "no-way", "dots": "/tmp/..", "slashes": "//"}


@pytest.mark.parametrize("kind", ["unset", "empty", "root", "missing", "file", "unwritable", "below a file", "no way in", "dots", "slashes"])
def test_a_home_that_cannot_be_used(here, kind):
    home = homes(here.tmp)[kind]
    own = here.root.volume / f"tmp/home-{UID}"
    for done in here.both(wrap=as_user(UID), env={"HOME": home}):
        assert f"HOME={own}" in done.saw["env"], done
    assert own.stat().st_uid == UID and own.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("home", ["/", "//"])
def test_the_home_of_nobody(here, home):
    """Root can write there, but it is no home."""
    for done in here.both(env={"HOME": home}):
        assert f"HOME={here.root.volume}/tmp/home-0" in done.saw["env"], done


def test_a_home_that_can_be_used(here):
    for done in here.both(wrap=as_user(UID)):
        assert f"HOME={here.root.env['HOME']}" in done.saw["env"]
    assert not (here.root.volume / "tmp").exists()


@pytest.mark.parametrize("tmp", ["missing", "file", "unwritable"])
def test_a_tmpdir_that_cannot_be_used(here, tmp):
    """Builds take place elsewhere."""
    here.source("built")
    wanted = {"TMPDIR": homes(here.tmp)[tmp], "EXTENSION_AUTO_INSTALL": "typed,viewer,built"}
    first = here.boot(wrap=as_user(UID), env=wanted)
    here.has_installed(first, {**INSTALLED, "built": "1.0"})
    assert not warnings(first), first
    assert here.boot(wrap=as_user(UID), env=wanted).err == ""


# ---- the volume

@pytest.mark.parametrize("mode", MODES)
def test_no_volume(here, mode):
    """A container without one has the image's own folder, or not even that."""
    here.root.volume.rmdir()
    for done in here.both(mode):
        assert not warnings(done), done
    assert here.root.volume.is_dir()


# What is wrong with it, and what is said of that.
UNWRITABLE = {
    "none": (lambda volume: volume.rmdir(), "there is no folder {volume}, and user {uid} cannot make it: mount a volume there"),
    "a file": (lambda volume: (volume.rmdir(), volume.write_text("")), "{volume} is no folder: remove it, or mount a volume at {volume}"),
    "a link to nowhere": (lambda volume: (volume.rmdir(), volume.symlink_to("/nonexistent/volume")),
                          "there is no folder {volume}, and user {uid} cannot make it: mount a volume there"),
    "another's": (lambda volume: volume.chmod(0o755),
                  "{volume} belongs to user 0, and this is user {uid}: run the container as user 0, or give the volume away once with "
                  "`chown -R {uid} {volume}`"),
    "nobody's to write": (lambda volume: (os.chown(volume, UID, UID), volume.chmod(0o555)), "mount it writable"),
}


def says_why_not(here, done, advice):
    """One sentence says what is wrong and what to do, one who it was that failed."""
    volume = str(here.root.volume)
    [why, who] = errors(done)
    assert why.startswith(f"the volume cannot be written; {advice}, or set EXTENSION_SYNC=never"), done
    assert volume in why.split("EXTENSION_SYNC=never")[1], done
    assert who.startswith("localstack-extensions failed with exit status 3"), done
    [logs] = warnings(done)
    assert volume in logs and "mount a volume that it can write to" in logs, done


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", UNWRITABLE)
def test_a_volume_that_cannot_be_written(here, mode, kind):
    spoil, advice = UNWRITABLE[kind]
    spoil(here.root.volume)
    user = {"wrap": as_user(UID), "env": {"HOME": "/"}}
    for _ in range(2):
        done = here.boot(mode, **user)
        says_why_not(here, done, advice.format(volume=here.root.volume, uid=UID))
        assert f"HOME=/tmp/home-{UID}" in done.saw["env"]
    ended = here.boot(mode, wrap=as_user(UID), env={"EXTENSION_ON_ERROR": "abort"}, status=3)
    assert ended.saw is None and errors(ended)[-1] == "the boot ends here, as EXTENSION_ON_ERROR=abort asks"


@pytest.mark.parametrize("mode", MODES)
def test_root_without_rights_over_a_volume_of_another(here, mode):
    """As over NFS, whose server takes root for nobody."""
    os.chown(here.root.volume, UID, UID)
    here.root.volume.chmod(0o755)
    done = here.boot(mode, wrap=WITHOUT_RIGHTS)
    says_why_not(here, done, f"{here.root.volume} belongs to user {UID}, and this is user 0: run the container as user {UID}, or give "
                             f"the volume away once with `chown -R 0 {here.root.volume}`")
    os.chown(here.root.volume, 0, 0)
    here.both(mode, wrap=WITHOUT_RIGHTS)


def test_never_boots_over_any_volume(here):
    """As the messages say, and of what the sync would have met not a word."""
    here.root.volume.chmod(0o755)
    done = here.boot(wrap=as_user(UID), env={"EXTENSION_SYNC": "never"})
    assert errors(done) == [] and len(warnings(done)) == 1, done


@pytest.mark.parametrize("options", ["noexec", "ro"])
@pytest.mark.parametrize("mode", MODES)
def test_mounts_of_volumes(here, mounts, mode, options):
    """noexec hinders nobody; what is there can be used where it is read-only, and what is new says why it is not there."""
    mounts.mount("-t", "tmpfs", "-o", "noexec" if options == "noexec" else "rw", "none", here.root.volume)
    here.root = mounts.root(here.root)
    here.both(mode, wrap=mounts.prefix)
    if options == "ro":
        mounts.mount("-o", "remount,ro", mounts.volume)
        assert here.boot(mode, wrap=mounts.prefix).err == ""
        done = here.boot(mode, wrap=mounts.prefix, env={"EXTENSION_AUTO_INSTALL": "viewer"})
        [why, _] = errors(done)
        assert why.startswith("the volume cannot be written; mount it writable, or set EXTENSION_SYNC=never") and "Read-only" in why, done


def test_a_cache_of_another(here):
    """It is left alone, and the extensions are installed without it."""
    cache = here.tmp / "cache"
    cache.mkdir()
    done = here.boot(wrap=as_user(UID), env={"EXTENSION_CACHE_DIR": cache})
    here.has_installed(done)
    [said] = warnings(done)
    assert str(cache) in said and "Permission denied" in said, done
    assert here.boot(wrap=as_user(UID), env={"EXTENSION_CACHE_DIR": cache}).err == ""
    assert not list(cache.iterdir())


# ---- the environment

ODD = [
    b"NO_EQUALS", b"=of no name", b"==", b"", b"LOCALSTACK_NO_EQUALS", b"LOCALSTACK_=x", b"HOME", b"PATH", b"EXTENSION_AUTO_INSTALL",
    b"TWICE=1", b"TWICE=2", b"LOCALSTACK_TWICE_TOO=1", b"LOCALSTACK_TWICE_TOO=2", b"TWICE_TOO=0", b"TWICE_TOO=00",
    b"BYTES=\xff\xfe\x80", b"\xff=\xfe", b"LOCALSTACK_\xff=bytes", b"LINES=a\nb\n", b"NAME\nOF LINES=x", b"LOCALSTACK_NAME\nTOO=y", b"BLANK NAME=x",
    b"EMPTY=", b"LOCALSTACK_EMPTY_TOO=", b"LOCALSTACK_HOST=h", b"LOCALSTACK_1=n", b"BASH_FUNC_f%%=() { :; }", b"A=B=C=D", b"PYTHONHOME=/x",
    b"VIRTUAL_ENV_PROMPT=x", b"EXTENSION_AUTO_INSTALL=nothing that counts",
]


def entries_of(env):
    return [os.fsencode(f"{k}={v}") for k, v in env.items()]


MANY = [b"VARIABLE_%d=%d" % (i, i * i) for i in range(9000)] + [b"LOCALSTACK_OF_MANY_%d=x" % i for i in range(1000)]
ENVIRONMENTS = {
    "odd": lambda env: entries_of(env) + ODD,
    "odd and first": lambda env: [e for e in ODD if not e.startswith((b"PYTHONHOME=", b"EXTENSION_"))] + entries_of(env),
    "10,000": lambda env: entries_of(env) + MANY[:10_000 - len(env)],
    "10,000 before it": lambda env: MANY[:10_000 - len(env)] + entries_of(env),
    # The kernel takes no longer one: 128 KiB with its end.
    "128 KiB": lambda env: entries_of(env) + [b"LARGE=" + b"x" * (131072 - 7), b"LOCALSTACK_LARGE_TOO=" + b"y" * (131072 - 22)],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_environments(here, mode, kind):
    """The command's is what a direct exec would have made of it, byte for byte, but for what the manual says."""
    here.hook()
    entries = ENVIRONMENTS[kind](here.env)
    for done in here.both(mode, raw=entries):
        wanted = expected_env(here.root, entries, mode, pid=done.pid)
        assert [e.encode("latin-1") for e in done.saw["env"]] == wanted
        assert done.out == "hooks BOOT\n"


@pytest.mark.parametrize("mode", MODES)
def test_no_environment(here, mode):
    """Nothing is asked for, so there is nothing to install; PATH and HOME are made."""
    own = here.root.volume / f"tmp/home-{os.geteuid()}"
    first = here.boot(mode, raw=[])
    for done in (first, here.boot(mode, raw=[])):
        assert [e.encode("latin-1") for e in done.saw["env"]] == expected_env(here.root, [], mode, own, done.pid)
        assert not errors(done) and not warnings(done), done
    assert done.err == ""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["all", "one"])
def test_an_environment_that_the_kernel_does_not_take(here, mode, kind):
    """As it has become: with a NAME for each LOCALSTACK_NAME, and a longer PATH. What cannot run says which variable is large."""
    small = ["prlimit", f"--stack={1 << 20}:{1 << 20}", "--"]  # a quarter of it is for arguments and environment
    if kind == "all":
        entries = entries_of(here.env) + [b"LOCALSTACK_LARGE_%d=%s" % (i, b"x" * 30_000) for i in range(7)]
        advice = r"the environment has 4\d\d KiB in \d+ variables, and LOCALSTACK_LARGE_6 alone has 30: make it smaller"
    else:
        path = b"PATH=" + b"/usr/bin:/bin" + b":/nowhere" * ((131072 - 19) // 9)
        entries = [e for e in entries_of(here.env) if not e.startswith(b"PATH=")] + [path]
        advice = "the variable PATH has 129 KiB, and the kernel takes no more than 128$"
    done = here.boot(mode, raw=entries, wrap=small if kind == "all" else (), status=126)
    [extensions, command] = errors(done)
    for program, said in ((here.root.programs.extensions, extensions), ("/usr/bin/python3", command)):
        assert re.match(rf"cannot run {program}: Argument list too long; {advice.rstrip('$')}", said), done
    assert "the extensions stay as they are; EXTENSION_SYNC=never" in extensions and re.search(advice, command)
    assert done.saw is None and "belongs beside" not in done.err


# ---- descriptors

def closed(*fds):
    def close():
        for fd in fds:
            os.close(fd)
    return {"preexec_fn": close}


def unread():
    """The end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


DESCRIPTORS = {
    "0 closed": lambda: closed(0),
    "1 closed": lambda: closed(1),
    "2 closed": lambda: closed(2),
    "all closed": lambda: closed(0, 1, 2),
    "stdin a terminal": lambda: {"stdin": os.openpty()[1]},
    "stdin a pipe without a writer": lambda: {"stdin": subprocess.PIPE},
    "nobody reads stderr": lambda: {"stderr": unread()},
    "nobody reads anything": lambda: {"stdout": unread(), "stderr": unread()},
    "full": lambda: {"stdout": open("/dev/full", "w"), "stderr": open("/dev/full", "w")},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", DESCRIPTORS)
def test_descriptors(here, mode, kind):
    """It boots and installs, and the command has the descriptors that it would have without us."""
    def names(saw):
        return {fd: re.sub(r"\d+", "N", name) for fd, name in saw["fds"].items()}

    for i in range(2):
        how = DESCRIPTORS[kind]()
        direct, done = here.direct(**how), here.boot(mode, **how)
        wanted = names(direct)
        if mode == "--supervise" and "1" in wanted:  # as LocalStack's own does
            wanted["2"] = wanted["1"]
        assert names(done.saw) == wanted, done
        assert same(done.saw["status"]) == same(direct["status"])
        assert here.root.installed() == INSTALLED and (i == 0 or done.err == ""), done
    # Nothing that was said went into what had the number of a descriptor that was closed.
    said = [p for p in here.root.volume.rglob("*") if p.is_file() and not p.is_symlink() and b"localstack-extensions: " in p.read_bytes()]
    assert said == []
    assert here.root.run("check", env=here.env).status == 0


# ---- limits

MANY_FILES = min(1_000_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


@pytest.mark.parametrize("limit", [64, MANY_FILES])
def test_many_and_few_descriptors(here, limit):
    """Closing a million that are not open takes no time."""
    raised = {"wrap": ["prlimit", f"--nofile={limit}:{limit}", "--"], "env": {"EXTENSION_AUTO_INSTALL": f"{WANTED},built"}}
    here.source("built")
    here.has_installed(here.boot(**raised), {**INSTALLED, "built": "1.0"})
    for mode in MODES:
        assert here.boot(mode, **raised).err == ""


@pytest.mark.parametrize("mode", MODES)
def test_a_limit_of_the_size_of_files(here, mode):
    make_wheel(here.wheels, "large", "1.0", files={"large.bin": os.urandom(300_000)})
    done = here.boot(mode, wrap=["prlimit", "--fsize=100000:100000", "--"], env={"EXTENSION_AUTO_INSTALL": "large"})
    why, who = errors(done)
    assert "/large-1.0-py3-none-any.whl: cannot write the download: File too large" in why and "exit status 3" in who, done
    here.has_installed(here.boot(mode))


@pytest.mark.skipif(SANITIZED, reason="the sanitizers need more room than there is")
@pytest.mark.parametrize("mode", MODES)
def test_too_little_memory(here, mode):
    """The program that installs has none left, and the boot goes on."""
    make_wheel(here.wheels, "wordy", "1.0", metadata=metadata_text("wordy", "1.0") + ("x" * 79 + "\n") * 190_000)
    done = here.boot(mode, wrap=["prlimit", f"--as={25 << 20}:{25 << 20}", "--"], env={"EXTENSION_AUTO_INSTALL": "wordy"})
    why, who = errors(done)
    assert why.startswith("out of memory; give the container more") and "exit status 3" in who, done
    here.has_installed(here.boot(mode))


@pytest.mark.skipif(SANITIZED, reason="the sanitizers need more room than there is")
@pytest.mark.parametrize("option", [[], ["--init"], ["--supervise"]])
def test_hardly_any_memory(here, option):
    """It cannot even be loaded."""
    done = here.root.boot(*option, "/bin/echo", "booted", wrap=["prlimit", f"--as={5 << 20}:{5 << 20}", "--"], env=here.env)
    assert (done.status, done.out) == (0, "booted\n") and "localstack-extensions failed with exit status 127" in done.err, done


# Processes of a user whom nobody else is: the kernel counts them by user.
ALONE = 60_000 + os.getpid() % 5000


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("left", [1, 2, 3, 5, 6])
def test_too_few_processes(here, mode, left):
    """Nothing but this boot counts. What needs a process that is not to be had says so, and the boot goes on: to the command where
    that needs none, or can have one again."""
    here.source("built")
    limited = [*as_user(ALONE), "prlimit", f"--nproc={left}:{left}", "--"]
    wanted = {"EXTENSION_AUTO_INSTALL": f"{WANTED},built", "HOME": "/"}
    boots = left > 1 or mode == "exec"
    done = here.boot(mode, wrap=limited, env=wanted, status=STATUS if boots else 126)
    said = errors(done)
    assert "too few" in said[0] and "(pids limit, ulimit -u)" in said[0] and "EXTENSION_SYNC=never" in done.err, done
    if not boots:
        assert re.match("cannot start a process for .*: Resource temporarily unavailable; the container may have too few", said[1]), done
    # With 5 it depends on whether one thread has ended when the next is to start.
    assert here.root.installed() in {6: [INSTALLED], 5: [INSTALLED, {}]}.get(left, [{}]), done
    here.has_installed(here.boot(mode, wrap=as_user(ALONE), env={"HOME": "/"}))


# ---- who else is there

FIRST = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]

# Ends the tini that is somewhere above, and waits.
END_TINI = """
import os, signal
def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
pid = os.getppid()
while open(f"/proc/{pid}/comm").read() != "tini\\n":
    pid = parent(pid)
os.kill(pid, signal.SIGTERM)
signal.pause()
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("init", [[*FIRST, "tini", "--"], ["tini", "-s", "--"]], ids=["first", "subreaper"])
def test_under_another_init(here, mode, init):
    """`docker run --init`: the engine's is the first process, and hands on the signals and the status."""
    first, second = here.both(mode, wrap=init)
    for done in (first, second):
        assert done.saw["status"]["PPid"] != ["0"] and done.saw["status"]["Pid"] != ["1"]
    options = [] if mode == "exec" else [mode]
    ended = here.root.boot(*options, "--", "/usr/bin/python3", "-IS", "-c", END_TINI, wrap=init, env=here.env)
    assert ended.status == (0 if mode == "--supervise" else 143) and ended.err == "", ended


# The first process of a pod whose containers share its PID namespace: others are there, one of them in the same process group. Says
# how the program ended, and who of the others is left.
POD = """
import signal, subprocess, sys
others = [subprocess.Popen(["sleep", "1000"], start_new_session=own) for own in (False, True)]
main = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
main.stdout.readline()
main.send_signal(signal.SIGTERM)
print(main.wait(), sum(o.poll() is None for o in others), flush=True)
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("hangs", [False, True])
def test_a_shared_pid_namespace(here, mode, hangs):
    """Whatever is ended, with a build that hangs or with the container: none of the others."""
    make_source(here.wheels, "built", "1.0", static=True, deed="import time; time.sleep(1000)" if hangs else "pass")
    options = [] if mode == "exec" else [mode]
    done = here.root.boot(*options, "--", "sh", "-c", "echo up; exec sleep 1000", wrap=[*FIRST, sys.executable, "-IS", "-c", POD],
                          env={**here.env, "EXTENSION_AUTO_INSTALL": f"{WANTED},built", "EXTENSION_SYNC_TIMEOUT": "1" if hangs else "60"})
    assert done.status == 0 and done.out == f"{0 if mode == '--supervise' else 143 if mode == '--init' else -15} 2\n", done
    assert ("were not in place after 1 seconds" in done.err) == hangs and here.root.installed() == ({} if hangs else {**INSTALLED, "built": "1.0"})


@pytest.mark.parametrize("mode", MODES)
def test_beside_a_running_one(here, mode):
    """`docker exec` and `kubectl exec`, also of a second entrypoint, which is one process among many and ends none."""
    options = [] if mode == "exec" else [mode]
    running = subprocess.Popen([here.root.programs.entrypoint, "--root", here.root.folder, *options, "--", "sh", "-c", "echo up; exec cat"],
                               env=here.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout.readline() == "up\n"
        assert here.root.run("list", env=here.env).out.count("asked for") == 2
        assert here.root.run("plan", env=here.env).status == here.root.run("check", env=here.env).status == 0
        more = {"EXTENSION_AUTO_INSTALL": "viewer"}
        assert here.root.run("sync", env={**here.env, **more}).status == 0
        assert here.root.installed() == {"viewer": "1.0"}
        second = here.boot(mode)
        here.has_installed(second)
        assert int(second.saw["status"]["Pid"][0]) > 1 and second.saw["status"]["PPid"] != [str(running.pid)]
        assert here.boot(mode).err == "" and running.poll() is None
    finally:
        out, err = running.communicate(timeout=LONG)
    assert running.returncode == 0 and "error" not in err, err
