import rawTokens from "guardhouse:auth/raw-token@0.1.0";

export function rawToken() {
  return rawTokens.get() ?? undefined;
}
