# Reads what Python projects say about themselves, for a program that has no parser of TOML, INI or Python of its
# own. Nothing of a project is imported or run. The files of this folder are one script: files.py first, project.py
# last; project.py says what is asked and answered.
import ast
import configparser
import fnmatch
import glob
import json
import os
import re
import signal
import stat
import sys
import warnings

MARK = "\n@localstack-extensions-probe\n"
FILE_LIMIT = 4 << 20
SECONDS = 5  # for one project: a pattern of its own may take for ever
BESIDE_PACKAGES = ("test", "tests", "doc", "docs", "examples", "build", "dist", "node_modules")  # a boot does not go in
AT_THE_TOP = ("pyproject.toml", "setup.cfg", "setup.py")  # which every boot looks at, whatever they say


class Malformed(Exception):
    """What makes it no project: a file that is not what it should be. `line` is 0 where none can be named."""

    def __init__(self, file, line, why):
        super().__init__(why)
        self.file, self.line, self.why = file, line, why


class Unknown(Exception):
    """What only a build can tell; its text is a clause."""


class TooSlow(Exception):
    pass


def toml_parser():
    try:
        import tomllib
    except ImportError:
        try:
            from pip._vendor import tomli as tomllib
        except ImportError:
            return None
    return tomllib


def is_magic(part):
    return any(c in part for c in "*?[")


class Folder:
    """A project's folder. What is read from it is a regular file in it, bounded, and UTF-8."""

    def __init__(self, path):
        self.path = path
        self.real = os.path.realpath(path)
        self.texts = {}
        self.files = {}  # what was read or looked for beside AT_THE_TOP, as it was then: a boot compares that
        self.folders = set()  # what counts in which is more than a boot looks at anyway

    def inside(self, relative):
        """The path with what leads nowhere taken out, "." for the folder; None where it leads out of it."""
        if os.path.isabs(relative) or "\0" in relative:
            return None
        normal = os.path.normpath(relative or ".")
        if normal == ".." or normal.startswith("../"):
            return None
        real = os.path.realpath(os.path.join(self.path, normal))
        return normal if real == self.real or real.startswith(self.real.rstrip("/") + "/") else None

    def is_file(self, relative):
        normal = self.inside(relative)
        return normal is not None and os.path.isfile(os.path.join(self.path, normal))

    def is_dir(self, relative):
        normal = self.inside(relative)
        return normal is not None and os.path.isdir(os.path.join(self.path, normal))

    def names(self, relative):
        normal = self.inside(relative)
        self.note_folder(relative)
        try:
            return sorted(os.listdir(os.path.join(self.path, normal))) if normal else []
        except OSError:
            return []

    def bytes_of(self, relative):
        """None where there is no such file."""
        normal = self.inside(relative)
        if normal is None:
            self.note(relative)
            raise Malformed(relative, 0, "it is outside of the project's folder, and only files in it are read")
        try:
            fd = os.open(os.path.join(self.path, normal), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            self.note(relative, "-")
            return None
        except OSError as e:
            self.note(relative)
            raise Malformed(relative, 0, "it cannot be read: %s" % e.strerror) from None
        with open(fd, "rb") as file:
            self.note(relative, size_and_time(os.fstat(fd)))
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Malformed(relative, 0, "it is no regular file")
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            raise Malformed(relative, 0, "it is larger than %d MiB, and no project file is" % (FILE_LIMIT >> 20))
        return data

    def text(self, relative):
        if relative not in self.texts:
            data = self.bytes_of(relative)
            try:
                self.texts[relative] = None if data is None else data.decode().replace("\r\n", "\n")
            except UnicodeDecodeError as e:
                raise Malformed(relative, data.count(b"\n", 0, e.start) + 1, "this is not UTF-8") from None
        return self.texts[relative]

    def named(self, relative, file, what):
        """The text of a file that another one names."""
        if self.inside(relative) is None:
            self.note(relative)
            raise Malformed(file, self.line_with(file, relative),
                            "%s is to be read from %s, which is outside of the project's folder" % (what, relative))
        text = self.text(relative)
        if text is None:
            raise Malformed(file, self.line_with(file, relative),
                            "%s is to be read from %s, and there is no such file" % (what, relative))
        return text

    def line_with(self, file, text):
        """The first line of a file that has this text in it; 0 where none has."""
        try:
            whole = self.text(file) or ""
        except Malformed:
            return 0
        at = whole.find(text) if text else -1
        return whole.count("\n", 0, at) + 1 if at >= 0 else 0

    def tree(self, relative):
        """The syntax tree of a Python file; None where there is no such file."""
        data = self.bytes_of(relative)
        if data is None:
            return None
        try:
            return ast.parse(data)
        except SyntaxError as e:
            raise Malformed(relative, e.lineno or 0, "this is no Python: %s" % e.msg) from None
        except (ValueError, RecursionError, MemoryError):
            raise Malformed(relative, 0, "this is no Python") from None

    # ---- what a boot looks at

    def note(self, relative, fact=None):
        """One that decides what was found out: as it was when it was read, else as it is now."""
        normal = os.path.normpath(relative)
        if is_below(normal) and normal not in AT_THE_TOP:
            self.files.setdefault(normal, fact or self.look(normal))

    def look(self, normal):
        try:
            return size_and_time(os.stat(os.path.join(self.path, normal)))
        except (FileNotFoundError, NotADirectoryError):
            return "-"
        except OSError:
            return "?"

    def note_folder(self, relative, alone=False):
        """One whose names decide; alone: what stands beside packages in it does, too."""
        normal = os.path.normpath(relative or ".")
        if is_below(normal) and normal != "src" and (alone or not self.is_seen(normal)):
            self.folders.add(normal)

    def is_seen(self, normal):
        """Whether a boot goes into it from the top or src, as into namespaces there."""
        parts = normal.split("/")
        above = parts.pop(0) if parts[0] == "src" else ""
        for i, part in enumerate(parts):
            above = join(above, part)
            if (not part.isidentifier() or i == 0 and part in BESIDE_PACKAGES or not self.is_dir(above)
                    or os.path.islink(os.path.join(self.path, above)) or self.is_file(above + "/__init__.py")):
                return False
        return True

    def note_layout(self, result):
        """Where a new package or module would count, or an egg-info."""
        for where in result.where:
            self.note_folder(where, True)
        for path, place in result.parts.items():
            self.note_folder(os.path.dirname(place))
            self.note_folder(place.removesuffix("/" + path) if place.endswith("/" + path) else ".", True)
            if self.is_dir(place) and not self.is_file(place + "/__init__.py"):
                self.note_folder(place)

    def looked_at(self):
        return {"files": {k: v for k, v in self.files.items() if is_text(k)}, "folders": sorted(filter(is_text, self.folders))}

    def expand(self, pattern):
        """A path with shell patterns in it, as paths: the folder before its first pattern, or, where it begins
        with one, what at the top has such a name."""
        parts = [p for p in pattern.split("/") if p not in ("", ".")]
        literal = []
        for part in parts:
            if is_magic(part):
                break
            literal.append(part)
        if literal or not parts:
            return ["/".join(literal)]
        return [n for n in self.names(".") if fnmatch.fnmatchcase(n, parts[0]) and not n.startswith((".", "__"))]


def is_below(normal):
    """Of a path without what leads nowhere: whether it names something in the folder."""
    return normal not in (".", "..") and not normal.startswith(("/", "../")) and "\0" not in normal


def is_text(text):
    """Whether JSON can carry it."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def size_and_time(st):
    return "%d:%d" % (st.st_size, st.st_mtime_ns)


# ---- requirements

def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def split_marker(requirement):
    """Behind a URL the marker's semicolon has white space before it."""
    if re.match(r"\s*[A-Za-z0-9._-]+\s*(\[[^\]]*\])?\s*@", requirement):
        found = re.search(r"\s;", requirement)
        at = found.end() - 1 if found else len(requirement)
    else:
        at = requirement.find(";") if ";" in requirement else len(requirement)
    return requirement[:at].strip(), requirement[at + 1 :].strip()


def grouped(marker):
    """As one side of an "and"."""
    return "(%s)" % marker if re.search(r"\bor\b", marker) else marker


def conditional(requirement, condition):
    """The requirement, made one that holds under this marker only."""
    if not condition:
        return requirement.strip()
    plain, marker = split_marker(requirement)
    if not marker:
        return "%s ; %s" % (plain, condition)
    return "%s ; (%s) and %s" % (plain, marker, grouped(condition))


def in_extra(requirement, extra):
    return conditional(requirement, 'extra == "%s"' % normalize(extra))


def ini_groups(text, file):
    """entry_points.txt: groups of names and references."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False, default_section="\0")
    parser.optionxform = str
    parse_ini(parser, text, file)
    return {group: dict(parser.items(group)) for group in parser.sections()}


def parse_ini(parser, text, file):
    try:
        parser.read_string(text)
    except configparser.ParsingError as e:
        line = e.errors[0][0] if e.errors else 0
        raise Malformed(file, getattr(e, "lineno", None) or line, "NAME = VALUE is expected") from None
    except configparser.DuplicateSectionError as e:
        raise Malformed(file, e.lineno or 0, "the section [%s] is there twice" % e.section) from None
    except configparser.DuplicateOptionError as e:
        raise Malformed(file, e.lineno or 0, "%s is in [%s] twice" % (e.option, e.section)) from None
    except (configparser.Error, ValueError) as e:
        raise Malformed(file, getattr(e, "lineno", None) or 0, str(e)) from None


# ---- literals in Python files

def literal(node):
    """Unknown where it is more than a literal."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise Unknown("no literal") from None


def assigned(tree, name):
    """The nodes that are assigned to a name at the top level of a module, in their order."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield statement.value


# ---- what is found out

class Result:
    """What is known of one project: the same form for all back ends."""

    def __init__(self):
        self.version_at = ["", 0]  # the file and line that has it
        self.name = self.version = self.summary = self.requires_python = self.backend = None
        self.requires = []  # (requirement, file, line)
        self.extras = {}  # normalised name: the same
        self.entry_points = {}
        self.unknown = {}  # field: clause; the fields are name, version, requires-python, dependencies,
        self.warnings = []  # optional-dependencies, entry-points, packages
        self.plux = False
        self.plux_include, self.plux_exclude = [], []  # patterns of packages
        self.parts = {}  # path in site-packages: place in the folder
        self.search = True
        self.where, self.include, self.exclude = [], [], []
        self.regular_only = False
        self.only = None

    def require(self, folder, file, requirements, extra=None):
        to = self.requires if extra is None else self.extras.setdefault(normalize(extra), [])
        for text in requirements:
            line = folder.line_with(file, text.strip())
            to.append((text.strip() if extra is None else in_extra(text, extra), file, line))

    def points(self, group, names):
        if names:
            self.entry_points.setdefault(group, {}).update(names)

    def part(self, path, place):
        self.parts[path] = place
        self.search = False

    def name_parts(self, packages, modules, place_of):
        """Packages by dotted names and modules; a package that stands where it has to below another that is
        named too comes with that one."""
        self.search = False
        named = {}
        for package in sorted(packages):
            path = package.replace(".", "/")
            place = place_of(package)
            above, _, last = path.rpartition("/")
            while above and above not in named:
                above, _, more = above.rpartition("/")
                last = more + "/" + last
            if not above or place != join(named[above], last):
                named[path] = place
        self.parts.update(named)
        for module in modules:
            path = module.replace(".", "/") + ".py"
            above, _, last = module.rpartition(".")
            self.parts[path] = join(place_of(above) if above else place_of(""), last + ".py")

    def answer(self):
        return {
            "name": self.name, "version": self.version, "summary": self.summary, "backend": self.backend,
            "version_at": self.version_at, "requires_python": self.requires_python, "plux": self.plux,
            "plux_include": self.plux_include, "plux_exclude": self.plux_exclude,
            "unknown": self.unknown,
            "requires": [list(r) for r in self.requires],
            "extras": {extra: [list(r) for r in rows] for extra, rows in self.extras.items()},
            "entry_points": self.entry_points, "warnings": self.warnings,
            "layout": {"parts": sorted(map(list, self.parts.items())), "search": self.search, "where": self.where,
                       "include": self.include, "exclude": self.exclude, "regular_only": self.regular_only,
                       "only": self.only},
        }


def join(folder, name):
    """Paths in the folder; "" is its top."""
    return os.path.normpath(os.path.join(folder or ".", name)) if name or folder else ""


# ---- values out of TOML, each with the type that it has to have

class Table:
    """A table of pyproject.toml; `path` is its dotted name."""

    def __init__(self, folder, path, value):
        self.folder, self.path, self.value = folder, path, value

    def __contains__(self, key):
        return key in self.value

    def keys(self):
        return list(self.value)

    def refuse(self, key, what):
        raise Malformed("pyproject.toml", self.line(key), "%s in [%s] is to be %s" % (key, self.path, what))

    def line(self, key):
        """Where a key of the table stands, where that can be told; else where the table begins; else 0."""
        text, header, at = self.folder.text("pyproject.toml") or "", "", 0
        for number, line in enumerate(text.split("\n"), 1):
            found = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(#.*)?$", line)
            if found:
                header = re.sub(r"[\"'\s]", "", found.group(1))
                at = at or number if header == self.path else at
                if header == self.path + "." + key:
                    return number
            elif header == self.path and re.match(r"\s*[\"']?%s[\"']?\s*[.=]" % re.escape(key), line):
                return number
        return at

    def get(self, key, kind, what, default):
        value = self.value.get(key, default)
        if value is not default and not isinstance(value, kind):
            self.refuse(key, what)
        return value

    def text(self, key, default=None):
        value = self.get(key, str, "a text", default)
        if value and "\0" in value:
            self.refuse(key, "a text without NUL characters")
        return value

    def flag(self, key, default=False):
        return self.get(key, bool, "true or false", default)

    def list_of_texts(self, key, default=()):
        value = self.get(key, list, "a list of texts", default)
        if not all(isinstance(v, str) for v in value):
            self.refuse(key, "a list of texts")
        return list(value)

    def table(self, key):
        return Table(self.folder, self.path + "." + key if self.path else key, self.get(key, dict, "a table", {}))

    def tables_of_texts(self):
        """This table, which holds tables that hold texts."""
        return {key: self.table(key).texts() for key in self.keys()}

    def texts(self):
        for key, value in self.value.items():
            if not isinstance(value, str):
                self.refuse(key, "a text")
        return dict(self.value)
