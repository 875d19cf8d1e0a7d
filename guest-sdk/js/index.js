export { AccessToken } from "./src/access-token.js";
export { AuthContext } from "./src/auth-context.js";
export { AuthorizationError } from "./src/authorization-error.js";
export { Component } from "./src/component.js";
export { log } from "./src/log-levels.js";
