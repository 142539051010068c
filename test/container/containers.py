# SPDX-License-Identifier: Apache-2.0
"""Containers of the images that scripts/container-images makes, run by runc as an engine would run them: root file system of its own over
the image's, the image's entrypoint, environment and working directory, Docker's capabilities, masked paths, a PID namespace."""

import functools
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import time
import urllib.request

from oci import CAPABILITIES, MASKED, MOUNTS, READ_ONLY, bind, seccomp, tmpfs
from reloading import LONG, Running, children
from servers import direct_opener

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "build/container"
BUILDAH_ENV = {**os.environ, "CONTAINERS_STORAGE_CONF": str(FOLDER / "storage.conf")}
VOLUME = "/var/lib/localstack"
TMPFS = tmpfs("/tmp")


def run(*args, **more):
    done = subprocess.run([*map(str, args)], capture_output=True, text=True, timeout=LONG, **more)
    assert done.returncode == 0, f"{done.args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


class Image:
    """One that buildah made: where its files are (nobody writes there), and what it says about starting it."""

    def __init__(self, name):
        self.name = name
        self.container = run("buildah", "from", "--pull-never", name, env=BUILDAH_ENV).stdout.strip()
        self.files = pathlib.Path(run("buildah", "mount", self.container, env=BUILDAH_ENV).stdout.strip())
        inspected = json.loads(run("buildah", "inspect", "--type", "image", name, env=BUILDAH_ENV).stdout)
        self.config = inspected["Docker"]["config"]
        self.base = self.files / "opt/code/localstack/.venv"
        self.python = next(self.base.glob("lib/python3.*")).name

    def close(self):
        run("buildah", "rm", self.container, env=BUILDAH_ENV)


class Files:
    """A root file system over that of an image. Where nothing can be laid over another file system, a copy."""

    def __init__(self, image, folder):
        self.folder = folder
        self.path = folder / "rootfs"
        for name in ("rootfs", "upper", "work"):
            (folder / name).mkdir(parents=True)
        options = f"lowerdir={image.files},upperdir={folder}/upper,workdir={folder}/work"
        self.laid = subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", self.path], capture_output=True).returncode == 0
        if not self.laid:
            run("cp", "-a", "--reflink=auto", f"{image.files}/.", self.path)

    def close(self):
        if self.laid:
            run("umount", self.path)
        shutil.rmtree(self.folder)


def bundle_config(image, files, args, env, user, mounts, network, read_only, capabilities, hostname="container"):
    """runc's config.json, but for what this machine may refuse."""
    variables = dict(item.split("=", 1) for item in image.config["Env"])
    variables.update(HOME="/root" if user == (0, 0) else "/", HOSTNAME=hostname, **env)
    namespaces = ["pid", "ipc", "uts", "mount", *([] if network == "host" else ["network"])]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": user[0], "gid": user[1]}, "args": [*image.config["Entrypoint"], *args],
            "env": [f"{k}={v}" for k, v in variables.items()], "cwd": image.config["WorkingDir"] or "/",
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")}, "noNewPrivileges": False,
        },
        "root": {"path": str(files), "readonly": read_only}, "hostname": hostname, "mounts": [*MOUNTS, *mounts],
        "linux": {"namespaces": [{"type": kind} for kind in namespaces], "maskedPaths": MASKED, "readonlyPaths": READ_ONLY},
    }


def attempts():
    """What an engine sets as well, and some machines refuse: tried out once, in this order."""
    rlimits = {"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 1048576}]}
    cgroup = {"resources": {"pids": {"limit": 4096}}}
    profile = {"seccomp": seccomp("docker", CAPABILITIES)}
    return ({"linux": {**cgroup, **profile}, "process": rlimits}, {"linux": {**cgroup, **profile}}, {"linux": profile}, {})


def with_extras(config, extras):
    for key, more in extras.items():
        config[key].update(more)
    return config


@functools.cache
def extras_here(image):
    folder = FOLDER / "probe"
    for extras in attempts():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        config = bundle_config(image, image.files, [], {}, (0, 0), [], "none", True, CAPABILITIES)
        config["process"]["args"] = ["/bin/true"]
        folder.joinpath("config.json").write_text(json.dumps(with_extras(config, extras)))
        done = subprocess.run(["runc", "run", "--bundle", folder, f"localstack-probe-{os.getpid()}"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LONG)
        if done.returncode == 0:
            return extras
    raise AssertionError(f"runc runs nothing here: {done.stderr}")


class Container(Running):
    """Runs from the moment that it is made. Its lines (stdout and stderr) are waited for with next().

    network: "host", that of the tests, where the index is and LocalStack's ports can be reached; or "none", an empty one."""

    numbers = itertools.count()

    def __init__(self, image, folder, *args, files=None, volume=None, env=None, mounts=(), user=(0, 0), network="host", read_only=False,
                 entrypoint=None, capabilities=CAPABILITIES, hostname="container"):
        self.image = image
        self.id = f"localstack-test-{os.getpid()}-{next(self.numbers)}"
        self.bundle = pathlib.Path(folder) / self.id
        self.bundle.mkdir(parents=True)
        self.files = files or Files(image, self.bundle / "files")
        self.owns_files = files is None
        mounts = [*self.names(hostname), *([bind(volume, VOLUME)] if volume else []), *mounts]
        config = bundle_config(image, self.files.path, args, env or {}, user, mounts, network, read_only, capabilities, hostname)
        if entrypoint:
            config["process"]["args"] = [*entrypoint, *args]
        self.env = config["process"]["env"]
        self.bundle.joinpath("config.json").write_text(json.dumps(with_extras(config, extras_here(image))))
        self.started = time.monotonic()
        super().__init__(["runc", "run", "--bundle", self.bundle, "--pid-file", self.bundle / "pid", self.id], os.environ)

    def names(self, hostname):
        """An engine's /etc/hosts and /etc/hostname, which not every Debian has."""
        for name, text in (("hosts", f"127.0.0.1 localhost {hostname}\n"), ("hostname", f"{hostname}\n")):
            (self.bundle / name).write_text(text)
            yield bind(self.bundle / name, f"/etc/{name}")

    @property
    def first(self):
        """The pid, on the outside, of the container's first process."""
        return int((self.bundle / "pid").read_text())

    def ready(self):
        """Waits for LocalStack's own line, and returns the seconds since the container was started."""
        self.next(r"^Ready\.$")
        return time.monotonic() - self.started

    def said_until_now(self):
        return "\n".join(self.said)

    def said_by_us(self):
        """What our programs have said until now."""
        return [line for line in self.said if line.startswith(("localstack-entrypoint: ", "localstack-extensions: "))]

    def listed(self):
        """Names and versions of what the extensions' venv has."""
        return {d["name"]: d["version"] for d in json.loads(self.execute("localstack-extensions", "list", "--format", "json").stdout)}

    def execute(self, *args, env=(), user=None, check=True):
        """docker exec"""
        options = [part for item in env for part in ("--env", item)] + (["--user", user] if user else [])
        done = subprocess.run(["runc", "exec", *options, self.id, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LONG)
        assert not check or done.returncode == 0, (args, done)
        return done

    def kill(self, name):
        run("runc", "kill", self.id, name)

    def stop(self, name="TERM"):
        """docker stop: returns the exit status and how many seconds it took."""
        before = time.monotonic()
        self.kill(name)
        status = self.process.wait(LONG)
        return status, time.monotonic() - before

    def wait(self):
        """The exit status, and all that was said."""
        status = self.process.wait(LONG)
        while (line := self.lines.get(timeout=LONG)) is not None:
            self.said.append(line)
        return status, self.said_until_now()

    def remove(self):
        """docker rm --force"""
        if self.process.poll() is None:
            subprocess.run(["runc", "delete", "--force", self.id], capture_output=True, timeout=LONG)
            self.process.wait(LONG)
        if self.owns_files:
            self.files.close()
        shutil.rmtree(self.bundle)


def processes(pid):
    """The command lines of all descendants."""
    found = []
    for child in children(pid):
        command = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        found += [" ".join(part.decode() for part in command if part), *processes(child)]
    return found


def ask(path, port=4566, method="GET", data=None, headers=None):
    """An answer of LocalStack's on the tests' own network: status and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers or {"Content-Type": "application/json"}, method=method)
    with direct_opener().open(request, timeout=LONG) as answer:
        return answer.status, answer.read()
