/* SPDX-License-Identifier: Apache-2.0 */
#include "build/failure.h"

#include "base/array.h"

#include <stdint.h>
#include <stdio.h>

enum { TAIL_LINES = 10, LINE_LIMIT = 300 };

#define STEP_BEGINS "Running command "
#define STEP_FAILED "error: subprocess-exited-with-error"
/* A step of a step (a build requirement that has to be built itself) is shown in a frame. */
#define FRAME_BEGINS " lines of output]"
#define FRAME_ENDS "[end of output]"

/* ---- lines */

/* What a terminal would show of it: what follows the last carriage return, without escape sequences. */
static struct text clean(struct arena *a, struct text line)
{
    for (size_t i = line.len; i-- > 0;)
        if (line.ptr[i] == '\r' && i + 1 < line.len) {
            line = text_from(line, i + 1);
            break;
        }
    char *out = arena_alloc(a, line.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < line.len && n < LINE_LIMIT; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        if (c == 0x1b && i + 1 < line.len && line.ptr[i + 1] == '[') {
            for (i += 2; i < line.len && (line.ptr[i] < '@' || line.ptr[i] > '~'); i++)
                ;
            continue;
        }
        if (c == '\t')
            c = ' ';
        if (c >= 0x20 && c != 0x7f)
            out[n++] = (char)c;
    }
    /* Not in the middle of a character. */
    if (n == LINE_LIMIT) {
        while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
            n--;
        if (n && (unsigned char)out[n - 1] >= 0xc0)
            n--;
    }
    while (n && out[n - 1] == ' ')
        n--;
    return (struct text){out, n};
}

/* Which part of the line above a traceback means. */
static bool is_underlining(struct text line)
{
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" ^~", line.ptr[i]))
            return false;
    return true;
}

static size_t indentation(struct text line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == ' ')
        n++;
    return n;
}

/* The last line that is not empty is cut off *rest. */
static bool last_line(struct text *rest, struct text *line)
{
    while (rest->len) {
        size_t end = rest->len, start;
        if (rest->ptr[end - 1] == '\n')
            end--;
        for (start = end; start && rest->ptr[start - 1] != '\n';)
            start--;
        *line = (struct text){rest->ptr + start, end - start};
        *rest = text_first(*rest, start);
        if (text_trim(*line).len)
            return true;
    }
    return false;
}

const char *failure_tail(struct arena *a, struct text output)
{
    struct text lines[TAIL_LINES], line;
    size_t count = 0, least = SIZE_MAX;
    while (count < TAIL_LINES && last_line(&output, &line)) {
        line = clean(a, line);
        if (is_underlining(line))
            continue;
        least = indentation(line) < least ? indentation(line) : least;
        lines[count++] = line;
    }
    struct buf out cleanup_buf = BUF_INIT;
    while (count-- > 0) {
        buf_text(&out, text_from(lines[count], least));
        buf_char(&out, '\n');
    }
    return arena_strdup(a, buf_cstr(&out));
}

static bool find(struct text in, const char *what, size_t *at)
{
    const char *found = in.len ? memmem(in.ptr, in.len, what, strlen(what)) : NULL;
    if (found)
        *at = (size_t)(found - in.ptr);
    return found;
}

static bool find_last(struct text in, const char *what, size_t *at)
{
    size_t next, from = 0;
    bool found = false;
    while (find(text_from(in, from), what, &next)) {
        *at = from + next;
        from = *at + 1;
        found = true;
    }
    return found;
}

/* What stands between the first BEFORE and the next AFTER on the same line; with the blanks around it
 * dropped. */
static bool between(struct text in, const char *before, const char *after, struct text *out)
{
    size_t at, end;
    while (find(in, before, &at)) {
        in = text_from(in, at + strlen(before));
        struct text line = text_first(in, text_find(in, '\n'));
        end = line.len;
        if ((*after && !find(line, after, &end)) || !text_trim(text_first(line, end)).len)
            continue;
        *out = text_trim(text_first(line, end));
        return true;
    }
    return false;
}

/* ---- steps */

static const char *step_name(struct arena *a, struct text line)
{
    struct text name = clean(a, line);
    size_t paren = text_find(name, '(');
    name = text_trim(text_first(name, paren));
    if (text_is(name, "pip subprocess to install build dependencies")) /* as older ones call it */
        name = T("installing build dependencies");
    return name.len ? text_dup(a, name) : NULL;
}

const char *failure_step(struct arena *a, struct text output)
{
    size_t at;
    if (!find_last(output, STEP_BEGINS, &at))
        return NULL;
    struct text rest = text_from(output, at + strlen(STEP_BEGINS));
    return step_name(a, text_first(rest, text_find(rest, '\n')));
}

/* Where pip says, indented as deep as where the step began, that it failed; old pips say so once more at the
 * end. */
static bool find_step_failed(struct text scope, size_t depth, size_t *at)
{
    char line[64];
    int n = snprintf(line, sizeof line, "\n%*s%s", (int)(depth < sizeof line ? depth : sizeof line), "",
                     STEP_FAILED);
    return (n < (int)sizeof line && find_last(scope, line, at)) || find_last(scope, STEP_FAILED, at);
}

/* The output of the step that failed; all of it where none did. */
static struct text scope_of(struct text output)
{
    size_t at, depth = 0;
    struct text scope = output;
    if (find_last(scope, STEP_BEGINS, &at)) {
        while (depth < at && scope.ptr[at - depth - 1] == ' ')
            depth++;
        scope = text_from(scope, at);
        scope = text_from(scope, text_find(scope, '\n'));
        if (find_step_failed(scope, depth, &at))
            scope = text_first(scope, at);
    }
    struct text frame = scope;
    if (find_last(frame, FRAME_BEGINS, &at)) {
        frame = text_from(frame, at);
        frame = text_from(frame, text_find(frame, '\n') + 1);
        if (find(frame, FRAME_ENDS, &at))
            return text_first(frame, at);
    }
    return scope;
}

/* ---- reasons */

/* gcc, x86_64-linux-gnu-gcc-12, clang++ … : the language; NULL: no compiler. */
static const char *language_of(struct text program)
{
    static const struct {
        const char *part, *language;
    } compilers[] = {
        {"g++", "C++"}, {"clang++", "C++"},      {"c++", "C++"},     {"gcc", "C"},      {"clang", "C"},
        {"cc", "C"},    {"gfortran", "Fortran"}, {"f95", "Fortran"}, {"rustc", "Rust"}, {"cargo", "Rust"},
    };
    size_t at;
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++)
        if (find_last(program, compilers[i].part, &at) && (at == 0 || program.ptr[at - 1] == '-'))
            return compilers[i].language;
    return NULL;
}

/* A name without folder: of a program that was looked for on PATH. */
static bool is_program(struct text name)
{
    if (!name.len || name.len > 64)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_alnum(name.ptr[i]) && !strchr("+-_.", name.ptr[i]))
            return false;
    return true;
}

static bool lacks_program(struct arena *a, struct text scope, struct failure *out)
{
    static const struct {
        const char *before, *after;
    } said[] = {
        {"error: command '", "' failed: No such file or directory"},
        {"unable to execute '", "': No such file or directory"},
        {"error: [Errno 2] No such file or directory: '", "'"},
        {"FileNotFoundError: [Errno 2] No such file or directory: '", "'"},
        {"Cannot find command '", "'"},
    };
    struct text name;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        if (!between(scope, said[i].before, said[i].after, &name) || !is_program(name))
            continue;
        const char *language = language_of(name);
        /* A file that the build itself wanted to read may have such a name; a compiler's it has not. */
        if (!language && i >= 2 && i != 4)
            continue;
        out->reason = language
                          ? arena_printf(a, "it needs a %s compiler (%.*s), which this image does not have",
                                         language, TEXT_ARG(name))
                          : arena_printf(a, "it needs the program %.*s, which this image does not have",
                                         TEXT_ARG(name));
        return true;
    }
    return false;
}

/* Build systems that look for a compiler on their own. */
static bool lacks_compiler(struct arena *a, struct text scope, struct failure *out)
{
    static const struct {
        const char *said, *what;
    } known[] = {
        {"ERROR: Unknown compiler(s): [['cc'", "a C compiler (cc)"},
        {"ERROR: Unknown compiler(s): [['c++'", "a C++ compiler (c++)"},
        {"No CMAKE_C_COMPILER could be found", "a C compiler (cc)"},
        {"No CMAKE_CXX_COMPILER could be found", "a C++ compiler (c++)"},
        {"can't find Rust compiler", "a Rust compiler (rustc)"},
        {"Cargo, the Rust package manager, is not installed", "a Rust compiler (cargo)"},
    };
    size_t at;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (find(scope, known[i].said, &at)) {
            out->reason = arena_printf(a, "it needs %s, which this image does not have", known[i].what);
            return true;
        }
    return false;
}

static bool lacks_header(struct arena *a, struct text scope, struct failure *out)
{
    struct text name;
    if (!between(scope, "fatal error: ", ": No such file or directory", &name) || name.len > 200)
        return false;
    out->reason = arena_printf(a, "it needs the C header %.*s, which this image does not have",
                               TEXT_ARG(clean(a, name)));
    return true;
}

/* A build requirement: with --no-deps there is nothing else that pip looks for. */
static bool lacks_requirement(struct arena *a, struct text scope, bool offline, struct failure *out)
{
    static const char *const unreachable[] = {"WARNING: Retrying (Retry(", "Could not fetch URL ",
                                              "ConnectionError", "ReadTimeoutError", "SSLError"};
    struct text name;
    size_t at;
    if (!between(scope, "No matching distribution found for ", "", &name))
        return false;
    name = clean(a, name);
    out->kind = ERR_UNAVAILABLE;
    if (offline) {
        out->reason = arena_printf(a,
                                   "%.*s, which builds it, cannot be had: no index may be asked, and what "
                                   "is here has none that fits",
                                   TEXT_ARG(name));
        return true;
    }
    for (size_t i = 0; i < sizeof unreachable / sizeof *unreachable; i++)
        if (find(scope, unreachable[i], &at)) {
            out->reason = arena_printf(a, "%.*s, which builds it, cannot be had: the index does not answer",
                                       TEXT_ARG(name));
            return true;
        }
    out->kind = ERR_INPUT;
    out->reason =
        arena_printf(a, "no index has %.*s, which builds it, in a version that fits", TEXT_ARG(name));
    return true;
}

static bool lost_connection(struct text scope, struct failure *out)
{
    static const char *const said[] = {"ERROR: Could not install packages due to an OSError: HTTP",
                                       "ReadTimeoutError: ", "IncompleteRead"};
    size_t at;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (find(scope, said[i], &at)) {
            out->kind = ERR_UNAVAILABLE;
            out->reason = "what builds it cannot be had: the index does not answer";
            return true;
        }
    return false;
}

static bool lacks_space(struct text scope, struct failure *out)
{
    size_t at;
    if (!find(scope, "No space left on device", &at))
        return false;
    out->kind = ERR_SYSTEM;
    out->reason = "no space is left where it is built";
    return true;
}

/* A process or a thread could not be had: by pip, a back end or what that runs. */
static bool lacks_processes(struct text scope, struct failure *out)
{
    static const char *const said[] = {"BlockingIOError: [Errno 11] Resource temporarily unavailable",
                                       "can't start new thread", "fork: Resource temporarily unavailable"};
    size_t at;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (find(scope, said[i], &at)) {
            out->kind = ERR_UNAVAILABLE;
            out->reason =
                "no process could be started for it; the container may have too few (pids limit, ulimit -u)";
            return true;
        }
    return false;
}

static bool was_killed(struct arena *a, struct text output, const char *step, struct failure *out)
{
    struct text number;
    unsigned long long n;
    size_t at;
    struct text rest = find_last(output, STEP_FAILED, &at) ? text_from(output, at) : (struct text){0};
    if (!between(rest, "exit code: -", "", &number) || !text_u64(number, &n) || n == 0 || n > 64)
        return false;
    out->reason = arena_printf(a, "%s was ended by signal %llu (%s)%s", step, n, strsignal((int)n),
                               n == 9 ? ", which mostly means that the container has too little memory" : "");
    return true;
}

/* What pip itself has to say, where no step failed: of an exception of its own that there is one, and then
 * the traceback. */
static struct text own_words(struct text output)
{
    size_t at = 0;
    if (!find_last(output, "ERROR: ", &at))
        return (struct text){0};
    struct text rest = text_from(output, at + strlen("ERROR: "));
    struct text words = text_trim(text_first(rest, text_find(rest, '\n')));
    return text_is(words, "Exception:") ? (struct text){0} : words;
}

/* The last line is what a Python exception or a compiler ends with. */
static void plain_reason(struct arena *a, struct text output, struct text scope, const char *step,
                         bool step_failed, struct failure *out)
{
    struct text said = step_failed ? (struct text){0} : text_trim(clean(a, own_words(output))), line;
    while (!said.len && last_line(&scope, &line))
        said = text_trim(clean(a, line));
    if (!said.len)
        said = T("it printed nothing");
    out->reason = step_failed ? arena_printf(a, "%s failed: %.*s", step, TEXT_ARG(said)) : text_dup(a, said);
}

void failure_read(struct arena *a, struct text output, bool offline, struct failure *out)
{
    size_t at;
    const char *step = failure_step(a, output);
    bool step_failed = step && find(output, STEP_FAILED, &at);
    struct text scope = scope_of(output);
    *out = (struct failure){.kind = ERR_INPUT, .tail = failure_tail(a, scope)};
    if (lacks_space(scope, out) || lacks_processes(scope, out) ||
        was_killed(a, output, step ? step : "the build", out) || lacks_requirement(a, scope, offline, out) ||
        lacks_program(a, scope, out) || lacks_compiler(a, scope, out) || lacks_header(a, scope, out) ||
        lost_connection(scope, out))
        return;
    plain_reason(a, output, scope, step, step_failed, out);
}
