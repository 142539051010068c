# SPDX-License-Identifier: Apache-2.0
"""An index that lets a test look on while something is fetched from it."""

import os
import threading

from fault_server import Answer, Gate, page
from wheels import make_wheel


class Held:
    """An index of `new`, which holds its page or its wheel back."""

    def __init__(self, server, folder):
        self.server, self.gate, self.asked = server, Gate(), threading.Event()
        wheel = make_wheel(folder, "new", "1.0", files={"new.bin": os.urandom(300_000)})
        self.page = page([{"filename": wheel.name, "url": f"../../files/{wheel.name}", "hashes": {}}])
        self.path, self.data = f"/files/{wheel.name}", wheel.read_bytes()
        self.release()

    def release(self):
        self.server.add("/simple/new/", self.page)
        self.server.add(self.path, Answer(body=self.data))

    def hold_page(self):
        def held(_request):
            self.asked.set()
            return Answer(wait=self.gate.open)
        self.server.add("/simple/new/", held)

    def hold_wheel(self):
        self.server.add(self.path, Answer(body=self.data, gate=self.gate))
