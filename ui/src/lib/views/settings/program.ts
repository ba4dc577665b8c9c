import type { ProgramChange } from "../../backend";

/** What a change of the program's settings is made of. */
export const NO_CHANGE: ProgramChange = {
  startAtLogin: null,
  closeWithoutTray: null,
  caFile: null,
  lookForUpdates: null,
  language: null,
};
