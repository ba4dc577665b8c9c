import type { Desk } from "../state/desk.svelte";
import { Later } from "../state/later.svelte";

/** All that is not on the screen at every start. */
export const parts = {
  account: new Later(() => import("./AccountPage.svelte")),
  accounts: new Later(() => import("./Accounts.svelte")),
  activity: new Later(() => import("./Activity.svelte")),
  add: new Later(() => import("./AddPartner.svelte")),
  connect: new Later(() => import("./ConnectDialog.svelte")),
  detail: new Later(() => import("./DetailSheet.svelte")),
  first: new Later(() => import("./FirstStart.svelte")),
  inbox: new Later(() => import("./Inbox.svelte")),
  members: new Later(() => import("./Members.svelte")),
  palette: new Later(() => import("./Palette.svelte")),
  settings: new Later(() => import("./Settings.svelte")),
};

/** Reads what the desk shows now, so that it can be painted at once. */
export async function readShown({ app, section, selected }: Desk) {
  const shown = [];
  if (app?.ready && app.profiles.length === 0) shown.push(parts.first);
  if (section !== "partners") shown.push(parts[section]);
  if (section === "accounts" || selected?.kind === "account") shown.push(parts.account);
  if (selected?.kind === "partnership") shown.push(parts.detail);
  await Promise.all(shown.map((part) => part.read()));
}
