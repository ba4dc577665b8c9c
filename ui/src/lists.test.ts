import { screen, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { anew, button, expectAccessible, open } from "./test-window";

anew();

describe("a list", () => {
  it("says that a search found more than it shows", async () => {
    const { backend, user } = open();
    const all = backend.partnerships.bind(backend);
    backend.partnerships = async (profile, query) => ({
      ...(await all(profile, query)),
      more: query.search !== "",
    });
    await user.click(await button(en.partners));
    expect(await screen.findByText("40 partners")).toBeTruthy();
    await user.type(screen.getByRole("searchbox", { name: en.search }), "e");
    expect(await screen.findByText(/^The first \d+ partners: type more/)).toBeTruthy();
  });

  it("of a profile that was never in step says that it is on its way, and not that it is empty", async () => {
    const { backend, user } = open("ready", 0);
    for (const profile of backend.state.profiles) {
      profile.asOf = null;
      profile.connectivity = { kind: "first_sync", done: 0, total: null };
    }
    await user.click(await button(en.partners));
    expect(await screen.findByRole("heading", { name: en.arrivingTitle })).toBeTruthy();
    expect(screen.queryByText(en.noPartnersTitle)).toBeNull();
    expect(screen.getByRole("progressbar", { name: en.firstSyncLabel })).toBeTruthy();
    await expectAccessible();
  });
});

describe("what could not be shown", () => {
  it.each([
    ["partnership", en.partners],
    ["account", en.accounts],
  ])("is asked for once more: %s", async (command, section) => {
    const { backend, user } = open();
    backend.refusals.set(command, refusal("cache_failed", "The disk is full."));
    await user.click(await button(section));
    const list = await screen.findByRole("listbox");
    await user.click((await within(list).findAllByRole("option"))[0] as HTMLElement);
    expect(await screen.findByText("The disk is full.")).toBeTruthy();
    await user.click(await button(en.tryAgain));
    expect(await screen.findByRole("tablist")).toBeTruthy();
    expect(screen.queryByText("The disk is full.")).toBeNull();
  });
});
