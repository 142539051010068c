# ---- hatchling, flit-core, pdm-backend, uv-build

class Hatch:
    VERSION = r"(?i)^(__version__|VERSION) *= *(['\"])v?(?P<version>.+?)\2"

    def __init__(self, result, folder, document, table):
        self.result, self.folder, self.project = result, folder, table
        self.tool = document.table("tool").table("hatch")

    def read(self):
        if self.project is None:
            raise Malformed("pyproject.toml", 0, "it has no [project], and hatchling asks for one")
        dynamic = read_project_table(self.result, self.folder, self.project)
        need_name_and_version(self.result, self.project, dynamic)
        if "version" in dynamic:
            try:
                self.read_version()
            except Unknown as e:
                self.result.unknown["version"] = str(e)
        dynamic_by_others(self.result, dynamic - {"version"})
        self.fill_in_context()
        self.read_files()

    def read_version(self):
        table = self.tool.table("version")
        source = table.text("source", "regex")
        if source == "code":
            raise Unknown("its version comes from code in %s" % table.text("path", "a file"))
        if source != "regex":
            known = {"vcs": "hatch-vcs", "env": "the environment"}
            raise Unknown("its version comes from %s" % known.get(source, source))
        path = table.text("path")
        if not path:
            raise Unknown("its version is dynamic")
        pattern = table.text("pattern") or self.VERSION
        self.result.version = version_by_pattern(self.folder, table, path, pattern, "version")

    def fill_in_context(self):
        """{root}, {root:uri} and the like in direct references."""
        def filled(text):
            for field, value in (("{root:uri}", file_url(self.folder, ".")), ("{root:real}", self.folder.real),
                                 ("{root}", self.folder.path)):
                text = text.replace(field, value)
            return text

        for rows in [self.result.requires, *self.result.extras.values()]:
            rows[:] = [(filled(text), file, line) for text, file, line in rows]

    # ---- which files

    def option(self, key, reader="list_of_texts"):
        """Of the wheel, else of all targets."""
        build = self.tool.table("build")
        wheel = build.table("targets").table("wheel")
        table = wheel if key in wheel else build
        return getattr(table, reader)(key) if key in table else None

    def sources(self, packages):
        """[(prefix in the folder, what stands in its place)]; the first that fits counts."""
        build = self.tool.table("build")
        wheel = build.table("targets").table("wheel")
        table = wheel if "sources" in wheel else build
        given = table.value.get("sources", [])
        if isinstance(given, dict):
            rows = table.table("sources").texts()
        else:
            rows = dict.fromkeys(table.list_of_texts("sources"), "")
        for package in packages:
            rows.setdefault(os.path.dirname(package), "")
        rows = {prefix.strip("/"): new.strip("/") for prefix, new in rows.items()}
        return list(rows.items())

    def read_files(self):
        packages = [p.strip("/") for p in self.option("packages") or []]
        only = self.option("only-include") or packages
        forced = self.option("force-include", "table")
        include = self.option("include") or []
        sources = self.sources(packages)
        places = only or [path for pattern in include for path in self.folder.expand(pattern.lstrip("!"))
                          if not pattern.startswith("!")]
        for place in places:
            place = join(place.strip("/"), "")
            self.place("" if place == "." else place, sources)
        for place, path in (forced.texts() if forced else {}).items():
            if self.folder.inside(place):
                self.result.part(join(path.strip("/"), ""), join(place, ""))
        if self.option("bypass-selection", "flag"):
            self.result.search = False
        elif not places and not forced:
            self.result.only = self.default()

    def default(self):
        """Of the name as it is written and the normalised one the first that is there."""
        names = [re.sub(r"[^\w.]+", "_", self.result.name), normalize(self.result.name).replace("-", "_")]
        for name in names:
            files = [name + "/__init__.py", "src/%s/__init__.py" % name, name + ".py",
                     *("%s/%s/__init__.py" % (above, name) for above in self.folder.names("."))]
            if "." not in name and any(map(self.folder.is_file, files)):
                return name
        return names[1]

    def place(self, place, sources):
        """One that is to be in the wheel: a package or module, or a folder with some."""
        path = place
        for prefix, new in sources:
            if place == prefix or (place + "/").startswith(prefix + "/" if prefix else ""):
                path = join(new, place[len(prefix) :].strip("/"))
                break
        if path in ("", "."):
            self.result.search = True
            self.result.where.append(place or ".")
        else:
            search = bool(self.result.where)
            self.result.part(path, place)
            self.result.search = search


def version_by_pattern(folder, table, path, pattern, group):
    text = folder.named(path, "pyproject.toml", "the version")
    try:
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found.group(group)
    except (re.error, IndexError) as e:
        raise Malformed("pyproject.toml", table.line("pattern"), "pattern in [%s]: %s" % (table.path, e)) from None
    raise Malformed(path, 0, "the version is to be read from it, and no line of it looks as it has to, which is "
                             "__version__ = \"1.0\" where no pattern is given")


class Flit:
    FILES = ("__init__.py", "version.py", "_version.py", "__version__.py")

    def __init__(self, result, folder, document, table):
        self.result, self.folder, self.project = result, folder, table
        self.tool = document.table("tool").table("flit")

    def read(self):
        if self.project is not None:
            dynamic = read_project_table(self.result, self.folder, self.project)
            need_name_and_version(self.result, self.project, dynamic)
            module = self.tool.table("module").text("name") or self.result.name.replace("-", "_")
        elif "metadata" in self.tool:
            dynamic = {"version", "description"}
            module = self.read_metadata(self.tool.table("metadata"))
        else:
            raise Malformed("pyproject.toml", 0, "it has neither [project] nor [tool.flit.metadata], and flit asks for "
                                                 "one of them")
        self.result.only = module
        if dynamic & {"version", "description"}:
            self.read_module(module, dynamic)
        dynamic_by_others(self.result, dynamic - {"version"})

    def read_metadata(self, table):
        """What flit had before [project]."""
        module = table.text("module")
        if not module:
            raise Malformed("pyproject.toml", table.line("module"), "[tool.flit.metadata] has no module")
        self.result.name = table.text("dist-name") or module
        self.result.requires_python = table.text("requires-python")
        self.result.require(self.folder, "pyproject.toml", table.list_of_texts("requires"))
        extras = table.table("requires-extra")
        for extra in extras.keys():
            self.result.extras.setdefault(normalize(extra), [])
            self.result.require(self.folder, "pyproject.toml", extras.list_of_texts(extra), extra)
        if "dev-requires" in table:
            self.result.require(self.folder, "pyproject.toml", table.list_of_texts("dev-requires"), "dev")
        self.result.points("console_scripts", self.tool.table("scripts").texts())
        for group, names in self.tool.table("entrypoints").tables_of_texts().items():
            self.result.points(group, names)
        file = table.text("entry-points-file") or "entry_points.txt"
        if "entry-points-file" in table or self.folder.is_file(file):
            text = self.folder.named(file, "pyproject.toml", "the list of entry points")
            for group, names in ini_groups(text, file).items():
                self.result.points(group, names)
        return module

    def module_files(self, module):
        """Where its version may stand, the first of them first; there its docstring is."""
        path = module.replace(".", "/")
        for above in ("", "src"):
            package = join(above, path)
            if self.folder.is_dir(package):
                files = [join(package, name) for name in self.FILES]
                for file in files:
                    self.folder.note(file)
                return [file for file in files if self.folder.is_file(file)]
            if self.folder.is_file(package + ".py"):
                return [package + ".py"]
        return []

    def read_module(self, module, dynamic):
        files = self.module_files(module)
        trees = [tree for tree in map(self.folder.tree, files) if tree is not None]
        if not trees:
            self.result.unknown["version"] = "its version stands in the module %s, and there is none" % module
            return
        if "description" in dynamic:
            said = (ast.get_docstring(trees[0]) or "").strip()
            self.result.summary = said.split("\n")[0] or None
        if "version" in dynamic:
            versions = [node.value for tree in trees for node in assigned(tree, "__version__")
                        if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            self.result.version = versions[0] if versions else None
            if not self.result.version:
                self.result.unknown["version"] = "%s computes its version" % files[0]


class Pdm:
    VERSION = r"^(?:__version__|VERSION)\s*(?::\s*str\s*)?=\s*[\"'](?P<version>.+?)[\"']\s*(?:#.*)?$"

    def __init__(self, result, folder, document, table):
        self.result, self.folder, self.project = result, folder, table
        self.tool = document.table("tool").table("pdm")

    def read(self):
        if self.project is None:
            raise Malformed("pyproject.toml", 0, "it has no [project], and pdm-backend asks for one")
        dynamic = read_project_table(self.result, self.folder, self.project)
        need_name_and_version(self.result, self.project, dynamic)
        if not self.result.version:
            self.read_version(dynamic)
        dynamic_by_others(self.result, dynamic - {"version"})
        self.fill_in_root()
        self.read_packages()

    def read_version(self, dynamic):
        table = self.tool.table("version")
        self.folder.note(table.text("path", "/"))
        source = table.text("source") or ("file" if self.folder.is_file(table.text("path", "/")) else None)
        if source == "file":
            path, pattern = table.text("path", ""), table.text("pattern")
            self.result.version = version_by_pattern(self.folder, table, path, pattern or self.VERSION,
                                                     1 if pattern else "version")
        elif source or "version" in dynamic and table.keys():
            self.result.unknown["version"] = "its version comes from %s" % {
                "scm": "its repository's tags", "call": table.text("getter", "a function")}.get(source, "a plugin")
        else:
            self.result.version = "0.0.0"

    def fill_in_root(self):
        root = "file:///${PROJECT_ROOT}"
        for rows in [self.result.requires, *self.result.extras.values()]:
            rows[:] = [(text.replace(root, file_url(self.folder, ".")), file, line) for text, file, line in rows]

    def read_packages(self):
        build = self.tool.table("build")
        includes, excludes = build.list_of_texts("includes"), build.list_of_texts("excludes")
        top = self.top(build, includes, excludes)
        if includes:
            self.result.search = False
            for place in (path for include in includes for path in self.folder.expand(include)):
                if not place or place == top:
                    self.result.search, self.result.where = True, [top or "."]
                elif not top or place.startswith(top + "/"):
                    self.result.parts[place[len(top) :].strip("/")] = place
            return
        names = self.folder.names(top or ".")
        packages = [n for n in names if self.folder.is_file(join(join(top, n), "__init__.py"))]
        if packages:
            self.result.where, self.result.regular_only = [top or "."], True
            self.result.exclude = [] if top else ["tests", "tests.*"]
            for pattern in excludes:
                path = pattern.strip("/").removesuffix("/**")
                path = path[len(top) + 1 :] if top and path.startswith(top + "/") else path
                if path.isidentifier() or "/" in path and not is_magic(path) and not path.endswith(".py"):
                    self.result.exclude += [path.replace("/", "."), path.replace("/", ".") + ".*"]
        else:
            for name in names:
                if name.endswith(".py"):
                    self.result.part(name, join(top, name))

    def top(self, build, includes, excludes):
        if "package-dir" in build:
            top = join(build.text("package-dir"), "")
            return "" if top == "." else top
        in_src = not includes or any(join(i, "") == "src" or i.startswith("src/") for i in includes)
        return "src" if self.folder.is_dir("src") and in_src and not {"src", "src/"} & set(excludes) else ""


class Uv:
    def __init__(self, result, folder, document, table):
        self.result, self.folder, self.project = result, folder, table
        self.tool = document.table("tool").table("uv").table("build-backend")

    def read(self):
        if self.project is None:
            raise Malformed("pyproject.toml", 0, "it has no [project], and uv_build asks for one")
        dynamic = read_project_table(self.result, self.folder, self.project)
        need_name_and_version(self.result, self.project, dynamic)
        dynamic_by_others(self.result, dynamic)
        root = self.tool.text("module-root", "src")
        names = self.tool.value.get("module-name") or normalize(self.result.name).replace("-", "_")
        for name in [names] if isinstance(names, str) else self.tool.list_of_texts("module-name"):
            path = name.replace(".", "/")
            self.result.part(path, join(root, path))


class Other:
    """A back end of which nothing more is known: what is static in [project] counts."""

    def __init__(self, result, folder, document, table):
        self.result, self.folder, self.project = result, folder, table

    def read(self):
        if self.project is None:
            for field in ("name", "version", "dependencies"):
                self.result.unknown[field] = "only its back end %s knows its metadata" % self.result.backend
            return
        dynamic = read_project_table(self.result, self.folder, self.project)
        if not self.result.name:
            need_name_and_version(self.result, self.project, dynamic)
        dynamic_by_others(self.result, dynamic | (set() if self.result.version else {"version"}))
