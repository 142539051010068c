/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories: each file in test/data/solver is a universe, what is asked for, and after a line "==" what must
 * come of it, word for word. UPDATE_STORIES=1 writes the outcome into the files, for a look at the
 * difference.
 *
 *   index NAME VERSION      base NAME VERSION      installed NAME VERSION      direct NAME VERSION URL
 *       needs REQUIREMENT         what the one above requires
 *       extra NAME REQUIREMENT    what its extra adds
 *       excluded WHY    yanked WHY    unreadable WHY    named
 *   absent NAME WHY         broken NAME URL WHY    option prereleases    option tolerate
 *   root FROM REQUIREMENT
 */
#include "test.h"

#include "base/fs.h"
#include "fake_source.h"

struct story {
    struct fake_source fake;
    struct fake_candidate *current;
    struct ARRAY(struct resolve_root) roots;
};

static const char *word(struct story *s, struct text *rest)
{
    struct text piece = {0};
    *rest = text_trim(*rest);
    text_cut(rest, ' ', &piece);
    *rest = text_trim(*rest);
    return text_dup(&s->fake.arena, piece);
}

static void add_root(struct story *s, struct text rest)
{
    const char *from = word(s, &rest);
    struct requirement *r = arena_new(&s->fake.arena, struct requirement);
    cleanup_err struct err err = ERR_INIT;
    if (requirement_parse(&s->fake.arena, rest, r, &err) < 0)
        fail_msg("%s", err.text);
    array_push(&s->roots, (struct resolve_root){r, from, NULL});
}

static bool candidate_line(struct story *s, const char *verb, struct text rest)
{
    static const struct {
        const char *verb;
        enum candidate_origin origin;
    } origins[] = {{"index", CANDIDATE_INDEX},
                   {"base", CANDIDATE_BASE},
                   {"installed", CANDIDATE_INSTALLED},
                   {"direct", CANDIDATE_DIRECT}};
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
        if (strcmp(verb, origins[i].verb) == 0) {
            const char *name = word(s, &rest), *version = word(s, &rest);
            s->current = fake_add(&s->fake, name, version, origins[i].origin);
            if (rest.len)
                s->current->candidate.url = text_dup(&s->fake.arena, rest);
            return true;
        }
    return false;
}

static bool detail_line(struct story *s, const char *verb, struct text rest)
{
    struct fake_candidate *c = s->current;
    if (strcmp(verb, "needs") == 0)
        fake_require(&s->fake, c, "", text_dup(&s->fake.arena, rest));
    else if (strcmp(verb, "extra") == 0) {
        const char *extra = word(s, &rest);
        fake_require(&s->fake, c, extra, rest.len ? text_dup(&s->fake.arena, rest) : NULL);
    } else if (strcmp(verb, "excluded") == 0)
        c->candidate.excluded = text_dup(&s->fake.arena, rest);
    else if (strcmp(verb, "unreadable") == 0)
        c->unreadable = text_dup(&s->fake.arena, rest);
    else if (strcmp(verb, "named") == 0)
        c->candidate.named = true;
    else if (strcmp(verb, "yanked") == 0) {
        c->candidate.yanked = true;
        c->candidate.yanked_reason = text_dup(&s->fake.arena, rest);
    } else
        return false;
    return true;
}

static void story_line(struct story *s, struct text line)
{
    struct text rest = line;
    const char *verb = word(s, &rest);
    if (!*verb || *verb == '#' || candidate_line(s, verb, rest))
        return;
    if (strcmp(verb, "root") == 0)
        add_root(s, rest);
    else if (strcmp(verb, "absent") == 0) {
        const char *name = word(s, &rest);
        fake_project(&s->fake, name)->absent = text_dup(&s->fake.arena, rest);
    } else if (strcmp(verb, "broken") == 0) {
        const char *name = word(s, &rest), *url = word(s, &rest);
        *strmap_place(&s->fake.broken_urls, text_of(arena_printf(&s->fake.arena, "%s @ %s", name, url))) =
            text_dup(&s->fake.arena, rest);
    } else if (text_is(line, "option prereleases"))
        s->fake.source.allow_prereleases = true;
    else if (text_is(line, "option tolerate"))
        s->fake.source.tolerate_base_conflicts = true;
    else if (!s->current || !detail_line(s, verb, rest))
        fail_msg("not a line of a story: %.*s", TEXT_ARG(line));
}

static void outcome(struct buf *b, const struct story *s, const struct resolution *r)
{
    static const char *const origins[] = {"index", "installed", "base", "direct"};
    for (size_t i = 0; i < r->count; i++) {
        const struct resolved *x = &r->items[i];
        buf_str(b, x->name);
        for (size_t k = 0; k < x->extra_count; k++)
            buf_printf(b, "%s%s", k ? "," : "[", x->extras[k]);
        buf_printf(b, "%s %s %s%s", x->extra_count ? "]" : "", x->candidate->version.text,
                   origins[x->candidate->origin], x->requested ? " requested" : "");
        for (size_t k = 0; k < x->require_count; k++)
            buf_printf(b, "%s%s", k ? ", " : " needs ", x->requires[k]);
        buf_char(b, '\n');
    }
    for (size_t i = 0; i < r->failure_count; i++) {
        const struct resolve_root *root = &s->roots.items[r->failures[i].root];
        buf_printf(b, "failed %s (%s)\n", root->requirement->text, root->from);
        struct text rest = text_of(r->failures[i].reason), line;
        while (text_line(&rest, &line))
            buf_printf(b, "    %.*s\n", TEXT_ARG(line));
    }
    for (size_t i = 0; i < r->note_count; i++)
        buf_printf(b, "note %s\n", r->notes[i]);
}

static void tell(void **state)
{
    const char *path = *state;
    struct story s = {0};
    fake_open(&s.fake);
    cleanup_buf struct buf file = BUF_INIT, got = BUF_INIT;
    cleanup_err struct err err = ERR_INIT;
    if (fs_read(AT_FDCWD, path, 1 << 20, &file, &err) < 0)
        fail_msg("%s", err.text);
    struct text rest = buf_view(&file), line;
    while (text_line(&rest, &line) && !text_is(line, "=="))
        story_line(&s, text_trim(line));
    cleanup_arena struct arena a = ARENA_INIT;
    struct resolution r;
    if (resolve(&a, &s.fake.source, s.roots.items, s.roots.count, &r, &err) < 0)
        fail_msg("%s", err.text);
    outcome(&got, &s, &r);
    if (getenv("UPDATE_STORIES")) {
        cleanup_buf struct buf out = BUF_INIT;
        buf_add(&out, file.ptr, (size_t)(rest.ptr - file.ptr));
        if (!text_ends(buf_view(&out), T("==\n")))
            buf_str(&out, "==\n");
        buf_text(&out, buf_view(&got));
        if (fs_write(AT_FDCWD, path, buf_view(&out), 0644, false, &err) < 0)
            fail_msg("%s", err.text);
    } else {
        assert_string_equal(buf_cstr(&got), text_dup(&a, rest));
    }
    array_free(&s.roots);
    fake_close(&s.fake);
}

int main(void)
{
    cleanup_arena struct arena a = ARENA_INIT;
    cleanup_strings struct strings names = {0};
    cleanup_err struct err err = ERR_INIT;
    const char *dir = arena_strdup(&a, test_data("solver"));
    if (fs_list(&a, AT_FDCWD, dir, &names, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct ARRAY(struct CMUnitTest) tests = {0};
    array_each (&names, name)
        if (text_ends(text_of(*name), T(".story")))
            array_push(&tests, (struct CMUnitTest){*name, tell, NULL, NULL, path_join(&a, dir, *name)});
    int failed = tests.count ? _cmocka_run_group_tests("stories", tests.items, tests.count, NULL, NULL) : 1;
    array_free(&tests);
    return failed;
}
