# SPDX-License-Identifier: Apache-2.0
"""Containers as a runtime makes them of an image: a root file system, a PID namespace, a user, capabilities, mounts, and an environment
that is the image's and what is asked for. They have one network, which is not the machine's."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request

from conftest import SANITIZED, copy_venv, rewrite
from reloading import LONG, Running, children
from servers import direct_opener
from wheels import file_name, make_wheel

BASE = "/opt/code/localstack/.venv"
VENV = "/var/lib/localstack/lib/extensions/python_venv"
UID = 1000  # of the image's user localstack

# What the image says of itself: LocalStack's, and ours.
IMAGE_ENV = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin", "LANG": "C.UTF-8",
             "USER": "localstack", "PYTHONUNBUFFERED": "1"}
IMAGE_COMMAND = ["docker-entrypoint.sh"]
IMAGE_FOLDER = "/opt/code/localstack"

# A container engine's default: what root has there.
DOCKER_CAPABILITIES = ("chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write "
                       "setfcap").split()


def make_image(folder, base, programs):
    """The image's own files, which stand over the machine's /usr and C library."""
    copy_venv(base / BASE.lstrip("/"), folder / BASE.lstrip("/"))
    venv = folder / BASE.lstrip("/")
    rewrite(venv, str(venv), BASE)
    [site] = venv.glob("lib/python3.*/site-packages")
    (site / "zz-localstack-extensions-venv.pth").write_text(f"{VENV}/lib/{site.parent.name}/site-packages\n")
    shutil.copytree(base / "usr", folder / "usr")
    (folder / "usr/lib/localstack/.community-version").touch()
    local = folder / "usr/local/bin"
    local.mkdir(parents=True)
    for program in (programs.entrypoint, programs.extensions):
        shutil.copy2(program, local)
    (local / "docker-entrypoint.sh").symlink_to("localstack-entrypoint")
    for path in ("etc/localstack/init/boot.d", "opt/code/extensions", "home/localstack", "root", "run", "tmp", "var/lib/localstack", "proc",
                 "sys", "dev"):
        (folder / path).mkdir(parents=True)
    for path, mode in (("tmp", 0o1777), ("var/lib/localstack", 0o777), ("opt/code/localstack", 0o777)):
        (folder / path).chmod(mode)
    os.chown(folder / "home/localstack", UID, UID)
    (folder / "etc/passwd").write_text(f"root:x:0:0:root:/root:/bin/sh\nlocalstack:x:{UID}:{UID}::/home/localstack:/bin/bash\n")
    (folder / "etc/group").write_text(f"root:x:0:\nlocalstack:x:{UID}:\n")
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (folder / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    for name in ("ld.so.cache", "ssl", "alternatives"):
        if (there := pathlib.Path("/etc", name)).is_dir():
            shutil.copytree(there, folder / "etc" / name, symlinks=True)
        elif there.exists():
            shutil.copy2(there, folder / "etc")
    return folder


# $1: where the root file system is to be; $2: the image; $3: "ro" or "rw". What follows are mounts, SOURCE TARGET ro|rw, up to "--", and
# then what runs.
MAKE_ROOT = r"""
set -eu
root=$1 image=$2 how=$3
shift 3
mount -t tmpfs -o mode=755 rootfs "$root"
mkdir "$root/.over"
mount -t tmpfs -o mode=755 over "$root/.over"
for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$name" ]; then cp -a "/$name" "$root"; fi
done
for path in "$image"/*; do
    name=${path##*/}
    below=$path
    [ "$name" != usr ] || below=$path:/usr
    mkdir "$root/$name" "$root/.over/$name" "$root/.over/.$name"
    mount -t overlay -o "lowerdir=$below,upperdir=$root/.over/$name,workdir=$root/.over/.$name" "image-$name" "$root/$name"
    chmod --reference="$path" "$root/$name"
done
mount -t sysfs -o ro sysfs "$root/sys"
for name in null zero full random urandom; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir -p "$root/dev/shm"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
umount -l "$root/.over"
rmdir "$root/.over"
mount_points() {
    while [ "$1" != -- ]; do
        if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root${2%/*}"; : >"$root$2"; fi
        shift 3
    done
}
mount_points "$@"
# Before anything else stands in their places, and with "bind": that is of this mount alone, not of the file system beneath.
if [ "$how" = ro ]; then
    for path in "$image"/* .; do mount -o remount,bind,ro "$root/${path##*/}"; done
fi
while [ "$1" != -- ]; do
    mount --bind "$1" "$root$2"
    [ "$3" != ro ] || mount -o remount,bind,ro "$root$2"
    shift 3
done
shift
exec unshare --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" "$@"
"""

# Says that it is there once its loopback is up, and is there until its stdin ends.
NETWORK = """
import fcntl, socket, struct, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
print("ready", flush=True)
sys.stdin.read()
"""


class Node:
    """A machine of a cluster, or of a developer: where the containers of one image run."""

    def __init__(self, folder, image):
        self.folder, self.image, self.running, self.servers = folder, image, [], []
        self.network = subprocess.Popen(["unshare", "--net", "--uts", "--ipc", sys.executable, "-ISc", NETWORK], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.network.stdout.readline() == "ready\n"
        (folder / "rootfs").mkdir(parents=True)

    @contextlib.contextmanager
    def inside(self):
        """Sockets of this thread, and programs that it starts, are in the containers' network meanwhile."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(path):
            with open(path) as f:
                if libc.setns(f.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
                    raise OSError(ctypes.get_errno(), path)

        own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        with open(own) as before:
            enter(f"/proc/{self.network.pid}/ns/net")
            try:
                yield
            finally:
                enter(f"/proc/self/fd/{before.fileno()}")

    def serve(self, server):
        with self.inside():
            self.servers.append(server())
        return self.servers[-1]

    def get(self, path, port=4566, headers=()):
        """What LocalStack answers to a probe: its status and the body."""
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=dict(headers))
        with self.inside(), direct_opener().open(request, timeout=LONG) as answer:
            return answer.status, answer.read()

    def run(self, command, env, *, uid, gid, groups=(), capabilities=(), no_new_privileges, read_only, mounts):
        """A container. env: beyond the image's; mounts: (source, path in it, whether it is read-only)."""
        env = {**IMAGE_ENV, "HOME": {0: "/root", UID: "/home/localstack"}.get(uid, "/"), "HOSTNAME": "localstack-0", **env}
        if SANITIZED:
            env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1"
        places = [str(word) for source, target, ro in mounts for word in (source, target, "ro" if ro else "rw")]
        caps = ",".join(["-all", *(f"+{c}" for c in capabilities)])
        running = Running(
            ["nsenter", "-t", self.network.pid, "--net", "--uts", "--ipc", "unshare", "--mount", "--propagation", "private",
             "sh", "-c", MAKE_ROOT, "sh", self.folder / "rootfs", self.image, "ro" if read_only else "rw", *places, "--",
             "setpriv", "--reuid", uid, "--regid", gid, *(["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]),
             "--bounding-set", caps, "--inh-caps", "-all", "--ambient-caps", "-all", *(["--no-new-privs"] if no_new_privileges else []),
             "env", "-i", "-C", IMAGE_FOLDER, *(f"{k}={v}" for k, v in env.items()), *command],
            {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        self.running.append(running)
        return running

    def close(self):
        for running in self.running:
            running.stop()
        for server in self.servers:
            server.stop()
        self.network.communicate()


def first_process(running):
    """The container's PID 1, as seen from here; it has to have said something."""
    [pid] = children(running.pid)
    return pid


def end(running):
    """As the runtime ends a container, with a signal; its status."""
    os.kill(first_process(running), signal.SIGTERM)
    return running.process.wait(LONG)


def rest(running):
    """What it has still to say, until it ends by itself; its status, and all that it said."""
    for line in iter(lambda: running.lines.get(timeout=LONG), None):
        running.said.append(line)
    return running.process.wait(LONG), "\n".join(running.said)


# ---- extensions

HOOK = """from localstack.runtime import hooks
@hooks.on_infra_start()
def {}():
    print("{} is loaded", flush=True)
"""


def hook_wheel(folder, name, version="1.0"):
    """An extension of that name, which says at LocalStack's start that it is there. LocalStack knows hooks by their functions' names."""
    module = file_name(name)
    return make_wheel(folder, name, version, files={f"{module}.py": HOOK.format(module, name)},
                      entry_points={"localstack.hooks.on_infra_start": {module: f"{module}:{module}"}})


# ---- files with switched-off parts

def prose(line):
    return line.lstrip().startswith("##")


def switched_on(text):
    """A file of conf/ with all that is switched off in it by one # switched on. Two stand before words."""
    lines = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines.append(indent + line.lstrip()[1:] if line.lstrip().startswith("#") and not prose(line) else line)
    return "\n".join(lines) + "\n"
