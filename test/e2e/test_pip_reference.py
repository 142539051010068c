# SPDX-License-Identifier: Apache-2.0
"""Generated requirements files, and what is planned for them, compared with what the newest pip would install when it is held to the base's
versions. SEED=N makes others, CASES=N more or fewer."""

import hashlib
import json
import os
import pathlib
import random
import subprocess

import pip
import pytest

from conftest import BASE, LONG

SEED = int(os.environ.get("SEED") or 26)
CASES = int(os.environ.get("CASES") or 250)
OUTCOMES = pathlib.Path(__file__).with_name("pip_outcomes.py")

VERSIONS = ("0.9", "1.0", "1.0.post1", "1.1", "1.2", "2.0", "2.1rc1", "3.0a1", "3.0")
SPECIFIERS = ("", "", "", "", ">=1", ">=1.1", "<2", "<3", "~=1.0", "==1.*", "!=1.2", ">=1,<3", "==1.0", "==2.0", ">2.0", "<=1.1",
              ">=2.1rc1", "==2.1rc1", ">=3.0a1", "===1.1", ">=0.5,!=2.0")
PAIRS = ((">2.0", "<3"), (">=1.2", "<3"), (">1.0.post1", "<2.2"), (">2.0", "!=3.0"), (">=2.1rc1", "<3"), (">1.2", "!=2.0"), ("<3", ">=2"))
EASY = ("", "", "", ">=0.9", ">=1", "<4", "!=1.2", ">=1.0,!=1.1", "<3", ">=2.1rc1")
BASE_SPECIFIERS = ("", "", "", "", ">=3", "<99", ">=99")
PROJECTS = [f"p{i:02}" for i in range(18)]


class World:
    """One index for all cases."""

    def __init__(self, workshop, python):
        self.r = random.Random(SEED)
        self.workshop, self.python = workshop, python
        self.wheels = {}  # name -> [(version, path)]
        for i, name in enumerate(PROJECTS):
            for version in sorted(self.r.sample(VERSIONS, self.r.randint(2, 7))):
                self.release(i, name, version)
        for name, version, _requires, _files in BASE:
            workshop.add(name, version + ".1")  # newer than the base's: not to be taken
        self.server = workshop.serve()

    def dependencies(self, i):
        out = []
        for _ in range(self.r.choice((0, 0, 0, 1, 1, 2))):
            if self.r.random() < 0.2:
                out.append(f"{self.r.choice(('typing-extensions', 'werkzeug', 'markupsafe'))}{self.r.choice(BASE_SPECIFIERS)}")
                continue
            # Mostly forwards: a world that is all circles has few solutions.
            other = self.r.choice(PROJECTS[i + 1:] or PROJECTS) if self.r.random() < 0.9 else self.r.choice(PROJECTS)
            extra = self.r.choice(("", "", "", "[more]", "[none]"))
            marker = self.r.choice(("", "", "", '; python_version >= "3.8"', '; sys_platform == "win32"'))
            out.append(f"{other}{extra}{self.r.choice(EASY if self.r.random() < 0.8 else SPECIFIERS)}{marker}")
        return out

    def release(self, i, name, version):
        requires = self.dependencies(i)
        if self.r.random() < 0.4:
            requires += [f'{r.split(";")[0]}; extra == "more"' for r in self.dependencies(i)]
        tags = self.r.choice((("py3-none-any",), ("py3-none-any",), ("py3-none-any",), ("py2.py3-none-any",),
                              ("py3-none-any", f"{self.python}-none-any"), ("py3-none-win_amd64",), ("cp39-cp39-win32", "py3-none-any")))
        page = {"yanked": self.r.choice((None,) * 9 + ("broken",)), "digest": self.r.random() < 0.9,
                "requires_python": self.r.choice((None,) * 16 + (">=3.8", ">=99", "<3"))}
        for tag in tags:
            path = self.workshop.add(name, version, requires, extras=["more"], tag=tag, page=page)
            self.wheels.setdefault(name, []).append((version, path))

    # ---- files

    def hash_of(self, path):
        algorithm = self.r.choice(("sha256", "sha256", "sha512"))
        digest = hashlib.new(algorithm, path.read_bytes()).hexdigest() if self.r.random() < 0.9 else "0" * {"sha256": 64, "sha512": 128}[algorithm]
        return f" --hash={algorithm}:{digest}"

    def requirement(self, hashed):
        name = self.r.choice(PROJECTS)
        version, path = self.r.choice(self.wheels[name])
        if self.r.random() < 0.1:
            url = self.server.url.rsplit("/", 2)[0] + f"/files/{path.name}"
            line = self.r.choice((f"{name} @ {url}", url, str(path), f"{name}[more] @ {url}"))
            return line + (self.hash_of(path) if hashed else "")
        if hashed:
            return f"{name}=={version}" + "".join(self.hash_of(p) for v, p in self.wheels[name] if v == version)
        extra = self.r.choice(("", "", "", "[more]", "[more,none]"))
        spelling = self.r.choice((name, name.upper(), name))
        marker = self.r.choice(("", "", "", "", ' ; python_version >= "3"', '; os_name == "nt"'))
        comment = self.r.choice(("", "", "", "  # why", " \\\n"))
        return f"{spelling}{extra}{self.r.choice(SPECIFIERS)}{marker}{comment}"

    def case(self, folder):
        hashed = self.r.random() < 0.15
        lines = [self.requirement(hashed) for _ in range(self.r.randint(1, 4))]
        if hashed and self.r.random() < 0.3:
            lines.append("--no-require-hashes")
        if self.r.random() < 0.1:
            lines.append(self.requirement(False))
        if self.r.random() < 0.3:
            lines.insert(self.r.randint(0, len(lines)), self.r.choice(
                ("--pre", f"--all-releases {','.join(self.r.sample(PROJECTS, 4))}", f"--only-final {','.join(self.r.sample(PROJECTS, 6))}",
                 "--only-final :all:", "--prefer-binary", "--only-binary :all:", "")))
        if not hashed and self.r.random() < 0.3:
            # Two requirements that are one when it comes to pre-releases.
            name = self.r.choice(PROJECTS)
            lines += [f"{name}{specifier}" for specifier in self.r.choice(PAIRS)]
        if self.r.random() < 0.3:
            limits = [f"{n}{self.r.choice(SPECIFIERS)}" for n in self.r.sample(PROJECTS, 5)]
            (folder / "limits.txt").write_text("\n".join(limits) + "\n")
            lines.append("-c limits.txt")
        if self.r.random() < 0.3:
            (folder / "more.txt").write_text(lines.pop(0) + "\n")
            lines.insert(self.r.randint(0, len(lines)), "-r more.txt")
        (folder / "requirements.txt").write_text("\n".join(lines) + "\n")


def listing(folder):
    return "".join(f"--- {p.name}\n{p.read_text()}" for p in sorted(folder.iterdir()))


def newer(ours, theirs):
    """Whether theirs is better in everything in which the two differ."""
    from packaging.version import Version
    both = [(Version(ours[n]), Version(theirs[n])) for n in ours.keys() & theirs.keys() if ours[n] != theirs[n]]
    return bool(both) and all(mine < other for mine, other in both)


def differs(plan, pips, files):
    """What is wrong with the plan, or None."""
    if "failed" in pips:
        return None if plan["failed"] else "pip would not install it"
    if plan["failed"]:
        # Where hashes are not required, pip's dry run does not download, and so does not look at the hash that its install refuses.
        hashes = all("has a hash that" in entry["reason"] for entry in plan["failed"])
        return None if hashes and "--no-require-hashes" in files else "pip would install it"
    ours = {e["name"]: e["version"] for e in plan["install"]}
    theirs = {n: v for n, (v, _url) in pips["install"].items()}
    if ours != theirs:
        return f"pip's versions are better: {theirs}, not {ours}" if newer(ours, theirs) else None
    mine = {e["name"]: e["url"].rsplit("/")[-1].split("#")[0] for e in plan["install"]}
    others = {n: u.rsplit("/")[-1].split("#")[0] for n, (_v, u) in pips["install"].items()}
    return None if mine == others else f"pip takes other files: {others}, not {mine}"


@pytest.mark.once
def test_outcomes_are_those_of_pip(root, workshop, tmp_path):
    world = World(workshop, root.python.replace("python", "py").replace(".", ""))
    (tmp_path / "base.txt").write_text("".join(f"{n}=={v}\n" for n, v, _r, _f in BASE))
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "pip").symlink_to(pathlib.Path(pip.__file__).parent)
    folders = []
    for i in range(CASES):
        folders.append(tmp_path / f"cases/{i:05}")
        folders[-1].mkdir(parents=True)
        world.case(folders[-1])
    arguments = [json.dumps([["--index-url", world.server.url, "-c", str(tmp_path / "base.txt"), "-r", str(f / "requirements.txt")], {}])
                 for f in folders]
    env = {"PATH": "/usr/bin:/bin", "HOME": root.env["HOME"], "PIP_CONFIG_FILE": os.devnull, "PYTHONPATH": str(lib), "LANG": "C.UTF-8"}
    done = subprocess.run([root.base / "bin/python3", OUTCOMES], input="\n".join(arguments) + "\n", stdout=subprocess.PIPE, env=env, text=True,
                          check=True, timeout=LONG + CASES)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    root.env["PIP_INDEX_URL"] = world.server.url
    wrong, same, solved = [], 0, 0
    for folder, pips in zip(folders, outcomes, strict=True):
        ran = root.run("plan", "--format", "json", "-r", folder / "requirements.txt", env={"EXTENSION_INDEX_STRATEGY": "best"})
        assert ran.status in (0, 1), f"{listing(folder)}{ran}"
        plan = json.loads(ran.out)
        why = differs(plan, pips, listing(folder))
        solved += "install" in pips
        same += "install" in pips and {e["name"]: e["version"] for e in plan["install"]} == {
            n: v for n, (v, _url) in pips["install"].items()}
        if why:
            wrong.append(f"{why}\n{listing(folder)}failed: {json.dumps(plan['failed'], indent=1)}\npip: {pips.get('failed', '')[-1500:]}")
    assert not wrong, f"{len(wrong)} of {len(folders)} differ:\n" + "\n======\n".join(wrong[:8])
    # Where something has to be older than the newest there can be several answers, none better than the other.
    assert solved > CASES / 4 and same > solved * 0.9, f"of {len(folders)} pip installs {solved}; {same} are the same"
    print(f"\n{len(folders)} files: pip installs {solved}, {same} the same")
