# ---- poetry's versions: alternatives of lists of comparisons, each (operator, version), with what poetry adds to
# PEP 440 (^ and ~ and bare versions) put into its terms. == and != may have a version that ends in .*

COMPARISON = re.compile(r"(\^|~=|~|===|==|=|!=|<>|<=|>=|<|>)?\s*[vV]?"
                        r"(\*|[xX](?![A-Za-z0-9])|(?:\d+!)?\d+(?:\.\d+)*(?:\.[*xX])*[-._]?[A-Za-z0-9.+_-]*)")
RELEASE = re.compile(r"((?:\d+!)?)(\d+(?:\.\d+)*)")


def bumped(version, position):
    """The release whose number at this position is one more, with zeros behind it; as long as it was."""
    epoch, release = RELEASE.match(version).groups()
    numbers = [int(n) for n in release.split(".")]
    numbers += [0] * (position + 1 - len(numbers))
    numbers[position] += 1
    numbers[position + 1 :] = [0] * len(numbers[position + 1 :])
    return epoch + ".".join(map(str, numbers))


def precision(version):
    return RELEASE.match(version).group(2).count(".") + 1


def caret(version):
    """Up to the next change of the first of major, minor and patch that is given and not zero; where all that are given
    are zero, of the last one given."""
    numbers = [int(n) for n in RELEASE.match(version).group(2).split(".")][:3]
    position = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
    return [(">=", version), ("<", bumped(version, position))]


def tilde(version):
    return [(">=", version), ("<", bumped(version, 0 if precision(version) == 1 else 1))]


def comparison(operator, version):
    if version[0] in "*xX":
        if operator in (None, "==", "="):
            return []
        raise ValueError("%s %s" % (operator, version))
    if re.search(r"\.[*xX]$", version):
        version = re.sub(r"(\.[*xX])+$", "", version)
        if not RELEASE.fullmatch(version):
            raise ValueError(version)
        if operator in (None, "==", "=", "!="):
            return [("!=" if operator == "!=" else "==", version + ".*")]
        if operator not in ("<", "<=", ">", ">="):
            raise ValueError("%s %s.*" % (operator, version))
    if operator == "^":
        return caret(version)
    if operator == "~" or (operator == "~=" and precision(version) == 1):
        return tilde(version)
    return [({None: "==", "=": "==", "<>": "!="}.get(operator, operator), version)]


def alternatives(text):
    """ValueError where it cannot be understood."""
    rows = []
    for alternative in re.split(r"\|\|?", text.strip()):
        row, at = [], 0
        alternative = alternative.strip().rstrip(",").rstrip()
        if not alternative:
            raise ValueError("nothing stands on one side of |")
        while at < len(alternative):
            found = COMPARISON.match(alternative, at)
            if not found:
                raise ValueError(alternative[at:])
            row += comparison(*found.groups())
            separator = re.compile(r"\s*[, ]\s*|$").match(alternative, found.end())
            if not separator:
                raise ValueError(alternative[found.end() :])
            at = separator.end()
        rows.append(row)
    return rows


SUFFIX = re.compile(r"[-._]?(?:(?P<pre>a|alpha|b|beta|c|rc|pre|preview)[-._]?(?P<pre_number>\d*))?"
                    r"(?P<post>-\d+|[-._]?(?:post|rev|r)[-._]?\d*)?(?:[-._]?dev[-._]?(?P<dev>\d*))?(?:\+.*)?",
                    re.IGNORECASE)


def version_key(version):
    """Orders versions as PEP 440 does; ValueError for what is none. Local labels do not count."""
    release = RELEASE.match(version)
    suffix = SUFFIX.fullmatch(version, release.end())
    if not suffix:
        raise ValueError(version)
    numbers = [int(n) for n in release.group(2).split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    pre, post, dev = suffix.group("pre"), suffix.group("post"), suffix.group("dev")
    post = -1 if post is None else int(re.sub(r"\D", "", post) or 0)
    dev = float("inf") if dev is None else int(dev or 0)
    if pre:
        letter = {"alpha": "a", "beta": "b"}.get(pre.lower(), pre.lower())
        before = ({"a": 0, "b": 1}.get(letter, 2), int(suffix.group("pre_number") or 0))
    else:
        before = (-1, 0) if post < 0 and dev != float("inf") else (3, 0)
    return int(release.group(1)[:-1] or 0), numbers, before, post, dev


class Range:
    """What a list of comparisons allows: from one version to another, either of which may be missing. Not `exact`
    where it leaves something out in between."""

    def __init__(self, row):
        self.low = self.high = None  # (operator, version)
        self.exact = True
        for operator, version in row:
            if operator == "!=":
                self.exact = False
            elif operator == "~=":
                position = precision(version) - 2
                self.narrow((">=", version), ("<", bumped(version, position)))
            elif operator in ("==", "===") and version.endswith(".*"):
                plain = version[:-2]
                self.narrow((">=", plain), ("<", bumped(plain, precision(plain) - 1)))
            elif operator in ("==", "==="):
                self.narrow((">=", version), ("<=", version))
            elif operator in (">", ">="):
                self.narrow((operator, version), None)
            else:
                self.narrow(None, (operator, version))

    def narrow(self, low, high):
        if low and (self.low is None or low_key(low) > low_key(self.low)):
            self.low = low
        if high and (self.high is None or high_key(high) < high_key(self.high)):
            self.high = high

    def is_empty(self):
        if self.low is None or self.high is None:
            return False
        low, high = version_key(self.low[1]), version_key(self.high[1])
        return low > high or low == high and (self.low[0], self.high[0]) != (">=", "<=")

    def meets(self, other):
        """Whether nothing is between this one and one that begins later."""
        if self.high is None or other.low is None:
            return True
        high, low = version_key(self.high[1]), version_key(other.low[1])
        return low < high or low == high and (self.high[0] == "<=" or other.low[0] == ">=")


def low_key(low):
    return version_key(low[1]), low[0] == ">"


def high_key(high):
    return version_key(high[1]), high[0] == "<="


def one_range(rows):
    """Alternatives as one list of comparisons, and whether that is all that they say: what is between them, or left out
    of one, is allowed as well where it is not."""
    if len(rows) == 1:
        return rows[0], True
    ranges = [r for r in map(Range, rows) if not r.is_empty()]
    if not ranges:
        return rows[0], True
    ranges.sort(key=lambda r: (r.low is not None, low_key(r.low) if r.low else ()))
    whole, exact = ranges[0], all(r.exact for r in ranges)
    for one in ranges[1:]:
        exact = exact and whole.meets(one)
        if whole.high and (one.high is None or high_key(one.high) > high_key(whole.high)):
            whole.high = one.high
    if whole.low and whole.high and whole.low[1] == whole.high[1]:
        return [("==", whole.low[1])], exact
    return [c for c in (whole.low, whole.high) if c], exact


def specifiers(row):
    return ",".join(operator + version for operator, version in row)


PYTHONS = ["2.7"] + ["3.%d" % minor for minor in range(31)]


def is_allowed(rows, python):
    """Whether any patch release of this minor version of Python may be allowed."""
    major, minor = map(int, python.split("."))

    def holds(operator, version):
        numbers = [int(n) for n in RELEASE.match(version).group(2).split(".")]
        low, next_low = [major, minor], [major, minor + 1]
        if version.endswith(".*"):
            same = low[: len(numbers)] == numbers[:2]
            return same if operator == "==" else not same or len(numbers) > 2
        numbers += [0] * (2 - len(numbers))
        if operator == "==":
            return numbers[:2] == low
        if operator == "~=":
            return numbers[0] == major and numbers[:2] <= low
        if operator in (">=", ">"):
            return numbers < next_low
        if operator == "<":
            return numbers > low and any(numbers[2:]) or numbers[:2] > low
        return numbers >= low if operator == "<=" else True

    return any(all(holds(*c) for c in row) for row in rows)


def like_python(row):
    """A version of Python that stands alone is meant with what begins with it."""
    if len(row) == 1:
        operator, version = row[0]
        if operator == "==" and precision(version) < 3 and RELEASE.fullmatch(version):
            return tilde(version)
    return row


def python_specifiers(text):
    """Requires-Python."""
    rows = [like_python(row) for row in alternatives(text)]
    whole, exact = one_range(rows)
    if exact:
        return specifiers(whole)
    left_out = [p for p in PYTHONS if is_allowed([whole], p) and not is_allowed(rows, p)]
    return specifiers(whole + [("!=", python + ".*") for python in left_out])


def python_marker(text):
    """The condition that a dependency's `python` stands for."""
    parts = [" and ".join(python_condition(*c) for c in row) for row in alternatives(text)]
    if "" in parts:
        return ""
    return parts[0] if len(parts) == 1 else " or ".join("(%s)" % part for part in parts)


def python_condition(operator, version):
    """python_version has two numbers: to compare with less or more is a matter of python_full_version."""
    if version.endswith(".*"):
        plain = version[:-2]
        if precision(plain) == 2:
            return 'python_version %s "%s"' % (operator, plain)
        pair = [(">=", plain), ("<", bumped(plain, precision(plain) - 1))]
        if operator == "==":
            return " and ".join(python_condition(*c) for c in pair)
        return "(%s or %s)" % (python_condition("<", plain), python_condition(">=", pair[1][1]))
    numbers = precision(version)
    if numbers >= 3:
        return 'python_full_version %s "%s"' % (operator, version)
    if operator in (">", "<=", "!="):
        return 'python_full_version %s "%s"' % (operator, version + ".0" * (3 - numbers))
    return 'python_version %s "%s"' % (operator, version)


def platform_marker(text):
    parts = []
    for alternative in re.split(r"\|\|?", text):
        row = []
        for piece in re.split(r"[, ]+", alternative.strip()):
            found = re.fullmatch(r"(==|=|!=)?\s*([A-Za-z0-9_-]+)", piece)
            if not found:
                raise ValueError(piece)
            row.append('sys_platform %s "%s"' % ("!=" if found.group(1) == "!=" else "==", found.group(2)))
        parts.append(" and ".join(row))
    return parts[0] if len(parts) == 1 else " or ".join("(%s)" % part for part in parts)


# ---- poetry-core

class Poetry:
    def __init__(self, result, folder, document, table):
        self.result, self.folder, self.project = result, folder, table
        self.tool = document.table("tool").table("poetry")

    def read(self):
        result, tool = self.result, self.tool
        dynamic = set()
        if self.project is not None:
            dynamic = read_project_table(result, self.folder, self.project)
        if not tool.flag("package-mode", True):
            raise Malformed("pyproject.toml", tool.line("package-mode"),
                            "package-mode is false, so that there is nothing to install")
        result.name = result.name or tool.text("name")
        result.version = result.version or tool.text("version")
        result.summary = result.summary or tool.text("description")
        if not result.name:
            raise Malformed("pyproject.toml", tool.line("name"), "neither [project] nor [tool.poetry] has a name")
        self.read_version(dynamic)
        self.read_requirements(dynamic)
        self.read_entry_points()
        self.read_packages()

    def read_version(self, dynamic):
        if "poetry-dynamic-versioning" in self.folder.text("pyproject.toml") and (
                "version" in dynamic or self.result.version in (None, "0.0.0", "0.0", "0")):
            self.result.unknown["version"] = "its version comes from poetry-dynamic-versioning"
        elif not self.result.version:
            raise Malformed("pyproject.toml", self.tool.line("version"),
                            "neither [project] nor [tool.poetry] has a version")

    # ---- requirements

    def read_requirements(self, dynamic):
        """Dependencies of [project] count; those of [tool.poetry] where it has none, or says that they are dynamic."""
        project = self.project if self.project is not None else {}
        dependencies = self.tool.table("dependencies")
        if self.project is None or "requires-python" not in self.project:
            self.result.requires_python = self.python(dependencies)
        in_project = "dependencies" in project or bool(self.result.extras)
        mixed = dynamic & {"dependencies", "optional-dependencies"}
        if in_project and not (mixed and (not self.result.requires or not self.result.extras)):
            return
        extras = {} if in_project else self.extras()
        for name in dependencies.keys():
            if name.lower() != "python":
                self.depend(dependencies, name, extras, in_project)
        for extra in extras:
            self.result.extras.setdefault(extra, [])

    def python(self, dependencies):
        """The one of the dependencies that is no distribution."""
        key = next((key for key in dependencies.keys() if key.lower() == "python"), None)
        text = dependencies.value.get(key) if key else None
        if not isinstance(text, str) or text.strip() == "*":
            return None
        return self.understood(dependencies, key, python_specifiers, text)

    def understood(self, table, key, translate, text):
        try:
            return translate(text)
        except (ValueError, AttributeError, RecursionError):
            raise Malformed("pyproject.toml", table.line(key), "%s has %r, which is no constraint as poetry writes them"
                            % (key, text)) from None

    def extras(self):
        """{extra: [normalised name of a dependency]}"""
        table = self.tool.table("extras")
        return {normalize(extra): [normalize(name) for name in table.list_of_texts(extra)] for extra in table.keys()}

    def depend(self, table, name, extras, in_project):
        given = table.value[name]
        rows = given if isinstance(given, list) else [given]
        of = [extra for extra, names in extras.items() if normalize(name) in names]
        condition = " or ".join('extra == "%s"' % extra for extra in of)
        for row in rows:
            if isinstance(row, str):
                row = {"version": row}
            if not isinstance(row, dict):
                table.refuse(name, "a text, a table, or a list of these")
            one = Table(self.folder, "%s.%s" % (table.path, name), row)
            optional = one.flag("optional")
            if in_project and (optional or self.result.requires):
                continue
            if optional and not of:
                continue
            text = self.requirement(table, one, name)
            text = conditional(text, condition)
            self.result.requires.append((text, "pyproject.toml", table.line(name)))

    def requirement(self, table, one, name):
        extras = one.list_of_texts("extras")
        plain = name + ("[%s]" % ",".join(extras) if extras else "")
        url = self.url(one)
        if url:
            plain += " @ " + url
        elif "version" in one:
            plain += self.versions(table, one, name)
        text = plain
        if "markers" in one:
            text = "%s ; %s" % (text, one.text("markers"))
        if "python" in one:
            marker = self.understood(table, name, python_marker, one.text("python"))
            text = conditional(text, marker)
        if "platform" in one:
            text = conditional(text, self.understood(table, name, platform_marker, one.text("platform")))
        return text

    def versions(self, table, one, name):
        rows = self.understood(table, name, alternatives, one.text("version"))
        row, exact = self.understood(table, name, lambda _: one_range(rows), one.text("version"))
        if not exact:
            self.result.warnings.append(
                "pyproject.toml has %s for %s, of which a requirement can say no more than the first and the last "
                "version: what is between is allowed as well" % (one.text("version"), name))
        return specifiers(row)

    def url(self, one):
        below = one.text("subdirectory")
        end = "#subdirectory=" + below if below else ""
        if "git" in one:
            source = one.text("git")
            if not re.match(r"[A-Za-z0-9+.-]+://", source):
                host, colon, path = source.partition(":")
                source = "ssh://%s/%s" % (host, path.lstrip("/")) if colon and "/" not in host else file_url(
                    self.folder, source)
            reference = one.text("rev") or one.text("tag") or one.text("branch")
            return "git+" + source + ("@" + reference if reference else "") + end
        if "url" in one:
            return one.text("url") + end
        for key in ("file", "path"):
            if key in one:
                path = one.text(key)
                if below and not self.folder.is_file(path):
                    path, end = join(path, below), ""
                return file_url(self.folder, path) + end
        return None

    # ---- the rest

    def read_entry_points(self):
        project = self.project if self.project is not None else {}
        if not project or not project.table("scripts").keys():
            scripts = self.tool.table("scripts")
            for name in scripts.keys():
                self.script(scripts, name)
        if not project or not project.table("entry-points").keys():
            for group, names in self.tool.table("plugins").tables_of_texts().items():
                self.result.points(group, names)

    def script(self, scripts, name):
        given = scripts.value[name]
        if isinstance(given, str):
            self.result.points("console_scripts", {name: given})
            return
        one = scripts.table(name)
        reference = one.text("reference") or one.text("callable")
        if one.text("type", "console") == "console" and reference:
            extras = one.list_of_texts("extras")
            self.result.points("console_scripts", {name: reference + (" [%s]" % ",".join(extras) if extras else "")})

    def read_packages(self):
        rows = self.tool.get("packages", list, "a list of tables", [])
        if not rows:
            self.result.only = normalize(self.result.name).replace("-", "_")
            return
        self.result.search = False
        for row in rows:
            if not isinstance(row, dict):
                self.tool.refuse("packages", "a list of tables")
            one = Table(self.folder, "tool.poetry.packages", row)
            form = row.get("format", "wheel")
            if "wheel" in (form if isinstance(form, list) else [form]):
                self.package(one)

    def package(self, one):
        source, target = one.text("from") or "", one.text("to") or ""
        self.folder.note_folder(source)
        inside = Folder(os.path.join(self.folder.path, source)) if self.folder.is_dir(source) else self.folder
        for path in inside.expand(one.text("include") or ""):
            if path:
                self.result.part(join(target, path), join(source, path))
            else:
                self.result.search = True
                self.result.where.append(join(source, "") or ".")


def file_url(folder, path):
    from urllib.parse import quote

    return "file://" + quote(os.fsencode(os.path.normpath(os.path.join(folder.path, path))))
