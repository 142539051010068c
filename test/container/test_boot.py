# SPDX-License-Identifier: Apache-2.0
"""The first start of a container, its restart, and a new one over the same volume."""

import json

import pytest

from conftest import LOADED, MARKER
from containers import ask, bind, processes

IN_VARIABLE = f"localstack-extension-mailhog,{MARKER}"
IN_FILE = "localstack-extension-typedb\n"
INSTALLED = {"localstack-extension-mailhog", MARKER, "localstack-extension-typedb", "httpx", "httpcore", "anyio"}
LOCALSTACK = ["/opt/code/localstack/.venv/bin/python3 -m localstack.runtime.main"]
COUNT = "sh -c 'echo $$'; exec localstack-entrypoint sh -c \"sh -c 'echo \\$\\$'; :\""


@pytest.fixture
def inputs(index, folder):
    conf = folder / "extensions.txt"
    conf.write_text(IN_FILE)
    return {"env": {"EXTENSION_AUTO_INSTALL": IN_VARIABLE, "PIP_INDEX_URL": index.url},
            "mounts": [bind(conf, "/etc/localstack/conf.d/extensions.txt", "ro")]}


@pytest.mark.parametrize("name", ["editable", "installed"])
def test_first_start_restart_and_a_new_container(images, start, inputs, figures, name):
    first = start(image=images[name], **inputs)
    first.next("localstack-extensions: installed ")
    first.next(LOADED)
    took = {"first start": first.ready()}
    status, body = ask("/_localstack/health")
    assert status == 200 and json.loads(body)["version"]
    listed = json.loads(first.execute("localstack-extensions", "list", "--format", "json").stdout)
    assert {d["name"] for d in listed} == INSTALLED
    assert processes(first.first) == LOCALSTACK
    assert first.stop()[0] == 0

    # Neither has a network: docker restart, and docker rm with docker run.
    for what, options in (("restart", {"files": first.files}), ("new container", {})):
        again = start(image=images[name], network="none", **inputs, **options)
        again.next(LOADED)
        took[what] = again.ready()
        assert not [line for line in again.said if line.startswith(("localstack-entrypoint:", "localstack-extensions:"))], again.said
        assert processes(again.first) == LOCALSTACK
        assert again.stop()[0] == 0
    # Processes are numbered one after the other: between two children of shells no other has been.
    counted = start(COUNT, image=images[name], network="none", entrypoint=["sh", "-c"], **inputs)
    status, said = counted.wait()
    before, after = map(int, said.split())
    assert status == 0 and after == before + 1
    figures(f"{name}: seconds until LocalStack is ready: " + ", ".join(f"{what} {seconds:.2f}" for what, seconds in took.items()))
