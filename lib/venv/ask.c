/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/ask.h"

#include "base/log.h"
#include "base/process.h"
#include "base/stopwatch.h"

#include <errno.h>
#include <unistd.h>

#define MARK "\n@localstack-extensions-probe\n"
enum { TIMEOUT_MS = 60000 };

static char **environment_without_python(struct arena *a)
{
    size_t n = 0;
    while (environ[n])
        n++;
    char **out = arena_array(a, n + 1, sizeof *out);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!text_starts(text_of(environ[i]), T("PYTHON")))
            out[kept++] = environ[i];
    return out;
}

/* The end of what a failed child said, in one piece fit for a sentence. */
static const char *last_words(struct arena *a, const struct buf *said)
{
    struct text t = text_trim(buf_view(said));
    size_t start = t.len;
    while (start && t.ptr[start - 1] != '\n')
        start--;
    return t.len ? text_dup(a, text_from(t, start)) : "it said nothing";
}

static int run(struct arena *a, const struct process *p, struct process_result *r, struct err *err)
{
    const char *executable = p->argv[0];
    if (process_run(p, r, err) < 0) {
        if (err && err->sysno == ENOENT)
            return err_set(err, ERR_SYSTEM,
                           "there is no Python interpreter at %s; is this LocalStack's virtual environment?",
                           executable);
        if (err)
            err->kind = ERR_SYSTEM;
        return -1;
    }
    if (r->timed_out)
        return err_set(err, ERR_SYSTEM, "%s did not answer within %d s", executable, p->timeout_ms / 1000);
    if (r->status != 0)
        return err_set(err, ERR_SYSTEM, "%s does not run (exit status %d): %s", executable, r->status,
                       last_words(a, &r->err));
    return 0;
}

int ask_python_with(struct arena *a, const struct ask *ask, struct buf *answer, struct err *err)
{
    const char *const argv[] = {ask->executable, "-I", "-B", "-X", "utf8", "-c", ask->script, NULL};
    const struct process p = {
        .argv = argv,
        .envp = environment_without_python(a),
        .cwd = "/",
        .input = ask->input,
        .limit = ask->limit,
        .timeout_ms = ask->timeout_ms ? ask->timeout_ms : TIMEOUT_MS,
        .landlock = ask->landlock,
        .family = ask->landlock != NULL,
    };
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    long long began = stopwatch_ms();
    if (run(a, &p, &r, err) < 0)
        return -1;
    log_debug("asked %s in %lld ms", ask->executable, stopwatch_ms() - began);
    /* Code in .pth files may have printed something before. */
    const char *mark = NULL;
    for (const char *next = buf_cstr(&r.out); (next = strstr(next, MARK)); next++)
        mark = next;
    if (!mark)
        return err_set(err, ERR_SYSTEM, "the answer of %s cannot be understood", ask->executable);
    buf_str(answer, mark + sizeof MARK - 1);
    return 0;
}

int ask_python(struct arena *a, const char *executable, const char *script, struct text input, size_t limit,
               struct buf *answer, struct err *err)
{
    const struct ask ask = {.executable = executable, .script = script, .input = input, .limit = limit};
    return ask_python_with(a, &ask, answer, err);
}
