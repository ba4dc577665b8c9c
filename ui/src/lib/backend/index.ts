import type { Backend } from "./backend";
import { FakeBackend } from "./fake";
import { tauri } from "./tauri";

/** The Rust side; in a plain browser (`--mode fake`), one in memory, as large as the address says:
 * `?partners=100000`. */
export const backend: Backend =
  import.meta.env.MODE === "fake"
    ? new FakeBackend("ready", Number(new URLSearchParams(location.search).get("partners") ?? 40))
    : tauri;

export type { Backend } from "./backend";
export type * from "./bindings";
