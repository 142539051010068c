/* SPDX-License-Identifier: Apache-2.0 */
/* What of a developer's source a boot looks at, whatever tree that is. */
#include "base/fs.h"
#include "boot/fact.h"
#include "test.h"

/* A test that has not ended by then never will. */
enum { PATIENCE_S = 60 };

struct world {
    struct arena a;
    char *root, *source;
};

static char *below(struct world *w, const char *name)
{
    return path_join(&w->a, w->source, name);
}

/* Its path, in a folder that is there. */
static const char *place(struct world *w, const char *name)
{
    const char *file = below(w, name);
    assert_int_equal(fs_mkdirs(arena_strndup(&w->a, file, (size_t)(path_base(file) - file - 1)), NULL), 0);
    return file;
}

static void put(struct world *w, const char *name, const char *text)
{
    const char *file = place(w, name);
    assert_int_equal(fs_write(AT_FDCWD, file, text_of(text), 0644, false, NULL), 0);
}

static void lead(struct world *w, const char *name, const char *to)
{
    assert_int_equal(symlink(to, place(w, name)), 0);
}

typedef char *fact(struct arena *a, const char *folder);

/* Whether what was put there makes another fact. */
static void assert_counts(struct world *w, fact *of, bool counts, const char *name, const char *text)
{
    const char *before = of(&w->a, w->source);
    put(w, name, text);
    if ((strcmp(of(&w->a, w->source), before) != 0) != counts)
        fail_msg("%s %s", name, counts ? "makes no change" : "makes a change");
}

static int set_up(void **state)
{
    struct world *w = test_calloc(1, sizeof *w);
    w->root = arena_strdup(&w->a, "/tmp/test-fact-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    w->source = path_join(&w->a, w->root, "source");
    put(w, "pyproject.toml", "[project]\n");
    alarm(PATIENCE_S);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    alarm(0);
    fs_remove_tree(AT_FDCWD, w->root, NULL);
    arena_free(&w->a);
    test_free(w);
    return 0;
}

static void test_packages_in_namespaces(void **state)
{
    struct world *w = *state;
    put(w, "acme/cloud/one/__init__.py", "");
    put(w, "native/__init__.cpython-313-x86_64-linux-gnu.so", "");
    put(w, "assets/logo.png", "");
    assert_counts(w, fact_source, false, "acme/cloud/one/more/__init__.py", "");
    assert_counts(w, fact_source, false, "acme/cloud/table.json", "");
    assert_counts(w, fact_source, false, "acme/cloud/__pycache__/x.py", "");
    assert_counts(w, fact_source, false, "acme/not-a-name/x.py", "");
    assert_counts(w, fact_source, false, "native/part/x.py", "");
    assert_counts(w, fact_source, true, "acme/cloud/two/__init__.py", "");
    assert_counts(w, fact_source, true, "acme/cloud/tests/x.py", "");
    assert_counts(w, fact_source, true, "acme/edge/deep/er/module.py", "");
    assert_counts(w, fact_source, true, "src/acme/cloud/three/__init__.py", "");
    assert_counts(w, fact_source, true, "src/acme/cloud/four/__init__.py", "");
    /* One that is a package from now on has a link for all of it. */
    assert_counts(w, fact_source, true, "assets/__init__.py", "");
    assert_counts(w, fact_source, true, "acme/cloud/__init__.py", "");
}

static void test_links_to_packages(void **state)
{
    struct world *w = *state;
    put(w, "../elsewhere/pkg/__init__.py", "");
    put(w, "../elsewhere/names/part/mod.py", "");
    lead(w, "pkg", "../elsewhere/pkg");
    lead(w, "acme/names", "../../elsewhere/names");
    assert_counts(w, fact_source, true, "../elsewhere/names/new.py", "");
    assert_counts(w, fact_source, false, "../elsewhere/pkg/new.py", "");
    assert_counts(w, fact_code, true, "../elsewhere/pkg/new.py", "1");
    assert_counts(w, fact_code, true, "../elsewhere/pkg/sub/new.py", "");
    assert_counts(w, fact_code, true, "../elsewhere/names/new.py", "1");
    assert_counts(w, fact_code, true, "../elsewhere/names/whole/__init__.py", "");
    assert_counts(w, fact_code, true, "../elsewhere/names/whole/sub/mod.py", "");
    /* What plux does not go into either. */
    lead(w, "../elsewhere/pkg/more", "../other");
    assert_counts(w, fact_code, false, "../elsewhere/other/mod.py", "");
}

static void test_a_linked_src(void **state)
{
    struct world *w = *state;
    put(w, "lib/acme/one/__init__.py", "");
    lead(w, "src", "lib");
    assert_counts(w, fact_source, true, "src/acme/two/__init__.py", "");
    assert_counts(w, fact_code, true, "src/acme/two/__init__.py", "1");
    put(w, "../far/acme/one/mod.py", "");
    assert_int_equal(unlink(below(w, "src")), 0);
    lead(w, "src", "../far");
    assert_counts(w, fact_code, true, "../far/acme/one/mod.py", "1");
}

static void test_links_that_lead_round(void **state)
{
    struct world *w = *state;
    lead(w, "data/a", ".");
    lead(w, "data/b", ".");
    lead(w, "pkg/__init__.py", "../pyproject.toml");
    lead(w, "pkg/a", ".");
    lead(w, "pkg/b", "..");
    lead(w, "src", ".");
    for (int i = 0; i < 30; i++) {
        const char *next = arena_printf(&w->a, "../d%d", i + 1);
        lead(w, arena_printf(&w->a, "d%d/x", i), next);
        lead(w, arena_printf(&w->a, "d%d/y", i), next);
    }
    fact_source(&w->a, w->source);
    assert_counts(w, fact_code, true, "pkg/mod.py", "");
    assert_counts(w, fact_source, true, "d1/mod.py", "");
}

static void test_links_out_of_the_source(void **state)
{
    struct world *w = *state;
    lead(w, "proc", "/proc");
    lead(w, "host", "/proc/self");
    lead(w, "names/all", "/");
    lead(w, "nowhere", "missing");
    lead(w, "itself", "itself");
    const char *code = fact_code(&w->a, w->source), *source = fact_source(&w->a, w->source);
    cleanup_close int another = open("/dev/null", O_RDONLY | O_CLOEXEC); /* one name more in /proc/self/fd */
    assert_true(another >= 0);
    assert_string_equal(fact_code(&w->a, w->source), code);
    assert_string_equal(fact_source(&w->a, w->source), source);
}

/* The part that is looked at is the same each time, and all that is shallow belongs to it. */
static void test_more_than_can_be_looked_at(void **state)
{
    struct world *w = *state;
    put(w, "aaa/deep/er/mod.py", "");
    put(w, "zeta/one/__init__.py", "");
    for (int i = 0; i < 50000; i++) {
        cleanup_close int fd =
            open(below(w, arena_printf(&w->a, "aaa/deep/f%d", i)), O_CREAT | O_WRONLY, 0644);
        assert_true(fd >= 0);
    }
    assert_counts(w, fact_source, false, "aaa/deep/new.py", "");
    assert_counts(w, fact_code, false, "aaa/deep/new.py", "1");
    assert_counts(w, fact_source, true, "zeta/two.py", "");
    assert_counts(w, fact_code, true, "zeta/two.py", "1");
    assert_counts(w, fact_source, true, "aaa/new.py", "");
}

static void test_packages_come_before_data(void **state)
{
    struct world *w = *state;
    put(w, "src/pkg/__init__.py", "");
    put(w, "src/pkg/deep/er/mod.py", "");
    for (int i = 0; i < 4000; i++)
        assert_int_equal(fs_mkdirs(below(w, arena_printf(&w->a, "data/d%d", i)), NULL), 0);
    assert_counts(w, fact_source, true, "src/other/__init__.py", "");
    assert_counts(w, fact_code, true, "src/pkg/deep/er/mod.py", "1");
    assert_counts(w, fact_code, true, "src/other/mod.py", "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_packages_in_namespaces),
        TEST(test_links_to_packages),
        TEST(test_a_linked_src),
        TEST(test_links_that_lead_round),
        TEST(test_links_out_of_the_source),
        TEST(test_more_than_can_be_looked_at),
        TEST(test_packages_come_before_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
