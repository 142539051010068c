/* SPDX-License-Identifier: Apache-2.0 */
#include "build/git_private.h"

#include "base/log.h"

#include <string.h>

enum { MOST_NEEDLES = 18, SHOWN_LINES = 3, LONGEST_LINE = 300 };

struct meaning {
    enum err_kind kind;
    const char *before, *after; /* around the subject */
    const char *needles[MOST_NEEDLES];
};

/* In the order in which they are looked for: git ends nearly every failure of a connection with the same
 * words. */
static const struct meaning meanings[] = {
    {ERR_SYSTEM,
     "",
     " cannot be kept on disk",
     {"No space left on device", "Read-only file system", "Disk quota exceeded", "Out of memory",
      "already exists and is not an empty directory", "could not create work tree dir",
      "could not create leading directories", "could not create directory"}},
    {ERR_INPUT,
     "",
     " needs ssh, which is not installed in this image; install it there",
     {"cannot run ssh", "ssh: not found", "ssh: command not found"}},
    {ERR_INPUT,
     "the proxy on the way to ",
     " refuses access; write a user and a password that it takes into its URL",
     {"returned error: 407", "HTTP code 407", "tunnel failed, response 40"}},
    {ERR_INPUT,
     "",
     " is on a host that ssh does not know; put the host's key into ssh's known_hosts",
     {"Host key verification failed"}},
    {ERR_INPUT,
     "",
     " refuses access; name a user and a token that it takes in the URL, or a helper or key in git's "
     "configuration",
     {"could not read Username", "could not read Password", "Authentication failed", "returned error: 401",
      "returned error: 403", "Permission denied (", "Permission denied, please try again"}},
    {ERR_UNAVAILABLE,
     "the certificate of the host of ",
     " is not trusted; set PIP_CERT to the file of the authority that it is from",
     {"certificate verif", "SSL certificate problem", "CAfile", "unable to get local issuer certificate",
      "error setting certificate"}},
    {ERR_INPUT,
     "",
     " stands at an address of a kind that git does not follow",
     {"' not allowed", "is blocked", "strange hostname", "strange pathname", "Unable to find remote helper",
      "is not a git command"}},
    {ERR_NOT_FOUND,
     "",
     " does not give out the commit that is asked for",
     {"not our ref", "unadvertised object", "couldn't find remote ref", "unable to read tree",
      "reference is not a tree", "no such remote ref", "remote did not send all necessary objects"}},
    {ERR_NOT_FOUND,
     "",
     " is not there, or is no git repository",
     {"' not found", "does not appear to be a git repository", "is this a git repository",
      "repository not exported", "returned error: 404", "returned error: 410", "Repository not found",
      "does not exist", "No such file or directory", "could not be found"}},
    {ERR_UNAVAILABLE,
     "",
     " cannot be reached; check the network, the proxy settings, and that the server is up",
     {"Could not resolve", "not resolve host", "unable to look up", "Failed to connect", "onnection refused",
      "onnection reset", "onnection closed", "timed out", "unable to connect", "is unreachable",
      "No route to host", "early EOF", "unexpected disconnect", "hung up unexpectedly", "returned error: 5",
      "returned error: 429", "RPC failed", "unable to access"}},
};

/* Lines that say nothing about the reason. */
static bool is_noise(struct text line)
{
    static const char *const beginnings[] = {
        "error: unable to read askpass",
        "Please make sure you have",
        "and the repository exists",
        "warning:",
        "Cloning into",
        "hint:",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (text_starts(line, text_of(beginnings[i])))
            return true;
    return line.len == 0;
}

static const struct meaning *meaning_of(const char *said)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        for (size_t j = 0; j < MOST_NEEDLES && meanings[i].needles[j]; j++)
            if (strstr(said, meanings[i].needles[j]))
                return &meanings[i];
    return NULL;
}

/* What git says itself, without what the other side says, which may be anything. */
static void own_words(struct buf *own, const struct buf *said)
{
    struct text rest = buf_view(said), line;
    while (text_line(&rest, &line)) {
        if (text_starts(line, T("remote:")))
            continue;
        buf_text(own, line);
        buf_char(own, '\n');
    }
}

static void last_words(struct buf *words, const struct buf *said)
{
    struct text rest = buf_view(said), line, last[SHOWN_LINES] = {{0}};
    size_t count = 0;
    while (text_line(&rest, &line)) {
        line = text_trim(line);
        if (!is_noise(line))
            last[count++ % SHOWN_LINES] = text_first(line, LONGEST_LINE);
    }
    for (size_t i = count > SHOWN_LINES ? count - SHOWN_LINES : 0; i < count; i++) {
        if (words->len)
            buf_str(words, "; ");
        log_escape(words, last[i % SHOWN_LINES]);
    }
}

int git_failure(const struct git_run *run, const struct process_result *r, struct err *err)
{
    struct buf own cleanup_buf = BUF_INIT, words cleanup_buf = BUF_INIT;
    if (r->timed_out)
        return err_set(err, ERR_UNAVAILABLE, "%s did not come within %d s", run->subject,
                       (run->options->timeout_ms + 999) / 1000);
    own_words(&own, &r->err);
    last_words(&words, &r->err);
    const struct meaning *meaning = meaning_of(buf_cstr(&own));
    if (!meaning)
        return err_set(err, ERR_INPUT, "git cannot fetch %s (exit status %d): %s", run->subject, r->status,
                       words.len ? words.ptr : "it did not say why");
    return err_set(err, meaning->kind, "%s%s%s: %s", meaning->before, run->subject, meaning->after,
                   buf_cstr(&words));
}
