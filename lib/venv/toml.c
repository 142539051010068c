/* SPDX-License-Identifier: Apache-2.0 */
#include "venv/toml.h"

#include "base/array.h"
#include "venv/ask.h"
#include "venv/scripts.h"

#include <jansson.h>

enum { ANSWER_LIMIT = 128 << 20 };

static bool take(struct arena *a, const json_t *answer, struct toml_document *d)
{
    json_int_t line = json_integer_value(json_object_get(answer, "line"));
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (error) {
        d->error = arena_strdup(a, error);
        d->line = line > 0 && line <= TOML_LIMIT ? (unsigned)line : 0;
        return true;
    }
    char *json =
        json_is_object(json_object_get(answer, "document")) ? json_dumps(answer, JSON_COMPACT) : NULL;
    if (!json)
        return false;
    d->json = arena_strdup(a, json);
    free(json);
    return true;
}

int toml_read(struct arena *a, const char *executable, struct toml_document *documents, size_t count,
              struct err *err)
{
    struct buf input cleanup_buf = BUF_INIT, text cleanup_buf = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        buf_printf(&input, "%zu\n", documents[i].bytes.len);
        buf_text(&input, documents[i].bytes);
        documents[i].json = documents[i].error = NULL;
        documents[i].line = 0;
    }
    if (ask_python(a, executable, script_toml, buf_view(&input), ANSWER_LIMIT, &text, err) < 0)
        return -1;
    json_t *answer = json_loads(buf_cstr(&text), 0, NULL);
    bool good = json_array_size(answer) == count;
    for (size_t i = 0; i < count && good; i++)
        good = take(a, json_array_get(answer, i), &documents[i]);
    json_decref(answer);
    return good ? 0
                : err_set(err, ERR_SYSTEM, "the answer of %s about TOML files cannot be understood",
                          executable);
}
