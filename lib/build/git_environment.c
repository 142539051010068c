/* SPDX-License-Identifier: Apache-2.0 */
#include "build/git_private.h"

#include "config/environment.h"

#include "base/cleanup.h"
#include "index/url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define USER_VARIABLE "LOCALSTACK_EXTENSIONS_GIT_USER"
#define PASSWORD_VARIABLE "LOCALSTACK_EXTENSIONS_GIT_PASSWORD"

/* git runs it as `sh -c 'HELPER get'`. printf is part of the shell, so that the values are in no command
 * line. */
static const char helper[] =
    "!f() { printf 'username=%s\\npassword=%s\\n' \"$" USER_VARIABLE "\" \"$" PASSWORD_VARIABLE "\"; }; f";

struct environment {
    struct arena *a;
    struct strings variables;
    unsigned long long configs; /* GIT_CONFIG_COUNT, the user's own included */
};

static const char *value_of(const char *variable, const char *name)
{
    size_t n = strlen(name);
    return strncmp(variable, name, n) == 0 && variable[n] == '=' ? variable + n + 1 : NULL;
}

static void drop(struct environment *e, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->variables.count; i++)
        if (!value_of(e->variables.items[i], name))
            e->variables.items[kept++] = e->variables.items[i];
    e->variables.count = kept;
}

static void set(struct environment *e, const char *name, const char *value)
{
    drop(e, name);
    array_push(&e->variables, arena_concat(e->a, name, "=", value));
}

static char **as_list(const struct environment *e)
{
    char **list = arena_array(e->a, e->variables.count + 1, sizeof *list);
    memcpy(list, e->variables.items, e->variables.count * sizeof *list);
    return list;
}

/* As `git -c`, which would show it in the list of processes. */
static void configure(struct environment *e, const char *key, const char *value)
{
    set(e, arena_printf(e->a, "GIT_CONFIG_KEY_%llu", e->configs), key);
    set(e, arena_printf(e->a, "GIT_CONFIG_VALUE_%llu", e->configs), value);
    set(e, "GIT_CONFIG_COUNT", arena_printf(e->a, "%llu", ++e->configs));
}

static void begin(struct environment *e, char *const *environ)
{
    /* What leads to another repository, as the hooks of one have it in their environment. */
    static const char *const elsewhere[] = {
        "GIT_DIR",       "GIT_WORK_TREE",  "GIT_INDEX_FILE",   "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE", "GIT_PREFIX",     "GIT_COMMON_DIR",   "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",    "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE",
    };
    const char *configs = environment_get(environ, "GIT_CONFIG_COUNT");
    for (; *environ; environ++)
        array_push(&e->variables, *environ);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        drop(e, elsewhere[i]);
    if (!configs || !text_u64(text_of(configs), &e->configs) || e->configs > 10000)
        e->configs = 0;
}

/* core.sshCommand is how a container gets its key: GIT_SSH_COMMAND would stand in for it. */
static bool has_ssh_of_its_own(const struct environment *e)
{
    static const char *const argv[] = {"git", "config", "--get", "core.sshCommand", NULL};
    struct process_result r cleanup_process_result = PROCESS_RESULT_INIT;
    char **variables = as_list(e);
    const struct process p = {.argv = argv, .envp = variables, .cwd = "/", .timeout_ms = 10000};
    if (environment_get(variables, "GIT_SSH_COMMAND") || environment_get(variables, "GIT_SSH"))
        return true;
    return process_run(&p, &r, NULL) == 0 && r.status == 0;
}

static void ask_nobody(struct environment *e)
{
    set(e, "GIT_TERMINAL_PROMPT", "0");
    /* GIT_ASKPASS and core.askPass, which are the user's, come before it. */
    set(e, "SSH_ASKPASS", "/bin/false");
    set(e, "SSH_ASKPASS_REQUIRE", "force");
    if (!has_ssh_of_its_own(e))
        set(e, "GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
}

static void run_nothing_else(struct environment *e)
{
    set(e, "GIT_TEMPLATE_DIR", "");
    configure(e, "core.hooksPath", "/dev/null");
    configure(e, "core.fsmonitor", "false");
    configure(e, "gc.auto", "0");
    configure(e, "maintenance.auto", "false");
    configure(e, "protocol.ext.allow", "never");
    /* The user named the repository, and the clone is ours: whoever owns them. */
    configure(e, "safe.directory", "*");
}

static void use_network_settings(struct environment *e, const struct git_options *o)
{
    struct stat st;
    if (o->proxy && *o->proxy) {
        drop(e, "NO_PROXY");
        drop(e, "no_proxy");
        configure(e, "http.proxy", o->proxy);
    }
    if (o->ca_file && *o->ca_file)
        configure(e, stat(o->ca_file, &st) == 0 && S_ISDIR(st.st_mode) ? "http.sslCAPath" : "http.sslCAInfo",
                  o->ca_file);
    if (o->client_cert && *o->client_cert)
        configure(e, "http.sslCert", o->client_cert); /* the key is looked for there, too */
}

/* Returns the URL for the command line. */
static const char *hand_over_credentials(struct environment *e, const char *url)
{
    struct url_target target;
    if (!url_is_network(text_of(url)) || url_target(e->a, url, &target, NULL) < 0)
        return url;
    const char *bare = url_without_credentials(e->a, url);
    if (!target.user)
        return bare;
    size_t host = strcspn(bare, ":") + strlen("://");
    const char *origin = arena_strndup(e->a, bare, host + strcspn(bare + host, "/"));
    const char *key = arena_concat(e->a, "credential.", origin, ".helper");
    configure(e, key, ""); /* no other helper is asked, or told to keep what was good */
    configure(e, key, helper);
    set(e, USER_VARIABLE, target.user);
    set(e, PASSWORD_VARIABLE, target.password);
    return bare;
}

void git_environment(struct git_run *run)
{
    const struct git_options *o = run->options;
    struct environment e = {.a = run->a};
    begin(&e, o->environ ? o->environ : environ);
    set(&e, "LC_ALL", "C"); /* its words are looked at */
    ask_nobody(&e);
    run_nothing_else(&e);
    use_network_settings(&e, o);
    run->place = hand_over_credentials(&e, run->url->url);
    run->environment = as_list(&e);
    array_free(&e.variables);
}
