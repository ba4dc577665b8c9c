import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { preferences, Preferences } from "./lib/state/preferences.svelte";
import { speaking } from "./lib/text/language.svelte";
import { en } from "./lib/text/en";
import { de } from "./lib/text/de";
import { anew, button, expectAccessible, open } from "./test-window";

anew();

const dialog = (name: string) => screen.findByRole("dialog", { name });

describe("the command palette", () => {
  async function openPalette() {
    const opened = open();
    await screen.findByRole("heading", { name: en.inbox });
    await opened.user.keyboard("{Control>}k{/Control}");
    const palette = await dialog(en.palette);
    await opened.user.click(within(palette).getByRole("combobox", { name: en.paletteHint }));
    return { ...opened, palette };
  }

  it("finds partners and opens the one that is chosen", async () => {
    const { user, palette, backend } = await openPalette();
    await expectAccessible();
    await user.keyboard("kestrel");
    await within(palette).findAllByRole("option", { name: /Kestrel Legal/ });
    await user.keyboard("{Enter}");
    const detail = await screen.findByTestId("detail");
    const opened = backend.details.find((one) => one.row.id === detail.dataset["id"]);
    expect(opened?.row.name).toContain("Kestrel Legal");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("goes to a place by its name, with the arrows", async () => {
    const { user, palette } = await openPalette();
    await user.keyboard("settings");
    await waitFor(() => expect(within(palette).getAllByRole("option").length).toBeGreaterThan(2));
    await user.keyboard("{ArrowDown}{ArrowUp}{ArrowDown}{Enter}");
    expect(await screen.findByRole("heading", { name: en.settings })).toBeTruthy();
  });

  it("offers nothing that decides what waits for somebody", async () => {
    const { palette, backend, user } = await openPalette();
    for (const words of ["approve", "accept", "decline", "remove"]) {
      await user.clear(screen.getByRole("combobox", { name: en.paletteHint }));
      await user.keyboard(words);
      const options = within(palette)
        .queryAllByRole("option")
        .map((one) => one.textContent);
      expect(options.join()).not.toMatch(/request/i);
    }
    expect(backend.sent).toEqual([]);
  });

  it("says when nothing matches", async () => {
    const { user } = await openPalette();
    await user.keyboard("zzzzz");
    expect(await screen.findByText(en.paletteNone)).toBeTruthy();
  });
});

describe("the keyboard", () => {
  it("goes through a list and opens what it comes to", async () => {
    const { user, backend } = open("ready", 12);
    await user.keyboard("{Control>}f{/Control}");
    const list = await screen.findByRole("listbox", { name: en.yourPartners });
    await screen.findAllByTestId("partner-row");
    list.focus();
    await user.keyboard("{ArrowDown}");
    const detail = await screen.findByTestId("detail");
    const first = detail.dataset["id"];
    const active = list.getAttribute("aria-activedescendant");
    expect(active && document.getElementById(active)?.getAttribute("aria-selected")).toBe("true");
    await user.keyboard("{End}");
    await waitFor(() => expect(screen.getByTestId("detail").dataset["id"]).not.toBe(first));
    expect(backend.sent).toEqual([]);
  });

  it("changes the size of everything, within bounds, and sets it back", async () => {
    const { user } = open();
    await screen.findByRole("heading", { name: en.inbox });
    for (let pressed = 0; pressed < 20; pressed += 1) await user.keyboard("{Control>}+{/Control}");
    expect(preferences.zoom).toBe(2);
    for (let pressed = 0; pressed < 20; pressed += 1) await user.keyboard("{Control>}-{/Control}");
    expect(preferences.zoom).toBe(0.8);
    await user.keyboard("{Control>}0{/Control}");
    expect(preferences.zoom).toBe(1);
  });

  it("folds the sidebar, and that is remembered", async () => {
    const { user } = open();
    await user.click(await button(en.collapseRail));
    expect(await button(en.expandRail)).toBeTruthy();
    expect(new Preferences().railCollapsed).toBe(true);
    await user.keyboard("{Control>}b{/Control}");
    expect(await button(en.collapseRail)).toBeTruthy();
  });
});

describe("the appearance", () => {
  async function openAppearance() {
    const opened = open();
    await screen.findByRole("heading", { name: en.inbox });
    await opened.user.keyboard("{Control>},{/Control}");
    await opened.user.click(await button(en.settingsOf.appearance));
    return opened.user;
  }

  it("is light, dark, with more contrast, and kept", async () => {
    const user = await openAppearance();
    await expectAccessible();
    await user.click(screen.getByRole("radio", { name: en.themes.dark }));
    await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe("dark"));
    await user.click(screen.getByRole("switch", { name: en.contrast }));
    await waitFor(() => expect(document.documentElement.dataset["contrast"]).toBe("more"));
    const kept = new Preferences();
    expect([kept.theme, kept.highContrast]).toEqual(["dark", true]);
    await user.click(screen.getByRole("radio", { name: en.themes.system }));
    await user.click(screen.getByRole("switch", { name: en.contrast }));
  });

  it("speaks the language that is chosen, at once", async () => {
    const user = await openAppearance();
    await user.selectOptions(screen.getByLabelText(en.languageLabel), "de");
    expect(await screen.findByRole("heading", { name: de.settings })).toBeTruthy();
    expect(document.documentElement.lang).toBe("de");
    await expectAccessible();
    await user.selectOptions(screen.getByLabelText(de.languageLabel), "system");
    expect(await screen.findByRole("heading", { name: en.settings })).toBeTruthy();
    expect(speaking.language).toBe("en");
  });

  it.each(["nonsense", "null", '{"theme":"pink","zoom":99,"listWidth":"wide"}'])(
    "is as at first where what was kept is not as it should be: %s",
    (kept) => {
      localStorage.setItem("preferences", kept);
      const read = new Preferences();
      expect([read.theme, read.zoom, read.listWidth]).toEqual(["system", 1, 360]);
    },
  );
});

describe("every part of the settings is accessible", () => {
  it.each(Object.values(en.settingsOf))("%s", async (part) => {
    const { user } = open();
    await user.click(await button(en.settings));
    await user.click(await button(part));
    expect(await screen.findByRole("heading", { name: part, level: 2 })).toBeTruthy();
    await expectAccessible();
  });
});
