import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeBackend } from "./lib/backend/fake";
import type { OpenItem } from "./lib/backend";
import { Desk } from "./lib/state/desk.svelte";
import { en } from "./lib/text/en";

let backend: FakeBackend;
let desk: Desk;
let stop: () => void;

beforeEach(async () => {
  backend = new FakeBackend("ready", 3);
  desk = new Desk(backend);
  stop = await desk.start();
});
afterEach(() => stop());

function open(item: Partial<OpenItem>) {
  const profile = backend.state.active;
  backend.emit({ kind: "item_opened", item: { profile, id: null, kind: "inbox", ...item } });
}

it("shows the partnership or the account that a banner or a link names", async () => {
  const id = backend.details[1]?.row.id ?? "";
  open({ kind: "partnership", id });
  await vi.waitFor(() => expect(desk.detail?.row.id).toBe(id));
  expect(desk.section).toBe("partners");
  open({ kind: "account", id: backend.accountList[0]?.id ?? "" });
  await vi.waitFor(() => expect(desk.section).toBe("accounts"));
  expect(desk.selected?.kind).toBe("account");
  open({ kind: "inbox", profile: null });
  await vi.waitFor(() => expect(desk.section).toBe("inbox"));
  expect(desk.selected).toBeNull();
});

it("says that nobody here can see what a link names, and stays where it is", async () => {
  desk.go("members");
  open({ kind: "unknown", profile: null });
  await vi.waitFor(() => expect(desk.toasts.map((toast) => toast.text)).toEqual([en.linkUnknown]));
  expect(desk.section).toBe("members");
});

it("opens what was asked for while there was no window", async () => {
  const id = backend.details[2]?.row.id ?? "";
  backend.state.openItem = { profile: backend.state.active, kind: "partnership", id };
  const later = new Desk(backend);
  const end = await later.start();
  await vi.waitFor(() => expect(later.selected?.id).toBe(id));
  end();
});
