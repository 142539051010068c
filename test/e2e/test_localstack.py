# SPDX-License-Identifier: Apache-2.0
"""A base as LocalStack's image has it, and real extensions from the package index that the machine is configured for."""

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request

import pytest

from checks import check_records
from inits import NAMESPACE
from reloading import LONG, Running, children

pytestmark = pytest.mark.once

EXTENSIONS = "localstack-extension-mailhog,localstack-extension-typedb"
SHADOWED = ("typing-extensions",)
CHANGES_OR_CHILDREN = re.compile(
    r"^\d+ +(fork|vfork|clone|clone3|socket|connect|(?!read)\w*(unlink|rename|link|symlink|rmdir|mkdir|chmod|chown|mknod|truncate|utime|"
    r"setxattr|mount|fallocate|sync)\w*\((?!.*(EEXIST|EINVAL|ENODATA))|open.*(O_CREAT|O_WRONLY|O_RDWR|O_TRUNC|O_TMPFILE))")


def test_real_extensions_and_the_boot_after(localstack_root, tmp_path):
    root = localstack_root
    root.requirements("# from the demo\nlocalstack-extension-diagnosis-viewer\n")
    env = {"EXTENSION_AUTO_INSTALL": EXTENSIONS}
    first = root.boot("/bin/true", env=env, timeout=300)
    assert first.status == 0, first
    assert "installed " in first.err and "localstack-extension-typedb 0." in first.err, first
    have = root.installed()
    assert {"localstack-extension-mailhog", "localstack-extension-typedb", "localstack-extension-diagnosis-viewer",
            "httpx", "anyio"} <= set(have), have
    assert not set(have) & set(SHADOWED)
    check_records(root)
    assert root.pip("check").returncode == 0, root.pip("check", check=False).stdout
    assert root.localstack_sees("import localstack_typedb, typing_extensions; print(typing_extensions.__file__)").startswith(
        str(root.base))

    log = tmp_path / "strace"
    second = root.boot("/bin/true", env=env, wrap=["strace", "-f", "-qq", "-o", log])
    assert second.status == 0 and second.err == "", second
    lines = log.read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if "execve(" in line)
    assert '"/bin/true"' in lines[last]
    assert [line for line in lines[1:last] if CHANGES_OR_CHILDREN.search(line)] == []
    assert last < 150, f"{last} system calls"


def test_a_venv_of_todays_installer_with_the_real_typedb_is_adopted(localstack_root):
    root = localstack_root
    env = root.environment({"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    subprocess.run([root.base / "bin/python3", "-m", "venv", root.venv], check=True, env=env, timeout=120)
    (root.site / "localstack-venv.pth").write_text(f"{root.base}/lib/{root.python}/site-packages\n")
    subprocess.run([root.venv / "bin/pip", "install", "-q", "localstack-extension-typedb"], check=True, env=env, timeout=300)
    assert set(root.installed()) >= {"localstack-extension-typedb", "typing-extensions"}, "pip no longer shadows the base"
    done = root.sync(EXTENSION_AUTO_INSTALL="localstack-extension-typedb")
    have = root.installed()
    assert "localstack-extension-typedb" in have and not set(have) & set(SHADOWED), have
    assert re.search(r"removed typing-extensions \S+: LocalStack itself has", done.err), done
    assert (root.info("localstack-extension-typedb") / "INSTALLER").read_text().strip() == "localstack-extensions"
    check_records(root, but="pip-")  # whose scripts are the venv's own
    assert root.pip("check").returncode == 0
    again = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "localstack-extension-typedb"})
    assert (again.status, again.err) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="makes PID namespaces")
@pytest.mark.parametrize("mode", ["exec", "init", "supervise"])
def test_restart_and_end_in_each_mode(localstack_root, mode):
    """As the first process of a container: exec's outcome is that of LocalStack's own supervisor."""
    root = localstack_root
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    health = f"http://127.0.0.1:{port}/_localstack/health"
    env = {"ENTRYPOINT_MODE": mode, "OVERRIDE_IN_DOCKER": "0", "FILESYSTEM_ROOT": root.folder, "GATEWAY_LISTEN": f"127.0.0.1:{port}",
           "DNS_ADDRESS": "0", "SKIP_SSL_CERT_DOWNLOAD": "1", "DISABLE_EVENTS": "1", "PYTHONUNBUFFERED": "1", "EXTENSION_SYNC": "never",
           "DEBUG": "1"}

    def post(action):
        body = json.dumps({"action": action}).encode()
        request = urllib.request.Request(health, body, {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert opener.open(request, timeout=30).status == 200

    def ready(running):
        running.next(r"^Ready\.$")
        [first] = children(running.pid)
        return first

    for end in ("kill", "TERM"):
        running = Running([*NAMESPACE, root.programs.entrypoint, "--root", root.folder], root.environment(env))
        try:
            first = ready(running)
            post("restart")
            assert ready(running) == first
            os.kill(first, signal.SIGUSR1)
            running.next("^Localstack runtime received signal 15$")
            assert ready(running) == first
            if end == "kill":
                post("kill")
            else:
                os.kill(first, signal.SIGTERM)
            assert running.process.wait(LONG) == 0
            running.next("^LocalStack supervisor: exiting$")
            assert running.said.count("Ready.") == 3
            print(mode, end, *(line for line in running.said if "supervisor: " in line), sep="\n  ")
        finally:
            running.stop()
