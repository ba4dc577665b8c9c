import type { Backend } from "./backend";
import { getCurrentWebview } from "@tauri-apps/api/webview";
import { commands, events } from "./bindings";

export const tauri: Backend = {
  ...commands,
  zoom: (factor) => getCurrentWebview().setZoom(factor),
  listen: (on) => events.backend.listen((event) => on(event.payload)),
};
