# SPDX-License-Identifier: Apache-2.0
"""Mounts that a test has for itself."""

import subprocess


class Mounts:
    """A mount namespace that a process keeps for the test; what runs by its prefix sees the volume mounted there."""

    def __init__(self, volume):
        self.volume = volume
        self.keeper = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == "ready\n"
        self.prefix = ["nsenter", "-t", str(self.keeper.pid), "-m", "--"]

    def mount(self, *args):
        subprocess.run([*self.prefix, "mount", *map(str, args)], check=True)

    def umount(self, path):
        subprocess.run([*self.prefix, "umount", str(path)], check=True)

    def sees(self, path):
        """The path as that namespace has it, for this process to look at."""
        return type(path)(f"/proc/{self.keeper.pid}/root{path}")

    def close(self):
        self.keeper.communicate()
