# SPDX-License-Identifier: Apache-2.0
"""A terminal that a program writes to, as far as it goes here: what came, and what somebody would see in the end."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

LONG = 120  # seconds after which a test has failed


class Terminal:
    def __init__(self, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.slave, self.raw, self.came, self.process = slave, "", threading.Condition(), None

    def run(self, command, env, **more):
        """Starts it with its standard error on the terminal."""
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=self.slave,
                                        **{"stdout": subprocess.DEVNULL, **more})
        os.close(self.slave)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def read(self):
        pending = b""
        while True:
            try:
                pending += os.read(self.master, 65536)
            except OSError:  # nobody has the other end any more
                break
            text = pending.decode(errors="ignore")
            if text.encode() != pending:
                continue  # the rest of a character is still to come
            pending = b""
            with self.came:
                self.raw += text
                self.came.notify_all()

    def wait_for(self, pattern):
        with self.came:
            assert self.came.wait_for(lambda: re.search(pattern, self.raw), LONG), self.raw

    def end(self):
        """The status, when it has ended and all that it wrote has been read."""
        status = self.process.wait(LONG)
        self.reader.join(LONG)
        os.close(self.master)
        return status

    def drawn(self):
        """Each line that was drawn to be written over."""
        return [line for line in re.findall(r"\r([^\r\n\x1b]*)\x1b\[K", self.raw) if line]

    def screen(self):
        """What stands there: only what these programs send is understood."""
        lines, column = [""], 0
        for part in re.findall(r"\x1b\[K|\r|\n|[^\x1b\r\n]+", self.raw):
            if part == "\x1b[K":
                lines[-1] = lines[-1][:column]
            elif part == "\r":
                column = 0
            elif part == "\n":
                lines.append("")
            else:
                lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part):]
                column += len(part)
        return lines
