# ---- what is asked and answered
#
# Standard input holds the paths of any number of folders, each behind a line with its length in bytes. The answer is
# a list with one object for each: Result.answer's, or {"error": TEXT, "file": NAME, "line": LINE, "quote": TEXT}; and
# in either what a boot has to look at: "files" {PATH in the folder: what fact_stat said of it}, "folders" [PATH].

BACKENDS = {"setuptools": Setuptools, "hatchling": Hatch, "flit_core": Flit, "flit": Flit, "poetry": Poetry,
            "poetry_dynamic_versioning": Poetry,
            "pdm": Pdm, "uv_build": Uv}


def backend_of(document, has_project):
    """The class that reads it, and the back end's name as it is written. Without a name PEP 517 means setuptools; old
    poetry and flit projects say by their tables alone whose they are."""
    system, tool = document.table("build-system"), document.table("tool")
    name = system.text("build-backend")
    if name:
        if "backend-path" in system:  # one of the project's own, which may do anything
            return Other, name
        return BACKENDS.get(re.split(r"[.:]", name)[0], Other), name
    if not has_project and "poetry" in tool:
        return Poetry, None
    if not has_project and "flit" in tool:
        return Flit, None
    return Setuptools, None


def toml(folder, loads):
    text = folder.text("pyproject.toml")
    if text is None:
        return {}
    if loads is None:
        raise Malformed("pyproject.toml", 0, "this Python is older than 3.11 and has no pip, so that nothing here "
                                             "reads TOML")
    try:
        return loads(text)
    except RecursionError:
        raise Malformed("pyproject.toml", 0, "its tables and arrays are nested too deeply") from None
    except ValueError as e:
        said = str(e)
        place = re.search(r" ?\(at (?:line (\d+), column \d+|end of document)\)$", said)
        line = int(place.group(1)) if place and place.group(1) else text.count("\n") + 1 if place else 0
        raise Malformed("pyproject.toml", line, said[: place.start()] if place else said) from None


def read_plux(result, document):
    """Whether and where it would look for plugins at a build."""
    settings = document.table("tool").table("plux")
    asked = "plux" in build_requirements(document) and settings.text("entrypoint_build_mode") != "manual"
    for key, to in (("include", result.plux_include), ("exclude", result.plux_exclude)):
        for path in settings.list_of_texts(key) if asked else ():
            to.append(".".join(part for part in os.path.splitext(path)[0].split("/") if part not in ("", ".")))
    result.plux = asked


def read_folder(folder, loads):
    result = Result()
    document = Table(folder, "", toml(folder, loads))
    table = document.table("project") if "project" in document else None
    reader, result.backend = backend_of(document, table is not None)
    if table is None and reader is Setuptools and not folder.is_file("setup.py") and not folder.is_file("setup.cfg"):
        # an egg-info may be all that there is; whoever asked looks for one
        for field in ("name", "version", "dependencies"):
            result.unknown[field] = "nothing says %s" % SAID[field]
    else:
        reader(result, folder, document, table).read()
    for file in ("pyproject.toml", "setup.cfg", "setup.py") if result.version else ():
        line = folder.line_with(file, result.version)
        if line:
            result.version_at = [file, line]
            break
    read_plux(result, document)
    folder.note_layout(result)
    return printable(result.answer())


def printable(value):
    """Without what JSON cannot carry."""
    if isinstance(value, dict):
        return {printable(k): printable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(v) for v in value]
    if isinstance(value, str):
        if "\0" in value:
            raise Malformed("pyproject.toml", 0, "a text in it holds a NUL character")
        value.encode()  # UnicodeEncodeError is a ValueError
    return value


def refusal(folder, why):
    quote = ""
    try:
        lines = (folder.text(why.file) or "").split("\n")
        quote = lines[why.line - 1].strip()[:100] if 0 < why.line <= len(lines) else ""
    except (Malformed, OSError, ValueError):
        pass
    return {key: value.encode("utf-8", "replace").decode().replace("\0", " ") if isinstance(value, str) else value
            for key, value in (("error", why.why), ("file", why.file), ("line", why.line), ("quote", quote))}


def too_slow(*_):
    raise TooSlow


def answer_for(path, loads):
    folder = Folder(path)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        said = read_folder(folder, loads)
    except Malformed as e:
        said = refusal(folder, e)
    except TooSlow:
        said = refusal(folder, Malformed("", 0, "its project files could not be read within %d s" % SECONDS))
    except (RecursionError, MemoryError, ValueError, OSError) as e:
        why = "its project files cannot be read: %s" % (str(e) or type(e).__name__)
        said = refusal(folder, Malformed("", 0, why))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return {**said, **folder.looked_at()}


def main():
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_slow)
    stream = sys.stdin.buffer
    paths = [os.fsdecode(stream.read(int(line))) for line in iter(stream.readline, b"")]
    parser = toml_parser()
    answer = [answer_for(path, parser and parser.loads) for path in paths]
    sys.stdout.flush()
    sys.stdout.write(MARK + json.dumps(answer, separators=(",", ":")))
    sys.stdout.flush()


main()
