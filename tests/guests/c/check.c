/* A hostile check in C: the name of the component selects what it tries. cases.json has the expected outcomes. */
#include "guardhouse.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern char **environ;

static gh_outcome allow_if(bool condition) {
    return condition ? GH_ALLOW : GH_DENY;
}

static gh_outcome loop(void) {
    for (volatile unsigned turns = 0;; turns++) {
    }
}

static gh_outcome allocate(void) {
    static char *volatile data; /* volatile, so that the compiler keeps the allocation */
    for (;;) {
        data = malloc(1 << 20);
        assert(data != NULL && "malloc gives no more");
        memset(data, 1, 1 << 20);
    }
}

/* Not a tail call, because the result is used. */
static unsigned recurse(volatile unsigned *depth) {
    volatile unsigned here = ++*depth;
    return here > 0 ? recurse(depth) + here : 0;
}

/* Its array is larger than the stack. Where the array begins there must be no data that could be overwritten. */
__attribute__((noinline)) static gh_outcome fill(const gh_auth_context *ctx) {
    volatile char array[300 * 1024];
    for (size_t i = 0; i < sizeof(array); i++)
        array[i] = (char)(i + (size_t)ctx->now);
    return allow_if(array[1] + array[sizeof(array) - 1] != 1000);
}

static void fail_below(void) {
    gh_fault("secret %s", "7f3a");
}

static void fail(void) {
    fail_below();
}

/* Without `-ftrivial-auto-var-init=zero`, the compiler may choose any outcome. */
#pragma GCC diagnostic ignored "-Wsometimes-uninitialized"
static gh_outcome forget(const gh_auth_context *ctx) {
    gh_outcome outcome;
    if (gh_token(ctx) != NULL)
        outcome = GH_ALLOW;
    return outcome;
}

/* Without a trap this is always true, because a signed overflow is undefined behavior. */
static gh_outcome overflow(int number) {
    return allow_if(number + 1 > number);
}

static gh_outcome files(void) {
    FILE *written = fopen("file.txt", "w");
    FILE *read = fopen("/etc/passwd", "r");
    return allow_if(written != NULL || read != NULL);
}

static gh_outcome environment(void) {
    return allow_if((environ != NULL && environ[0] != NULL) || getenv("PATH") != NULL);
}

static void *set(void *flag) {
    *(bool *)flag = true;
    return NULL;
}

static gh_outcome start_thread(void) {
    bool flag = false;
    pthread_t thread;
    if (pthread_create(&thread, NULL, set, &flag) == 0)
        pthread_join(thread, NULL);
    return allow_if(flag);
}

static gh_outcome scopes(const gh_auth_context *ctx) {
    const gh_access_token *token = gh_token(ctx);
    if (token == NULL || token->scopes.length != 10000)
        return GH_DENY;
    for (unsigned i = 0; i < 10000; i++)
        if (!gh_string_equals(token->scopes.data[i], gh_format("s%u", i)))
            return GH_DENY;
    return GH_ALLOW;
}

static gh_outcome claims(const gh_auth_context *ctx) {
    gh_string blob;
    return allow_if(gh_json_string(gh_claim(ctx, "/blob"), &blob) && blob.length == 1000000);
}

static gh_string join(gh_list_string list) {
    gh_string joined = {"", 0};
    for (size_t i = 0; i < list.length; i++)
        joined = gh_format("%.*s%s%.*s", GH_ARG(joined), i > 0 ? "," : "", GH_ARG(list.data[i]));
    return joined;
}

static gh_outcome echo(const gh_auth_context *ctx) {
    const gh_access_token *token = gh_token(ctx);
    gh_string client_id = token != NULL ? token->client_id : gh_text("");
    gh_string uri = ctx->component.uri.is_some ? ctx->component.uri.value : gh_text("-");
    gh_string tags = join(ctx->component.tags);
    gh_json argument = gh_argument(ctx, "");
    gh_string text = gh_json_is_absent(argument) ? gh_text("-") : argument.text;
    return gh_deny("%.*s|%.*s|%.*s|%.*s", GH_ARG(client_id), GH_ARG(uri), GH_ARG(tags), GH_ARG(text));
}

static gh_outcome check(const gh_auth_context *ctx) {
    gh_string name = ctx->component.name;
    if (gh_string_equals(name, "allow"))
        return GH_ALLOW;
    if (gh_string_equals(name, "refuse"))
        return GH_DENY;
    if (gh_string_equals(name, "message"))
        return gh_deny("né 🙂");
    if (gh_string_equals(name, "loop"))
        return loop();
    if (gh_string_equals(name, "allocate"))
        return allocate();
    if (gh_string_equals(name, "recurse"))
        return allow_if(recurse(&(volatile unsigned){0}) > 0);
    if (gh_string_equals(name, "fill"))
        return fill(ctx);
    if (gh_string_equals(name, "exception"))
        fail();
    if (gh_string_equals(name, "none"))
        return (gh_outcome)1;
    if (gh_string_equals(name, "forgotten"))
        return forget(ctx);
    if (gh_string_equals(name, "overflow"))
        return overflow((int)ctx->now);
    if (gh_string_equals(name, "assert"))
        assert(gh_string_equals(name, "something else"));
    if (gh_string_equals(name, "abort"))
        abort();
    if (gh_string_equals(name, "exit"))
        exit(3);
    if (gh_string_equals(name, "files"))
        return files();
    if (gh_string_equals(name, "sockets"))
        gh_fault("not expressible: the C library has no function that opens a connection");
    if (gh_string_equals(name, "environment"))
        return environment();
    if (gh_string_equals(name, "clock"))
        return allow_if(time(NULL) == ctx->now);
    if (gh_string_equals(name, "thread"))
        return start_thread();
    if (gh_string_equals(name, "random")) {
        gh_info("%d", rand());
        return GH_ALLOW;
    }
    if (gh_string_equals(name, "print")) {
        printf("to stdout\n");
        fprintf(stderr, "to stderr\n");
        return GH_ALLOW;
    }
    if (gh_string_equals(name, "scopes"))
        return scopes(ctx);
    if (gh_string_equals(name, "claims"))
        return claims(ctx);
    if (gh_string_equals(name, "echo"))
        return echo(ctx);
    gh_fault("unknown: %.*s", GH_ARG(name));
}

GH_EXPORT_CHECK(check);
