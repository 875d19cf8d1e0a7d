import type { AuthContext } from "./index.js";

/**
 * The bearer secret itself; undefined if the caller did not authenticate or the enforcement point did not pass it on.
 *
 * A plugin that imports this module loads only where the operator grants it `raw-token`.
 */
export function rawToken(ctx: AuthContext): string | undefined;
