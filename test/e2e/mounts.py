# SPDX-License-Identifier: Apache-2.0
"""Mounts that a test has for itself."""

import copy
import subprocess


class Mounts:
    """A mount namespace that a process keeps for the test; what runs by its prefix sees the volume mounted there."""

    def __init__(self, volume):
        self.volume = volume
        self.servers = []
        self.keeper = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == "ready\n"
        self.prefix = ["nsenter", "-t", str(self.keeper.pid), "-m", "--"]

    def mount(self, *args):
        subprocess.run([*self.prefix, "mount", *map(str, args)], check=True)

    def umount(self, path):
        subprocess.run([*self.prefix, "umount", str(path)], check=True)

    def serve(self, program, *args):
        """A file system that a program serves, from when it says so; TERM unmounts it."""
        server = subprocess.Popen([*self.prefix, *map(str, (program, *args, self.volume))], stdout=subprocess.PIPE, text=True)
        self.servers.append(server)
        assert server.stdout.readline() == "ready\n"

    def sees(self, path):
        """The path as that namespace has it, for this process to look at."""
        return type(path)(f"/proc/{self.keeper.pid}/root{path}")

    def root(self, root):
        """A root whose volume is seen so; commands have to be run by the prefix."""
        seen = copy.copy(root)
        seen.volume, seen.extensions, seen.venv, seen.site = map(self.sees, (root.volume, root.extensions, root.venv, root.site))
        return seen

    def close(self):
        for server in self.servers:
            server.terminate()
            server.communicate()
        self.keeper.communicate()
