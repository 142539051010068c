# SPDX-License-Identifier: Apache-2.0
"""boot.py BUILD: how long a container with six extensions takes from its start until LocalStack says `Ready.`, with their byte code in
place and without, and what it costs to make, keep, link and remove that byte code.

Called by `scripts/bench boot`. Community LocalStack loads no `localstack.extensions`: a distribution made here does, as Pro would, with
every module that an extension imports until it is ready. Asserts no figure; fails when LocalStack does not become ready, or an extension
does not load."""

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
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from bench import REQUIREMENTS, make_index, nginx  # noqa: E402
from wheels import make_wheel  # noqa: E402

RUNS = int(os.environ.get("BENCH_RUNS", "9"))
READY_S = 120

# What Pro does before `Ready.`: each extension is loaded and told so; httpbin, localstripe and mailhog import the rest when the platform
# starts. Their servers are left out: they need the network, and run as processes of their own.
LOADER = '''
import importlib
import logging
import sys
import time

from localstack.runtime import hooks
from plux import PluginManager

LOG = logging.getLogger(__name__)
LATER = ("localstack_httpbin.vendor.httpbin.core", "localstack_stripe.localstripe", "mailhog.server", "miniflare.config")


@hooks.on_infra_start()
def load():
    before = time.monotonic_ns()
    extensions = PluginManager("localstack.extensions").load_all(propagate_exceptions=True)
    for extension in extensions:
        extension.on_extension_load()
    for name in LATER:
        try:
            importlib.import_module(name)
        except TypeError as error:  # localstack.packages of 4.12 under Python 3.11
            LOG.warning("bench loader: %s cannot be imported: %s", name, error)
    took = (time.monotonic_ns() - before) / 1e6
    count = sum("/python_venv/" in (getattr(module, "__file__", None) or "") for module in list(sys.modules.values()))
    LOG.warning("bench loader: %d extensions, %d modules, %.1f ms", len(extensions), count, took)
'''
LOADED = re.compile(r"bench loader: (\d+) extensions, (\d+) modules, ([\d.]+) ms")
# mailhog reads its mail settings from Pro's.
PRO_CONFIG = "SMTP_HOST = ''\n"


class Container:
    """A root with a base, in which a volume comes and goes. What is in the way goes aside, and away at the end."""

    def __init__(self, build: pathlib.Path, aside: pathlib.Path, env: dict[str, str]):
        self.build, self.aside, self.env = build, aside, env
        self.root = build / "bench/root"
        self.base = self.root / "opt/code/localstack/.venv"
        self.volume = self.root / "var/lib/localstack"
        self.venv = self.volume / "lib/extensions/python_venv"
        self.count = 0
        self.modules = 0

    def clear(self, *paths: pathlib.Path) -> None:
        for path in paths:
            if path.exists():
                self.count += 1
                path.rename(self.aside / str(self.count))

    def boot(self, byte_code: pathlib.Path | None = None, **env: str) -> tuple[float, float, float]:
        """Milliseconds until `Ready.`, of the processors' time until then, and of importing the extensions. byte_code: what is linked into
        the venv before LocalStack starts, as if the installing had done it."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        first = f'cp -al "{byte_code}/." "{self.venv}" && ' if byte_code else ""
        start = f'{first}exec "{self.base}/bin/python3" "{self.base}/bin/localstack-supervisor"'
        command = [self.build / "localstack-entrypoint", "--root", self.root, "--", "/bin/sh", "-c", start]
        os.sync()
        before = time.monotonic_ns()
        process = subprocess.Popen(
            command,
            env={**self.env, "GATEWAY_LISTEN": f"127.0.0.1:{port}", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        watchdog = threading.Timer(READY_S, process.kill)
        watchdog.start()
        took, used, loaded, said = 0.0, 0.0, None, []
        for line in process.stdout:
            said.append(line)
            loaded = LOADED.search(line) or loaded
            if line == "Ready.\n":
                took, used = (time.monotonic_ns() - before) / 1e6, processors_ms(process.pid)
                process.send_signal(signal.SIGTERM)
        status = process.wait()
        watchdog.cancel()
        if not took or not loaded or int(loaded[1]) != len(REQUIREMENTS) or status:
            raise SystemExit(f"bench: LocalStack did not become ready with its extensions (status {status}):\n{''.join(said)}")
        self.modules = int(loaded[2])
        return took, used, float(loaded[3])


def processors_ms(pid: int) -> float:
    """What a process, its children and all whom they waited for have used of the processors."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = sum(map(int, fields[11:15]))
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return ticks * 1000 / os.sysconf("SC_CLK_TCK") + sum(processors_ms(int(child)) for child in children)


def byte_code_of(venv: pathlib.Path, to: pathlib.Path) -> None:
    """The __pycache__ folders of a venv, and nothing else."""
    for folder in venv.rglob("__pycache__"):
        shutil.copytree(folder, to / folder.relative_to(venv), copy_function=os.link)


def compiler(python: pathlib.Path, folder: pathlib.Path) -> subprocess.Popen:
    """Compiles everything in folder on one core, for whatever time a file will have: an unpacking to come has another."""
    command = [python, "-W", "ignore", "-m", "compileall", "-qq", "-j1", "--invalidation-mode", "unchecked-hash", folder]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def forget_byte_code(folder: pathlib.Path) -> None:
    for left in list(folder.rglob("__pycache__")):
        shutil.rmtree(left)


def weigh(files) -> tuple[int, int]:
    """How many, and the bytes of their blocks."""
    sizes = [file.lstat().st_blocks * 512 for file in files]
    return len(sizes), sum(sizes)


def timed(*commands) -> float:
    os.sync()
    before = time.monotonic_ns()
    for command in commands:
        subprocess.run(command, check=True)
    return (time.monotonic_ns() - before) / 1e6


def print_costs(container: Container, cache: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Returns the byte code of the whole venv, made in a copy of it."""
    python, plain, full = container.base / "bin/python3", folder / "plain", folder / "full"
    byte_code = folder / "byte-code"
    for copy in (plain, full):
        subprocess.run(["cp", "-a", container.venv, copy], check=True)
        forget_byte_code(copy)
    took, used = [], []
    for _ in range(RUNS):
        forget_byte_code(full)
        before, used_before = time.monotonic_ns(), os.times()
        compiler(python, full / "lib").wait()
        took.append((time.monotonic_ns() - before) / 1e6)
        used.append((os.times().children_user + os.times().children_system - used_before.children_user - used_before.children_system) * 1e3)
    byte_code_of(full, byte_code)
    files, size = weigh(path for path in plain.rglob("*") if path.is_file())
    more, more_size = weigh(path for path in byte_code.rglob("*") if path.is_file())
    entries = sum(1 for _ in (cache / "unpacked").iterdir())
    print(f"\nByte code of all {entries} distributions ({subprocess.check_output([python, '-V'], text=True).strip()})")
    print(f"  made on one core               {statistics.median(took):9.0f} ms, {statistics.median(used):.0f} of the processor's time")
    print(f"  in cache and venv              {more:9d} files, {more_size / 1e6:.1f} MB, beside {files} files, {size / 1e6:.1f} MB")
    for what, tree in (("without", plain), ("with", full)):
        linked, removed = [], []
        for _ in range(RUNS):
            linked.append(timed(["cp", "-al", tree, folder / "linked"]))
            removed.append(timed(["rm", "-rf", folder / "linked"]))
        print(f"  {f'cp -al, rm -rf {what}':30} {statistics.median(linked):9.1f} ms, {statistics.median(removed):.1f} ms")
    print_beside(container, python, full)
    return byte_code


def print_beside(container: Container, python: pathlib.Path, tree: pathlib.Path) -> None:
    """A sync from nothing alone, and beside the compiler, which has all at hand from the first moment: sooner than it would be unpacked."""
    sync = [container.build / "localstack-extensions", "sync", "-q", "--root", container.root]
    alone, beside, both = [], [], []  # wall clock, as it is the second processor that counts
    for _ in range(RUNS):
        for with_compiler in (False, True):
            container.clear(container.volume / "lib", container.volume / "cache")
            forget_byte_code(tree)
            os.sync()
            before = time.monotonic_ns()
            child = compiler(python, tree / "lib") if with_compiler else None
            subprocess.run(sync, env=container.env, check=True)
            synced = (time.monotonic_ns() - before) / 1e6
            (beside if child else alone).append(synced)
            if child:
                child.wait()
                both.append((time.monotonic_ns() - before) / 1e6)
    print(f"  sync from nothing: alone {statistics.median(alone):.0f} ms; beside the compiler {statistics.median(beside):.0f} ms, until both are done {statistics.median(both):.0f} ms")


def print_boots(container: Container, byte_code: pathlib.Path, shared: pathlib.Path) -> None:
    own = container.volume / "cache"
    warm = {"EXTENSION_CACHE_DIR": str(shared)}
    rows = (
        ("empty volume and cache", {}, None, True),
        ("  with all byte code, as if made in no time", {}, byte_code, True),
        ("empty volume, warm cache", warm, None, True),
        ("  with all byte code", warm, byte_code, True),
        ("unchanged, byte code as LocalStack wrote it", warm, None, False),
        ("unchanged, byte code can neither be read nor written", {**warm, "PYTHONDONTWRITEBYTECODE": "1"}, None, False),
    )
    took = {label: [] for label, *_ in rows}
    for run in range(RUNS + 1):
        for label, env, with_code, anew in rows:
            if anew:
                container.clear(container.volume / "lib", own)
            if "PYTHONDONTWRITEBYTECODE" in env:
                forget_byte_code(container.venv)
            result = container.boot(with_code, **env)
            if run:  # the first reads from disk for all others
                took[label].append(result)
    print(f"\nContainer start to `Ready.`, medians of {RUNS} runs in turn (least), in ms")
    print(f"  {'':54}{'ready':>14}{'processors':>16}{f'import of {container.modules} modules':>26}")
    for label, *_ in rows:
        columns = [f"{statistics.median(column):.0f} ({min(column):.0f})" for column in zip(*took[label])]
        print(f"  {label:54}{columns[0]:>14}{columns[1]:>16}{columns[2]:>26}")


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    build = pathlib.Path(sys.argv[1]).resolve()
    bench = build / "bench"
    make_index(build, bench / "index")
    loader = make_wheel(
        bench / "loader",
        "bench-loader",
        "1.0",
        files={"bench_loader.py": LOADER, "localstack_ext/__init__.py": "", "localstack_ext/config.py": PRO_CONFIG},
        entry_points={"localstack.hooks.on_infra_start": {"load": "bench_loader:load"}},
    )
    with nginx(bench / "index") as url, tempfile.TemporaryDirectory(dir=bench) as scratch:
        folder = pathlib.Path(scratch)
        (folder / "aside").mkdir()
        root = bench / "root"
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "EXTENSION_AUTO_INSTALL": ",".join((*REQUIREMENTS, "bench-loader")),
            "PIP_INDEX_URL": url,
            "PIP_FIND_LINKS": str(loader.parent),
            "PIP_CONFIG_FILE": os.devnull,
            # LocalStack outside a container, all of it below the root, as in scripts/demo.
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": str(root),
            "XDG_CACHE_HOME": str(root / "var/cache"),
            "DNS_ADDRESS": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
        }
        container = Container(build, folder / "aside", env)
        shared = folder / "shared-cache"
        container.boot(EXTENSION_CACHE_DIR=str(shared))
        byte_code = print_costs(container, shared, folder)
        print_boots(container, byte_code, shared)
        print(f"  load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")


if __name__ == "__main__":
    main()
