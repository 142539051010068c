# SPDX-License-Identifier: Apache-2.0
"""The commands of the README, as they stand there, done by runc: `docker run`, and `docker exec` in what has been started."""

import pathlib
import re
import shlex

from containers import REPOSITORY, bind
from oci import tmpfs

README = REPOSITORY / "README.md"


def commands(heading):
    """All `docker` commands between a heading of the README and the next of its level."""
    level = heading.split()[0]
    text = README.read_text().split(f"\n{heading}\n")[1]
    text = re.split(rf"\n#{{2,{len(level)}}} ", text)[0]
    blocks = re.sub(r"\\\n\s+", "", text)
    return [line.strip() for line in blocks.splitlines() if line.startswith("    docker ")]


def split_run(command):
    """Image, arguments, and options of a `docker run`, each option with the list of its values."""
    words = shlex.split(command)
    assert words[:2] == ["docker", "run"], command
    words, options = words[2:], {}
    while words[0].startswith("-"):
        name = words.pop(0)
        options.setdefault(name, []).append(None if name in ("--rm", "--read-only") else words.pop(0))
    return words[0], words[1:], options


def start_as_written(start, command, folder, **more):
    """What docker would start: a relative path is one in `folder`, and so is a named volume; the working directory is `folder`/project.
    Who calls it has the ids 1000, and no variables."""
    image, args, options = split_run(command)
    assert image == "localstack-with-extensions", command
    started = {"volume": None, "mounts": [], "env": {}}
    for option, values in options.items():
        for value in values:
            if option == "-v":
                source, target, *flags = value.replace("$PWD", "project").split(":")
                path = pathlib.Path(folder) / source
                path.mkdir(parents=True, exist_ok=True) if not path.exists() else None
                started["mounts"].append(bind(path, target, *flags))
            elif option == "-e":
                name, given, text = value.partition("=")
                if given:
                    started["env"][name] = text
            elif option == "--tmpfs":
                place, *flags = value.split(":")
                started["mounts"].append(tmpfs(place, *(flags or ["noexec"])))
            elif option == "--user":
                assert value == "$(id -u):$(id -g)", command
                started["user"] = (1000, 1000)
            elif option == "--network":
                started["network"] = value
            elif option == "--entrypoint":
                started["entrypoint"] = [value]
            elif option == "--read-only":
                started["read_only"] = True
            else:
                assert option in ("--rm", "--name", "-p"), f"{option}: {command}"
    started["mounts"] += more.pop("mounts", [])
    started["env"].update(more.pop("env", {}))
    return start(*args, **{**started, **more})


def execute_as_written(container, command):
    words = shlex.split(command)
    assert words[:3] == ["docker", "exec", "localstack"], command
    return container.execute(*words[3:])
