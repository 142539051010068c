# Asked once of the base's interpreter; prints one JSON object after a marker line. Runs at the start of a
# sync, so it imports next to nothing: json, platform and sysconfig's variables cost more than all the rest.
# Written so that any Python 3 gets as far as the first line of output.
import sys

MARK = "\n@localstack-extensions-probe\n"


def text(value):
    out = []
    for c in value:
        n = ord(c)
        if 32 <= n < 127 and c not in '"\\':
            out.append(c)
        elif n > 0xFFFF:
            n -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 + (n >> 10), 0xDC00 + (n & 0x3FF)))
        else:
            out.append("\\u%04x" % n)
    return '"' + "".join(out) + '"'


def json(value):
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ",".join(text(k) + ":" + json(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json(v) for v in value) + "]"
    return str(value) if isinstance(value, int) else text(value)


def answer(value):
    sys.stdout.flush()
    sys.stdout.write(MARK + json(value))
    sys.stdout.flush()


if sys.version_info < (3, 10):
    answer({"too_old": "%d.%d" % sys.version_info[:2]})
    sys.exit(0)

import os


def musl():
    """The version of the musl that this process runs on; its loader prints it when called without arguments."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as f:
            loader = next(p for p in (line.split()[-1] for line in f) if "/ld-musl-" in p)
        import subprocess

        said = subprocess.run([loader], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL).stderr.decode()
        version = next(line for line in said.splitlines() if line.startswith("Version "))
        return [int(n) for n in version.split()[1].split(".")[:2]]
    except (OSError, ValueError, StopIteration, IndexError):
        return [0, 0]


def libc():
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if name == "glibc":
            return [int("".join(c for c in n if c.isdigit())) for n in version.split(".")[:2]], [0, 0]
    except (AttributeError, OSError, ValueError):
        pass
    return [0, 0], musl()


def armhf():
    try:
        with open(sys.executable, "rb") as f:
            head = f.read(52)
    except OSError:
        return False
    if len(head) < 52 or head[:6] != b"\x7fELF\x01\x01" or int.from_bytes(head[18:20], "little") != 40:
        return False
    flags = int.from_bytes(head[36:40], "little")
    return flags >> 24 == 5 and bool(flags & 0x400)


def implementation():
    known = {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name)
    if known is None:
        import platform

        known = platform.python_implementation()
    return known


def implementation_version():
    v = sys.implementation.version
    text = "%d.%d.%d" % (v[0], v[1], v[2])
    return text if v[3] == "final" else text + v[3][0] + str(v[4])


def full_version():
    if sys.implementation.name == "cpython":
        version = sys.version.split()[0]
    else:
        import platform

        version = platform.python_version()
    return version + "local" if version.endswith("+") else version


def platform_tag(uname):
    given = os.environ.get("_PYTHON_HOST_PLATFORM")
    if given:
        return given
    machine = uname.machine.replace(" ", "_").replace("/", "-")
    return uname.sysname.lower().replace("/", "") + "-" + machine


def soabi():
    import _imp

    for suffix in _imp.extension_suffixes():
        if suffix.endswith(".so") and len(suffix) > 4:
            return suffix[1:-3]
    return ""


def split_path():
    """sys.path as (the base's folders, the standard library's)."""
    library = os.path.dirname(os.__file__)
    archive = "python%d%d" % sys.version_info[:2]
    base, standard = [], []
    for folder in sys.path:
        name = os.path.basename(folder)
        if folder == library or name == "lib-dynload" or name in (archive + ".zip", archive + "t.zip"):
            standard.append(folder)
        elif folder and os.path.isabs(folder) and folder not in base:
            base.append(folder)
    return base, standard


def absent_folders(folders):
    """What .pth files name and is not there: once it is, sys.path is another."""
    absent = []
    for folder in folders:
        try:
            names = sorted(n for n in os.listdir(folder) if n.endswith(".pth"))
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(folder, name), encoding="utf-8-sig", errors="surrogateescape") as f:
                    lines = f.read(1 << 20).splitlines()
            except OSError:
                continue
            for line in lines:
                line = line.rstrip()
                if not line.strip() or line.startswith(("#", "import ", "import\t")):
                    continue
                path = os.path.abspath(os.path.join(folder, line))
                if not os.path.exists(path) and path not in absent:
                    absent.append(path)
    return absent


def pip(folders):
    """pip's version and the index that it asks by itself, read from its source: importing it takes longer than
    all the rest. Source that is not as every pip since 10 has it is imported after all."""
    for folder in folders:
        top = os.path.join(folder, "pip")
        if os.path.isfile(os.path.join(top, "__init__.py")):
            break
    else:
        return None, None

    def read(*names):
        try:
            with open(os.path.join(top, *names), encoding="utf-8") as f:
                return f.read()
        except (OSError, ValueError):
            return ""

    def literal(source, before):
        _, found, rest = source.partition(before)
        value = rest.partition('"')[0]
        return value if found and "\\" not in value and "\n" not in value else None

    version = literal(read("__init__.py"), '\n__version__ = "')
    if not version:
        import pip as module

        version = module.__version__
    source = read("_internal", "models", "index.py")
    url = literal(source, '\nPyPI = PackageIndex("')
    usual = (
        'self.simple_url = self._url_for_path("simple")' in source
        and "return urllib.parse.urljoin(self.url, path)" in source
        and "    default=PyPI.simple_url,\n" in read("_internal", "cli", "cmdoptions.py")
    )
    if usual and url and url.endswith("/") and url.startswith(("https://", "http://")):
        return version, url + "simple"
    try:
        from pip._internal.cli import cmdoptions

        return version, cmdoptions.index_url().default
    except Exception:
        from pip._internal.models.index import PyPI

        return version, PyPI.simple_url


def main():
    uname = os.uname()
    base, standard = split_path()
    glibc, musl_version = libc()
    threaded = "t" in getattr(sys, "abiflags", "")
    pip_version, pip_index_url = pip(base)
    name = "pypy" if sys.implementation.name == "pypy" else "python"
    short = "%s%d.%d" % ((name,) + sys.version_info[:2])
    answer(
        {
            "base_executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
            "base_home": os.path.dirname(getattr(sys, "_base_executable", None) or sys.executable),
            "implementation_name": sys.implementation.name,
            "implementation_version": implementation_version(),
            "os_name": os.name,
            "python_full_version": full_version(),
            "platform_python_implementation": implementation(),
            "python_version": "%d.%d" % sys.version_info[:2],
            "sys_platform": sys.platform,
            "major": sys.version_info[0],
            "minor": sys.version_info[1],
            "soabi": soabi(),
            "free_threaded": threaded,
            "debug": hasattr(sys, "gettotalrefcount"),
            "platform": platform_tag(uname),
            "is_64bit": sys.maxsize > 2**32,
            "glibc": glibc,
            "musl": musl_version,
            "armhf": uname.machine.startswith("armv") and armhf(),
            "site_packages": "lib/%s%s/site-packages" % (short, "t" if threaded else ""),
            "include": "include/site/" + short,
            "path": base,
            "real_path": [os.path.realpath(p) for p in base],
            "absent": absent_folders(base),
            "stdlib": standard,
            "pip_version": pip_version,
            "pip_index_url": pip_index_url,
        }
    )


main()
