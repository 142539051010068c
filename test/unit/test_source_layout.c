/* SPDX-License-Identifier: Apache-2.0 */
/* What of a source is linked: test/data/dev/layouts.txt says what stands in it and what is expected. */
#include "dev/layout.h"
#include "files.h"

#define FOLDER "source"

struct expected {
    const char *name;
    size_t line;
    struct source_links links;
    struct strings warnings;
    const char *failure;
};

struct story {
    struct arena a;
    struct project_layout layout;
    struct expected expected;
};

static void story_free(struct story *s)
{
    struct project_layout *l = &s->layout;
    struct strings *const lists[] = {&l->where, &l->include, &l->exclude, &l->top_level,
                                     &s->expected.warnings};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        array_free(lists[i]);
    array_free(&l->parts);
    array_free(&s->expected.links);
    arena_free(&s->a);
}

static void make_entry(const char *path)
{
    const char *whole = arena_concat(&files_memory, FOLDER "/", path);
    if (text_ends(text_of(path), T("/")))
        make_dir(whole);
    else
        make_file(whole, "");
}

/* The sentence with the source's real path in it. */
static const char *with_folder(struct story *s, struct text sentence)
{
    struct buf out cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < sentence.len;) {
        bool here = text_starts(text_from(sentence, i), T("FOLDER"));
        buf_text(&out, here ? text_of(at(FOLDER)) : text_first(text_from(sentence, i), 1));
        i += here ? strlen("FOLDER") : 1;
    }
    return text_dup(&s->a, buf_view(&out));
}

static void take_words(struct story *s, struct text words, struct strings *to)
{
    struct text word;
    while (text_cut(&words, ' ', &word))
        if (to)
            array_push(to, text_dup(&s->a, word));
        else
            make_entry(text_dup(&s->a, word));
}

static void take_line(struct story *s, struct text line)
{
    struct text key, first, rest = line;
    struct project_layout *l = &s->layout;
    text_cut(&rest, ' ', &key);
    struct text both = rest;
    text_cut(&both, ' ', &first);
    const struct {
        const char *key;
        struct strings *list;
    } lists[] = {{"has", NULL},
                 {"where", &l->where},
                 {"include", &l->include},
                 {"exclude", &l->exclude},
                 {"top_level", &l->top_level}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (text_is(key, lists[i].key)) {
            take_words(s, rest, lists[i].list);
            return;
        }
    if (text_is(key, "alias"))
        make_link(text_dup(&s->a, both), arena_printf(&s->a, FOLDER "/%.*s", TEXT_ARG(first)));
    else if (text_is(key, "part"))
        array_push(&l->parts, (struct project_part){text_dup(&s->a, first), text_dup(&s->a, both)});
    else if (text_is(key, "="))
        array_push(&s->expected.links, (struct source_link){text_dup(&s->a, first), text_dup(&s->a, both)});
    else if (text_is(key, "only"))
        l->only = text_dup(&s->a, rest);
    else if (text_is(key, "warns"))
        array_push(&s->expected.warnings, (char *)(uintptr_t)with_folder(s, rest));
    else if (text_is(key, "fails"))
        s->expected.failure = with_folder(s, rest);
    else if (text_is(key, "regular_only"))
        l->regular_only = true;
    else if (text_is(key, "parts_only"))
        l->search = false;
    else
        fail_msg("line %zu: what is %.*s?", s->expected.line, TEXT_ARG(line));
}

static void compare_links(const struct expected *e, const struct source_links *links)
{
    struct buf got cleanup_buf = BUF_INIT, wanted cleanup_buf = BUF_INIT;
    array_each (links, link)
        buf_printf(&got, "= %s %s\n", link->path, link->target);
    array_each (&e->links, link)
        buf_printf(&wanted, "= %s %s\n", link->path, link->target);
    if (strcmp(buf_cstr(&got), buf_cstr(&wanted)) != 0)
        fail_msg("line %zu, %s: got\n%snot\n%s", e->line, e->name, buf_cstr(&got), buf_cstr(&wanted));
}

/* Returns whether it was right: all are told of. */
static void tell(struct story *s)
{
    struct expected *e = &s->expected;
    struct source_links links = {0};
    struct strings warnings cleanup_strings = {0};
    struct err err cleanup_err = ERR_INIT;
    int result = layout_find(&s->a, at(FOLDER), &s->layout, &links, &warnings, &err);
    if ((result < 0) != (e->failure != NULL) || (result < 0 && !strstr(err.text, e->failure)))
        fail_msg("line %zu, %s: %s", e->line, e->name, result < 0 ? err.text : "did not fail");
    if (result < 0)
        assert_int_equal(err.kind, ERR_INPUT);
    else
        compare_links(e, &links);
    array_each (&warnings, warning) {
        bool known = false;
        array_each (&e->warnings, sentence)
            known |= strstr(*warning, *sentence) != NULL;
        if (!known)
            fail_msg("line %zu, %s: warns %s", e->line, e->name, *warning);
    }
    if (warnings.count != e->warnings.count)
        fail_msg("line %zu, %s: %zu warnings", e->line, e->name, warnings.count);
    array_free(&links);
    assert_int_equal(fs_remove_tree(AT_FDCWD, at(FOLDER), NULL), 0);
}

static void test_layouts(void **state)
{
    (void)state;
    struct buf file cleanup_buf = BUF_INIT;
    size_t number = 0, stories = 0;
    struct story s = {0};
    assert_int_equal(fs_read(AT_FDCWD, test_data("dev/layouts.txt"), 1 << 20, &file, NULL), 0);
    struct text rest = buf_view(&file), line;
    for (bool more = true; more;) {
        more = text_line(&rest, &line);
        number++;
        if ((!more || text_starts(line, T("case "))) && s.expected.name) {
            tell(&s);
            story_free(&s);
            stories++;
        }
        if (more && text_starts(line, T("case "))) {
            s = (struct story){.layout.search = true, .expected.line = number};
            s.expected.name = text_dup(&s.a, text_from(line, 5));
            make_dir(FOLDER);
        } else if (more && line.len && *line.ptr != '#') {
            take_line(&s, line);
        }
    }
    assert_true(stories > 40);
}

/* One link to two folders each: as many ways as there are steps in two to the 24th. */
static void test_a_bound_to_what_is_looked_at(void **state)
{
    (void)state;
    struct arena a cleanup_arena = ARENA_INIT;
    struct source_links links = {0};
    struct strings warnings cleanup_strings = {0};
    struct err err cleanup_err = ERR_INIT;
    make_file(FOLDER "/src/pkg/__init__.py", "");
    /* The kernel follows 40 links in a path, and counts each twice where it has to begin again, which it has
     * now and then when others rename. */
    enum { LINKS = 18 };
    for (int i = 0; i < LINKS; i++) {
        make_dir(arena_printf(&a, FOLDER "/d%d", i));
        make_link(i ? arena_printf(&a, "../d%d", i - 1) : "../nowhere",
                  arena_printf(&a, FOLDER "/d%d/left", i));
        make_link(i ? arena_printf(&a, "../d%d", i - 1) : "../nowhere",
                  arena_printf(&a, FOLDER "/d%d/right", i));
    }
    make_link(arena_printf(&a, "../d%d", LINKS - 1), FOLDER "/src/ns");
    const struct project_layout layout = {.search = true};
    if (layout_find(&a, at(FOLDER), &layout, &links, &warnings, &err) < 0)
        fail_msg("%s", err.text);
    array_each (&warnings, warning)
        assert_non_null(strstr(*warning, "has more in it than can be searched for packages"));
    assert_int_equal(warnings.count, 1);
    array_free(&links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        files_test(test_layouts),
        files_test(test_a_bound_to_what_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
