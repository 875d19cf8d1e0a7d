import { list } from "./list.js";

export class AccessToken {
  /** Absent fields are null in a record of the bindings. */
  constructor(record) {
    this.clientId = record.clientId;
    this.subject = record.subject ?? undefined;
    this.scopes = record.scopes;
    this.expiresAt = record.expiresAt ?? undefined;
    this.resourceIndicator = record.resourceIndicator ?? undefined;
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
