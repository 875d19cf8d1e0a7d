/* A check that forgets its answer, unless the test lends it one: it must not compile. */
#include "guardhouse.h"

static gh_outcome check(const gh_auth_context *ctx) {
    if (gh_has_scope(gh_token(ctx), "pay"))
        return GH_ALLOW;
#ifdef ANSWER
    return ANSWER;
#endif
}

GH_EXPORT_CHECK(check);
