import { documents } from "./auth-context.js";

export function rawToken(ctx) {
  return documents(ctx).rawToken;
}
