// Allows tokens that hold both scopes.
export const check = {
  check(ctx) {
    const scopes = ctx.token?.scopes ?? [];
    return ['read', 'scope-17'].every((scope) => scopes.includes(scope));
  },
};
