# SPDX-License-Identifier: Apache-2.0
"""docker exec of localstack-extensions in a container whose LocalStack runs: it is told the right thing, and LocalStack does not notice."""

import json

import pytest

from conftest import LOADED, MARKER
from containers import VOLUME, ask, bind, processes
from reloading import children

TYPEDB = "localstack-extension-typedb"
NAMES = {MARKER, TYPEDB, "httpx", "httpcore", "anyio"}
OURS = "localstack-extensions"

HOOK = """
from localstack.runtime import hooks
@hooks.on_infra_start()
def say():
    print("{} is loaded", flush=True)
"""


def add_extension(index, name):
    index.add(name, "1.0", files={f"{name}.py": HOOK.format(name)}, entry_points={"localstack.hooks.on_infra_start": {"say": f"{name}:say"}})


@pytest.fixture
def extensions_txt(folder):
    path = folder / "extensions.txt"
    path.write_text(f"{TYPEDB}\n")
    return path


@pytest.fixture
def run_localstack(start, index, extensions_txt):
    """With one extension from a file, and one from a variable in the long form."""

    def run(**env):
        container = start(env={"LOCALSTACK_EXTENSION_AUTO_INSTALL": MARKER, "PIP_INDEX_URL": index.url, **env},
                          mounts=[bind(extensions_txt, "/etc/localstack/conf.d/extensions.txt", "ro")])
        container.next(LOADED)
        container.ready()
        return container

    return run


def processes_of(container):
    """The pids too, of the supervisor's children."""
    return children(container.first), processes(container.first)


def ask_everything(run):
    """What there is to ask. Each answer is what the inputs of the container say, and nothing changes."""
    assert set(run("list", "--format", "json", to=lambda out: [d["name"] for d in json.loads(out)])) == NAMES
    plan = run("plan", "--format", "json", to=json.loads)
    assert not plan["install"] and not plan["remove"] and not plan["failed"] and {d["name"] for d in plan["keep"]} == NAMES
    plan = run("plan", "more", "--format", "json", to=json.loads)
    assert [d["name"] for d in plan["install"]] == ["more"] and {d["name"] for d in plan["remove"]} == NAMES
    assert "failed   no-such-extension" in run("plan", "no-such-extension", status=1)
    assert run("check").startswith("nothing is wrong with 5 distributions ")
    assert run("why", "anyio").splitlines()[:2] == ["anyio 4.14.2 is in the extensions' venv:",
                                                    f"/etc/localstack/conf.d/extensions.txt:1 asks for {TYPEDB}"]
    assert run("why", "flask", status=1) == ""
    tree = run("tree")
    assert f"{MARKER} 1.0.0  (asked for in EXTENSION_AUTO_INSTALL)\n" in tree and "-- anyio 4.14.2\n" in tree, tree
    assert run("--no-such-option", status=2) == ""


def runner(container, *before, **options):
    def run(*args, status=0, to=str):
        done = container.execute(*before, OURS, *args, check=False, **options)
        assert done.returncode == status, (args, done)
        return to(done.stdout)
    return run


def test_questions(run_localstack, index):
    """Of root; without HOME; and of somebody who may write nowhere."""
    running = run_localstack()
    before = processes_of(running)
    add_extension(index, "more")
    for run in (runner(running), runner(running, "env", "-u", "HOME")):
        ask_everything(run)
        doctor = run("doctor")
        assert "\nnext boot: has nothing to do: nothing changed since the last sync\n" in doctor and doctor.endswith("\nproblems\n  none\n"), doctor
    for run in (runner(running, user="1000"), runner(running, "env", "HOME=/", user="1000")):
        ask_everything(run)
        doctor = run("doctor", status=1)
        assert f"  - the volume cannot be written at {VOLUME}/lib/extensions (Permission denied); {VOLUME}/lib/extensions belongs to user 0, and this is user 1000: " in doctor
        assert " is new" not in doctor and " is gone" not in doctor, doctor
        assert run("sync", status=3) == run("sync", "more", status=3) == ""
    assert running.listed().keys() == NAMES
    assert processes_of(running) == before and ask("/_localstack/health")[0] == 200


@pytest.mark.parametrize("mode", ["exec", "supervise"])
def test_sync_and_a_restart(run_localstack, index, extensions_txt, mode):
    running = run_localstack(ENTRYPOINT_MODE=mode)
    for name, restart in (("one", "signal"), ("two", "endpoint")):
        add_extension(index, name)
        extensions_txt.write_text(extensions_txt.read_text() + f"{name}\n")
        before = processes_of(running)
        done = running.execute(OURS, "sync")
        assert f"installed {name} 1.0" in done.stderr and done.stdout == ""
        assert processes_of(running) == before and ask("/_localstack/health")[0] == 200
        if restart == "signal":
            running.execute("kill", "-USR1", "1")
        else:
            assert ask("/_localstack/health", method="POST", data=b'{"action": "restart"}')[0] == 200
        running.next(f"^{name} is loaded$")
        running.ready()
        assert processes_of(running)[0] != before[0]
    assert running.listed().keys() == NAMES | {"one", "two"}
    assert running.stop()[0] == 0
