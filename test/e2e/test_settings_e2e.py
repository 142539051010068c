# SPDX-License-Identifier: Apache-2.0
"""Settings that decide how a boot goes, each as a variable and as a key of extensions.yaml, through both programs."""

import datetime
import json
import os
import re
import subprocess

import pytest

from checks import demo_set
from test_downloads import gate  # noqa: F401 (a fixture)

VARIABLES = {
    "on-error": "EXTENSION_ON_ERROR", "upgrade": "EXTENSION_UPGRADE", "sync": "EXTENSION_SYNC", "timeout": "EXTENSION_SYNC_TIMEOUT",
    "offline": "EXTENSION_OFFLINE", "log.level": "EXTENSION_LOG_LEVEL", "log.format": "EXTENSION_LOG_FORMAT",
}


@pytest.fixture(params=["variable", "prefixed variable", "key"])
def setting(request, root):
    """Sets settings the one way, or takes them away (None)."""
    def put(**values):
        keys = {key.replace("_", "-").replace("log-", "log."): value for key, value in values.items()}
        if request.param == "key":
            given = {key: value for key, value in keys.items() if value is not None}
            lines = [f"{key}: {value}\n" for key, value in given.items() if "." not in key]
            group = [f"  {key.split('.')[1]}: {value}\n" for key, value in given.items() if "." in key]
            (root.conf / "extensions.yaml").write_text("".join([*lines, *(["log:\n"] if group else []), *group]))
            return
        prefix = "LOCALSTACK_" if "prefixed" in request.param else ""
        for key, value in keys.items():
            root.env.pop(prefix + VARIABLES[key], None)
            if value is not None:
                root.env[prefix + VARIABLES[key]] = value
    return put


def boot(root, status=0):
    """What was said by a boot whose COMMAND says that it was reached."""
    done = root.boot("echo", "up")
    assert done.status == status and done.out == ("up\n" if status == 0 else ""), done
    return done.err


# ---- on-error

def test_on_error_with_a_requirement_that_cannot_be_met(root, index, setting):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed,no-such-name"
    setting(on_error="abort")
    said = boot(root, status=1)
    assert "no-such-name" in said and said.rstrip().endswith("the boot ends here, as EXTENSION_ON_ERROR=abort asks")
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}, "the rest is in place all the same"
    boot(root, status=1)
    setting(on_error="continue")
    assert "no-such-name" in boot(root)
    setting(on_error=None)
    boot(root)


def test_on_error_with_a_malformed_requirement_that_needs_no_child(root, index, setting):
    root.env["EXTENSION_AUTO_INSTALL"] = "foo bar"
    setting(on_error="abort")
    boot(root, status=1)
    said = boot(root, status=1)
    assert "localstack-extensions" not in re.sub(r"\S*/\S*", "", said) and "foo bar" in said


def test_on_error_with_a_fault_of_the_system(root, index, setting):
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    (root.base / "bin/python3").unlink()
    (root.base / "bin/python3").symlink_to("/bin/false")
    setting(on_error="abort")
    assert "failed with exit status 3" in boot(root, status=3)
    setting(on_error="continue")
    assert "EXTENSION_SYNC=never" in boot(root)


# ---- upgrade

def test_upgrade(root, index, setting):
    index.add("tool", "1.0")
    root.env["EXTENSION_AUTO_INSTALL"] = "tool"
    boot(root)
    index.add("tool", "2.0")
    assert boot(root) == "" and root.installed() == {"tool": "1.0"}
    setting(upgrade="true")
    assert "installed tool 2.0 (was 1.0)" in boot(root) and root.installed() == {"tool": "2.0"}
    index.add("tool", "3.0")
    boot(root)
    assert root.installed() == {"tool": "3.0"}
    setting(upgrade="false")
    index.add("tool", "4.0")
    boot(root)
    assert root.installed() == {"tool": "3.0"}


# ---- sync

def test_sync_never_and_auto(root, index, setting):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    setting(sync="never")
    assert boot(root) == "" and not root.venv.exists() and index.server.requests() == []
    setting(sync="auto")
    boot(root)
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}
    setting(sync="never")
    root.env["EXTENSION_AUTO_INSTALL"] = "viewer"
    assert boot(root) == "" and root.installed() == {"typed": "0.3", "lib-one": "2.5"}
    root.sync()
    assert root.installed() == {"viewer": "1.0"}, "who asks for a sync by hand gets one"


# ---- timeout

def test_timeout(root, gate, setting):  # noqa: F811
    setting(timeout="1")
    assert "were not in place after 1 seconds" in boot(root)
    setting(timeout="1", on_error="abort")
    boot(root, status=3)
    gate.open.set()
    setting(timeout="60", on_error=None)
    boot(root)
    assert root.installed() == {"large": "1.0"}


# ---- offline

def test_offline(root, index, setting):
    demo_set(index)
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    setting(offline="true")
    said = boot(root)
    assert "the network is switched off (EXTENSION_OFFLINE)" in said and index.server.requests() == []
    setting(offline="false")
    boot(root)
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"}
    subprocess.run(["rm", "-r", root.venv], check=True)
    asked = len(index.server.requests())
    setting(offline="1")
    boot(root)
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5"} and len(index.server.requests()) == asked


# ---- log.level

def levels(said):
    found = set()
    for line in said.splitlines():
        match = re.match(r"localstack-(entrypoint|extensions): (error: |warning: |debug: )?", line)
        if match:
            found.add((match[1], (match[2] or "info")[:5]))
    return found


@pytest.mark.parametrize("level, expected", [
    ("error", {("extensions", "error")}),
    ("warning", {("extensions", "error"), ("entrypoint", "warni"), ("extensions", "warni")}),
    ("info", {("extensions", "error"), ("entrypoint", "warni"), ("extensions", "warni"), ("entrypoint", "info"), ("extensions", "info")}),
    ("debug", {("extensions", "error"), ("entrypoint", "warni"), ("extensions", "warni"), ("entrypoint", "info"), ("extensions", "info"),
               ("extensions", "debug")}),
])
def test_log_level(root, index, setting, level, expected):
    index.add("twisted", "26.1", files={"twisted/__init__.py": ""}, top_level="twisted\n")
    root.env.update(EXTENSION_AUTO_INSTALL="twisted,no-such-name", EXTENSION_AUTO_LOAD="x")
    setting(log_level=level)
    assert levels(boot(root)) == expected


def test_log_level_debug_of_an_unchanged_boot(root, index, setting):
    setting(log_level="info")
    boot(root)
    assert boot(root) == ""
    setting(log_level="debug")
    boot(root)  # a key is a byte of a file that was read
    assert "nothing changed since the last sync" in boot(root)


# ---- log.format

def objects(said, *programs):
    """Every line is one, and these programs said something."""
    lines = [json.loads(line) for line in said.splitlines()]
    for line in lines:
        assert list(line) == ["time", "level", "program", "message"]
        assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z", line["time"])
        when = datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
        assert abs(datetime.datetime.now(datetime.timezone.utc) - when) < datetime.timedelta(minutes=10)
        assert line["level"] in ("error", "warning", "info", "debug")
    assert {line["program"] for line in lines} == {f"localstack-{name}" for name in programs}
    assert said.endswith("\n")
    return lines


def test_json_of_a_first_boot_at_its_most_talkative(root, index, setting):
    demo_set(index)
    root.env.update(EXTENSION_AUTO_INSTALL="typed,no-such-name,foo bar,git+https://h.invalid/x.git", EXTENSION_AUTO_LOAD="x",
                    EXTENSION_CACHE_DIR="/proc/nowhere", EXTENSION_OFFLINE="maybe")
    conf = root.folder / "pip.conf"
    conf.write_text("no section\n")
    root.env["PIP_CONFIG_FILE"] = str(conf)
    setting(log_format="json", log_level="debug")
    lines = objects(boot(root), "entrypoint", "extensions")
    messages = [line["message"] for line in lines]
    for word in ("did you mean EXTENSION_AUTO_INSTALL?", "an option stands before the first", "EXTENSION_OFFLINE=maybe", "cannot be used",
                 "no-such-name (EXTENSION_AUTO_INSTALL) is set aside", "foo bar", "write NAME @ git+https", "installed "):
        assert any(word in message for message in messages), (word, messages)
    assert {line["level"] for line in lines} == {"error", "warning", "info", "debug"}


def test_json_of_a_malformed_requirement_alone(root, index, setting):
    root.requirements("foo bar\n")
    setting(log_format="json")
    boot(root)
    line, = objects(boot(root), "entrypoint")
    assert line["level"] == "error" and "foo bar" in line["message"]


def test_json_of_wrong_settings(root, index, setting):
    setting(log_format="json")
    with open(root.conf / "extensions.yaml", "a") as f:
        f.write("on-eror: abort\n")
    line, = objects(boot(root), "entrypoint")
    assert 'there is no key "on-eror"' in line["message"] and "\n" in line["message"]
    done = root.sync(status=2)
    assert 'there is no key "on-eror"' in objects(done.err, "extensions")[0]["message"]


def test_json_of_an_interpreter_that_says_something_itself(root, index, setting):
    root.env["EXTENSION_AUTO_INSTALL"] = "typed"
    (root.base / "bin/python3").unlink()
    (root.base / "bin/python3").write_text("#!/bin/sh\nprintf 'first\\nthen \"quoted\" \\\\ and \\377\\355\\240\\200\\n' >&2; echo out; exit 9\n")
    (root.base / "bin/python3").chmod(0o755)
    setting(log_format="json")
    lines = objects(boot(root), "entrypoint", "extensions")
    assert any("exit status 3" in line["message"] for line in lines)
    assert any('then "quoted" \\ and \\xff\\xed\\xa0\\x80' in line["message"] for line in lines), lines


def test_json_of_bytes_that_are_no_text(root, index, setting):
    root.env["EXTENSION_AUTO_INSTALL"] = os.fsdecode(b"x\xff\xed\xa0\x80\xe0\x80\x80\xf4\x90\x80\x80\x1b[2J \"quoted\" \\ \xc3\xbc")
    setting(log_format="json")
    lines = objects(boot(root), "entrypoint", "extensions")
    assert any('\\xff\\xed\\xa0\\x80\\xe0\\x80\\x80\\xf4\\x90\\x80\\x80\\x1b[2J "quoted" \\ ü' in line["message"] for line in lines)


def test_json_of_time_limits(root, gate, setting):  # noqa: F811
    setting(log_format="json", timeout="1")
    lines = objects(boot(root), "entrypoint", "extensions")
    assert "were not in place after 1 seconds" in lines[-1]["message"]
    done = root.sync("--timeout", "1", status=3)
    assert "the time limit of --timeout has passed" in objects(done.err, "extensions")[-1]["message"]


@pytest.mark.parametrize("name", ["EXTENSION_LOG_FORMAT", "LOCALSTACK_EXTENSION_LOG_FORMAT"])
def test_json_of_a_wrong_command_line(root, name):
    """Nothing but a variable can say it here."""
    for command in ([root.programs.entrypoint, "--unknown"], [root.programs.extensions, "sync", "--unknown"],
                    [root.programs.extensions, "unknown"], [root.programs.extensions, "sync", "--timeout", "x"]):
        done = subprocess.run(command, env={**root.env, name: "json"}, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stdout == ""
        objects(done.stderr, command[0].name.split("-")[1])


def test_json_goes_with_plan_and_doctor_too(root, index, setting):
    setting(log_format="json")
    done = root.run("plan", "-v", "no-such-name")
    assert done.status == 1
    objects(done.err, "extensions")
    done = root.run("doctor", env={"EXTENSION_AUTO_LOAD": "x"})
    assert done.status == 1 and done.err == ""
