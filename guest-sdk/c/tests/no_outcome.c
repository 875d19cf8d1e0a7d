/* A check without a final `return`, unless the test defines OUTCOME: it must not compile. */
#include "guardhouse.h"

static gh_outcome check(const gh_auth_context *ctx) {
    if (gh_has_scope(gh_token(ctx), "pay"))
        return GH_ALLOW;
#ifdef OUTCOME
    return OUTCOME;
#endif
}

GH_EXPORT_CHECK(check);
