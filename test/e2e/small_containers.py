# SPDX-License-Identifier: Apache-2.0
"""Containers of a small base and the programs, with LocalStack's paths where they are in the image, as an engine makes them: by runc."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from conftest import LONG, Result, copy_venv, rewrite
from oci import CAPABILITIES, MASKED, MOUNTS, READ_ONLY, bind, seccomp

BASE = "/opt/code/localstack/.venv"


class Container:
    """An image with a small base and the programs, and containers of it over one volume (None: the image's own folder)."""

    def __init__(self, folder, base, programs, env):
        self.folder, self.image = folder, folder / "image"
        self.volume = folder / "volume"
        self.volume.mkdir(parents=True)
        for name in ("usr", "dev", "proc", "sys", "etc/localstack/conf.d", "var/lib/localstack", "opt/bin", "opt/code/extensions"):
            (self.image / name).mkdir(parents=True)
        self.image.joinpath("tmp").mkdir()
        self.image.joinpath("tmp").chmod(0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            if Path("/", name).is_symlink():
                (self.image / name).symlink_to(f"usr/{name}")
        self.image.joinpath("etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        for file in ("/etc/ld.so.cache",):
            shutil.copy(file, self.image / file[1:])
        for program in (programs.entrypoint, programs.extensions):
            shutil.copy(program, self.image / "opt/bin")
        copied = Path(f"{self.image}{BASE}")
        copy_venv(base, copied)
        rewrite(copied, str(copied), BASE)
        self.binds = {}  # path in the container: (path here, options)
        for place in {"/usr", sys.base_prefix}:
            if place == "/usr" or not place.startswith("/usr"):
                self.image.joinpath(place[1:]).mkdir(parents=True, exist_ok=True)
                self.binds[place] = (place, ["ro"])
        # Of the user's environment what an image has, and how the programs under test are built.
        self.env = {"PATH": f"/opt/bin:{env['PATH']}", "HOME": "/root", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1",
                    **{k: v for k, v in env.items() if k in ("ASAN_OPTIONS",)}}
        self.image.joinpath("root").mkdir()

    def configuration(self, argv, env, *, uid=0, capabilities=CAPABILITIES, profile="docker", forbidden=(), read_only=False, volume=True,
                      no_new_privileges=False, pids=None, tmp=True):
        held = capabilities if uid == 0 else []
        mounts = list(MOUNTS)
        binds = dict(self.binds)
        if volume:
            binds["/var/lib/localstack"] = (self.volume, ["rw"])
        if tmp and read_only:
            mounts.append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]})
        mounts += [bind(source, to, *options) for to, (source, options) in binds.items()]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False, "user": {"uid": uid, "gid": uid}, "args": list(map(str, argv)), "cwd": "/",
                "env": [f"{k}={v}" for k, v in env.items()], "noNewPrivileges": no_new_privileges,
                "capabilities": {"bounding": capabilities, "permitted": held, "effective": held},
            },
            "root": {"path": str(self.image), "readonly": read_only},
            "hostname": "container",
            "mounts": mounts,
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
                "maskedPaths": MASKED, "readonlyPaths": READ_ONLY,
                "resources": {**({"pids": {"limit": pids}} if pids else {})},
                "cgroupsPath": f"/{self.name}",
                **({"seccomp": seccomp(profile, capabilities, forbidden)} if profile else {}),
            },
        }

    def prepare(self, argv, env=None, **how):
        """The command that runs it; self.name is the container's."""
        self.name = f"surroundings-{uuid.uuid4().hex[:12]}"
        bundle = self.folder / self.name
        bundle.mkdir()
        merged = {k: str(v) for k, v in {**self.env, **(env or {})}.items() if v is not None}
        bundle.joinpath("config.json").write_text(json.dumps(self.configuration(argv, merged, **how)))
        return ["runc", "--root", str(self.folder / "runc"), "run", "--bundle", str(bundle), self.name]

    def run(self, *argv, env=None, timeout=LONG, **how):
        return Result(subprocess.run(self.prepare(argv, env, **how), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                     errors="replace", timeout=timeout, env={"PATH": os.environ["PATH"]}))

    def boot(self, *argv, **how):
        return self.run("/opt/bin/localstack-entrypoint", *argv, **how)

    def inside(self, *argv):
        """`docker exec` of the container that runs."""
        return Result(subprocess.run(["runc", "--root", str(self.folder / "runc"), "exec", self.name, *map(str, argv)],
                                     stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG,
                                     env={"PATH": os.environ["PATH"]}))

    def kill(self, name):
        """A signal for its first process, if it is still there."""
        subprocess.run(["runc", "--root", str(self.folder / "runc"), "kill", self.name, name], capture_output=True, timeout=LONG,
                       env={"PATH": os.environ["PATH"]})

    def end(self, runc):
        """Whatever becomes of a test, runc takes away what it made."""
        self.kill("KILL")
        try:
            runc.wait(LONG)
        finally:
            runc.kill()
            runc.wait()
