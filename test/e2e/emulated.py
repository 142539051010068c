# SPDX-License-Identifier: Apache-2.0
"""Programs of another machine, to be run as if they were of this one."""

import os
import shutil

MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of an ELF header


def machine_of(program):
    return MACHINES[int.from_bytes(program.read_bytes()[18:20], "little")]


def replace(path, write):
    """Another run may be using what is there."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    write(new)
    new.chmod(0o755)
    new.rename(path)


def runnable(build):
    """The folder with the two programs: `build`, or for those of another machine one in it with scripts that call the emulator. The
    kernel runs no others, and localstack-entrypoint is to find a script beside it: the program that /proc/self/exe names stands alone,
    and its first argument is the script."""
    machine = machine_of(build / "localstack-entrypoint") if build.joinpath("localstack-entrypoint").exists() else os.uname().machine
    if machine == os.uname().machine:
        return build
    emulator, folder = shutil.which(f"qemu-{machine}"), build / "emulated"
    assert emulator, f"no qemu-{machine}: see scripts/setup"
    for name in ("localstack-entrypoint", "localstack-extensions"):
        alone = folder / machine / name / name
        alone.parent.mkdir(parents=True, exist_ok=True)
        replace(alone, lambda new: shutil.copy2(build / name, new))
        replace(folder / name, lambda new: new.write_text(f'#!/bin/sh\nexec {emulator} -0 "$0" {alone} "$@"\n'))
    return folder
