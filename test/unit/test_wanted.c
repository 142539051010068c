/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/wanted.h"

#include "base/fs.h"
#include "boot/fact.h"
#include "cpython.h"
#include "index/url.h"
#include "test.h"

#include <unistd.h>

/* A session that knows its inputs and its markers, and nothing else. */
struct world {
    struct arena a;
    struct session s;
    struct session_options options;
    struct wanted wanted;
    const char *folder;
};

static char no_environment[] = "HOME=/nowhere";
static char *standard_environment[] = {no_environment, NULL};

static int set_up(void **state)
{
    struct world *w = test_calloc(1, sizeof *w);
    char *folder = arena_strdup(&w->a, "/tmp/test-wanted-XXXXXX");
    assert_non_null(mkdtemp(folder));
    w->folder = folder;
    w->s.options = &w->options;
    w->s.environ = standard_environment;
    w->s.paths.conf_txt = path_join(&w->a, folder, "extensions.txt");
    w->s.has_interpreter = true;
    w->s.has_sources = true; /* none */
    w->s.py.markers = cpython_markers;
    log_set_level(LOG_ERROR);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fs_remove_tree(AT_FDCWD, w->folder, NULL);
    wanted_free(&w->wanted);
    array_free(&w->options.requirement_files);
    array_free(&w->options.constraint_files);
    array_free(&w->options.arguments);
    settings_free(&w->s.settings);
    array_free(&w->s.folders);
    array_free(&w->s.folder_facts);
    array_free(&w->s.wheels);
    array_free(&w->s.wheel_facts);
    arena_free(&w->s.memory);
    arena_free(&w->a);
    test_free(w);
    return 0;
}

static const char *place(struct world *w, const char *name)
{
    return path_join(&w->a, w->folder, name);
}

static void put_bytes(struct world *w, const char *name, struct text bytes)
{
    const char *file = place(w, name);
    assert_int_equal(fs_mkdirs(arena_strndup(&w->a, file, (size_t)(path_base(file) - file - 1)), NULL), 0);
    assert_int_equal(fs_write(AT_FDCWD, file, bytes, 0644, false, NULL), 0);
}

static void put(struct world *w, const char *name, const char *text)
{
    put_bytes(w, name, text_of(text));
}

static void read_all(struct world *w)
{
    struct err err cleanup_err = ERR_INIT;
    wanted_free(&w->wanted);
    if (wanted_read(&w->s, &w->wanted, &err) < 0)
        fail_msg("%s", err.text);
}

static void read_variable(struct world *w, const char *value)
{
    w->s.settings.auto_install = value;
    read_all(w);
}

static void read_refused(struct world *w, const char *part)
{
    struct err err cleanup_err = ERR_INIT;
    wanted_free(&w->wanted);
    assert_true(wanted_read(&w->s, &w->wanted, &err) < 0);
    assert_int_equal(err.kind, ERR_USAGE);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

/* A `from` as the tests write it: what begins with @ stands in the folder. */
static const char *from_of(struct world *w, const char *from)
{
    return *from == '@' ? place(w, from + 1) : from;
}

static void assert_root(struct world *w, size_t i, const char *text, const char *from)
{
    assert_true(i < w->wanted.roots.count);
    assert_string_equal(w->wanted.roots.items[i].requirement->text, text);
    assert_string_equal(w->wanted.roots.items[i].from, from_of(w, from));
}

static void assert_constraint(struct world *w, size_t i, const char *text, const char *from)
{
    assert_true(i < w->wanted.constraints.count);
    assert_string_equal(w->wanted.constraints.items[i].requirement->text, text);
    assert_string_equal(w->wanted.constraints.items[i].from, from_of(w, from));
}

struct failure {
    const char *requirement, *from, *reason; /* reason: a part of it */
    bool malformed;
    size_t before;
};

static void assert_failure(struct world *w, size_t i, const struct failure *expected)
{
    assert_true(i < w->wanted.failures.count);
    const struct wanted_failure *f = &w->wanted.failures.items[i];
    assert_string_equal(f->requirement, from_of(w, expected->requirement));
    assert_string_equal(f->from, from_of(w, expected->from));
    if (!strstr(f->reason, expected->reason))
        fail_msg("%s: \"%s\" does not say \"%s\"", f->requirement, f->reason, expected->reason);
    assert_int_equal(f->malformed, expected->malformed);
    assert_int_equal(f->before, expected->before);
}

#define ASSERT_FAILURE(w, i, ...) assert_failure(w, i, &(const struct failure){__VA_ARGS__})

static void assert_counts(struct world *w, size_t roots, size_t constraints, size_t failures)
{
    for (size_t i = failures; i < w->wanted.failures.count; i++)
        print_message("%s: %s\n", w->wanted.failures.items[i].requirement,
                      w->wanted.failures.items[i].reason);
    assert_int_equal(w->wanted.roots.count, roots);
    assert_int_equal(w->wanted.constraints.count, constraints);
    assert_int_equal(w->wanted.failures.count, failures);
}

static bool was_read(struct world *w, const char *name)
{
    array_each (&w->wanted.files, file)
        if (strcmp(*file, place(w, name)) == 0)
            return true;
    return false;
}

/* ---- the default inputs */

static void reads_the_variable(void **state)
{
    struct world *w = *state;
    read_variable(w, "foo[b,a]>=1,<2, bar ,baz @ https://example.test/baz-1-py3-none-any.whl,");
    assert_counts(w, 3, 0, 0);
    assert_root(w, 0, "foo[b,a]>=1,<2", "EXTENSION_AUTO_INSTALL");
    assert_int_equal(w->wanted.roots.items[0].requirement->extra_count, 2);
    assert_root(w, 1, "bar", "EXTENSION_AUTO_INSTALL");
    assert_string_equal(w->wanted.roots.items[2].requirement->url,
                        "https://example.test/baz-1-py3-none-any.whl");
}

static void the_variable_wins_over_install(void **state)
{
    struct world *w = *state;
    char *install[] = {arena_strdup(&w->a, "one"), arena_strdup(&w->a, "two>")};
    w->s.settings.install = install;
    w->s.settings.install_count = 2;
    read_all(w);
    assert_counts(w, 1, 0, 1);
    assert_root(w, 0, "one", "install");
    ASSERT_FAILURE(w, 0, "two>", "install", "two>", true, 1);
    read_variable(w, "three");
    assert_counts(w, 1, 0, 0);
    assert_root(w, 0, "three", "EXTENSION_AUTO_INSTALL");
}

static void reads_the_file_before_the_variable(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt",
        "# a comment\n\nfoo>=1  # why\n   bar \\\n  >=2,\\\n  "
        "<3\nbaz#fragment\nqux==${VERSION}\n${UNSET}x\n");
    char version[] = "VERSION=7";
    char *environment[] = {version, NULL};
    w->s.environ = environment;
    read_variable(w, "last");
    assert_counts(w, 4, 0, 2);
    assert_root(w, 0, "foo>=1", "@extensions.txt:3");
    assert_string_equal(w->wanted.roots.items[1].requirement->name, "bar");
    assert_string_equal(w->wanted.roots.items[1].from, place(w, "extensions.txt:4"));
    assert_root(w, 2, "qux==7", "@extensions.txt:8");
    assert_root(w, 3, "last", "EXTENSION_AUTO_INSTALL");
    ASSERT_FAILURE(w, 0, "baz#fragment", "@extensions.txt:7", "baz#fragment", true, 2);
    ASSERT_FAILURE(w, 1, "${UNSET}x", "@extensions.txt:9", "${UNSET}x", true, 3);
}

static void an_absent_file_is_empty(void **state)
{
    struct world *w = *state;
    read_all(w);
    assert_counts(w, 0, 0, 0);
    assert_true(was_read(w, "extensions.txt")); /* when it comes, that is a change */
}

static void a_file_that_cannot_be_read_fails_alone(void **state)
{
    struct world *w = *state;
    assert_int_equal(fs_mkdirs(place(w, "extensions.txt"), NULL), 0);
    read_variable(w, "foo");
    assert_counts(w, 1, 0, 1);
    assert_string_equal(w->wanted.failures.items[0].requirement, place(w, "extensions.txt"));
    assert_string_equal(w->wanted.failures.items[0].from, place(w, "extensions.txt"));
    assert_int_equal(w->wanted.failures.items[0].before, 0);
    assert_int_equal(rmdir(place(w, "extensions.txt")), 0);
    put_bytes(w, "extensions.txt", T("foo\n\xff\xfe\xfa\n"));
    read_variable(w, "foo");
    assert_counts(w, 1, 0, 1);
    ASSERT_FAILURE(w, 0, "@extensions.txt", "@extensions.txt", "extensions.txt: ", true, 0);
}

static void a_marker_that_does_not_hold_drops_the_requirement(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt",
        "foo; python_version < '3.13'\nbar; sys_platform == 'linux'\n-c constraints.txt\n");
    put(w, "constraints.txt", "baz<1; os_name == 'nt'\nqux<1; os_name == 'posix'\n");
    read_all(w);
    assert_counts(w, 1, 1, 0);
    assert_root(w, 0, "bar; sys_platform == 'linux'", "@extensions.txt:2");
    assert_constraint(w, 0, "qux<1; os_name == 'posix'", "@constraints.txt:2");
}

static void a_malformed_requirement_fails_alone(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt",
        "one\nfoo bar\ntwo\n--no-such-option\nthree\n-e https://four.example/4.zip\nfive --hash=sha256:aa\n"
        "--pre\nsix\n");
    read_all(w);
    assert_counts(w, 5, 0, 3);
    ASSERT_FAILURE(w, 0, "foo bar", "@extensions.txt:2", "line of its own", true, 1);
    ASSERT_FAILURE(w, 1, "--no-such-option", "@extensions.txt:4", "--no-such-option", true, 2);
    ASSERT_FAILURE(w, 2, "-e https://four.example/4.zip", "@extensions.txt:6", "cannot be editable", true, 3);
    assert_root(w, 3, "five", "@extensions.txt:7");
    assert_root(w, 4, "six", "@extensions.txt:9");
}

static void variables_are_told_by_name_each_once(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"SET", "UNSET", "EMPTY", "FILE", "DEEP", "LIMIT"};
    char set[] = "SET=1", empty[] = "EMPTY=", file[] = "FILE=more/a.txt", unasked[] = "UNASKED=1";
    char *environment[] = {unasked, set, empty, file, NULL};
    w->s.environ = environment;
    put(w, "extensions.txt",
        "one==${SET} # ${COMMENT}\n# ${COMMENT}\ntwo==${UNSET}\nthree${EMPTY}\nfour==${SET}\n$PLAIN${lower}\n"
        "-r ${FILE}\n-c limits.txt\n");
    put(w, "more/a.txt", "five==${DEEP}${SET}\n");
    put(w, "limits.txt", "six<${LIMIT}\n");
    read_variable(w, "seven==${VARIABLE}");
    assert_int_equal(w->wanted.variables.count, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(w->wanted.variables.items[i], names[i]);
    assert_root(w, 0, "one==1", "@extensions.txt:1");
}

static void local_files_are_looked_at_before_they_are_read(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"a.whl", "b.whl", "one-1.zip", "limit.whl", "c.whl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(w, names[i], "no archive");
    put(w, "other.whl", "");
    put(w, "extensions.txt",
        arena_printf(&w->a,
                     "a @ file://%s/a.whl\n./b.whl\none-1.zip\n-c limits.txt\n./other.whl; os_name == 'nt'\n"
                     "./absent.whl\nhttps//u:secret@example.test/x.whl\na @ https://example.test/a.whl\n",
                     w->folder));
    put(w, "limits.txt", arena_printf(&w->a, "l @ file://%s/limit.whl\n", w->folder));
    read_variable(w, arena_printf(&w->a, "%s/c.whl,%s/a.whl", w->folder, w->folder));
    assert_int_equal(w->s.wheels.count, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(w->s.wheels.items[i], place(w, names[i]));
        assert_string_equal(w->s.wheel_facts.items[i], fact_stat(&w->a, place(w, names[i])));
    }
}

/* ---- files that name files */

static void an_included_file_stands_where_it_is_included(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\n-r more/a.txt\n--requirement=more/b.txt\nlast\n");
    put(w, "more/a.txt", "two\n-r b.txt\n");
    put(w, "more/b.txt", "three\n-r ../c.txt\n");
    put(w, "c.txt", "\nfour\n");
    read_all(w);
    assert_counts(w, 7, 0, 0);
    assert_root(w, 0, "one", "@extensions.txt:1");
    assert_root(w, 1, "two", "@more/a.txt:1");
    assert_root(w, 2, "three", "@more/b.txt:1");
    assert_root(w, 3, "four", "@c.txt:2");
    assert_root(w, 4, "three", "@more/b.txt:1"); /* named twice is no circle */
    assert_root(w, 5, "four", "@c.txt:2");
    assert_root(w, 6, "last", "@extensions.txt:4");
    assert_true(was_read(w, "more/a.txt"));
    assert_true(was_read(w, "c.txt"));
}

static void paths_of_included_files_are_absolute_or_file_urls(void **state)
{
    struct world *w = *state;
    put(w, "a b.txt", "one\n");
    put(w, "c.txt", "two\n");
    put(w, "extensions.txt",
        arena_printf(&w->a, "-r file://%s/a%%20b.txt\n-r %s/c.txt\n", w->folder, w->folder));
    read_all(w);
    assert_counts(w, 2, 0, 0);
    assert_root(w, 0, "one", "@a b.txt:1");
    assert_root(w, 1, "two", "@c.txt:1");
}

static void constraints_are_no_requirements(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\n-c constraints.txt\ntwo\n");
    put(w, "constraints.txt", "foo<2\n-r more.txt\n-c last.txt\nbad bad\n");
    put(w, "more.txt", "bar<3\n");
    put(w, "last.txt", "baz<4\n");
    read_all(w);
    assert_counts(w, 2, 4, 1);
    assert_string_equal(w->wanted.constraints.items[3].requirement->name, "bad");
    assert_non_null(w->wanted.constraints.items[3].broken);
    assert_root(w, 1, "two", "@extensions.txt:3");
    assert_constraint(w, 0, "foo<2", "@constraints.txt:1");
    assert_constraint(w, 1, "bar<3", "@more.txt:1");
    assert_constraint(w, 2, "baz<4", "@last.txt:1");
    ASSERT_FAILURE(w, 0, "bad bad", "@constraints.txt:4", "line of its own", true, 1);
}

static void a_file_that_includes_itself_fails_there(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\n-r a.txt\ntwo\n-r ./extensions.txt\n");
    put(w, "a.txt", "three\n-r sub/../b.txt\nfour\n");
    put(w, "b.txt", "-r extensions.txt\n-c a.txt\nfive\n");
    read_all(w);
    assert_counts(w, 5, 0, 3);
    ASSERT_FAILURE(w, 0, "-r extensions.txt", "@b.txt:1", "includes itself", true, 2);
    ASSERT_FAILURE(w, 1, "-c a.txt", "@b.txt:2", "includes itself", true, 2);
    ASSERT_FAILURE(w, 2, "-r ./extensions.txt", "@extensions.txt:4", "includes itself", true, 5);
    assert_root(w, 2, "five", "@b.txt:3");
    assert_root(w, 3, "four", "@a.txt:3");
}

static void an_included_file_that_cannot_be_read_fails_there(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\n-r absent.txt\n-r folder\n-r binary.txt\ntwo\n");
    assert_int_equal(fs_mkdirs(place(w, "folder"), NULL), 0);
    put_bytes(w, "binary.txt", T("\xff\xfe\xfa"));
    read_all(w);
    assert_counts(w, 2, 0, 3);
    ASSERT_FAILURE(w, 0, "-r absent.txt", "@extensions.txt:2", "absent.txt", false, 1);
    assert_string_equal(w->wanted.failures.items[1].requirement, "-r folder");
    ASSERT_FAILURE(w, 2, "-r binary.txt", "@extensions.txt:4", "binary.txt", true, 1);
    assert_true(was_read(w, "absent.txt"));
}

/* A constraint is never left out: without its file nothing is known to be within it. */
static void what_an_unreadable_constraints_file_limits_fails_with_it(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\nbad bad\n-c folder\ntwo\n");
    assert_int_equal(fs_mkdirs(place(w, "folder"), NULL), 0);
    read_variable(w, "variable");
    assert_counts(w, 1, 0, 4);
    assert_root(w, 0, "variable", "EXTENSION_AUTO_INSTALL");
    ASSERT_FAILURE(w, 0, "bad bad", "@extensions.txt:2", "bad", true, 0);
    assert_string_equal(w->wanted.failures.items[1].requirement, "-c folder");
    ASSERT_FAILURE(w, 2, "one", "@extensions.txt:1", "-c folder", false, 0);
    ASSERT_FAILURE(w, 3, "two", "@extensions.txt:4", "extensions.txt:3", false, 0);
}

static void files_nest_thirty_two_deep(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "-r 1.txt\n");
    for (int i = 1; i < 40; i++)
        put(w, arena_printf(&w->a, "%d.txt", i), arena_printf(&w->a, "foo%d\n-r %d.txt\n", i, i + 1));
    read_all(w);
    assert_counts(w, 31, 0, 1);
    ASSERT_FAILURE(w, 0, "-r 32.txt", "@31.txt:2", "more than 32 deep", true, 31);
    assert_false(was_read(w, "32.txt"));
}

/* ---- paths and URLs */

static void assert_direct(struct world *w, size_t i, const char *name, const char *url)
{
    assert_true(i < w->wanted.roots.count);
    const struct requirement *r = w->wanted.roots.items[i].requirement;
    assert_string_equal(r->name, name);
    assert_non_null(r->url);
    assert_string_equal(r->url, url);
}

/* Each file is included twice by the one before it: 2^20 readings, were there no limit. */
static void files_that_double_have_an_end(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "-r f0.txt\none\n");
    for (int i = 0; i < 20; i++) {
        char name[16], text[64];
        snprintf(name, sizeof name, "f%d.txt", i);
        snprintf(text, sizeof text, "-r f%d.txt\n-r f%d.txt\n", i + 1, i + 1);
        put(w, name, text);
    }
    put(w, "f20.txt", "two\n");
    read_all(w);
    assert_true(w->wanted.failures.count > 0);
    assert_non_null(strstr(w->wanted.failures.items[0].reason, "more than 200 files are included"));
    assert_string_equal(w->wanted.roots.items[w->wanted.roots.count - 1].requirement->name, "one");
}

static void a_bare_wheel_is_named_by_its_file(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt",
        "-r sub/more.txt\n/abs/Foo_Bar-1.0-py3-none-any.whl\n"
        "https://example.test/d/foo-1.0-py3-none-any.whl#sha256=00\n"
        "file:///d/foo-1.0-py3-none-any.whl\n");
    put(w, "sub/more.txt",
        "./foo-1.0-py3-none-any.whl\n../d/foo-1.0-1-py3-none-any.whl[b,a]\n"
        "./foo-2.0-py3-none-any.whl ; python_version > '3'\n"
        "./foo-3.0-py3-none-any.whl ; python_version < '3'\n");
    read_all(w);
    assert_counts(w, 6, 0, 0);
    assert_direct(w, 0, "foo", arena_printf(&w->a, "file://%s", place(w, "sub/foo-1.0-py3-none-any.whl")));
    assert_root(w, 0, "./foo-1.0-py3-none-any.whl", "@sub/more.txt:1");
    assert_direct(w, 1, "foo", arena_printf(&w->a, "file://%s", place(w, "d/foo-1.0-1-py3-none-any.whl")));
    assert_int_equal(w->wanted.roots.items[1].requirement->extra_count, 2);
    assert_direct(w, 2, "foo", arena_printf(&w->a, "file://%s", place(w, "sub/foo-2.0-py3-none-any.whl")));
    assert_direct(w, 3, "foo-bar", "file:///abs/Foo_Bar-1.0-py3-none-any.whl");
    assert_direct(w, 4, "foo", "https://example.test/d/foo-1.0-py3-none-any.whl#sha256=00");
    assert_direct(w, 5, "foo", "file:///d/foo-1.0-py3-none-any.whl");
}

static void what_is_no_wheel_by_its_name_is_refused(void **state)
{
    struct world *w = *state;
    read_variable(w, "./foo.whl,/abs/-1-py3-none-any.whl");
    assert_counts(w, 0, 0, 2);
    ASSERT_FAILURE(w, 0, "./foo.whl", "EXTENSION_AUTO_INSTALL", "foo.whl", true, 0);
}

static void sources_are_named_by_what_they_are(void **state)
{
    static const struct {
        const char *line, *name, *url; /* of the requirement; url NULL: the line's file, absolute */
    } cases[] = {
        {"git+ssh://git@example.test/foo.git@v1#egg=foo", "foo",
         "git+ssh://git@example.test/foo.git@v1#egg=foo"},
        {"git+https://example.test/foo.git#egg=Foo_x&subdirectory=a;b ; python_version > '3'", "foo-x",
         "git+https://example.test/foo.git#egg=Foo_x&subdirectory=a;b"},
        {"https://example.test/foo-bar-1.0.tar.gz", "foo-bar", "https://example.test/foo-bar-1.0.tar.gz"},
        {"https://example.test/foo-1.0.tar.gz ; python_version > '3'", "foo",
         "https://example.test/foo-1.0.tar.gz"},
        {"file:///src/foo-1.0.zip", "foo", "file:///src/foo-1.0.zip"},
        {"foo @ git+https://example.test/any.git", "foo", "git+https://example.test/any.git"},
        {"foo[extra] @ https://example.test/any.tar.gz ; python_version > '3'", "foo",
         "https://example.test/any.tar.gz"},
        {"./foo-1.0.tar.gz ; python_version > '3'", "foo", NULL},
        {"foo-1.0.tar.gz", "foo", NULL},
        {"-e git+https://example.test/foo.git#egg=foo", "foo", "git+https://example.test/foo.git#egg=foo"},
        {"-e foo@git+https://example.test/foo.git", "foo", "git+https://example.test/foo.git"},
    };
    struct world *w = *state;
    put(w, "foo-1.0.tar.gz", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(w, "extensions.txt", arena_printf(&w->a, "%s\n", cases[i].line));
        read_all(w);
        assert_counts(w, 1, 0, 0);
        const struct requirement *r = w->wanted.roots.items[0].requirement;
        assert_string_equal(r->name, cases[i].name);
        const char *url = cases[i].url ? cases[i].url : url_from_path(&w->a, place(w, "foo-1.0.tar.gz"));
        assert_string_equal(r->url, url);
    }
}

static void what_cannot_be_built_is_set_aside(void **state)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"git+https://example.test/foo.git", "write NAME @ git+https://example.test/foo.git"},
        {"https://example.test/archive/main.zip", "write NAME @ https://example.test/archive/main.zip"},
        {"foo @ https://example.test/page", "neither a wheel nor a source archive"},
        {"hg+https://example.test/foo#egg=foo", "hg"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(w, "extensions.txt", arena_printf(&w->a, "one\n%s\ntwo\n", cases[i].line));
        read_all(w);
        assert_counts(w, 2, 0, 1);
        ASSERT_FAILURE(w, 0, cases[i].line, "@extensions.txt:2", cases[i].reason, true, 1);
    }
}

static void what_is_no_project_is_refused(void **state)
{
    static const struct {
        const char *line, *reason;
        bool malformed;
    } cases[] = {
        {"./absent", "there is no file or folder ", false},
        {"./absent-1.0.tar.gz", "there is no file or folder ", false},
        {"./empty", "no Python project", true},
        {"ftp+x://example.test/foo", "foo", true},
        {"foo @ ./foo-1.0-py3-none-any.whl", "foo", true},
        {"-e absent", "there is no folder ", false},
        {"-e empty", "no Python project", true},
        {"-e https://example.test/foo.tar.gz", "cannot be editable", true},
    };
    struct world *w = *state;
    assert_int_equal(fs_mkdirs(place(w, "empty"), NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(w, "extensions.txt", arena_printf(&w->a, "one\n%s\ntwo\n", cases[i].line));
        read_all(w);
        assert_counts(w, 2, 0, 1);
        ASSERT_FAILURE(w, 0, cases[i].line, "@extensions.txt:2", cases[i].reason, cases[i].malformed, 1);
    }
}

/* ---- options of files */

static void options_are_taken_into_the_settings(void **state)
{
    struct world *w = *state;
    struct settings *set = &w->s.settings;
    put(w, "extensions.txt",
        "--extra-index-url https://first.example/\n--index-url https://second.example/simple\n"
        "--extra-index-url=https://third.example/ --trusted-host third.example\n-f wheels -f elsewhere\n"
        "--pre\n--no-binary one,two\n--only-binary two\nfoo --all-releases bar\n--only-final baz\n-r "
        "more.txt\n");
    put(w, "more.txt",
        "--no-binary :none:\n--prefer-binary --use-feature=anything\n--index-url=\n--extra-index-url=\n");
    assert_int_equal(fs_mkdirs(place(w, "wheels"), NULL), 0);
    read_all(w);
    assert_counts(w, 1, 0, 0);
    assert_string_equal(set->index_url, "https://second.example/simple");
    assert_int_equal(set->extra_index_urls.count, 1);
    assert_string_equal(set->extra_index_urls.items[0], "https://third.example/");
    assert_string_equal(set->trusted_hosts.items[0], "third.example");
    assert_string_equal(set->find_links.items[0], place(w, "wheels"));
    assert_string_equal(set->find_links.items[1], "elsewhere");
    assert_true(set->pre);
    assert_true(settings_allow_wheels(set, "one"));
    assert_true(settings_allow_wheels(set, "two"));
    assert_int_equal(settings_releases(set, "bar"), RELEASES_ALL);
    assert_int_equal(settings_releases(set, "baz"), RELEASES_FINAL);
    assert_int_equal(settings_releases(set, NULL), RELEASES_ALL);
    put(w, "more.txt", "--no-index\n-i https://fourth.example\n--no-binary :all:\n");
    read_all(w);
    assert_true(set->no_index);
    assert_null(set->index_url);
    assert_int_equal(set->extra_index_urls.count, 0);
    assert_false(settings_allow_wheels(set, "one"));
}

static void assert_checked(struct world *w, const char *pattern)
{
    assert_int_equal(w->wanted.details.count, strlen(pattern));
    for (size_t i = 0; pattern[i]; i++)
        if (w->wanted.details.items[i].checked != (pattern[i] == 'x'))
            fail_msg("root %zu is %schecked", i, pattern[i] == 'x' ? "not " : "");
}

#define DIGEST "sha256:aabbccddeeff00112233445566778899aabbccddeeff001122334455667788CC"

static void hashes_count_for_their_file_and_what_it_includes(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\n-r more.txt\nlast\n");
    put(w, "more.txt", "two==1 --hash=" DIGEST " \\\n --hash=sha512:00\n");
    read_variable(w, "variable");
    assert_counts(w, 4, 0, 0);
    assert_checked(w, "xxx.");
    assert_int_equal(w->wanted.details.items[1].hashes->count, 1); /* the other is none */
    assert_true(hashes_have(w->wanted.details.items[1].hashes, HASH_SHA256,
                            "aabbccddeeff00112233445566778899aabbccddeeff001122334455667788cc"));
    assert_ptr_equal(w->wanted.roots.items[1].only, w->wanted.details.items[1].hashes);
    assert_null(w->wanted.roots.items[0].only);
    put(w, "more.txt", "two\n--require-hashes\n");
    read_variable(w, "variable");
    assert_checked(w, "xxx.");
    put(w, "more.txt", "two==1 --hash=" DIGEST "\n--no-require-hashes\n");
    read_variable(w, "variable");
    assert_checked(w, "....");
    put(w, "more.txt", "-c limits.txt\n");
    put(w, "limits.txt", "two==1 --hash=" DIGEST "\n");
    read_variable(w, "variable");
    assert_checked(w, "xx.");
    assert_int_equal(w->wanted.constraints.items[0].hashes->count, 1);
    put(w, "more.txt", "");
    w->s.settings.require_hashes = true;
    read_variable(w, "variable");
    assert_checked(w, "xxx");
}

static void constraints_are_limits_and_nothing_else(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "one\n-c limits.txt\n");
    put(w, "limits.txt",
        "foo[extra]<2\n-e .\nbar @ "
        "https://example.test/bar-1.0-py3-none-any.whl\n./baz-1.0-py3-none-any.whl\n");
    read_all(w);
    assert_counts(w, 1, 3, 2);
    assert_non_null(w->wanted.constraints.items[0].broken);
    ASSERT_FAILURE(w, 0, "foo[extra]<2", "@limits.txt:1", "cannot have extras", true, 1);
    ASSERT_FAILURE(w, 1, "-e .", "@limits.txt:2", "cannot be editable", true, 1);
    assert_string_equal(w->wanted.constraints.items[2].requirement->name, "baz");
    assert_non_null(w->wanted.constraints.items[2].requirement->url);
}

/* ---- the command line */

static void the_command_line_stands_in_for_the_default_inputs(void **state)
{
    struct world *w = *state;
    put(w, "extensions.txt", "never\n");
    put(w, "mine.txt", "one\n-c more.txt\n");
    put(w, "more.txt", "foo<1\n");
    put(w, "limits.txt", "bar<2\n");
    array_push(&w->options.requirement_files, arena_strdup(&w->a, place(w, "mine.txt")));
    array_push(&w->options.constraint_files, arena_strdup(&w->a, place(w, "limits.txt")));
    array_push(&w->options.arguments, arena_strdup(&w->a, "two>=1"));
    array_push(&w->options.arguments, arena_strdup(&w->a, "three three"));
    w->s.own_inputs = true;
    read_variable(w, "never");
    assert_counts(w, 2, 2, 1);
    assert_root(w, 0, "one", "@mine.txt:1");
    assert_root(w, 1, "two>=1", "argument");
    assert_constraint(w, 0, "bar<2", "@limits.txt:1");
    assert_constraint(w, 1, "foo<1", "@more.txt:1");
    ASSERT_FAILURE(w, 0, "three three", "argument", "three three", true, 2);
    assert_false(was_read(w, "extensions.txt"));
}

static void a_named_file_has_to_be_there(void **state)
{
    struct world *w = *state;
    w->s.own_inputs = true;
    array_push(&w->options.requirement_files, arena_strdup(&w->a, place(w, "absent.txt")));
    read_refused(w, "absent.txt");
    w->options.requirement_files.count = 0;
    array_push(&w->options.constraint_files, arena_strdup(&w->a, place(w, "none.txt")));
    read_refused(w, "none.txt");
}

static void constraints_of_pip_count_beside_the_default_inputs(void **state)
{
    struct world *w = *state;
    put(w, "limits.txt", "foo<1\n");
    array_push(&w->s.settings.constraints, arena_strdup(&w->a, place(w, "limits.txt")));
    read_variable(w, "foo");
    assert_counts(w, 1, 1, 0);
    assert_constraint(w, 0, "foo<1", "@limits.txt:1");
    assert_int_equal(unlink(place(w, "limits.txt")), 0);
    read_refused(w, "constraints of pip's settings: ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_the_variable),
        TEST(the_variable_wins_over_install),
        TEST(reads_the_file_before_the_variable),
        TEST(an_absent_file_is_empty),
        TEST(a_file_that_cannot_be_read_fails_alone),
        TEST(a_marker_that_does_not_hold_drops_the_requirement),
        TEST(a_malformed_requirement_fails_alone),
        TEST(variables_are_told_by_name_each_once),
        TEST(local_files_are_looked_at_before_they_are_read),
        TEST(an_included_file_stands_where_it_is_included),
        TEST(paths_of_included_files_are_absolute_or_file_urls),
        TEST(constraints_are_no_requirements),
        TEST(a_file_that_includes_itself_fails_there),
        TEST(an_included_file_that_cannot_be_read_fails_there),
        TEST(what_an_unreadable_constraints_file_limits_fails_with_it),
        TEST(files_nest_thirty_two_deep),
        TEST(files_that_double_have_an_end),
        TEST(a_bare_wheel_is_named_by_its_file),
        TEST(what_is_no_wheel_by_its_name_is_refused),
        TEST(sources_are_named_by_what_they_are),
        TEST(what_cannot_be_built_is_set_aside),
        TEST(what_is_no_project_is_refused),
        TEST(options_are_taken_into_the_settings),
        TEST(hashes_count_for_their_file_and_what_it_includes),
        TEST(constraints_are_limits_and_nothing_else),
        TEST(the_command_line_stands_in_for_the_default_inputs),
        TEST(a_named_file_has_to_be_there),
        TEST(constraints_of_pip_count_beside_the_default_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
