# SPDX-License-Identifier: Apache-2.0
"""pip.conf, against pip's own Configuration."""

import configparser
import io
import os
import subprocess
import sys

from pip._internal.commands import create_command
from pip._internal.configuration import Configuration, _RawConfigParser
from pip._internal.models.index import PyPI

from reference import CASES, ERROR, TOOLS, ask_formats, broken, generator, shown

OPTIONS = ["index-url", "index_url", "INDEX-URL", "extra-index-url", "find-links", "--pre", "pre", "no-index", "a b", "timeout"]
VALUES = ["https://example.org/simple", "true", "", "a = b : c", "1 # no comment", "%(x)s", "[x]", "\u00fc", "a\\", "; x"]


def conf(r):
    lines = [r.choice(["", "", "", "# comment", "  ; comment", "a = 1"])] if r.random() < 0.3 else []
    sections = ["global", "install", "DEFAULT", "list", "Install", "global "]
    r.shuffle(sections)
    for section in sections[: r.randrange(1, 4)]:
        indent = r.choice(["", "", "", " ", "\t"])
        lines.append(indent + f"[{section}]" + r.choice(["", "", "", " ", " trailing", "]"]))
        options = OPTIONS[:]
        r.shuffle(options)
        for option in options[: r.choice([0, 1, 1, 2, 2, 3])]:
            value = r.choice(["=", " = ", ":", " : "]) + r.choice(VALUES)
            lines.append(indent + r.choice(["", "", "", "  "]) + option + value + r.choice(["", "", " "]))
            while r.random() < 0.25:
                lines.append(r.choice(["  more", "    deep", "\tx = y", "", "   ", "# comment", "  # comment", " ; c", "  [list]"]))
    text = r.choice(["\n", "\n", "\r\n", "\r"]).join(lines) + r.choice(["\n", ""])
    return broken(r, text, "[]=:#; \n\t-_a") if r.random() < 0.15 else text


def by_pip(text):
    """As Configuration._load_file, with the text for the file; of its sections the two that `pip install` looks at."""
    parser = _RawConfigParser()
    try:
        parser.read_file(io.StringIO(text, newline=None))
    except configparser.Error:
        return ERROR
    found = {}
    for section in parser.sections():
        found.update(Configuration(isolated=True)._normalized_keys(section, parser.items(section)))
    # A list may begin in the line below the option's name. Of a single value the reference keeps that line break.
    return {key: value.lstrip("\n") for key, value in found.items() if key.startswith(("global.", "install."))}


def test_pip_conf():
    r = generator("pip.conf")
    texts = [conf(r) for _ in range(CASES)]
    expected = [by_pip(text) for text in texts]
    wrong = []
    for text, answer, right in zip(texts, ask_formats([("pip_conf", text) for text in texts]), expected):
        if answer is not ERROR:
            fields = iter(answer)
            answer = {f"{section}.{option}": value for section, option, value in zip(*[fields] * 3)
                      if section in ("global", "install")}
        if answer != right:
            wrong.append(f"{text!r}:\n  is  {shown(answer)}\n  not {shown(right)}")
    assert not wrong, f"{len(wrong)} of {CASES} differ:\n" + "\n".join(wrong[:8])
    assert CASES * 0.05 < expected.count(ERROR) < CASES * 0.6


NAMES = {"index-url": ["https://a.example/simple", "https://b.example/simple", ""],
         "extra-index-url": ["https://c.example/simple", "https://c.example/1 https://c.example/2", ""],
         "find-links": ["/links", "https://d.example/ /links", ""], "no-index": ["true", "no", "1", "0", "yes", ""],
         "trusted-host": ["e.example", "e.example f.example:8443"], "constraint": ["/c.txt", "/c.txt /d.txt"],
         "cert": ["/cert.pem", ""], "client-cert": ["/client.pem"], "proxy": ["http://g.example:3128"],
         "pre": ["true", "false"], "timeout": ["5", "60"], "retries": ["0", "7"]}


def small_conf(r):
    lines = []
    for section in r.sample(["global", "install", "list", "DEFAULT"], r.choice([1, 1, 2, 2, 3])):
        lines.append(f"[{section}]")
        for name in r.sample(list(NAMES), r.choice([1, 2, 3])):
            lines.append(f"{name} = {r.choice(NAMES[name])}")
    return "\n".join(lines) + "\n" if r.random() < 0.95 else "no section\n"


def lay_out(r, folder):
    """Files where pip looks for them, some of them, and variables; PIP_CONFIG_FILE now and then, to a file or to none."""
    env = {"HOME": str(folder / "home"), "XDG_CONFIG_DIRS": f"{folder}/xdg1:{folder}/xdg2", "PATH": "/usr/bin:/bin"}
    if r.random() < 0.3:
        env["XDG_CONFIG_HOME"] = str(folder / "config")
    if r.random() < 0.3:
        env["PIP_CONFIG_FILE"] = r.choice([str(folder / "named.conf"), str(folder / "absent.conf"), "/dev/null"])
    for place in ("xdg1/pip", "xdg2/pip", "home/.pip", "home/.config/pip", "config/pip", "base"):
        if r.random() < 0.4:
            (folder / place).mkdir(parents=True)
            (folder / place / "pip.conf").write_text(small_conf(r))
    (folder / "named.conf").write_text(small_conf(r))
    for name in r.sample(list(NAMES), r.choice([0, 0, 1, 2])):
        variable = "PIP_" + name.upper().replace("-", "_")
        env[variable if r.random() < 0.9 else variable[:4] + variable[4:].lower()] = r.choice(NAMES[name])
    return env


def settings_of_pip(monkeypatch, env, base):
    """The defaults that `pip install` starts with there; None where a broken file makes pip give up."""
    with monkeypatch.context() as m:
        for name in list(os.environ):
            m.delenv(name)
        for name, value in env.items():
            m.setenv(name, value)
        m.setattr(sys, "prefix", str(base))
        try:
            values = create_command("install", isolated=False).parser.get_default_values()
        except SystemExit:
            return None
    found = []
    for key in ("index_url", "extra_index_urls", "find_links", "trusted_hosts", "constraints", "cert", "client_cert", "proxy"):
        value = getattr(values, key)
        if key == "index_url" and value == PyPI.simple_url:
            continue  # nothing was given
        found += [f"{key}={item}" for item in (value if isinstance(value, list) else [value] if value else [])]
    return [*found, f"no_index={int(values.no_index)}", f"pre={int(bool(values.pre))}",
            f"timeout={int(values.timeout)}", f"retries={int(values.retries)}"]


def test_order_of_files_sections_and_variables(tmp_path, monkeypatch):
    r = generator("pip.conf order")
    wrong, compared = [], 0
    for number in range(max(40, CASES // 100)):
        folder = tmp_path / str(number)
        folder.mkdir()
        env = lay_out(r, folder)
        right = settings_of_pip(monkeypatch, env, folder / "base")
        run = subprocess.run([TOOLS / "settings", folder, folder / "base"], env=env, capture_output=True, text=True,
                             check=True)
        if right is None:  # where pip stops, a file is passed over with a warning: a boot goes on
            assert "no section" not in run.stdout and "passed over" in run.stderr, (env, run.stderr)
            continue
        compared += 1
        if run.stdout.splitlines() != right:
            files = {path: path.read_text() for path in folder.rglob("*.conf")}
            wrong.append(f"{env}\n{files}:\n  is  {run.stdout.splitlines()}\n  not {right}\n  {run.stderr}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:3])
    assert compared > 20
