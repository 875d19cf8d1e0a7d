import type { AuthContext } from "./index.js";

/**
 * The bearer secret; undefined if the caller did not authenticate or the enforcement point did not pass it on.
 *
 * A check of a plugin that imports this module needs the grant `raw-token`.
 */
export function rawToken(ctx: AuthContext): string | undefined;
