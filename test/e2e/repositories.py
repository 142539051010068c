# SPDX-License-Identifier: Apache-2.0
"""Repositories of git, and how they are served: by git's own CGI program over http (with passwords and certificates), by git's daemon, and
by its side of an ssh connection."""

import base64
import gzip
import http.server
import os
import pathlib
import ssl
import subprocess
import threading
import urllib.parse

from servers import READY_S, Process, Server, free_port

WHEN = "2026-01-01T00:00:00Z"
# The one who makes a repository has no configuration, and is always the same.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "Author", "GIT_AUTHOR_EMAIL": "author@example.org", "GIT_AUTHOR_DATE": WHEN,
    "GIT_COMMITTER_NAME": "Author", "GIT_COMMITTER_EMAIL": "author@example.org", "GIT_COMMITTER_DATE": WHEN,
}


class Repository:
    """A repository with a work tree, whose files are those of the last commit."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main", *options)
        self.git("config", "uploadpack.allowFilter", "true")

    def git(self, *args, **env):
        return subprocess.run(["git", *map(str, args)], cwd=self.folder, env=ENVIRONMENT | env, check=True, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=READY_S).stdout.strip()

    def commit(self, files):
        """The commit that has these files too (path -> content)."""
        for path, content in files.items():
            where = self.folder / path
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        return self.head()

    def head(self, ref="HEAD"):
        return self.git("rev-parse", f"{ref}^{{commit}}")

    def add_submodule(self, url, path):
        """As `git submodule add` does it, with nothing fetched: the url may be relative, and of a server that is yet to come."""
        self.folder.joinpath(".gitmodules").write_text(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
        self.git("add", ".gitmodules")

    def link_submodule(self, path, commit):
        self.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        self.git("commit", "-q", "-m", "submodule")
        return self.head()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def is_allowed(self):
        wanted = self.server.password
        given = base64.b64encode(f"{wanted[0]}:{wanted[1]}".encode()).decode() if wanted else ""
        return not wanted or self.headers.get("Authorization") == f"Basic {given}"

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.body()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.requests.append((self.command, self.path, self.headers.get("Authorization")))
        if self.server.gate:
            self.server.gate.wait(READY_S)
        if not self.is_allowed():
            return self.answer(401, [("WWW-Authenticate", 'Basic realm="repositories"')], b"")
        if self.server.status != 200:
            return self.answer(self.server.status, [], b"")
        return self.run_backend(body)

    do_POST = do_GET

    def run_backend(self, body):
        path, _, query = self.path.partition("?")
        env = ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.server.folder), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": urllib.parse.unquote(path),
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
        }
        if self.server.protocol2 and self.headers.get("Git-Protocol"):
            env["GIT_PROTOCOL"] = self.headers["Git-Protocol"]
        # Whoever made the repositories, it is this server that shows them.
        env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, timeout=READY_S)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.answer(status, [h for h in headers if h[0] != "Status"], rest)


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that went away is what some tests are about."""


class GitServer:
    """Serves the repositories in a folder over http. password: (USER, PASSWORD); tls: an Authority that its certificate is of; clients: one
    whose certificates it wants to be shown; protocol2: whether it knows the newer protocol. status: of every answer."""

    def __init__(self, folder, password=None, tls=None, clients=None, protocol2=True):
        self.server = HttpServer(("127.0.0.1", 0), Handler)
        self.server.folder, self.server.password, self.server.protocol2 = folder, password, protocol2
        self.server.requests, self.server.status, self.server.gate = [], 200, None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.issue("git"))
            if clients:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(clients.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.scheme = "https" if tls else "http"
        self.host = f"127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def url(self, path, user=""):
        return f"git+{self.scheme}://{user and user + '@'}{self.host}/{path}"

    @property
    def requests(self):
        return self.server.requests

    def stop(self):
        if self.server.gate:
            self.server.gate.set()
        self.server.shutdown()
        self.server.server_close()


class GitDaemon(Server):
    def __init__(self, folder, run):
        run.mkdir(parents=True)
        self.port = free_port()
        env = ENVIRONMENT | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        self.process = Process(["git", "daemon", "--listen=127.0.0.1", f"--port={self.port}", "--export-all", f"--base-path={folder}",
                                folder], run / "log", env=env)
        self.process.wait_for(self.port)

    def url(self, path):
        return f"git+git://127.0.0.1:{self.port}/{path}"


def make_ssh(folder, name="ssh"):
    """A stand-in for ssh that runs the command here, and keeps what it was called with in `folder`/calls."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{folder}/calls\nfor last; do :; done\nexec /bin/sh -c "$last"\n')
    program.chmod(0o755)
    return program


def tree(folder):
    """path -> content of the files, without git's own."""
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*"))
            if p.is_file() and not any(part.startswith(".git") for part in p.relative_to(folder).parts)}


def other_user():
    """Who owns what root did not make; None when we are not root, who could give it to nobody."""
    return 12345 if os.geteuid() == 0 else None
