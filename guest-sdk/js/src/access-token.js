import { list } from "./list.js";

export class AccessToken {
  /** Absent fields are null in the bindings. */
  constructor(clientId, subject, scopes, expiresAt, resourceIndicator) {
    this.clientId = clientId;
    this.subject = subject ?? undefined;
    this.scopes = scopes;
    this.expiresAt = expiresAt ?? undefined;
    this.resourceIndicator = resourceIndicator ?? undefined;
  }

  hasScope(scope) {
    return this.scopes.includes(scope);
  }

  hasScopes(scopes) {
    const held = new Set(this.scopes);
    return list(scopes).every((scope) => held.has(scope));
  }

  missingScopes(scopes) {
    const held = new Set(this.scopes);
    return list(scopes).filter((scope) => !held.has(scope));
  }
}
