import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import App from "./App.svelte";
import { FakeBackend } from "./lib/backend/fake";
import type { OpenItem } from "./lib/backend";
import Empty from "./lib/components/Empty.svelte";
import Part from "./lib/components/Part.svelte";
import { Desk } from "./lib/state/desk.svelte";
import { Later } from "./lib/state/later.svelte";
import { en } from "./lib/text/en";
import { anew } from "./test-window";

anew();

let backend: FakeBackend;
let desk: Desk;
let stop: () => void;

beforeEach(async () => {
  backend = new FakeBackend("ready", 3);
  desk = new Desk(backend);
  stop = await desk.start();
});
afterEach(() => stop());

/** Another window on the same backend. */
async function started() {
  const another = new Desk(backend);
  const end = await another.start();
  onTestFinished(end);
  return another;
}

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
  const later = await started();
  await vi.waitFor(() => expect(later.selected?.id).toBe(id));
});

it("shows at once where the person was, and asks for nothing that is not shown", async () => {
  const asked: string[] = [];
  const { partnerships, inbox } = backend;
  backend.partnerships = (...query) => (asked.push("partners"), partnerships.apply(backend, query));
  backend.inbox = () => (asked.push("inbox"), inbox.apply(backend));
  backend.memory.set("place", '{"section":"partners","selected":null}');
  render(App, { desk: await started() });
  // Nothing is painted between microtasks.
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  expect(screen.getAllByTestId("partner-row")).toHaveLength(3);
  expect(asked).toEqual(["partners"]);
  await userEvent.click(screen.getByRole("button", { name: /^Inbox/ }));
  await vi.waitFor(() => expect(asked).toEqual(["partners", "inbox"]));
});

it("waits to say where the person was until it knows whose profiles there are", async () => {
  backend.memory.set("place", '{"section":"members","selected":null}');
  backend.state.ready = false;
  const later = await started();
  expect(later.section).toBe("partners");
  backend.state.ready = true;
  backend.emit({ kind: "state_changed" });
  await vi.waitFor(() => expect(later.section).toBe("members"));
});

it("reads a part of the window when it is first needed", async () => {
  let reads = 0;
  const late = new Later(async () => ((reads += 1), { default: Empty as never }));
  const shown = render(Part, { of: late, with: { title: "There", text: "It is." }, when: false });
  expect([reads, screen.queryByText("There")]).toEqual([0, null]);
  await shown.rerender({ when: true });
  expect(await screen.findByText("There")).toBeTruthy();
  await shown.rerender({ when: false });
  expect([reads, screen.queryByText("There")?.textContent]).toEqual([1, "There"]);
});
