# SPDX-License-Identifier: Apache-2.0
"""Developers' sources, and containers in whose mounts they are booted: as root, a boot with EXTENSION_DEV_MODE mounts them, and
outside of a mount namespace of its own it would do so for the whole machine."""

import subprocess

from mounts import Mounts

LIST = ".localstack-extensions.places"


def source(folder, name=None, version="1.0"):
    """A project as LocalStack's template has it."""
    name = name or folder.name
    package = folder / name.replace("-", "_")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"who = {name!r}\n")
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "{version}"\n')
    return folder


class Developer:
    """A root and folders of sources outside of it, booted in mount namespaces of their own."""

    def __init__(self, root, tmp_path):
        self.root, self.src = root, tmp_path / "src"
        self.src.mkdir()
        self.places = root.folder / "opt/code/extensions"
        self.named = []
        self.env = {"EXTENSION_DEV_MODE": "1"}
        self.namespaces = []
        self.start_again()

    def start_again(self):
        """As `docker restart`: the files stay, the mounts are gone."""
        self.container = Mounts(self.root.volume)
        self.namespaces.append(self.container)

    def close(self):
        for namespace in self.namespaces:
            namespace.close()

    def source(self, name, *args):
        self.named.append(source(self.src / name, *args))
        return self.named[-1]

    def environment(self, env):
        named = {"EXTENSION_DEV_SOURCES": ":".join(map(str, self.named))} if self.named else {}
        return {**self.env, **named, **env}

    def boot(self, *wrap, command=("true",), **env):
        done = self.root.boot(*command, env=self.environment(env), wrap=[*self.container.prefix, *wrap])
        assert done.status == 0, done
        return done

    def run(self, *args, **env):
        done = self.root.run(*args, env=self.environment(env), wrap=self.container.prefix)
        assert done.status == 0, done
        return done

    def doctor(self):
        """What `localstack-extensions doctor` says, which places nothing."""
        return self.root.run("doctor", env=self.environment({}), wrap=self.container.prefix).out

    def see(self, name=""):
        return self.container.sees(self.places / name if name else self.places)

    def mounted(self):
        """What is mounted below the folder of sources: name -> flags."""
        lines = subprocess.run([*self.container.prefix, "cat", "/proc/self/mountinfo"], capture_output=True, text=True, check=True).stdout
        out = {}
        for line in lines.splitlines():
            fields = line.split()
            path = fields[4].encode().decode("unicode_escape")
            if path.startswith(f"{self.places}/"):
                out[path[len(f"{self.places}/"):]] = fields[5].split(",") + fields[6:fields.index("-")]
        return out

    def names(self):
        return sorted(p.name for p in self.see().iterdir() if p.name != LIST) if self.places.exists() else []

    def listed(self):
        file = self.places / LIST
        lines = [line.split("\t") for line in file.read_text().splitlines()[1:]] if file.exists() else []
        return {name: folder for _, name, folder in lines}

    def banner(self, done):
        marker = "- mounting extension "
        return [line.split(marker)[1] for line in done.err.splitlines() if marker in line]

    def state(self):
        """The sources in the state: folder -> place."""
        lines = (self.root.extensions / ".localstack-extensions.state").read_text().splitlines()
        return {line.split("\t")[2]: line.split("\t")[1] for line in lines if line.startswith("developer\t")}


def synced(done):
    return [line.split("preparing the extensions: ")[1] for line in done.err.splitlines() if "preparing the extensions: " in line]
