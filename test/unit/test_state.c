/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"
#include "base/fs.h"
#include "boot/fact.h"
#include "boot/state.h"
#include "config/environment.h"
#include "config/settings.h"
#include "test.h"

#include <errno.h>

/* A root with a base, an interpreter, a venv, a source and an extensions.txt, and the state of a sync of it.
 */
struct world {
    struct arena a;
    struct boot_paths paths;
    struct settings settings;
    struct state state;
    struct boot_sources now;
    char *interpreter, *folder, *source;
    const char *reason;
};

static char *below(struct world *w, const char *dir, const char *name)
{
    return path_join(&w->a, dir, name);
}

static void put(struct world *w, const char *file, const char *text)
{
    char *dir = arena_strndup(&w->a, file, (size_t)(path_base(file) - file - 1));
    assert_int_equal(fs_mkdirs(dir, NULL), 0);
    assert_int_equal(fs_write(AT_FDCWD, file, text_of(text), 0644, false, NULL), 0);
}

static void read_bytes(struct world *w, struct buf *to)
{
    assert_int_equal(fs_read(AT_FDCWD, below(w, w->paths.extensions, SYNC_STATE), 1 << 20, to, NULL), 0);
}

static void set_mtime(const char *file, long seconds)
{
    const struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, 5}};
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

/* So that a change of the contents alone leaves the folders' times as they were. */
static void settle(struct world *w)
{
    set_mtime(below(w, w->paths.venv, "lib/python3.13/site-packages"), 1000);
    set_mtime(below(w, w->paths.venv, "bin"), 1001);
}

static void load_settings(struct world *w, const char *entry)
{
    char **env = arena_array(&w->a, 3, sizeof *env);
    env[0] = arena_strdup(&w->a, "PIP_CONFIG_FILE=/dev/null");
    env[1] = entry ? arena_strdup(&w->a, entry) : NULL;
    env[2] = NULL;
    struct settings_source source = {.root = w->paths.root, .environ = env};
    settings_free(&w->settings);
    assert_int_equal(settings_load(&source, &w->settings, NULL), 0);
}

static void write_state(struct world *w)
{
    struct err err cleanup_err = ERR_INIT;
    settle(w);
    settings_digest(&w->settings, w->state.settings);
    w->state.salt = "5a17";
    w->state.prints = settings_prints(&w->a, &w->settings, "5a17");
    if (state_write(&w->paths, &w->state, &err) < 0)
        fail_msg("%s", err.text);
}

static enum state_verdict compare(struct world *w, struct state *out)
{
    return state_compare(&w->a, &w->paths, &w->settings, &w->now, out, &w->reason);
}

static void assert_changed(struct world *w, const char *part)
{
    assert_int_equal(compare(w, NULL), STATE_CHANGED);
    assert_non_null(w->reason);
    if (!strstr(w->reason, part))
        fail_msg("\"%s\" does not say \"%s\"", w->reason, part);
}

static int set_up(void **state)
{
    struct world *w = test_calloc(1, sizeof *w);
    char *root = arena_strdup(&w->a, "/tmp/test-state-XXXXXX");
    assert_non_null(mkdtemp(root));
    boot_paths_make(&w->a, root, &w->paths);
    w->interpreter = below(w, root, "usr/bin/python3.13");
    w->folder = below(w, w->paths.base, "lib/python3.13/site-packages");
    w->source = below(w, w->paths.sources, "mine");
    put(w, w->paths.conf_txt, "foo\n");
    put(w, below(w, w->paths.base, "pyvenv.cfg"), "home = /usr/bin\n");
    put(w, w->interpreter, "ELF");
    put(w, below(w, w->folder, "a-1.dist-info/METADATA"), "");
    put(w, below(w, w->folder, "b-1.egg-info/PKG-INFO"), "");
    put(w, below(w, w->source, "pyproject.toml"), "[project]\n");
    put(w, below(w, w->source, "mine.egg-info/entry_points.txt"), "[x]\n");
    put(w, below(w, w->source, "src/more.egg-info/entry_points.txt"), "[x]\n");
    put(w, below(w, w->paths.venv, "pyvenv.cfg"), "home = x\nlocalstack-sync = 7\n");
    put(w, below(w, w->paths.venv, "lib/python3.13/site-packages/__pycache__/x"), "");
    put(w, below(w, w->paths.venv, "bin/python"), "");
    load_settings(w, NULL);
    w->state = (struct state){.number = 7,
                              .interpreter = w->interpreter,
                              .soabi = "cpython-313-x86_64-linux-gnu",
                              .site_packages = "lib/python3.13/site-packages",
                              .host = "here"};
    array_push(&w->state.files, arena_strdup(&w->a, w->paths.conf_yaml));
    array_push(&w->state.files, arena_strdup(&w->a, w->paths.conf_txt));
    array_push(&w->state.files, below(w, w->paths.root, "included.txt"));
    array_push(&w->state.files, arena_strdup(&w->a, "https://u:secret@example.com/r.txt"));
    array_push(&w->state.base_folders, w->folder);
    array_push(&w->state.folders, w->source);
    write_state(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fs_remove_tree(AT_FDCWD, w->paths.root, NULL);
    settings_free(&w->settings);
    strings_free(&w->state.files);
    strings_free(&w->state.digests);
    strings_free(&w->state.variables);
    strings_free(&w->state.variable_prints);
    strings_free(&w->state.base_folders);
    strings_free(&w->state.folders);
    sources_free(&w->now);
    array_free(&w->state.failures);
    strings_free(&w->state.wheels);
    strings_free(&w->state.wheel_facts);
    array_free(&w->state.project_files);
    array_free(&w->state.project_facts);
    array_free(&w->state.code);
    array_free(&w->state.code_facts);
    arena_free(&w->a);
    test_free(w);
    return 0;
}

static void test_same(void **state)
{
    struct world *w = *state;
    struct state got;
    assert_int_equal(compare(w, &got), STATE_SAME);
    assert_null(w->reason);
    assert_int_equal(got.number, 7);
    assert_int_equal(got.status, 0);
    assert_string_equal(got.host, "here");
    assert_string_equal(got.soabi, "cpython-313-x86_64-linux-gnu");
    assert_int_equal(got.failures.count, 0);
    assert_false(state_unfinished(&w->paths));
}

static void test_no_state(void **state)
{
    struct world *w = *state;
    assert_int_equal(unlink(below(w, w->paths.extensions, SYNC_STATE)), 0);
    assert_changed(w, "there has been no sync yet");
    assert_int_equal(fs_remove_tree(AT_FDCWD, w->paths.extensions, NULL), 0);
    assert_changed(w, "there has been no sync yet");
}

static void test_commit_record(void **state)
{
    struct world *w = *state;
    put(w, below(w, w->paths.extensions, SYNC_COMMIT), "");
    assert_true(state_unfinished(&w->paths));
    assert_changed(w, "the last sync was not finished");
}

static void test_files(void **state)
{
    struct world *w = *state;
    char *included = below(w, w->paths.root, "included.txt");
    put(w, w->paths.conf_txt, "foo \n");
    assert_changed(w, "conf.d/extensions.txt changed");
    assert_int_equal(unlink(w->paths.conf_txt), 0);
    assert_changed(w, "conf.d/extensions.txt is gone");
    assert_int_equal(fs_mkdirs(w->paths.conf_txt, NULL), 0);
    assert_changed(w, "conf.d/extensions.txt cannot be read");
    assert_int_equal(rmdir(w->paths.conf_txt), 0);
    put(w, w->paths.conf_txt, "foo\n"); /* the bytes count, not the times */
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, included, "");
    assert_changed(w, "included.txt is new");
    unlink(included);
    assert_int_equal(mkfifo(included, 0600), 0); /* must not hang */
    assert_changed(w, "included.txt cannot be read");
}

static void test_a_file_changed_while_the_sync_ran(void **state)
{
    struct world *w = *state;
    array_push(&w->state.digests, arena_strdup(&w->a, "-"));
    array_push(&w->state.digests, /* of "foo\n" */
               arena_strdup(&w->a, "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"));
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, w->paths.conf_txt, "bar\n");
    write_state(w);
    assert_changed(w, "conf.d/extensions.txt changed");
}

static void test_settings_files(void **state)
{
    struct world *w = *state;
    put(w, w->paths.conf_yaml, "log: {level: debug}\n");
    load_settings(w, NULL);
    assert_changed(w, "conf.d/extensions.yaml is new");
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    w->state.files.items[0] = w->state.files.items[1]; /* as if it had not been looked for */
    write_state(w);
    assert_changed(w, "conf.d/extensions.yaml is new");
}

static void test_settings(void **state)
{
    struct world *w = *state;
    load_settings(w, "EXTENSION_AUTO_INSTALL=x");
    assert_changed(w, "EXTENSION_AUTO_INSTALL changed");
    assert_string_equal(w->reason, "EXTENSION_AUTO_INSTALL changed");
    load_settings(w, "EXTENSION_LOG_LEVEL=debug");
    assert_int_equal(compare(w, NULL), STATE_SAME);
    load_settings(w, "EXTENSION_UPGRADE=1");
    assert_changed(w, "EXTENSION_UPGRADE");
    load_settings(w, NULL);
    w->state.always = true;
    write_state(w);
    assert_changed(w, "something else");
}

static void test_settings_that_changed_are_named(void **state)
{
    struct world *w = *state;
    struct buf bytes cleanup_buf = BUF_INIT;
    load_settings(w, "PIP_INDEX_URL=https://me:s3cret@h/simple");
    write_state(w);
    const char *file = below(w, w->paths.extensions, SYNC_STATE);
    assert_int_equal(fs_read(AT_FDCWD, file, 1 << 20, &bytes, NULL), 0);
    assert_null(strstr(buf_cstr(&bytes), "s3cret"));
    load_settings(w, "EXTENSION_LOCK=pylock.toml");
    assert_int_equal(compare(w, NULL), STATE_CHANGED);
    assert_string_equal(w->reason, "EXTENSION_LOCK and PIP_INDEX_URL changed");
    put(w, w->paths.conf_yaml, "index: {pre: true}\n");
    load_settings(w, "PIP_INDEX_URL=https://me:s3cret@h/simple");
    assert_changed(w, "conf.d/extensions.yaml:1: index.pre changed");
    assert_int_equal(unlink(w->paths.conf_yaml), 0);
    /* A state that tells of none of them: an earlier version's, or another's. */
    load_settings(w, "EXTENSION_LOCK=pylock.toml");
    char *prints = strstr(buf_cstr(&bytes), "settings-prints");
    prints[0] = 'x';
    put(w, file, buf_cstr(&bytes));
    assert_changed(w, "the settings changed");
    prints[0] = 's';
    memset(strchr(prints, '='), ' ', 40);
    put(w, file, buf_cstr(&bytes));
    assert_changed(w, "changed");
}

/* As an environment of these entries has them, under the salt of write_state. */
static void write_variables(struct world *w, char **env)
{
    static const char *const names[] = {"SET", "UNSET", "PASSWORD"};
    w->state.variables.count = w->state.variable_prints.count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        array_push(&w->state.variables, arena_strdup(&w->a, names[i]));
        array_push(&w->state.variable_prints, environment_print(&w->a, env, names[i], "5a17"));
    }
    w->settings.environ = env;
    write_state(w);
}

static void test_variables(void **state)
{
    struct world *w = *state;
    struct state got;
    char one[] = "SET=1", two[] = "SET=2", other[] = "OTHER=1", unset[] = "UNSET=", set[] = "UNSET=1",
         password[] = "PASSWORD=s3cret";
    char *then[] = {one, password, NULL}, *same[] = {other, unset, password, one, NULL};
    char *changed[] = {password, two, NULL}, *gone[] = {password, NULL}, *new[] = {one, set, password, NULL};
    write_variables(w, then);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    w->settings.environ = same;
    assert_int_equal(compare(w, NULL), STATE_SAME);
    w->settings.environ = changed;
    assert_changed(w, "the variable SET changed");
    compare(w, &got);
    assert_true(got.other_inputs);
    w->settings.environ = gone;
    assert_changed(w, "the variable SET is gone");
    w->settings.environ = new;
    assert_changed(w, "the variable UNSET is new");
    w->settings.environ = NULL;
    assert_changed(w, "the variable SET is gone");
}

/* The one change of it is noticed, and what was there is not told. */
static void test_variables_are_no_plain_digests(void **state)
{
    struct world *w = *state;
    char hex[DIGEST_HEX], password[] = "PASSWORD=s3cret", another[] = "PASSWORD=s3cres";
    char *then[] = {password, NULL}, *now[] = {another, NULL};
    struct buf bytes cleanup_buf = BUF_INIT;
    write_variables(w, then);
    read_bytes(w, &bytes);
    digest_hex(T("s3cret"), hex);
    hex[6] = 0;
    assert_null(strstr(buf_cstr(&bytes), "s3cret"));
    assert_null(strstr(buf_cstr(&bytes), hex));
    assert_non_null(strstr(buf_cstr(&bytes), "variable\t-\tUNSET\n"));
    w->settings.environ = now;
    assert_changed(w, "the variable PASSWORD changed");
    assert_null(strstr(w->reason, "s3cre"));
}

/* A state of an earlier version, or one that was tampered with. */
static void test_variables_without_a_salt(void **state)
{
    struct world *w = *state;
    char password[] = "PASSWORD=s3cret";
    char *then[] = {password, NULL};
    const char *file = below(w, w->paths.extensions, SYNC_STATE);
    struct buf bytes cleanup_buf = BUF_INIT, fresh cleanup_buf = BUF_INIT;
    struct text rest, line;
    write_variables(w, then);
    read_bytes(w, &bytes);
    for (rest = buf_view(&bytes); rest.len && text_cut(&rest, '\n', &line);)
        if (!text_starts(line, T("settings-prints\t")))
            buf_printf(&fresh, "%.*s\n", TEXT_ARG(line));
    put(w, file, buf_cstr(&fresh));
    assert_changed(w, "the variable PASSWORD changed");
    buf_clear(&fresh);
    for (rest = buf_view(&bytes); rest.len && text_cut(&rest, '\n', &line);)
        if (!text_starts(line, T("variable\t")))
            buf_printf(&fresh, "%.*s\n", TEXT_ARG(line));
    put(w, file, buf_cstr(&fresh));
    assert_int_equal(compare(w, NULL), STATE_SAME);
}

static void test_base(void **state)
{
    struct world *w = *state;
    put(w, below(w, w->folder, "plain/x"), "");
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, below(w, w->folder, "c-1.dist-info/METADATA"), "");
    assert_changed(w, "the distributions in ");
    assert_int_equal(fs_remove_tree(AT_FDCWD, below(w, w->folder, "c-1.dist-info"), NULL), 0);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, below(w, w->paths.base, "pyvenv.cfg"), "home = /usr/local/bin\n");
    assert_changed(w, "LocalStack's own venv is not the one that the last sync saw in ");
    assert_int_equal(fs_remove_tree(AT_FDCWD, w->paths.base, NULL), 0);
    assert_changed(w, "LocalStack's own venv is not the one that the last sync saw in ");
}

static void test_interpreter(void **state)
{
    struct world *w = *state;
    set_mtime(w->interpreter, 1);
    assert_changed(w, "the interpreter ");
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    assert_int_equal(truncate(w->interpreter, 100), 0);
    set_mtime(w->interpreter, 1);
    assert_changed(w, "python3.13 changed");
    assert_int_equal(unlink(w->interpreter), 0);
    assert_changed(w, "python3.13 is gone");
}

static void test_inode_and_ctime_do_not_count(void **state)
{
    struct world *w = *state;
    struct stat before, after;
    char *copy = below(w, w->paths.root, "copy");
    assert_int_equal(stat(w->interpreter, &before), 0);
    put(w, copy, "ELF");
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, copy, times, 0), 0);
    assert_int_equal(rename(copy, w->interpreter), 0);
    assert_int_equal(stat(w->interpreter, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(compare(w, NULL), STATE_SAME);
}

static void test_source(void **state)
{
    struct world *w = *state;
    static const char *const files[] = {"pyproject.toml", "mine.egg-info/entry_points.txt",
                                        "src/more.egg-info/entry_points.txt"};
    put(w, below(w, w->source, "__pycache__/x"), "");
    put(w, below(w, w->source, "mine.egg-info/SOURCES.txt"), "");
    assert_int_equal(compare(w, NULL), STATE_SAME);
    for (size_t i = 0; i < 3; i++) {
        set_mtime(below(w, w->source, files[i]), 77);
        assert_changed(w, "/mine changed");
        write_state(w);
        assert_int_equal(compare(w, NULL), STATE_SAME);
    }
    put(w, below(w, w->source, "module.py"), "");
    assert_changed(w, "/mine changed");
    write_state(w);
    set_mtime(below(w, w->source, "module.py"), 5); /* its code is not what is installed */
    assert_int_equal(compare(w, NULL), STATE_SAME);
    assert_int_equal(fs_remove_tree(AT_FDCWD, w->source, NULL), 0);
    assert_changed(w, "/mine is gone");
}

static void test_what_a_source_installs(void **state)
{
    struct world *w = *state;
    static const char *const ignored[] = {".venv/pyvenv.cfg",
                                          "node_modules/x/y",
                                          "build/lib/z.py",
                                          "dist/mine.whl",
                                          ".git/HEAD",
                                          ".mypy_cache/x",
                                          ".module.py.swp",
                                          "module.py~",
                                          ".#module.py",
                                          "#module.py#",
                                          "4913",
                                          "tests/test_x.py",
                                          "regular/sub/new.py",
                                          "names/data.json",
                                          "src/__pycache__/x",
                                          "names/.x.swp"};
    static const char *const counted[] = {"other", "src/package/__init__.py", "names/module.py", "names/part",
                                          "src/names/part/__init__.py"};
    put(w, below(w, w->source, "regular/__init__.py"), "");
    put(w, below(w, w->source, "names/one.py"), "");
    put(w, below(w, w->source, "tests/x.py"), "");
    put(w, below(w, w->source, "src/names/one/__init__.py"), "");
    write_state(w);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        put(w, below(w, w->source, ignored[i]), "");
        if (compare(w, NULL) != STATE_SAME)
            fail_msg("%s makes a change", ignored[i]);
    }
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        put(w, below(w, w->source, counted[i]), "");
        if (compare(w, NULL) != STATE_CHANGED)
            fail_msg("%s makes no change", counted[i]);
        write_state(w);
    }
}

static struct boot_source source_at(struct world *w, const char *name, const char *place)
{
    const char *folder = below(w, w->paths.root, arena_printf(&w->a, "src/%s", name));
    put(w, below(w, folder, "setup.py"), "");
    return (struct boot_source){folder, place ? below(w, w->paths.sources, place) : folder, NULL};
}

static void test_developers_sources(void **state)
{
    struct world *w = *state;
    struct state got;
    const struct boot_source one = source_at(w, "on\te", "one"), two = source_at(w, "two", NULL);
    array_push(&w->now, one);
    assert_changed(w, "the developer's source ");
    assert_string_equal(w->reason, arena_printf(&w->a, "the developer's source %s is new", one.folder));
    array_push(&w->now, two);
    struct boot_source then[] = {one, two};
    w->state.sources = (struct boot_sources){.items = then, .count = 2};
    write_state(w);
    assert_int_equal(compare(w, &got), STATE_SAME);
    assert_int_equal(got.sources.count, 2);
    assert_string_equal(got.sources.items[0].folder, one.folder);
    assert_string_equal(got.sources.items[0].place, one.place);
    assert_string_equal(got.sources.items[1].place, two.folder);
    put(w, below(w, two.folder, "setup.py"), "more");
    assert_changed(w, "src/two changed");
    w->now.count = 1;
    assert_changed(w, "src/two is gone");
    write_state(w);
    assert_changed(w, "src/two is gone");
    w->now.items[0] = two;
    w->now.items[1] = one;
    w->now.count = 2;
    write_state(w);
    assert_changed(w, "the developers' sources come in another order");
    compare(w, &got);
    assert_true(got.other_inputs);
    w->now.items[0] = one;
    w->now.items[1] = (struct boot_source){two.folder, below(w, w->paths.sources, "two"), NULL};
    assert_changed(w, "src/two is used through ");
    w->now.count = 0;
    assert_changed(w, "/src/on\te is gone");
}

static void test_what_changed_in_the_sources(void **state)
{
    struct world *w = *state;
    const struct boot_source one = source_at(w, "one", "one"), two = source_at(w, "two", NULL);
    struct boot_source then[] = {one, two};
    w->state.sources = (struct boot_sources){.items = then, .count = 2};
    array_push(&w->now, one);
    array_push(&w->now, two);
    write_state(w);
    put(w, w->paths.conf_txt, "more\n"); /* what else changed is nothing to this question */
    assert_null(state_source_change(&w->a, &w->paths, &w->now));
    put(w, below(w, two.folder, "setup.py"), "more");
    assert_non_null(strstr(state_source_change(&w->a, &w->paths, &w->now), "src/two changed"));
    put(w, below(w, two.folder, "pkg/__init__.py"), "");
    write_state(w);
    put(w, below(w, two.folder, "pkg/__init__.py"), "edited");
    assert_null(state_source_change(&w->a, &w->paths, &w->now));
    array_push(&w->state.code, arena_strdup(&w->a, two.folder));
    write_state(w);
    put(w, below(w, two.folder, "pkg/__init__.py"), "edited again");
    assert_non_null(
        strstr(state_source_change(&w->a, &w->paths, &w->now), "code that may have entry points"));
    w->now.items[1] = source_at(w, "three", NULL);
    assert_non_null(strstr(state_source_change(&w->a, &w->paths, &w->now), "src/two is gone"));
    w->now.items[1] = two;
    write_state(w);
    assert_null(state_source_change(&w->a, &w->paths, &w->now));
    array_push(&w->now, source_at(w, "three", NULL));
    assert_non_null(strstr(state_source_change(&w->a, &w->paths, &w->now), "src/three is new"));
    assert_int_equal(unlink(path_join(&w->a, w->paths.extensions, SYNC_STATE)), 0);
    assert_string_equal(state_source_change(&w->a, &w->paths, &w->now), "there has been no sync yet");
}

static void test_what_was_read_counts(void **state)
{
    struct world *w = *state;
    struct boot_source one = source_at(w, "one", "one");
    array_push(&w->now, one);
    one.fact = "as it was before an edit during the sync";
    w->state.sources = (struct boot_sources){.items = &one, .count = 1};
    write_state(w);
    assert_changed(w, "src/one changed");
    one.fact = fact_source(&w->a, one.folder);
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
}

static void test_wheels(void **state)
{
    struct world *w = *state;
    char *read = below(w, w->paths.root, "read.whl"), *other = below(w, w->paths.root, "other.whl");
    put(w, read, "1");
    put(w, other, "1");
    array_push(&w->state.wheels, read);
    array_push(&w->state.wheels, other);
    array_push(&w->state.wheel_facts, fact_stat(&w->a, read));
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, other, "22");
    assert_changed(w, "/other.whl changed");
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, read, "22"); /* since it was read */
    write_state(w);
    assert_changed(w, "/read.whl changed");
    assert_int_equal(unlink(read), 0);
    assert_changed(w, "/read.whl is gone");
}

static void test_files_that_projects_lead_to(void **state)
{
    struct world *w = *state;
    const struct boot_source one = source_at(w, "one", "one");
    struct boot_source then[] = {one};
    char *there = below(w, one.folder, "more/requirements.txt"),
         *missing = below(w, one.folder, "more/version.txt");
    put(w, there, "a==1\n");
    put(w, below(w, w->paths.root, "src/one-more/requirements.txt"), "");
    w->state.sources = (struct boot_sources){.items = then, .count = 1};
    array_push(&w->now, one);
    array_push(&w->state.project_files, there);
    array_push(&w->state.project_files, missing);
    array_push(&w->state.project_files, below(w, w->paths.root, "src/one-more/requirements.txt"));
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
    assert_null(state_source_change(&w->a, &w->paths, &w->now));
    put(w, missing, "1\n");
    assert_changed(w, "src/one/more/version.txt is new");
    assert_non_null(
        strstr(state_source_change(&w->a, &w->paths, &w->now), "src/one/more/version.txt is new"));
    write_state(w);
    put(w, there, "a==22\n");
    assert_changed(w, "src/one/more/requirements.txt changed");
    assert_non_null(strstr(state_source_change(&w->a, &w->paths, &w->now), "requirements.txt changed"));
    write_state(w);
    assert_int_equal(unlink(there), 0);
    assert_changed(w, "src/one/more/requirements.txt is gone");
    write_state(w);
    put(w, below(w, w->paths.root, "src/one-more/requirements.txt"), "another's");
    assert_changed(w, "src/one-more/requirements.txt changed");
    assert_null(state_source_change(&w->a, &w->paths, &w->now));
    array_push(&w->state.project_facts, arena_strdup(&w->a, "as it was when it was read"));
    write_state(w);
    assert_changed(w, "src/one/more/requirements.txt is gone");
}

static void test_code(void **state)
{
    struct world *w = *state;
    char *folder = below(w, w->paths.root, "src/one"), *deep = below(w, folder, "pkg/sub/mod.py");
    put(w, below(w, folder, "pkg/__init__.py"), "");
    put(w, deep, "1");
    array_push(&w->state.code, folder);
    write_state(w);
    put(w, below(w, folder, "pkg/data.txt"), "");
    put(w, below(w, folder, ".venv/mod.py"), "");
    put(w, below(w, folder, "pkg/node_modules/mod.py"), "");
    assert_int_equal(compare(w, NULL), STATE_SAME);
    put(w, deep, "22");
    assert_changed(w, "code that may have entry points in it changed in ");
    write_state(w);
    put(w, below(w, folder, "pkg/sub/more.py"), "");
    assert_changed(w, "code that may have entry points in it changed in ");
    array_push(&w->state.code_facts, arena_strdup(&w->a, "then"));
    write_state(w);
    assert_changed(w, "code that may have entry points in it changed in ");
}

static void test_venv(void **state)
{
    struct world *w = *state;
    char *cfg = below(w, w->paths.venv, "pyvenv.cfg");
    put(w, cfg, "localstack-sync=8\n");
    assert_changed(w, "the extensions venv is not the one");
    put(w, cfg, "home = y\n");
    assert_changed(w, "the extensions venv is not the one");
    put(w, cfg, "localstack-sync = 7\r\n");
    assert_int_equal(compare(w, NULL), STATE_SAME);
    set_mtime(below(w, w->paths.venv, "bin"), 99);
    assert_changed(w, "somebody changed the extensions venv's bin");
    settle(w);
    set_mtime(below(w, w->paths.venv, "lib/python3.13/site-packages"), 99);
    assert_changed(w, "somebody changed the extensions venv's lib/python3.13/site-packages");
    assert_int_equal(fs_remove_tree(AT_FDCWD, w->paths.venv, NULL), 0);
    assert_changed(w, "the extensions venv is not the one");
}

static void test_failures(void **state)
{
    struct world *w = *state;
    struct state got;
    w->state.status = 1;
    array_push(&w->state.failures, (struct state_failure){"a b\\c\t", "f\n:1", "no\n such \\n thing", true});
    write_state(w);
    assert_int_equal(compare(w, &got), STATE_MALFORMED);
    assert_int_equal(got.failures.count, 1);
    assert_string_equal(got.failures.items[0].requirement, "a b\\c\t");
    assert_string_equal(got.failures.items[0].from, "f\n:1");
    assert_string_equal(got.failures.items[0].reason, "no\n such \\n thing");
    assert_true(got.failures.items[0].malformed);
    array_push(&w->state.failures, (struct state_failure){"b", "f:2", "the index does not answer", false});
    write_state(w);
    assert_int_equal(compare(w, &got), STATE_FAILED);
    assert_int_equal(got.failures.count, 2);
    assert_false(got.failures.items[1].malformed);
    assert_int_equal(got.status, 1);
}

static char *state_text(struct world *w)
{
    struct buf bytes cleanup_buf = BUF_INIT;
    assert_int_equal(fs_read(AT_FDCWD, below(w, w->paths.extensions, SYNC_STATE), 1 << 20, &bytes, NULL), 0);
    return arena_strdup(&w->a, bytes.ptr);
}

static void test_marks(void **state)
{
    struct world *w = *state;
    struct state got;
    struct buf before cleanup_buf = BUF_INIT, after cleanup_buf = BUF_INIT;
    char odd[] = "b\tc", plain[] = "a";
    char *names[] = {plain, odd};
    struct state_marks marks = {.distributions = {names, 2, 2}, .venv = true};
    read_bytes(w, &before);
    assert_int_equal(state_mark(&w->paths, &marks, NULL), 0);
    assert_changed(w, "check` found that something is wrong with a, b\tc");
    compare(w, &got);
    assert_int_equal(got.number, 7);
    assert_int_equal(got.marks.distributions.count, 2);
    assert_string_equal(got.marks.distributions.items[1], "b\tc");
    assert_true(got.marks.venv);
    assert_false(got.marks.other);
    /* one set of marks takes the place of the other, and none brings back what was there */
    marks = (struct state_marks){.other = true};
    assert_int_equal(state_mark(&w->paths, &marks, NULL), 0);
    assert_changed(w, "check` found something wrong");
    compare(w, &got);
    assert_int_equal(got.marks.distributions.count, 0);
    assert_true(got.marks.other);
    marks.other = false;
    assert_int_equal(state_mark(&w->paths, &marks, NULL), 0);
    read_bytes(w, &after);
    assert_string_equal(buf_cstr(&before), buf_cstr(&after));
    assert_int_equal(compare(w, NULL), STATE_SAME);
}

static void test_a_sync_keeps_the_marks_that_it_is_given(void **state)
{
    struct world *w = *state;
    char name[] = "a";
    char *names[] = {name};
    w->state.marks = (struct state_marks){.distributions = {names, 1, 1}};
    write_state(w);
    assert_changed(w, "wrong with a");
    w->state.marks = (struct state_marks){0};
    write_state(w);
    assert_int_equal(compare(w, NULL), STATE_SAME);
}

static void test_marks_without_a_state(void **state)
{
    struct world *w = *state;
    char *file = below(w, w->paths.extensions, SYNC_STATE);
    struct state got;
    struct state_marks marks = {0};
    assert_int_equal(unlink(file), 0);
    assert_int_equal(state_mark(&w->paths, &marks, NULL), 0);
    assert_int_equal(access(file, F_OK), -1);
    put(w, file, "garbage");
    marks.venv = true;
    assert_int_equal(state_mark(&w->paths, &marks, NULL), 0);
    assert_int_equal(compare(w, &got), STATE_CHANGED);
    assert_true(got.marks.venv);
    assert_int_equal(fs_remove_tree(AT_FDCWD, w->paths.extensions, NULL), 0);
    struct err err cleanup_err = ERR_INIT;
    assert_int_equal(state_mark(&w->paths, &marks, &err), -1);
    assert_int_equal(err.sysno, ENOENT);
}

static void test_base_changes(void **state)
{
    struct world *w = *state;
    struct strings reasons cleanup_strings = {0};
    put(w, w->paths.conf_txt, "another\n");
    state_base_changes(&w->a, &w->paths, &reasons);
    assert_int_equal(reasons.count, 0); /* an input, but none of the base's */
    put(w, below(w, w->folder, "c-1.dist-info/METADATA"), "");
    put(w, w->interpreter, "another");
    state_base_changes(&w->a, &w->paths, &reasons);
    assert_int_equal(reasons.count, 2);
    assert_string_equal(reasons.items[0], arena_printf(&w->a, "the interpreter %s changed", w->interpreter));
    assert_string_equal(reasons.items[1], arena_printf(&w->a, "the distributions in %s changed", w->folder));
    put(w, below(w, w->paths.extensions, SYNC_STATE), "garbage");
    state_base_changes(&w->a, &w->paths, &reasons);
    assert_int_equal(reasons.count, 2);
}

static void test_no_credentials(void **state)
{
    struct world *w = *state;
    w->state.status = 1;
    array_push(&w->state.failures, (struct state_failure){"x @ https://u:secret@h/x.whl", "install",
                                                          "https://u:secret@h/ 404", false});
    write_state(w);
    assert_null(strstr(state_text(w), "secret"));
    assert_int_equal(compare(w, NULL), STATE_FAILED);
}

/* Whatever is cut off or damaged, the answer is a sync with a reason. */
static void test_garbage(void **state)
{
    struct world *w = *state;
    char *file = below(w, w->paths.extensions, SYNC_STATE), *whole = state_text(w);
    static const char *const table[] = {
        "",
        "\n",
        "garbage",
        "\t\t\t\n\t\n",
        "localstack-extensions-state\t2\t\nend\t\t\n",
        "localstack-extensions-state\t1\t\nend\t\t\n",
        "localstack-extensions-state\t1\t\nstatus\t0\t\nvenv\t7\t\nend\t\t\n"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        put(w, file, table[i]);
        assert_changed(w, "the state of the last sync ");
    }
    for (size_t n = 0; n + 5 < strlen(whole); n++) {
        assert_int_equal(fs_write(AT_FDCWD, file, (struct text){whole, n}, 0644, false, NULL), 0);
        assert_changed(w, "the state of the last sync ");
    }
    assert_int_equal(fs_write(AT_FDCWD, file, (struct text){"a\0b", 3}, 0644, false, NULL), 0);
    assert_changed(w, "NUL");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(fs_mkdirs(file, NULL), 0);
    assert_changed(w, "Is a directory");
}

static void test_paths(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct boot_paths p;
    boot_paths_make(&a, NULL, &p);
    assert_string_equal(p.venv, "/var/lib/localstack/lib/extensions/python_venv");
    boot_paths_make(&a, "/", &p);
    assert_string_equal(p.base, "/opt/code/localstack/.venv");
    boot_paths_make(&a, "/r//x/.", &p);
    assert_string_equal(p.root, "/r/x");
    assert_string_equal(p.conf_txt, "/r/x/etc/localstack/conf.d/extensions.txt");
    boot_paths_make(&a, "r", &p);
    assert_true(p.root[0] == '/');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_same),
        TEST(test_no_state),
        TEST(test_commit_record),
        TEST(test_files),
        TEST(test_a_file_changed_while_the_sync_ran),
        TEST(test_settings_files),
        TEST(test_settings),
        TEST(test_settings_that_changed_are_named),
        TEST(test_variables),
        TEST(test_variables_are_no_plain_digests),
        TEST(test_variables_without_a_salt),
        TEST(test_base),
        TEST(test_interpreter),
        TEST(test_inode_and_ctime_do_not_count),
        TEST(test_source),
        TEST(test_what_a_source_installs),
        TEST(test_developers_sources),
        TEST(test_what_changed_in_the_sources),
        TEST(test_venv),
        TEST(test_failures),
        TEST(test_marks),
        TEST(test_what_was_read_counts),
        TEST(test_wheels),
        TEST(test_files_that_projects_lead_to),
        TEST(test_code),
        TEST(test_a_sync_keeps_the_marks_that_it_is_given),
        TEST(test_marks_without_a_state),
        TEST(test_base_changes),
        TEST(test_no_credentials),
        TEST(test_garbage),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
