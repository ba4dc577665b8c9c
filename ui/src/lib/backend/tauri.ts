import type { Backend } from "./backend";
import { commands, events } from "./bindings";

export const tauri: Backend = {
  ...commands,
  listen: (on) => events.backend.listen((event) => on(event.payload)),
};
