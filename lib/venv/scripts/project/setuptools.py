# ---- [project], which all back ends have in common (PEP 621)

SAID = {"name": "its name", "version": "its version", "dependencies": "its dependencies",
        "optional-dependencies": "its extras", "entry-points": "its entry points",
        "requires-python": "the Python versions that it supports", "packages": "its packages"}


def read_project_table(result, folder, table):
    """Fills in what is static; returns the names of the fields that are not."""
    dynamic = set(table.list_of_texts("dynamic"))
    both = sorted(dynamic & set(table.keys()))
    if both:
        raise Malformed("pyproject.toml", table.line(both[0]),
                        "[project] has %s, and says that it is dynamic: it has to be one or the other" % both[0])
    file = "pyproject.toml"
    result.name = table.text("name")
    result.version = table.text("version")
    result.summary = table.text("description")
    result.requires_python = table.text("requires-python")
    result.require(folder, file, table.list_of_texts("dependencies"))
    extras = table.table("optional-dependencies")
    for extra in extras.keys():
        result.require(folder, file, extras.list_of_texts(extra), extra)
        result.extras.setdefault(normalize(extra), [])
    result.points("console_scripts", table.table("scripts").texts())
    result.points("gui_scripts", table.table("gui-scripts").texts())
    for group, names in table.table("entry-points").tables_of_texts().items():
        result.points(group, names)
    return dynamic


def need_name_and_version(result, table, dynamic):
    if not result.name:
        raise Malformed("pyproject.toml", table.line("name"), "[project] has no name")
    if not result.version and "version" not in dynamic:
        raise Malformed("pyproject.toml", table.line("version"),
                        '[project] has no version, and "version" is not in its list of what is dynamic')


def dynamic_by_others(result, dynamic):
    """Fields that the back end's plugins fill in, as nobody else does."""
    for field in ("version", "requires-python", "dependencies", "optional-dependencies"):
        if field in dynamic and field not in result.unknown:
            result.unknown[field] = "%s %s dynamic" % (SAID[field], "is" if field == "version" else "are")
    if dynamic & {"scripts", "gui-scripts", "entry-points"}:
        result.unknown.setdefault("entry-points", "its entry points are dynamic")


# ---- setup.py, of which plain values count

def is_call_of(node, *names):
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)
    return name in names


class Found:
    """find_packages() or find_namespace_packages()."""

    def __init__(self, where, include, exclude, namespaces):
        self.where, self.include, self.exclude, self.namespaces = where, include, exclude, namespaces


def found_packages(call):
    order = ("where", "exclude", "include")
    given = {order[i]: node for i, node in enumerate(call.args[:3])}
    if len(call.args) > 3 or any(k.arg not in order or k.arg in given for k in call.keywords):
        raise Unknown("no literal")
    given.update({k.arg: k.value for k in call.keywords})
    values = {name: literal(node) for name, node in given.items()}
    lists = {name: [v] if isinstance(v, str) else list(v) if isinstance(v, (list, tuple, set)) else None
             for name, v in values.items()}
    if any(v is None or not all(isinstance(x, str) for x in v) for v in lists.values()):
        raise Unknown("no literal")
    return Found(lists.get("where", ["."]), lists.get("include", []), lists.get("exclude", []),
                 is_call_of(call, "find_namespace_packages"))


class SetupPy:
    FINDERS = ("find_packages", "find_namespace_packages")

    def __init__(self, folder):
        self.keywords = {}
        self.opaque = None  # a clause where it may say anything
        tree = folder.tree("setup.py")
        self.exists = tree is not None
        if not self.exists:
            return
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and is_call_of(n, "setup")]
        if len(calls) != 1 or any(k.arg is None for k in calls[0].keywords):
            self.opaque = "setup.py does not call setup() once with keywords alone"
        else:
            self.keywords = {k.arg: k.value for k in calls[0].keywords}
        if self.keywords.get("pbr"):
            self.opaque = "pbr makes its metadata"

    def get(self, keyword, field):
        """None where it is not given."""
        if self.opaque:
            raise Unknown(self.opaque)
        node = self.keywords.get(keyword)
        if node is None:
            return None
        try:
            if keyword == "packages" and isinstance(node, ast.Call) and is_call_of(node, *self.FINDERS):
                return found_packages(node)
            return literal(node)
        except Unknown:
            raise Unknown("setup.py computes %s" % SAID[field]) from None


# ---- setup.cfg

class SetupCfg:
    FILE = "setup.cfg"

    def __init__(self, folder):
        self.folder = folder
        self.sections = {}
        text = folder.text(self.FILE)
        if text is None:
            return
        parser = configparser.RawConfigParser()
        parser.optionxform = str
        parse_ini(parser, text, self.FILE)
        for section in parser.sections():
            self.sections[section] = {k: v.strip() for k, v in parser.items(section)}

    def get(self, section, *keys):
        options = {k.replace("-", "_"): v for k, v in self.sections.get(section, {}).items()}
        return next((options[k] for k in keys if options.get(k)), None)

    def lines(self, value, separator):
        """A list in setup.cfg: by lines, or in one line by a separator."""
        pieces = value.split("\n") if "\n" in value else value.split(separator)
        return [p.strip() for p in pieces if p.strip()]

    def file_text(self, value, what):
        names = self.lines(value[len("file:") :], ",")
        return "\n".join(self.folder.named(name, self.FILE, what) for name in names)

    def requirements(self, value, what):
        """[(requirement, file)]"""
        if not value:
            return []
        if value.startswith("file:"):
            names = self.lines(value[len("file:") :], ",")
            return [(line, name) for name in names
                    for line in requirement_lines(self.folder.named(name, self.FILE, what))]
        return [(line, self.FILE) for line in self.lines(value, ";") if not line.startswith("#")]

    def dictionary(self, value):
        rows = [line.partition("=") for line in self.lines(value or "", ",")]
        return {key.strip(): rest.strip() for key, _, rest in rows}


def requirement_lines(text):
    """Of a file that dependencies are read from, without comments; one behind a requirement has a blank before it."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.split("\n"))
    return [line for line in lines if line]


def lines_of(value):
    """A list of setup.py, which may be a text of lines."""
    if isinstance(value, str):
        return [line.strip() for line in value.split("\n") if line.strip() and not line.strip().startswith("#")]
    if isinstance(value, (list, tuple, set)) and all(isinstance(v, str) for v in value):
        return [line for v in value for line in lines_of(v)]
    return None


def read_attribute(folder, spec, package_dir):
    """A name in a module, as text: what setuptools' `attr:` reads without importing anything."""
    *module, name = spec.strip().split(".")
    above = ""
    if module and module[0] in package_dir:
        above, module[0] = os.path.split(package_dir[module[0]])
    elif package_dir.get(""):
        above = package_dir[""]
    path = join(above, "/".join(module)) if module else join(above, "__init__")
    for file in (path + ".py", join(path, "__init__.py")):
        tree = folder.tree(file)
        if tree is None:
            continue
        node = next(assigned(tree, name), None)
        try:
            value = None if node is None else literal(node)
        except Unknown:
            value = None
        if isinstance(value, (list, tuple)):
            value = ".".join(map(str, value))
        if value is None or isinstance(value, dict):
            raise Unknown("its version is %s, which %s computes" % (spec.strip(), file))
        return str(value)
    raise Unknown("its version is %s, and there is no such module" % spec.strip())


# ---- setuptools

class Setuptools:
    def __init__(self, result, folder, document, table):
        self.result, self.folder = result, folder
        self.project = table
        self.tool = document.table("tool").table("setuptools")
        self.py, self.cfg = SetupPy(folder), SetupCfg(folder)
        self.build_requires = build_requirements(document)
        self.tools = document.table("tool").keys()
        self.package_dir = {}

    def read(self):
        if self.project is not None:
            dynamic = read_project_table(self.result, self.folder, self.project)
            need_name_and_version(self.result, self.project, dynamic)
        else:
            dynamic = {"name", "version", "description", "requires-python", "dependencies", "optional-dependencies",
                       "entry-points"}
        self.attempt("packages", self.read_packages)
        if "ext_modules" in self.py.keywords:
            self.result.warnings.append("setup.py has extension modules, which work from here only once they are "
                                        "built in place (python setup.py build_ext --inplace)")
        if dynamic & {"scripts", "gui-scripts", "entry-points"}:
            self.attempt("entry-points", self.read_entry_points)
        for field, reader in (("name", self.read_name), ("version", self.read_version),
                              ("description", self.read_summary), ("requires-python", self.read_python),
                              ("dependencies", self.read_dependencies),
                              ("optional-dependencies", self.read_extras)):
            if field in dynamic:
                self.attempt(field, reader)

    def attempt(self, field, reader):
        try:
            reader()
        except Unknown as e:
            if field in SAID:
                self.result.unknown[field] = str(e)

    def directive(self, field):
        """[tool.setuptools.dynamic] about a field; None where it says nothing."""
        dynamic = self.tool.table("dynamic")
        return dynamic.table(field) if field in dynamic else None

    def files(self, table, what):
        """[(text, file)] of a table with `file`."""
        value = table.value.get("file")
        names = [value] if isinstance(value, str) else table.list_of_texts("file")
        if not names:
            table.refuse("file", "a file's name")
        return [(self.folder.named(name, "pyproject.toml", what), name) for name in names]

    def read_name(self):
        self.result.name = self.typed("name", "name", str) or self.cfg.get("metadata", "name")
        if not self.result.name:
            raise Unknown("nothing says its name")

    def typed(self, keyword, field, *kinds):
        value = self.py.get(keyword, field)
        if value is not None and not isinstance(value, kinds):
            raise Malformed("setup.py", self.py.keywords[keyword].lineno, "%s is not what setup() takes" % keyword)
        return value

    def read_version(self):
        table = self.directive("version")
        if table is not None:
            self.result.version = self.directed_version(table)
            return
        if "use_scm_version" in self.py.keywords or "setuptools_scm" in self.tools or "setuptools-scm" in self.tools:
            raise Unknown("its version comes from setuptools-scm")
        given = self.typed("version", "version", str, int, float)
        if given:
            self.result.version = str(given)
            return
        value = self.cfg.get("metadata", "version")
        if value and value.startswith("attr:"):
            self.result.version = read_attribute(self.folder, value[len("attr:") :], self.package_dir)
        elif value and value.startswith("file:"):
            self.result.version = self.cfg.file_text(value, "the version").strip()
        else:
            self.result.version = value or self.no_version()

    def no_version(self):
        for name in ("setuptools-scm", "versioningit", "setuptools-git-versioning", "hatch-vcs", "versioneer",
                     "setuptools-git", "dunamai", "miniver"):
            if name in self.build_requires or name in self.tools:
                raise Unknown("its version comes from %s" % name)
        if self.project is not None:
            raise Unknown("its version is dynamic")
        return "0.0.0"

    def directed_version(self, table):
        if "attr" in table:
            return read_attribute(self.folder, table.text("attr"), self.package_dir)
        return "\n".join(text for text, _ in self.files(table, "the version")).strip()

    def read_summary(self):
        table = self.directive("description")
        if table is not None and "file" in table:
            self.result.summary = self.files(table, "the description")[0][0].strip()
            return
        given = self.py.get("description", "name")
        self.result.summary = given if isinstance(given, str) else self.cfg.get("metadata", "description", "summary")

    def read_python(self):
        table = self.directive("requires-python")
        if table is not None and "file" in table:
            self.result.requires_python = self.files(table, "requires-python")[0][0].strip()
            return
        given = self.typed("python_requires", "requires-python", str)
        self.result.requires_python = given or self.cfg.get("options", "python_requires")

    def read_dependencies(self):
        table = self.directive("dependencies")
        if table is not None:
            for text, file in self.files(table, "the list of dependencies"):
                self.result.require(self.folder, file, requirement_lines(text))
            return
        given = self.py.get("install_requires", "dependencies")
        lines = [] if given is None else lines_of(given)
        if lines is None:
            raise Unknown("setup.py computes %s" % SAID["dependencies"])
        if lines:
            self.result.require(self.folder, "setup.py", lines)
            return
        value = self.cfg.get("options", "install_requires")
        for line, file in self.cfg.requirements(value, "the list of dependencies"):
            self.result.require(self.folder, file, [line])

    def read_extras(self):
        tables = self.directive("optional-dependencies")
        if tables is not None:
            for extra in tables.keys():
                self.result.extras.setdefault(normalize(extra), [])
                for text, file in self.files(tables.table(extra), "an extra"):
                    self.result.require(self.folder, file, requirement_lines(text), extra)
            return
        given = self.typed("extras_require", "optional-dependencies", dict)
        for key, value in (given or {}).items():
            lines = lines_of(value)
            if not isinstance(key, str) or lines is None:
                raise Unknown("setup.py computes %s" % SAID["optional-dependencies"])
            self.extra(key, [(line, "setup.py") for line in lines])
        if not given:
            for key, value in self.cfg.sections.get("options.extras_require", {}).items():
                self.extra(key, self.cfg.requirements(value, "an extra"))

    def extra(self, key, rows):
        """A key may have a marker behind a colon."""
        extra, _, marker = key.partition(":")
        name = normalize(extra.strip()) if extra.strip() else None
        if name:
            self.result.extras.setdefault(name, [])
        for line, file in rows:
            self.result.require(self.folder, file, [conditional(line, marker.strip())], name)

    def read_entry_points(self):
        table = self.directive("entry-points")
        if table is not None:
            for text, file in self.files(table, "the list of entry points"):
                self.groups(ini_groups(text, file))
            return
        given = self.py.get("entry_points", "entry-points")
        if isinstance(given, str):
            self.groups(ini_groups(given, "setup.py"))
        elif isinstance(given, dict):
            for group, value in given.items():
                lines = lines_of(value)
                if not isinstance(group, str) or lines is None:
                    raise Unknown("setup.py computes %s" % SAID["entry-points"])
                self.result.points(group, entry_lines(lines))
        elif given is not None:
            raise Unknown("setup.py computes %s" % SAID["entry-points"])
        if not given:
            value = self.cfg.get("options", "entry_points")
            if value and value.startswith("file:"):
                self.groups(ini_groups(self.cfg.file_text(value, "the list of entry points"), "setup.cfg"))
            for group, value in self.cfg.sections.get("options.entry_points", {}).items():
                self.result.points(group, entry_lines(lines_of(value)))

    def groups(self, groups):
        for group, names in groups.items():
            self.result.points(group, names)

    # ---- packages

    def read_packages(self):
        self.package_dir = self.folders_of_packages()
        try:
            packages, modules = self.given_packages(), self.given_modules()
        except Unknown:
            self.result.where = [self.package_dir[""]] if self.package_dir.get("") else []
            raise
        result = self.result
        if isinstance(packages, Found):
            result.name_parts([], modules, self.place_of)
            result.search = True
            result.where = [join(w, "") or "." for w in packages.where]
            result.include = [] if packages.include == ["*"] else packages.include
            result.exclude, result.regular_only = packages.exclude, not packages.namespaces
            if len(result.where) == 1 and result.where[0] != ".":
                self.package_dir.setdefault("", result.where[0])
        elif packages is not None or modules:
            result.name_parts(packages or [], modules, self.place_of)
        elif self.package_dir:
            result.name_parts([p for p in self.package_dir if p], [], self.place_of)
            if self.package_dir.get(""):
                result.search, result.where = True, [self.package_dir[""]]
        elif self.folder.is_dir("src"):
            self.package_dir = {"": "src"}

    def folders_of_packages(self):
        if "package-dir" in self.tool:
            given = self.tool.table("package-dir").texts()
        else:
            given = self.py.get("package_dir", "packages")
            given = given or self.cfg.dictionary(self.cfg.get("options", "package_dir"))
        if not isinstance(given, dict) or not all(isinstance(v, str) for kv in given.items() for v in kv):
            raise Unknown("setup.py computes %s" % SAID["packages"])
        return {package: join(folder, "") if join(folder, "") != "." else "" for package, folder in given.items()}

    def given_packages(self):
        if "packages" in self.tool:
            return self.packages_of_tool()
        given = self.py.get("packages", "packages")
        if isinstance(given, Found):
            return given
        lines = [] if given is None else lines_of(given)
        if lines is None:
            raise Unknown("setup.py computes %s" % SAID["packages"])
        if lines:
            return lines
        value = self.cfg.get("options", "packages")
        if not value:
            return None if given is None else []
        if value in ("find:", "find_namespace:"):
            options = "options.packages.find"
            return Found([self.cfg.get(options, "where") or "."],
                         self.cfg.lines(self.cfg.get(options, "include") or "", ","),
                         self.cfg.lines(self.cfg.get(options, "exclude") or "", ","), value != "find:")
        return self.cfg.lines(value, ",")

    def packages_of_tool(self):
        if isinstance(self.tool.value["packages"], list):
            return self.tool.list_of_texts("packages")
        find = self.tool.table("packages").table("find")
        return Found(find.list_of_texts("where", ["."]), find.list_of_texts("include"), find.list_of_texts("exclude"),
                     find.flag("namespaces", True))

    def given_modules(self):
        if "py-modules" in self.tool:
            return self.tool.list_of_texts("py-modules")
        given = self.py.get("py_modules", "packages")
        lines = [] if given is None else lines_of(given)
        if lines is None:
            raise Unknown("setup.py computes %s" % SAID["packages"])
        return lines or self.cfg.lines(self.cfg.get("options", "py_modules") or "", ",")

    def place_of(self, package):
        """Where a package stands: the longest part of its name that has a folder of its own decides."""
        above, below = package.split(".") if package else [], []
        while above:
            folder = self.package_dir.get(".".join(above))
            if folder is not None:
                return join(folder, "/".join(below))
            below.insert(0, above.pop())
        return join(self.package_dir.get("", ""), "/".join(below))


def entry_lines(lines):
    rows = [line.partition("=") for line in lines or []]
    return {name.strip(): value.strip() for name, _, value in rows}


def build_requirements(document):
    """The normalised names in build-system.requires."""
    names = (re.match(r"[A-Za-z0-9._-]+", r.strip()) for r in document.table("build-system").list_of_texts("requires"))
    return {normalize(found.group()) for found in names if found}
