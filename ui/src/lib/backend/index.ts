import type { Backend } from "./backend";
import { FakeBackend } from "./fake";
import { tauri } from "./tauri";

/** The Rust side; in a plain browser (`--mode fake`), one in memory. */
export const backend: Backend = import.meta.env.MODE === "fake" ? new FakeBackend() : tauri;

export type { Backend } from "./backend";
export type * from "./bindings";
