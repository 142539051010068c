# SPDX-License-Identifier: Apache-2.0
"""A boot waits for nobody: what is named as a file and is a pipe is said to be one, and passed over like a file that cannot be read.
Nobody ever writes into the pipes here."""

import os
import subprocess

import pytest

from servers import Authority
from test_build import make_project

LONG = 30  # seconds after which a boot hangs; under EXTENSION_SYNC_TIMEOUT's 300
KIND = "is a pipe (FIFO), not a regular file"


@pytest.fixture
def demo(root, index):
    index.add("demo", "1")
    root.env["EXTENSION_AUTO_INSTALL"] = "demo"
    return root


def boot(root, **env):
    done = root.boot("echo", "up", env=env, timeout=LONG)
    assert done.status == 0 and done.out == "up\n", done
    return done.err


def fifo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


# ---- files of settings, which PID 1 reads itself

@pytest.mark.parametrize("sync", ["auto", "never"])
def test_extensions_yaml(demo, sync):
    path = fifo(demo.conf / "extensions.yaml")
    said = boot(demo, EXTENSION_SYNC=sync)
    assert f"error: {path} {KIND}\n" in said
    assert not demo.venv.exists()
    done = demo.run("sync", timeout=LONG)
    assert done.status == 2 and f"{path} {KIND}" in done.err, done


@pytest.mark.parametrize("name", [".config/pip/pip.conf", ".pip/pip.conf"])
def test_a_pip_conf_of_the_home(demo, clean_env, name):
    path = fifo(demo.folder / "home" / name)
    env = {"HOME": demo.folder / "home", "PIP_CONFIG_FILE": None}
    assert f"warning: {path} {KIND}; it is passed over" in boot(demo, **env, EXTENSION_SYNC="never")
    assert f"warning: {path} {KIND}; it is passed over" in boot(demo, **env)
    assert demo.installed() == {"demo": "1"}
    assert "preparing" not in boot(demo, **env)
    path.unlink()
    path.write_text("[global]\npre = true\n")
    assert "preparing the extensions" in boot(demo, **env)


def test_the_file_that_pip_config_file_names(demo):
    path = fifo(demo.folder / "pip.conf")
    assert f"warning: PIP_CONFIG_FILE: {path} {KIND}; it is passed over" in boot(demo, PIP_CONFIG_FILE=path)
    assert demo.installed() == {"demo": "1"}


def test_a_quiet_standard_input(demo):
    reader, writer = os.pipe()
    try:
        done = subprocess.run([demo.programs.entrypoint, "--root", demo.folder, "echo", "up"], stdin=reader, capture_output=True, text=True,
                              env=demo.environment({"PIP_CONFIG_FILE": "/dev/stdin"}), timeout=LONG)
    finally:
        os.close(reader)
        os.close(writer)
    assert done.returncode == 0 and done.stdout == "up\n", done
    assert f"PIP_CONFIG_FILE: /dev/stdin {KIND}" in done.stderr
    assert demo.installed() == {"demo": "1"}


def test_the_state_of_the_last_sync(demo):
    demo.sync()
    state = demo.extensions / ".localstack-extensions.state"
    state.unlink()
    fifo(state)
    assert "preparing" not in boot(demo, EXTENSION_SYNC="never")
    assert f"preparing the extensions: {state} {KIND}" in boot(demo)
    assert state.is_file() and "preparing" not in boot(demo)


def test_a_device_stays_an_empty_file(demo):
    (demo.conf / "extensions.yaml").symlink_to("/dev/null")
    (demo.conf / "extensions.txt").write_text("-r /dev/null\n-c /dev/null\n")
    said = boot(demo, PIP_CONFIG_FILE="/dev/null")
    assert "warning" not in said and "error" not in said and demo.installed() == {"demo": "1"}


# ---- files that those and extensions.txt name, which the reconciler reads

def test_extensions_txt(demo):
    path = fifo(demo.conf / "extensions.txt")
    assert f"{path} ({path}) is set aside: {path} {KIND}" in boot(demo)
    assert demo.installed() == {"demo": "1"}
    assert f"{path} {KIND}" in boot(demo)
    path.unlink()
    path.write_text("")
    assert KIND not in boot(demo)


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_a_file_that_a_line_names(demo, index, option):
    index.add("other", "1")
    demo.requirements(f"{option} more.txt\nother\n")
    path = fifo(demo.conf / "more.txt")
    said = boot(demo)
    assert f"{option} more.txt ({demo.conf}/extensions.txt:1) is set aside: {path} {KIND}" in said
    assert demo.installed() == ({"demo": "1", "other": "1"} if option == "-r" else {"demo": "1"})


@pytest.mark.parametrize("variable", ["PIP_CONSTRAINT", "EXTENSION_LOCK"])
def test_a_file_that_a_setting_names(demo, variable):
    path = fifo(demo.folder / "named.txt")
    assert f"{path} {KIND}" in boot(demo, **{variable: path})
    done = demo.run("sync", env={variable: path}, timeout=LONG)
    assert done.status and f"{path} {KIND}" in done.err, done


@pytest.mark.parametrize("line", ["./thing-1.tar.gz", "thing @ file:thing-1.tar.gz", "./thing-1-py3-none-any.whl", "-f links\nthing"])
def test_an_archive(demo, line):
    for name in ("thing-1.tar.gz", "thing-1-py3-none-any.whl", "links/thing-1-py3-none-any.whl"):
        fifo(demo.conf / name)
    demo.requirements(line + "\n")
    assert "is set aside" in boot(demo)
    assert demo.installed() == {"demo": "1"}


@pytest.mark.parametrize("name", ["PIP_CERT", "PIP_CLIENT_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_certificates(root, workshop, tmp_path, name):
    authority = Authority(tmp_path / "authority", "the company")
    workshop.add("demo", "1")
    server = workshop.serve(tls=authority)
    path = fifo(tmp_path / "certificates")
    root.env.update(PIP_INDEX_URL=server.url, EXTENSION_AUTO_INSTALL="demo")
    if name == "PIP_CLIENT_CERT":
        root.env["PIP_CERT"] = str(authority.certificate)
    said = boot(root, **{name: path})
    assert f"demo/ is not fetched: {path} is a pipe (FIFO), not a file of certificates" in said
    root.env["PIP_CERT"] = str(authority.certificate)
    boot(root)
    assert root.installed() == {"demo": "1"}


@pytest.mark.parametrize("requirement", ["./project", "thing @ git+https://127.0.0.1:9/thing.git"])
def test_certificates_for_a_build(demo, requirement):
    path = fifo(demo.folder / "certificates")
    make_project(demo.conf / "project", "thing")
    demo.requirements(f"{requirement}\n")
    said = boot(demo, PIP_CERT=path)
    assert "is set aside" in said and f"{path} is a pipe (FIFO), not a file of certificates" in said
    assert demo.installed() == {"demo": "1"}


@pytest.mark.parametrize("way", ["home", "variable"])
def test_a_netrc(demo, index, way):
    path = fifo(demo.folder / "home/.netrc")
    index.add("tool", "1")
    make_project(demo.conf / "project", "thing", requires=["tool"])
    demo.requirements("./project\ngit @ git+https://127.0.0.1:9/thing.git\n")
    said = boot(demo, **({"HOME": demo.folder / "home"} if way == "home" else {"NETRC": path}))
    assert demo.installed() == {"demo": "1"}
    assert "the wheel that was built of" in said, "pip asked the index for what builds it"
    assert way == "variable" or f"https://127.0.0.1:9/thing.git is not asked: {path} {KIND}" in said


def test_constraints_of_builds(demo):
    path = fifo(demo.folder / "limits.txt")
    make_project(demo.conf / "project", "thing")
    demo.requirements("./project\n")
    said = boot(demo, PIP_BUILD_CONSTRAINT=path)
    assert "is set aside" in said and f"{path} {KIND}" in said and demo.installed() == {"demo": "1"}


def test_pages_of_the_cache(demo, index):
    boot(demo)
    for page in (demo.volume / "cache/extensions/pages").iterdir():
        page.unlink()
        fifo(page)
    index.add("demo", "2")
    boot(demo, EXTENSION_UPGRADE="1")
    assert demo.installed() == {"demo": "2"}


# ---- by hand

def by_hand(root, *args, text=""):
    return subprocess.run(root.command(*args), input=text, env=root.environment({}), capture_output=True, text=True, timeout=LONG)


def test_by_hand_a_pipe_is_as_good_as_a_file(root, index):
    for version in ("1", "2"):
        index.add("demo", version)
    done = by_hand(root, "sync", "-r", "/dev/stdin", text="demo\n")
    assert done.returncode == 0 and root.installed() == {"demo": "2"}, done.stderr
    reader, writer = os.pipe()
    os.write(writer, b"demo<2\n")
    os.close(writer)
    done = subprocess.run([*root.command("sync"), "demo", "-c", f"/dev/fd/{reader}"], pass_fds=[reader], env=root.environment({}),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG)
    os.close(reader)
    assert done.returncode == 0 and root.installed() == {"demo": "1"}, done.stderr
    done = by_hand(root, "sync", "--locked", "/dev/stdin", text="no lock")
    assert done.returncode == 2 and "cannot be read as TOML" in done.stderr, done
    done = by_hand(root, "sync", "--boot", "-r", "/dev/stdin", text="demo\n")
    assert done.returncode == 2 and f"/dev/stdin {KIND}" in done.stderr, done
