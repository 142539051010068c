# SPDX-License-Identifier: Apache-2.0
"""bench.py BUILD: times the programs in BUILD against uv and pip, on six extensions as wheels and an index on loopback.

Called by scripts/bench, which has made BUILD/bench (the tools, and a root with a base) and BUILD/bench-venv (uv and pip). Asserts no
figure; it fails when a program fails, or leaves behind something else than what was asked for."""

import asyncio
import contextlib
import ctypes
import hashlib
import html
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import zipfile

REQUIREMENTS = tuple(f"localstack-extension-{name}" for name in ("mailhog", "httpbin", "stripe", "miniflare", "aws-proxy", "terraform-init"))
# Those of their dependencies that only come as source distributions.
BUILT = ("flasgger", "localstripe")
SOLVE_RUNS = int(os.environ.get("BENCH_SOLVES", "201"))
SOLVE_LIMIT_MS = 20
RUNS = int(os.environ.get("BENCH_RUNS", "7"))
PIP_RUNS = int(os.environ.get("BENCH_PIP_RUNS", "3"))
SPAWNS = int(os.environ.get("BENCH_SPAWNS", "1000"))
SPAWN_LIMIT = 3
PEAK_LIMIT_MB = 24
LATENCY_S = 0.025
TRACING_REFUSED = 3
PR_SET_PDEATHSIG = 1

# What is measured, and how many times faster than uv it has to be.
ROWS = (("nothing", "nothing to do", 1.0), ("cold", "cold, empty cache", 1.5), ("rebuild", "rebuild from the cache", 2.0), ("more", "one more extension", 2.0))

NGINX_CONF = """
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {dir}/tmp; proxy_temp_path {dir}/tmp; fastcgi_temp_path {dir}/tmp;
    uwsgi_temp_path {dir}/tmp; scgi_temp_path {dir}/tmp;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    types {{ application/vnd.pypi.simple.v1+json json; text/html html; }}
    default_type application/octet-stream;
    map $http_accept $page {{
        default index.html;
        "~application/vnd\\.pypi\\.simple\\.v1\\+json" index.json;
    }}
    server {{
        listen 127.0.0.1:{port};
        root {dir}/www;
        location ~ ^/simple/(?<project>[a-z0-9-]+)/$ {{
            add_header Cache-Control "max-age=600, public";
            add_header Vary Accept;
            try_files /simple/$project/$page =404;
        }}
        location /files/ {{ add_header Cache-Control "max-age=365000000, immutable, public"; }}
    }}
}}
"""


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ---- the index


def add_wheel(www: pathlib.Path, wheel: pathlib.Path, pins: dict[str, str]) -> None:
    """One wheel as the whole of its project, with pages in both forms and its metadata beside it."""
    name, version = normalise(wheel.name.split("-")[0]), wheel.name.split("-")[1]
    if pins.get(name) != version:
        raise SystemExit(f"bench: {wheel.name} was downloaded, the plan has {name} {pins.get(name)}")
    with zipfile.ZipFile(wheel) as archive:
        inside = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        metadata = archive.read(inside[0])
    (www / "files" / f"{wheel.name}.metadata").write_bytes(metadata)
    shutil.move(wheel, www / "files" / wheel.name)
    data = (www / "files" / wheel.name).read_bytes()

    digest, metadata_digest = hashlib.sha256(data).hexdigest(), hashlib.sha256(metadata).hexdigest()
    found = re.search(r"^Requires-Python: *(.*?)\s*$", metadata.decode("utf-8", "replace").split("\n\n")[0], re.M)
    url = f"../../files/{wheel.name}"
    file = {"filename": wheel.name, "url": url, "hashes": {"sha256": digest}, "size": len(data), "yanked": False}
    file["core-metadata"] = {"sha256": metadata_digest}
    requires = ""
    if found:
        file["requires-python"] = found[1]
        requires = f' data-requires-python="{html.escape(found[1])}"'
    page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [version], "files": [file]}
    folder = www / "simple" / name
    folder.mkdir(parents=True)
    (folder / "index.json").write_text(json.dumps(page))
    (folder / "index.html").write_text(
        '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body>\n'
        f'<a href="{url}#sha256={digest}" data-core-metadata="sha256={metadata_digest}"{requires}>{wheel.name}</a>\n'
        "</body></html>\n"
    )


@contextlib.contextmanager
def nginx(folder: pathlib.Path):
    """Serves folder/www while the context lasts. The socket is ours and handed down, as nginx does for itself when it is replaced at run
    time: so the kernel chooses the port, nobody can take it, and connections wait until nginx is up."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if not program:
        raise SystemExit("bench: there is no nginx; `scripts/setup bench` installs it")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        user = "user root;" if os.geteuid() == 0 else ""
        conf = folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(dir=folder, port=port, user=user))
        libc = ctypes.CDLL(None)
        server = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(conf), "-e", str(folder / "error.log")],
            env={"NGINX": f"{listener.fileno()};", "PATH": "/usr/bin:/bin"},
            pass_fds=(listener.fileno(),),
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
        )
    try:
        yield f"http://127.0.0.1:{port}/simple/"
    finally:
        server.terminate()
        server.wait()


class Slow:
    """A relay before the index: what a client sends goes on after LATENCY_S, so that each request on a connection takes so much longer."""

    def __init__(self, url: str):
        self.port = int(url.split(":")[2].split("/")[0])
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/simple/"
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def serve(self, reader, writer):
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(self.relay(reader, upstream_writer, LATENCY_S), self.relay(upstream_reader, writer, 0), return_exceptions=True)

    @staticmethod
    async def relay(reader, writer, wait):
        try:
            while data := await reader.read(1 << 18):
                if wait:
                    await asyncio.sleep(wait)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


# ---- running and timing


class Timer:
    def __init__(self, bench: pathlib.Path, env: dict[str, str]):
        self.spawn, self.env = str(bench / "spawn"), env

    def run(self, *args: str, allowed=(0,)) -> subprocess.CompletedProcess:
        done = subprocess.run([self.spawn, *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode not in allowed:
            raise SystemExit(f"bench: {' '.join(args)} failed:\n{done.stderr}")
        return done

    def seconds(self, *commands: list[str]) -> float:
        """How long the commands take, one after the other. What others left unwritten is written before: it is not theirs to pay."""
        os.sync()
        return sum(int(self.run("time", "1", "0", *command).stdout.split()[0]) for command in commands) / 1e9

    def peak_mb(self, command: list[str]) -> float | None:
        done = self.run("peak", *command, allowed=(0, TRACING_REFUSED))
        return None if done.returncode else int(done.stdout) * 1024 / 1e6


class Place:
    """A folder in which everything is made that is timed. What is in the way goes aside, and away at the end: some file systems are slow to
    make files where others have just been removed, which no user does, and which would be timed too."""

    def __init__(self, folder: pathlib.Path, base: pathlib.Path):
        self.folder, self.old = folder, 0
        (folder / "aside").mkdir()
        self.root = folder / "root"
        (self.root / "opt/code").mkdir(parents=True)
        (self.root / "opt/code/localstack").symlink_to(base)

    def clear(self, *paths: pathlib.Path) -> None:
        for path in paths:
            if path.exists():
                self.old += 1
                path.rename(self.folder / f"aside/{self.old}")


class Tool:
    """What is timed of one program: the commands that make a venv and fill it, and what is put aside before."""

    def __init__(self, label, place, venv, cache, make, fill, refill=None, state=None, without=None):
        self.label, self.place, self.venv, self.cache, self.make, self.fill = label, place, venv, cache, make, fill
        self.cache_place = place
        self.refill = refill or fill
        self.state = state or venv
        self.without = without  # fills it with all but the last extension
        self.took = {what: [] for what, *_ in ROWS}

    def clear_cache_in(self, place: Place) -> None:
        """Its cache is in another place than its venv."""
        self.cache_place = place

    def forget(self) -> None:
        self.place.clear(self.state)
        self.cache_place.clear(self.cache)

    def check(self, pins: dict[str, str]) -> None:
        have = {}
        for info in self.venv.glob("lib/python3*/site-packages/*.dist-info"):
            name, version = info.name.removesuffix(".dist-info").rsplit("-", 1)
            have[normalise(name)] = version
        wrong = [f"{name} {version}" for name, version in pins.items() if have.get(name) != version]
        if wrong:
            raise SystemExit(f"bench: {self.label} ended well, but {self.venv} lacks {', '.join(wrong)}")

    def round(self, timer: Timer, pins: dict[str, str], rows) -> None:
        self.forget()
        self.took["cold"].append(timer.seconds(*self.make, self.fill))
        self.check(pins)
        if self.refill is not self.fill:
            timer.seconds(self.refill)
            self.place.clear(self.venv)
            timer.seconds(*self.make, self.refill)
        if "nothing" in rows:
            self.took["nothing"].append(timer.seconds(self.refill))
        if "rebuild" in rows:
            self.place.clear(self.venv)
            self.took["rebuild"].append(timer.seconds(*self.make, self.refill))
            self.check(pins)
        if self.without and "more" in rows:
            self.forget()
            timer.seconds(*self.make, self.without)
            self.took["more"].append(timer.seconds(self.refill))
            self.check(pins)

    def peak_mb(self, timer: Timer) -> float | None:
        self.forget()
        if self.make:
            timer.seconds(*self.make)
        return timer.peak_mb(self.fill)

    def median_ms(self, what: str) -> float:
        return statistics.median(self.took[what]) * 1e3


def our_tool(build: pathlib.Path, place: Place, url: str, cache: pathlib.Path | None = None, label="ours", env=()) -> Tool:
    volume = place.root / "var/lib/localstack"
    sync = ["/usr/bin/env", *env, str(build / "localstack-extensions"), "sync", "--root", str(place.root), "--index-url", url]
    if cache:
        sync += ["--cache-dir", str(cache)]
    without = ["/usr/bin/env", "EXTENSION_AUTO_INSTALL=" + ",".join(REQUIREMENTS[:-1]), *sync]
    # The program itself where nothing has to be set for it: starting another one takes as long as much of what is timed.
    sync = sync if env else sync[1:]
    return Tool(label, place, volume / "lib/extensions/python_venv", cache or volume / "cache", [], sync, state=volume, without=without)


# uv and pip get the answer of our solver, so neither has to find it, or to download what the base already has.


def uv_tool(place: Place, url: str, pins: dict[str, str], last: set[str], cache: pathlib.Path | None = None) -> Tool:
    """last: what only the last extension brings."""
    venv = place.folder / "uv-venv"
    uv = [f"{sys.prefix}/bin/uv", "--no-config", "--no-progress", "--cache-dir", str(cache or place.folder / "uv-cache")]
    fill = [*uv, "pip", "install", "--python", str(venv / "bin/python"), "--link-mode", "copy" if cache else "hardlink"]
    return Tool(
        "uv",
        place,
        venv,
        cache or place.folder / "uv-cache",
        [[*uv, "venv", "--python", python_of(place), str(venv)]],
        [*fill, *exact_arguments(url, pins)],
        without=[*fill, *exact_arguments(url, {name: version for name, version in pins.items() if name not in last})],
    )


def python_of(place: Place) -> str:
    return os.path.realpath(place.root / "opt/code/localstack/.venv/bin/python3")


def exact_arguments(url: str, pins: dict[str, str]) -> list[str]:
    return ["--no-deps", "--index-url", url, *(f"{name}=={version}" for name, version in pins.items())]


def pip_tool(place: Place, url: str, pins: dict[str, str]) -> Tool:
    cache, venv = place.folder / "pip-cache", place.folder / "pip-venv"
    newest_pip = next(pathlib.Path(sys.prefix).glob("lib/python3*/site-packages/pip"))
    pip = [str(venv / "bin/python"), str(newest_pip), "install", "--disable-pip-version-check", "--no-input", *exact_arguments(url, pins)]
    return Tool(
        "pip",
        place,
        venv,
        cache,
        [[python_of(place), "-m", "venv", str(venv)]],
        [*pip, "--no-cache-dir"],
        refill=[*pip, "--cache-dir", str(cache)],
    )


# ---- what is measured


def plan(build: pathlib.Path, root: pathlib.Path, requirements=REQUIREMENTS, options=()) -> dict[str, str]:
    """Names and versions that the reconciler would install beyond the base, from the index that pip is configured for."""
    env = {key: value for key, value in os.environ.items() if not re.match(r"(LOCALSTACK_)?EXTENSION_", key)}
    env["EXTENSION_AUTO_INSTALL"] = ",".join(requirements)
    command = [build / "localstack-extensions", "plan", "--root", root, "--format", "json", *options]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return {entry["name"]: entry["version"] for entry in json.loads(done.stdout)["install"]}


def pip_wheels(command: str, folder: pathlib.Path, *arguments: str) -> None:
    """pip download or pip wheel into folder."""
    pip = [pathlib.Path(sys.prefix) / "bin/pip", command, "-qq", "--disable-pip-version-check", "--no-input", "--no-deps"]
    subprocess.run([*pip, "--dest" if command == "download" else "--wheel-dir", folder, *arguments], check=True)


def index_of(folder: pathlib.Path, pins: dict[str, str]) -> None:
    """An index in folder/www of the wheels that lie in folder/wheels and those that are missing there."""
    wheels = folder / "wheels"
    (folder / "www/files").mkdir(parents=True)
    (folder / "tmp").mkdir()
    have = {normalise(wheel.name.split("-")[0]) for wheel in wheels.glob("*.whl")}
    pip_wheels("download", wheels, "--only-binary", ":all:", *(f"{name}=={version}" for name, version in pins.items() if name not in have))
    for wheel in sorted(wheels.glob("*.whl")):
        add_wheel(folder / "www", wheel, pins)


def make_index(build: pathlib.Path, folder: pathlib.Path) -> tuple[dict[str, str], set[str]]:
    """What is installed, and what of it only the last extension brings."""
    pip_wheels("wheel", folder / "wheels", *BUILT)
    options = ["--find-links", folder / "wheels"]
    pins = plan(build, build / "bench/root", REQUIREMENTS, options)
    index_of(folder, pins)
    return pins, set(pins) - set(plan(build, build / "bench/root", REQUIREMENTS[:-1], options))


def print_solving(build: pathlib.Path, env: dict[str, str]) -> None:
    """The solver alone: pages and metadata are fetched and parsed before the clock runs."""
    folder = build / "bench/solve"
    (folder / "opt/code").mkdir(parents=True)
    (folder / "opt/code/localstack").symlink_to(build / "bench/root/opt/code/localstack")
    command = [build / "tools/solve", folder, str(SOLVE_RUNS), *REQUIREMENTS]
    env = {name: value for name, value in env.items() if name != "EXTENSION_AUTO_INSTALL"}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    took, chosen = map(int, done.stdout.split())
    print(f"\nsolving alone: {took / 1e3:.2f} ms, need {SOLVE_LIMIT_MS} (six extensions, {chosen} distributions, median of {SOLVE_RUNS})")


def print_boot(build: pathlib.Path, timer: Timer, what: str, root: pathlib.Path) -> None:
    noop = str(build / "bench/noop")
    boot = [str(build / "localstack-entrypoint"), "--root", str(root), "--", noop]
    # The first boot may have something to do and to say; an unchanged one says nothing.
    timer.run("time", "1", "0", *boot)
    said = timer.run("time", "1", "0", *boot).stderr
    done = timer.run("time", str(SPAWNS), "50", *boot, "+++", noop)
    (ours, ours_10, ours_90, rss), (alone, alone_10, alone_90, _) = (
        [int(field) for field in line.split()] for line in done.stdout.splitlines()
    )
    print(f"\nUnchanged boot{what}, medians of {SPAWNS} spawns in turn (10th to 90th percentile)")
    if said:
        print(f"  NOT AN UNCHANGED BOOT: it said {said.strip()!r}")
    print(f"  localstack-entrypoint -- NOOP  {ours / 1e3:7.0f} us ({ours_10 / 1e3:.0f} to {ours_90 / 1e3:.0f}), {rss} KiB")
    print(f"  NOOP alone                     {alone / 1e3:7.0f} us ({alone_10 / 1e3:.0f} to {alone_90 / 1e3:.0f})")
    print(f"  ratio                          {ours / alone:7.2f}    (at most {SPAWN_LIMIT})")


GIT_BACKEND = """import base64, hashlib, os, zipfile
def line(name, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(text)}\\n"
def build_wheel(folder, config_settings=None, metadata_directory=None):
    info, wheel = "bench_git-1.0.dist-info", "bench_git-1.0-py3-none-any.whl"
    files = {"bench_git.py": "", info + "/METADATA": "Metadata-Version: 2.1\\nName: bench-git\\nVersion: 1.0\\n",
             info + "/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    files[info + "/RECORD"] = "".join(line(*file) for file in files.items()) + info + "/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as z:
        for name, text in files.items():
            z.writestr(name, text)
    return wheel
"""


def developers_root(build: pathlib.Path, timer: Timer) -> tuple[pathlib.Path, Timer]:
    """A root with two developers' sources and an extension that is built from a git repository, beside the six."""
    folder = build / "bench/developer"
    repository = folder / "repository"
    repository.mkdir(parents=True)
    (folder / "opt/code").mkdir(parents=True)
    (folder / "opt/code/localstack").symlink_to(build / "bench/root/opt/code/localstack")
    for name in ("one", "two"):
        package = folder / f"opt/code/extensions/{name}/bench_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package.parent / "pyproject.toml").write_text(f'[project]\nname = "bench-{name}"\nversion = "1.0"\n')
    (repository / "backend.py").write_text(GIT_BACKEND)
    (repository / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", repository, *arguments], check=True)
    asked = f"{timer.env['EXTENSION_AUTO_INSTALL']},git+file://{repository}#egg=bench-git"
    # The banner, which says at each boot what is mounted, is information.
    env = {**timer.env, "EXTENSION_AUTO_INSTALL": asked, "EXTENSION_DEV_MODE": "1", "EXTENSION_LOG_LEVEL": "warning"}
    return folder, Timer(build / "bench", env)


def run_in_turn(all_tools: list[Tool], timer: Timer, pins: dict[str, str], rows) -> None:
    # Once each for nothing: the first one to read a file from disk would pay for the others.
    for tool in all_tools:
        tool.round(timer, pins, rows)
        tool.took = {what: [] for what in tool.took}
    for i in range(max(RUNS, PIP_RUNS)):
        for tool in all_tools:
            if i < (PIP_RUNS if tool.label == "pip" else RUNS):
                tool.round(timer, pins, rows)


def plain_ms(timer: Timer, place: Place, on_disk: bool, *command: str) -> float:
    """How long a plain tool takes to make the tree `copy`: as long as anything has to."""
    copy = place.folder / "copy"
    took = []
    for _ in range(RUNS):
        place.clear(copy)
        copy.mkdir()
        took.append(timer.seconds([*command, str(copy)], *([["/bin/sync", "-f", str(copy)]] if on_disk else [])) * 1e3)
    return statistics.median(took)


def print_floor(ours: Tool, timer: Timer, on_disk: bool) -> None:
    """What the plainest tools need for the same tree."""
    packed = ours.place.folder / "tree.tar"
    subprocess.run(["tar", "-C", ours.venv, "--hard-dereference", "-cf", packed, "."], check=True)
    synced = " and sync -f" if on_disk else ""
    linked = plain_ms(timer, ours.place, on_disk, "/bin/cp", "-al", f"{ours.venv}/.")
    untarred = plain_ms(timer, ours.place, on_disk, "/bin/tar", "-xf", str(packed), "-C")
    for what, took, limit in (("rebuild", linked, "need 1.3"), ("cold", untarred, "aim 2.5")):
        tool = "cp -al" if what == "rebuild" else "tar x"
        print(f"  {tool + synced:26}{took:9.1f}   {what}: {ours.median_ms(what) / took:.2f} times as long ({limit})")


def print_table(all_tools: list[Tool], timer: Timer) -> None:
    ours, uv, pip = all_tools
    print(f"  {'':26}{'ours':>9}{'uv':>9}{'pip':>9}{'uv/ours':>10}{'need':>7}{'pip/ours':>10}")
    for what, label, need in ROWS:
        a, b = ours.median_ms(what), uv.median_ms(what)
        by_pip = f"{pip.median_ms(what):9.1f}" if pip.took[what] else f"{'':9}"
        ratio = f"{pip.median_ms(what) / a:10.2f}" if pip.took[what] else ""
        print(f"  {label:26}{a:9.1f}{b:9.1f}{by_pip}{b / a:10.2f}{need:7.1f}{ratio}")


def print_peak(all_tools: list[Tool], timer: Timer) -> None:
    peaks = [tool.peak_mb(timer) for tool in all_tools]
    if None in peaks:
        print("  peak memory: not known, tracing is refused here")
    else:
        print(f"  {'peak memory, cold, MB':26}" + "".join(f"{peak:9.1f}" for peak in peaks) + f"   (need {PEAK_LIMIT_MB})")


def print_other(label: str, pair: list[Tool], timer: Timer, pins: dict[str, str], rows) -> None:
    run_in_turn(pair, timer, pins, rows)
    for what in rows:
        a, b = pair[0].median_ms(what), pair[1].median_ms(what)
        print(f"  {f'{label}, {what}':36}{a:9.1f}{b:9.1f}   uv/ours {b / a:.2f} (need 1.0)")


def print_unsynced(tool: Tool, synced: Tool, timer: Timer, pins: dict[str, str]) -> None:
    rows = ("cold", "rebuild")
    run_in_turn([tool], timer, pins, rows)
    for what in rows:
        print(f"  {f'{what}, without our sync':26}{tool.median_ms(what):9.1f}   (with it {synced.median_ms(what):.1f})")


def print_place(label: str, folder: pathlib.Path, other: pathlib.Path, on_disk: bool, index: "Index", timer: Timer) -> None:
    """All that is timed with venv and cache in one folder, and with the cache in another."""
    build, url, pins, last = index.build, index.url, index.pins, index.last
    place = Place(folder, build / "bench/root/opt/code/localstack")
    all_tools = [our_tool(build, place, url), uv_tool(place, url, pins, last), pip_tool(place, url, pins)]
    print(f"\nOn {label}: {len(pins)} distributions, {index.size / 1e6:.1f} MB of wheels, medians of {RUNS} runs in turn (pip {PIP_RUNS}), in ms")
    run_in_turn(all_tools, timer, pins, [what for what, *_ in ROWS])
    print_table(all_tools, timer)
    print_floor(all_tools[0], timer, on_disk)
    if on_disk:
        unsynced = our_tool(build, place, url, label="unsynced", env=[f"LD_PRELOAD={build / 'bench/unsynced.so'}"])
        print_unsynced(unsynced, all_tools[0], timer, pins)
    else:
        print_peak(all_tools, timer)
    print_other(f"{LATENCY_S * 1e3:.0f} ms a request", [our_tool(build, place, index.slow), uv_tool(place, index.slow, pins, last)], timer, pins, ("cold",))
    pair = [our_tool(build, place, url, other / "ours"), uv_tool(place, url, pins, last, other / "uv")]
    elsewhere = Place(other, build / "bench/root/opt/code/localstack")
    for tool in pair:
        tool.clear_cache_in(elsewhere)
    print_other("cache on another mount", pair, timer, pins, ("cold", "rebuild"))
    print(f"  load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")


class Index:
    def __init__(self, build: pathlib.Path, url: str, pins: dict[str, str], last: set[str]):
        self.build, self.url, self.pins, self.last = build, url, pins, last
        self.slow = Slow(url).url
        self.size = sum(wheel.stat().st_size for wheel in (build / "bench/index/www/files").glob("*.whl"))


def folders(*names: str) -> list[pathlib.Path]:
    return [pathlib.Path(name) for name in names]


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    build = pathlib.Path(sys.argv[1]).resolve()
    bench = build / "bench"
    (bench / "home").mkdir()

    pins, last = make_index(build, bench / "index")
    print("the set:", ", ".join(f"{name} {version}" for name, version in pins.items()))
    for program in ("uv", "pip"):
        version = subprocess.run([f"{sys.prefix}/bin/{program}", "--version"], stdout=subprocess.PIPE, text=True, check=True)
        print("against", " ".join(version.stdout.split()[:2]))

    with nginx(bench / "index") as url:
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(bench / "home"),
            "LANG": "C.UTF-8",
            "EXTENSION_AUTO_INSTALL": ",".join(REQUIREMENTS),
            "PIP_INDEX_URL": url,
            "PIP_CONFIG_FILE": os.devnull,
        }
        timer = Timer(bench, env)
        index = Index(build, url, pins, last)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, tempfile.TemporaryDirectory(dir=bench) as disk:
            print_place("tmpfs", *folders(memory, disk), False, index, timer)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, tempfile.TemporaryDirectory(dir=bench) as disk:
            print_place("disk", *folders(disk, memory), True, index, timer)
        print("  uv: uv venv and uv pip install; pip: python -m venv and pip install; both are given the exact pins, with --no-deps")
        print_boot(build, timer, "", build / "bench/root")
        root, developing = developers_root(build, timer)
        print_boot(build, developing, " with a git source and two developers' sources", root)
        print_solving(build, env)


if __name__ == "__main__":
    main()
