import { fill, t } from "../text/language.svelte";
import type { BackendEvent, CommandError, commands } from "./bindings";

/** What the window asks of the Rust side. Every call may reject with a `CommandError`. */
export type Backend = typeof commands & {
  listen(on: (event: BackendEvent) => void): Promise<() => void>;
};

export function isCommandError(error: unknown): error is CommandError {
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}

/** Whatever was thrown, as a refusal with a whole sentence. */
export function asCommandError(error: unknown): CommandError {
  if (isCommandError(error)) return error;
  return {
    code: "unexpected",
    message: fill(t.unexpected, { what: String(error) }),
    retryable: false,
    field: null,
    existingId: null,
  };
}
