# SPDX-License-Identifier: Apache-2.0
"""What an engine writes into the configuration of a container (https://github.com/opencontainers/runtime-spec): Docker's capabilities, mounts,
masked paths and seccomp profile."""

import json
import platform
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LONG = 120  # seconds

# What Docker leaves to the root of a container.
CAPABILITIES = [f"CAP_{name}" for name in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE").split()]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]
ARCHITECTURES = {"x86_64": ("amd64", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
                 "aarch64": ("arm64", ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"])}
EPERM, ENOSYS = 1, 38


def tmpfs(target, *options):
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777", *options]}


def bind(source, target, *options):
    return {"destination": str(target), "type": "bind", "source": str(source), "options": ["rbind", *(options or ["rw"])]}


def profile_of(engine):
    """As the engine has it built in, or beside it."""
    file = REPOSITORY / f"build/seccomp/{engine}.json"
    if not file.exists():
        subprocess.run([REPOSITORY / "scripts/seccomp-profile", engine, file], check=True, timeout=LONG)
    return json.loads(file.read_text())


def holds(rule, arch, capabilities):
    """Of a rule of a profile: whether it is for such a container. Kernels as old as any rule asks for are gone."""
    wanted, but = rule.get("includes") or {}, rule.get("excludes") or {}
    return ((not wanted.get("arches") or arch in wanted["arches"]) and set(wanted.get("caps") or ()) <= set(capabilities)
            and arch not in (but.get("arches") or ()) and not set(but.get("caps") or ()) & set(capabilities))


def seccomp(name, capabilities, forbidden=()):
    """The engine's profile as runc wants it. forbidden: calls that the engine does not know yet, so that it refuses them."""
    profile = profile_of(name)
    arch, architectures = ARCHITECTURES[platform.machine()]
    rules = []
    for rule in profile["syscalls"]:
        names = [n for n in rule["names"] if n not in forbidden]
        if names and holds(rule, arch, capabilities):
            kept = {key: rule[key] for key in ("action", "errnoRet", "args") if rule.get(key)}
            rules.append({"names": names, **kept})
    if forbidden:
        rules.append({"names": list(forbidden), "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM})
    default = {"defaultErrnoRet": profile["defaultErrnoRet"]} if profile.get("defaultErrnoRet") else {}
    return {"defaultAction": profile["defaultAction"], **default, "architectures": architectures, "syscalls": rules}
