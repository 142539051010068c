# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that answers as it is told, faults included: on loopback, at a port that the kernel chooses.

    with FaultServer() as server:
        server.add("/simple/x/", Answer(status=503), Answer(body=b"..."))   # first this, from then on that
        ... server.url, server.requests ...
"""

import gzip
import json
import re
import socketserver
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Optional


class Gate:
    """Holds a body back after its first half, until it is opened; `half` is set when it is there."""

    def __init__(self):
        self.half, self.open = threading.Event(), threading.Event()


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    type: str = "application/octet-stream"
    length: Optional[int] = None  # what Content-Length claims; None: the truth; -1: no such header
    cut: Optional[int] = None  # the connection ends after so many bytes of the body
    wait: Optional[threading.Event] = None  # before the first byte
    wait_body: Optional[threading.Event] = None  # between the headers and the body
    gate: Optional[Gate] = None  # in the middle of the body
    pace: Optional[int] = None  # of the body come so many bytes each time, 20 times a second, from its second half on
    pace_head: bool = False  # of the headers comes one byte each time
    ranges: bool = False  # Range and If-Range are obeyed
    etag: Optional[str] = None  # with it, If-None-Match is obeyed
    drop: bool = False  # the connection ends without an answer
    garbage: bool = False  # the body comes in place of an answer
    compress: bool = False  # gzip, where the client takes it
    endless: bytes = b""  # comes after the body again and again, until the client goes away
    interval: float = 0  # seconds between one piece without end and the next


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    at: float  # when it came, as time.time()


def page(files, html=False, **answer):
    """A project page of dicts as PEP 691 has them."""
    if not html:
        body = json.dumps({"meta": {"api-version": "1.1"}, "name": "x", "files": files}).encode()
        return Answer(body=body, type="application/vnd.pypi.simple.v1+json", **answer)
    lines = ["<!DOCTYPE html><html><body>"]
    for f in files:
        digest = "".join(f"#{k}={v}" for k, v in list(f.get("hashes", {}).items())[:1])
        more = ""
        if f.get("requires-python"):
            more += f' data-requires-python="{f["requires-python"].replace("<", "&lt;").replace(">", "&gt;")}"'
        if f.get("core-metadata"):
            more += ' data-core-metadata="true"'
        if f.get("yanked"):
            more += f' data-yanked="{f["yanked"] if isinstance(f["yanked"], str) else ""}"'
        lines.append(f'<a href="{f["url"]}{digest}"{more}>{f["filename"]}</a><br>')
    return Answer(body="\n".join(lines + ["</body></html>"]).encode(), type="text/html", **answer)


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True  # else a body waits for the acknowledgement of its headers: 40 ms

    def handle(self):
        try:
            while self.one():
                pass
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass

    def read_request(self):
        first = self.rfile.readline(65536).decode("latin-1").split()
        if len(first) < 2:
            return None
        headers, at = {}, time.time()
        while (line := self.rfile.readline(65536).strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Request(first[0], first[1], headers, at)

    def one(self):
        request = self.read_request()
        if request is None:
            return False
        answer = self.server.owner.answer_to(request)
        if answer.wait:
            answer.wait.wait()
        if answer.drop:
            return False
        if answer.garbage:
            self.wfile.write(answer.body)
            return False
        return self.send(request, answer)

    def send(self, request, answer):
        status, body, headers = answer.status, answer.body, dict(answer.headers)
        if answer.etag:
            headers["ETag"] = answer.etag
            if request.headers.get("if-none-match") == answer.etag:
                status, body = 304, b""
        if answer.compress and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        asked = request.headers.get("range")
        if answer.ranges and asked and request.headers.get("if-range", answer.etag) == answer.etag:
            status, body = self.part(answer.body, asked, headers)
        length = answer.length if answer.length is not None else -1 if answer.endless else len(body)
        if length >= 0:
            headers["Content-Length"] = length
        headers.setdefault("Content-Type", answer.type)
        head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        self.write(head.encode("latin-1"), 1 if answer.pace_head else None)
        if answer.wait_body:
            answer.wait_body.wait()
        if request.method == "HEAD" or status == 304:
            return True
        cut = answer.cut if answer.cut is not None and (not asked or not answer.ranges) else len(body)
        middle = len(body) // 2 if answer.gate else 0
        self.wfile.write(body[:middle])
        if answer.gate:
            self.wfile.flush()
            answer.gate.half.set()
            answer.gate.open.wait()
        if answer.pace:
            middle = cut // 2
            self.wfile.write(body[:middle])
        self.write(body[middle:cut], answer.pace)
        self.wfile.flush()
        ended = self.server.owner.ended
        while answer.endless and not ended.wait(answer.interval):
            self.wfile.write(answer.endless)
        return cut >= len(body) and length == len(body)

    def write(self, data, pace=None):
        step = pace or len(data) or 1
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            if pace:
                self.wfile.flush()
                self.server.owner.ended.wait(1 / 20)

    @staticmethod
    def part(body, asked, headers):
        first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", asked).groups()
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(int(last), len(body) - 1) if first and last else len(body) - 1
        if start > end:
            headers["Content-Range"] = f"bytes */{len(body)}"
            return 416, b""
        headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
        return 206, body[start : end + 1]


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the plan


class FaultServer:
    def __init__(self, certificate=None):
        self.answers, self.requests, self.lock, self.ended = {}, [], threading.Lock(), threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.owner = self
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            self.scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def add(self, path, *answers):
        """Answers of one path in turn; the last goes on. Each is an Answer or a function of the request."""
        with self.lock:
            self.answers[path] = list(answers)

    def answer_to(self, request):
        with self.lock:
            self.requests.append(request)
            line = self.answers.get(request.path) or [Answer(status=404)]
            answer = line.pop(0) if len(line) > 1 else line[0]
        return answer(request) if callable(answer) else answer

    def asked(self, path):
        with self.lock:
            return [r for r in self.requests if r.path == path]
