# Which entry points the code of a source has, as plux finds them when it is built: every module is imported, and what in
# it plux knows for a plugin of its own is one. Standard input: {"paths": [FOLDER that goes behind sys.path, …], "links":
# [[PATH in site-packages, where it leads], …], "regular_only": whether a folder without an __init__.py is no package, "include":
# [[PATTERN of packages' dotted names, …], …] (one of each list has to fit, where it has any), "exclude": [PATTERN, …] (none may),
# "scratch": FOLDER, "copy": whether nothing keeps the modules from writing to the source}. The answer: {"plux": whether there is one,
# "entry_points": [[GROUP, NAME, VALUE], …], "failed": [[MODULE, WHY], …]}.
import fnmatch
import inspect
import json
import os
import shutil
import sys
import tempfile

MARK = "\n@localstack-extensions-probe\n"
MOST = 5000  # modules


def resolver():
    try:
        from plux import PluginSpecResolver
    except ImportError:
        from plugin import PluginSpecResolver  # plux before 1.4
    return PluginSpecResolver()


def lay_out(request):
    """The source's packages and modules where Python finds them by their names."""
    place = tempfile.mkdtemp(dir=request["scratch"])
    for path, target in request["links"]:
        here = os.path.join(place, path)
        os.makedirs(os.path.dirname(here), exist_ok=True)
        if not request["copy"]:
            os.symlink(target, here)
        elif os.path.isdir(target):
            shutil.copytree(target, here, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy2(target, here)
    return place


def wanted(package, request):
    fits = lambda patterns: any(fnmatch.fnmatchcase(package, pattern) for pattern in patterns)
    return all(fits(patterns) for patterns in request["include"] if patterns) and not fits(request["exclude"])


def is_package(folder, name, request):
    if not name.isidentifier() or name == "__pycache__":
        return False
    return not request["regular_only"] or os.path.exists(os.path.join(folder, name, "__init__.py"))


def modules(path, target, request):
    """Dotted names of a link's modules: of a package all below it that are in packages too."""
    if not os.path.isdir(target):
        folder, file = os.path.split(path)
        yield os.path.join(folder, file.split(".")[0]).replace("/", ".")
        return
    name = path.replace("/", ".")
    for folder, folders, files in os.walk(target):
        folders[:] = sorted(f for f in folders if is_package(folder, f, request))
        below = os.path.relpath(folder, target)
        package = name if below == "." else name + "." + below.replace("/", ".")
        if not wanted(package, request):
            continue
        yield package
        for file in sorted(files):
            stem, end = os.path.splitext(file)
            if end == ".py" and stem.isidentifier() and not stem.startswith("__"):
                yield package + "." + stem


def entry_point(resolve, member, own):
    try:
        spec = resolve(member)
        module = inspect.getmodule(spec.factory).__name__
        return (spec.namespace, spec.name, module + ":" + spec.factory.__name__) if module in own else None
    except Exception:
        return None


def discover(request):
    resolve = resolver().resolve
    names = []
    for path, target in request["links"]:
        names += modules(path, target, request)
    names = names[:MOST]
    found, failed = {}, []
    for name in names:
        try:
            module = __import__(name, fromlist=["_"])
        except BaseException as why:
            failed.append([name, type(why).__name__ + ": " + str(why)])
            continue
        for _, member in inspect.getmembers(module):
            point = entry_point(resolve, member, set(names))
            if point:
                found.setdefault(point[:2], point[2])
    return {"plux": True, "entry_points": [[g, n, v] for (g, n), v in sorted(found.items())], "failed": failed}


def keep_home(scratch):
    """Elsewhere nothing can be written, and what some modules keep at home when they are imported is not worth a failure."""
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        os.environ.pop(name, None)
    os.environ.update(HOME=scratch, TMPDIR=scratch)


def main():
    request = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what modules print when they are imported is no part of the answer
    keep_home(request["scratch"])
    sys.path += [lay_out(request)] + request["paths"]
    try:
        said = discover(request)
    except ImportError:
        said = {"plux": False, "entry_points": [], "failed": []}
    answer.write(MARK + json.dumps(said))
    answer.flush()
    os._exit(0)  # threads that they started end here


main()
