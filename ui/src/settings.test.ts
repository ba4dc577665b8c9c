import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { Desk } from "./lib/state/desk.svelte";
import { refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { anew, button, expectAccessible, open } from "./test-window";

anew();

async function openPart(part: keyof typeof en.settingsOf) {
  const opened = open();
  await opened.user.click(await button(en.settings));
  await opened.user.click(await button(en.settingsOf[part]));
  return opened;
}

describe("the settings of notifications", () => {
  it("keep each choice at once", async () => {
    const { backend, user } = await openPart("notifications");
    await user.selectOptions(await screen.findByLabelText(en.remind), "After 4 hours");
    await user.click(screen.getByRole("switch", { name: en.quietHours }));
    await screen.findByLabelText(en.quietFrom);
    await user.click(screen.getByRole("switch", { name: en.hideNames }));
    await user.click(screen.getByRole("switch", { name: en.newsOf.declined }));
    await user.click(screen.getByRole("switch", { name: /Adam Berg/ }));
    await expectAccessible();
    await waitFor(() =>
      expect(backend.notifications).toMatchObject({
        remindAfterHours: 4,
        quietHours: { from: "20:00", to: "08:00" },
        hideNames: true,
        news: { approved: true, declined: false },
        mutedProfiles: [backend.state.profiles[0]?.id],
      }),
    );
    await user.selectOptions(screen.getByLabelText(en.remind), en.never);
    await waitFor(() => expect(backend.notifications.remindAfterHours).toBeNull());
  });

  it("show what is kept after a choice was refused, and why", async () => {
    const { backend, user } = await openPart("notifications");
    backend.refusals.set(
      "changeNotificationSettings",
      refusal("cache_failed", "The disk is full."),
    );
    const hide = await screen.findByRole("switch", { name: en.hideNames });
    await user.click(hide);
    expect(await screen.findByText("The disk is full.")).toBeTruthy();
    await waitFor(() => expect(hide).toHaveProperty("checked", false));
  });

  it("pause and resume", async () => {
    const { backend, user } = await openPart("notifications");
    await user.click(await button(en.forHour));
    expect(backend.state.pausedUntil).not.toBeNull();
    await user.click((await screen.findAllByRole("button", { name: en.resume }))[0] as HTMLElement);
    await waitFor(() => expect(backend.state.pausedUntil).toBeNull());
  });
});

describe("the settings of the program", () => {
  it("start it at login, and say what closing does without a tray", async () => {
    const { backend, user } = await openPart("general");
    await user.click(await screen.findByRole("switch", { name: en.startAtLogin }));
    await user.selectOptions(screen.getByLabelText(en.closing), en.closeChoices.minimise);
    await waitFor(() =>
      expect(backend.program).toMatchObject({ startAtLogin: true, closeWithoutTray: "minimise" }),
    );
    await expectAccessible();
  });

  it("cannot start it where that cannot be set", async () => {
    const opened = open();
    opened.backend.program.startAtLogin = null;
    await opened.user.click(await button(en.settings));
    await opened.user.click(await button(en.settingsOf.general));
    expect(await screen.findByRole("switch", { name: en.startAtLogin })).toHaveProperty(
      "disabled",
      true,
    );
    expect(screen.getByText(en.startAtLoginNot)).toBeTruthy();
  });

  it("copy what helps to find a fault", async () => {
    const { user } = await openPart("about");
    await user.click(await button(en.copyDiagnostics));
    expect(await navigator.clipboard.readText()).toContain("Entente: 0.1.0");
  });
});

describe("the place where the person was", () => {
  it("is there again in the next window", async () => {
    const { backend, user } = open("ready", 6);
    await user.click(await button(new RegExp(`^${en.accounts}`)));
    await user.click(await screen.findByRole("option", { name: /Figma/ }));
    await within(await screen.findByTestId("account")).findByText("Figma");
    await vi.waitFor(() => expect(backend.memory.get("place")).toContain("account"));
    const next = new Desk(backend);
    const stop = await next.start();
    expect([next.section, next.selected?.kind]).toEqual(["accounts", "account"]);
    stop();
  });

  it.each(["nonsense", "null", '{"section":"attic"}', '{"section":"members","selected":{"id":1}}'])(
    "is the inbox, or without an item, where what was kept is not a place: %s",
    async (kept) => {
      const { backend } = open("ready", 6);
      backend.memory.set("place", kept);
      const next = new Desk(backend);
      const stop = await next.start();
      expect(["inbox", "members"]).toContain(next.section);
      expect(next.selected).toBeNull();
      stop();
    },
  );
});
