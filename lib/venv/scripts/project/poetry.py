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


def release_key(version):
    epoch, release = RELEASE.match(version).groups()
    numbers = [int(n) for n in release.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return int(epoch[:-1] or 0), numbers


def as_range(row):
    """(lowest, highest), each a comparison or None; None for what is no range of plain releases."""
    low = high = None
    for operator, version in row:
        if operator == "==" and version.endswith(".*"):
            low, high = (">=", version[:-2]), ("<", bumped(version[:-2], precision(version[:-2]) - 1))
        elif operator == "==" and len(row) == 1 and RELEASE.fullmatch(version):
            low, high = (">=", version), ("<=", version)
        elif operator in (">=", ">") and low is None and RELEASE.fullmatch(version):
            low = operator, version
        elif operator in ("<", "<=") and high is None and RELEASE.fullmatch(version):
            high = operator, version
        else:
            return None
    return low, high


def one_range(rows):
    """Alternatives as one list of comparisons, where they meet or overlap; None where they do not."""
    if len(rows) == 1:
        return rows[0]
    ranges = [as_range(row) for row in rows]
    if any(r is None for r in ranges):
        return None
    ranges.sort(key=lambda r: release_key(r[0][1]) if r[0] else (-1, []))
    low, high = ranges[0]
    for next_low, next_high in ranges[1:]:
        if high is None:
            break
        meets = next_low is None or release_key(next_low[1]) < release_key(high[1]) or (
            release_key(next_low[1]) == release_key(high[1]) and ("<=" == high[0] or ">=" == next_low[0]))
        if not meets:
            return None
        if next_high is None or release_key(next_high[1]) > release_key(high[1]) or (
                release_key(next_high[1]) == release_key(high[1]) and next_high[0] == "<="):
            high = next_high
    return [c for c in (low, high) if c]


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


def python_specifiers(text):
    """Requires-Python; one version stands for what begins with it."""
    rows = alternatives(text)
    if len(rows) == 1:
        if len(rows[0]) == 1 and rows[0][0][0] == "==" and not rows[0][0][1].endswith(".*"):
            version = rows[0][0][1]
            if precision(version) < 3 and RELEASE.fullmatch(version):
                rows = [tilde(version)]
        return specifiers(rows[0])
    whole = one_range(rows)
    if whole is not None:
        return specifiers(whole)
    allowed = [python for python in PYTHONS if is_allowed(rows, python)]
    if not allowed:
        return specifiers(rows[0])
    between = PYTHONS[PYTHONS.index(allowed[0]) : PYTHONS.index(allowed[-1])]
    last = [] if allowed[-1] == PYTHONS[-1] else ["<" + bumped(allowed[-1], 1)]
    return ",".join([">=" + allowed[0], *("!=%s.*" % python for python in between if python not in allowed), *last])


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
    if operator in (">", "<="):
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
        row = one_range(rows)
        if row is not None:
            return specifiers(row)
        for first in rows:
            if not first:
                return ""
        self.result.warnings.append(
            "pyproject.toml has %s for %s, of which a requirement can say no more than the first and the last version: "
            "what is between is allowed as well" % (one.text("version"), name))
        ranges = [as_range(row) for row in rows]
        lows = [r[0] for r in ranges if r and r[0]]
        highs = [r[1] for r in ranges if r and r[1]]
        hull = []
        if len(lows) == len(rows):
            hull.append(min(lows, key=lambda c: release_key(c[1])))
        if len(highs) == len(rows):
            hull.append(max(highs, key=lambda c: release_key(c[1])))
        return specifiers(hull)

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
        inside = Folder(os.path.join(self.folder.path, source)) if self.folder.is_dir(source) else self.folder
        for path in inside.expand(one.text("include") or ""):
            if path:
                self.result.part(join(target, path), join(source, path))
            else:
                self.result.search = True
                self.result.where.append(join(source, "") or ".")


def file_url(folder, path):
    from urllib.parse import quote

    return "file://" + quote(os.path.normpath(os.path.join(folder.path, path)))
