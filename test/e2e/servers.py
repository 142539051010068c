# SPDX-License-Identifier: Apache-2.0
"""Package indexes as users run them: nginx over static files, pypiserver, devpi. Each is a process of its own on
loopback; that it is ready is known by connecting to it, and it is ended by its pid."""

import base64
import hashlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.request
import zipfile

from wheels import normalize

BIN = pathlib.Path(sys.executable).parent
READY_S = 60


def direct_opener():
    """Nobody's proxy stands between a test and loopback."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A server's process, in a group of its own."""

    def __init__(self, args, log, **more):
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **more
            )

    def wait_for(self, port):
        """Until somebody listens. A refused connection says so at once, so the process's end is waited for in between."""
        pidfd = os.pidfd_open(self.process.pid)
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            for _ in range(READY_S * 20):
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)) == 0:
                        return
                if poll.poll(50):
                    break
        finally:
            os.close(pidfd)
        self.stop()
        raise AssertionError(f"{self.process.args[0]} did not come up:\n{self.log.read_text(errors='replace')}")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def wheel_metadata(path):
    with zipfile.ZipFile(path) as z:
        name = next(n for n in z.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
        return z.read(name)


class StaticIndex:
    """The pages of an index as files: simple/NAME/index.json (PEP 691) and index.html (PEP 503)."""

    def __init__(self, folder, metadata=True):
        self.folder = pathlib.Path(folder)
        self.metadata = metadata
        self.files = self.folder / "files"
        self.files.mkdir(parents=True)
        (self.folder / "simple").mkdir()
        self.projects = {}

    def add(self, path, yanked=None, requires_python=None, digest=True):
        """Takes a wheel or a source distribution in, by moving it here."""
        path = pathlib.Path(path)
        stored = self.files / path.name
        path.replace(stored)
        name = normalize(re.match(r"(.+?)-\d", path.name).group(1))
        self.projects.setdefault(name, {})[path.name] = {
            "yanked": yanked, "requires_python": requires_python, "digest": digest,
        }
        if self.metadata and path.suffix == ".whl":
            (self.files / f"{path.name}.metadata").write_bytes(wheel_metadata(stored))
        self.write(name)
        return stored

    def withdraw(self, name, file_name):
        del self.projects[name][file_name]
        self.write(name)

    def entry(self, file_name, facts):
        data = (self.files / file_name).read_bytes()
        entry = {"filename": file_name, "url": f"../../files/{file_name}", "hashes": {}}
        if facts["digest"]:
            entry["hashes"]["sha256"] = hashlib.sha256(data).hexdigest()
        if facts["requires_python"]:
            entry["requires-python"] = facts["requires_python"]
        if facts["yanked"] is not None:
            entry["yanked"] = facts["yanked"] or True
        beside = self.files / f"{file_name}.metadata"
        if beside.exists():
            entry["core-metadata"] = {"sha256": hashlib.sha256(beside.read_bytes()).hexdigest()}
        return entry

    def write(self, name):
        entries = [self.entry(f, facts) for f, facts in sorted(self.projects[name].items())]
        folder = self.folder / "simple" / name
        folder.mkdir(exist_ok=True)
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": entries}
        (folder / "index.json").write_text(json.dumps(page))
        (folder / "index.html").write_text(self.html(entries))

    @staticmethod
    def html(entries):
        lines = ["<!DOCTYPE html><html><body>"]
        for e in entries:
            fragment = "".join(f"#{k}={v}" for k, v in e["hashes"].items())
            attributes = ""
            if "requires-python" in e:
                escaped = e["requires-python"].replace("<", "&lt;").replace(">", "&gt;")
                attributes += f' data-requires-python="{escaped}"'
            if "yanked" in e:
                attributes += f' data-yanked="{e["yanked"] if isinstance(e["yanked"], str) else ""}"'
            if "core-metadata" in e:
                attributes += f' data-core-metadata="sha256={e["core-metadata"]["sha256"]}"'
            lines.append(f'<a href="{e["url"]}{fragment}"{attributes}>{e["filename"]}</a><br>')
        return "\n".join(lines + ["</body></html>"])


NGINX = """
daemon off; {user} worker_processes 1; pid {run}/pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    log_format said '$remote_addr "$request" $status "$http_range" connection=$connection';
    access_log {run}/access.log said;
    client_body_temp_path {run}/body; proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
    uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
    types {{ application/vnd.pypi.simple.v1+json json; text/html html; application/octet-stream whl gz metadata; }}
    map $http_accept $page {{ default index.html; {json} }}
    server {{
        listen 127.0.0.1:{port} {tls};
        root {folder};
        location /files/ {{ }}
        location /simple/ {{ {auth} rewrite ^(?<project>/simple/[^/]+)/$ $project/$page break; }}
    }}
}}
"""


NGINX_USER = "user root;" if os.getuid() == 0 else ""


class Server:
    """One that runs as self.process."""

    process: Process

    def stop(self):
        self.process.stop()


def start_nginx(run, listener, conf):
    """nginx takes over a socket that it inherits: so the kernel chooses the port, and it stays ours."""
    (run / "nginx.conf").write_text(conf)
    process = Process(["/usr/sbin/nginx", "-p", run, "-c", run / "nginx.conf", "-e", "stderr"], run / "log",
                      pass_fds=[listener.fileno()], env={"NGINX": f"{listener.fileno()};", "PATH": "/usr/bin:/bin"})
    listener.close()
    return process


def listen(port=0):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener, listener.getsockname()[1]


class Nginx(Server):
    """Serves a StaticIndex: JSON to who accepts it (unless json=False), HTML to the rest. tls: an Authority that its certificate is of, with
    HTTP/2; clients: one whose certificates it wants to be shown; port, name: where there is nobody else, what is to be in its URL."""

    def __init__(self, index, run, json=True, password=None, tls=None, clients=None, port=0, name="127.0.0.1"):
        run = pathlib.Path(run)
        run.mkdir(parents=True)
        self.access_log = run / "access.log"
        listener, self.port = listen(port)
        auth = ""
        if password:
            (run / "passwords").write_text(f"user:{{PLAIN}}{password}\n")
            auth = f'auth_basic "index"; auth_basic_user_file {run}/passwords;'
        secure = ""
        if tls:
            pem = tls.issue("server", name)
            secure = f"ssl http2; ssl_certificate {pem}; ssl_certificate_key {pem}"
        if clients:
            secure += f"; ssl_client_certificate {clients.certificate}; ssl_verify_client on"
        self.process = start_nginx(run, listener, NGINX.format(
            run=run, folder=index.folder, port=self.port, auth=auth, tls=secure, user=NGINX_USER,
            json='"~application/vnd\\.pypi\\.simple\\.v1\\+json" index.json;' if json else ""))
        self.url = f"{'https' if tls else 'http'}://{name}:{self.port}/simple/"
        self.wait_for_answer()

    def wait_for_answer(self):
        """The socket takes connections already; nginx is there when one is answered (with 404)."""
        with socket.create_connection(("127.0.0.1", self.port), READY_S) as s:
            s.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
            answer = s.recv(12)
        if not answer:
            self.stop()
            raise AssertionError(f"nginx did not come up:\n{self.process.log.read_text(errors='replace')}")

    def requests(self):
        """METHOD PATH of all requests until now; nginx writes each when it has been answered."""
        return re.findall(r'"(\S+ /(?!nothing)\S+) HTTP', self.access_log.read_text())

    def connections(self):
        """Protocol and number of the connection, for each request."""
        return re.findall(r'"\S+ /(?!nothing)\S+ (HTTP/[0-9.]+)".* connection=(\d+)', self.access_log.read_text())


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, name):
        folder.mkdir(parents=True)
        self.folder, self.certificate, self.key = folder, folder / "authority.crt", folder / "authority.key"
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "30",
                     "-subj", f"/CN={name}")

    @staticmethod
    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=READY_S)

    def issue(self, name, host="127.0.0.1"):
        """A PEM file with certificate and key, for 127.0.0.1 and the host."""
        pem, key, request, extensions = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        extensions.write_text("subjectAltName=IP:127.0.0.1" + (f",DNS:{host}\n" if host != "127.0.0.1" else "\n"))
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                     "-extfile", extensions, "-out", pem)
        pem.write_text(pem.read_text() + key.read_text())
        return pem


class Tinyproxy(Server):
    """A forward proxy; with a password only for who knows it (user:PASSWORD)."""

    def __init__(self, run, password=None, port=None):
        run.mkdir(parents=True)
        self.port = port or free_port()
        self.said = run / "said"
        auth = f"BasicAuth user {password}\n" if password else ""
        (run / "conf").write_text(f"Port {self.port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{self.said}\"\nLogLevel Connect\n"
                                  f"MaxClients 50\n{auth}")
        self.process = Process(["/usr/bin/tinyproxy", "-d", "-c", run / "conf"], run / "log")
        self.process.wait_for(self.port)
        self.address = f"127.0.0.1:{self.port}"

    def requests(self):
        """METHOD TARGET of each."""
        return re.findall(r"Request \(file descriptor \d+\): (\S+ \S+)", self.said.read_text())


class Pypiserver(Server):
    """pypiserver over a folder of wheels: HTML pages. With a password nothing is to be seen but by who knows it (user:PASSWORD)."""

    def __init__(self, packages, run, password=None):
        run = pathlib.Path(run)
        run.mkdir(parents=True)
        self.port = free_port()
        self.process = Process(
            [BIN / "pypi-server", "run", "-i", "127.0.0.1", "-p", self.port, "--disable-fallback", *self.closed(run, password), packages],
            run / "log")
        self.process.wait_for(self.port)
        self.url = f"http://127.0.0.1:{self.port}/simple/"

    @staticmethod
    def closed(run, password):
        if not password:
            return []
        digest = subprocess.run(["openssl", "passwd", "-apr1", password], check=True, capture_output=True, text=True, timeout=READY_S)
        (run / "passwords").write_text(f"user:{digest.stdout}")
        return ["-P", run / "passwords", "-a", "list,download,update"]


# For who asks it about a request, nobody may read without a login: what devpi-lockdown does, but for its pages in a browser. Hashes are
# cheap: each request needs one.
ONLY_WITH_A_LOGIN = """
from devpi_server.auth import pwd_context
from pluggy import HookimplMarker
pwd_context.update(argon2__memory_cost=8, argon2__rounds=1, argon2__parallelism=1)

@HookimplMarker("devpiserver")
def devpiserver_authcheck_unauthorized(request):
    return request.authenticated_userid is None
"""

NGINX_BEFORE_DEVPI = """
daemon off; {user} worker_processes 1; pid {run}/pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {run}/body; proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
    uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
    server {{
        listen 127.0.0.1:{port};
        auth_request /+authcheck;
        location = /+authcheck {{
            internal;
            proxy_pass {devpi}; proxy_pass_request_body off; proxy_set_header Content-Length "";
            proxy_set_header X-outside-url http://127.0.0.1:{port}; proxy_set_header X-Original-URI $request_uri;
        }}
        location / {{ proxy_pass {devpi}; proxy_set_header X-outside-url http://127.0.0.1:{port}; }}
    }}
}}
"""


class Devpi(Server):
    """devpi-server with one index, user/dev, that has no bases: open at url; at closed_url an nginx lets through who devpi knows, as
    user:PASSWORD."""

    PASSWORD = "s3cret:of@the/user"

    def __init__(self, run):
        run = pathlib.Path(run)
        run.mkdir(parents=True)
        env = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(run), "LANG": "C.UTF-8", "PYTHONPATH": self.plugin(run / "plugin")}
        self.port = free_port()
        subprocess.run([BIN / "devpi-init", "--serverdir", run / "data", "--no-root-pypi", "--root-passwd", "x"],
                       check=True, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=READY_S)
        cheap = ["--argon2-memory-cost", 8, "--argon2-time-cost", 1, "--argon2-parallelism", 1]
        self.process = Process([BIN / "devpi-server", "--serverdir", run / "data", "--host", "127.0.0.1", "--port", self.port, *cheap],
                               run / "log", env=env)
        self.process.wait_for(self.port)
        self.root = f"http://127.0.0.1:{self.port}"
        self.token = None
        self.call("PUT", "/user", {"password": self.PASSWORD})
        answer = self.call("POST", "/+login", {"user": "user", "password": self.PASSWORD})
        self.token = answer["result"]["password"]
        self.call("PUT", "/user/dev", {"type": "stage", "bases": [], "volatile": True})
        self.url = f"{self.root}/user/dev/+simple/"
        listener, port = listen()
        self.nginx = start_nginx(run, listener, NGINX_BEFORE_DEVPI.format(run=run, port=port, user=NGINX_USER, devpi=self.root))
        self.closed_url = f"http://127.0.0.1:{port}/user/dev/+simple/"

    @staticmethod
    def plugin(folder):
        info = folder / "only_with_a_login-1.dist-info"
        info.mkdir(parents=True)
        (folder / "only_with_a_login.py").write_text(ONLY_WITH_A_LOGIN)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: only-with-a-login\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[devpi_server]\nlogin = only_with_a_login\n")
        return str(folder)

    def stop(self):
        self.nginx.stop()
        super().stop()

    def request(self, method, path, body, content_type):
        request = urllib.request.Request(self.root + path, body, {"Content-Type": content_type,
                                                                  "Accept": "application/json"}, method=method)
        if self.token:
            login = base64.b64encode(f"user:{self.token}".encode()).decode()
            request.add_header("X-Devpi-Auth", login)
        with direct_opener().open(request, timeout=READY_S) as answer:
            return answer.read()

    def call(self, method, path, data):
        return json.loads(self.request(method, path, json.dumps(data).encode(), "application/json"))

    def upload(self, wheel):
        wheel = pathlib.Path(wheel)
        name, version = wheel.name.split("-")[:2]
        boundary = "-" * 20 + hashlib.sha256(wheel.name.encode()).hexdigest()
        parts = []
        for key, value in ((":action", "file_upload"), ("name", normalize(name)), ("version", version),
                           ("metadata_version", "2.1"), ("filetype", "bdist_wheel"), ("pyversion", "py3")):
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode())
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{wheel.name}"\r\n'
                     "Content-Type: application/octet-stream\r\n\r\n".encode() + wheel.read_bytes() + b"\r\n")
        parts.append(f"--{boundary}--\r\n".encode())
        self.request("POST", "/user/dev/", b"".join(parts), f"multipart/form-data; boundary={boundary}")
