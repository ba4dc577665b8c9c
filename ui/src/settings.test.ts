import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { Desk } from "./lib/state/desk.svelte";
import { refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { fill } from "./lib/text/texts";
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

  it("trust whom a file vouches for, and say why a file is not taken", async () => {
    const { backend, user } = await openPart("general");
    const sentence = "This file holds no certificate.";
    backend.refusals.set("changeProgramSettings", refusal("bad_certificate", sentence, "ca_file"));
    const field = await screen.findByLabelText(en.caFile);
    await user.type(field, "/etc/hosts");
    await user.tab();
    expect(await screen.findByText(sentence)).toBeTruthy();
    expect(field).toHaveProperty("ariaInvalid", "true");
    expect(field).toHaveProperty("value", "/etc/hosts");
    expect(backend.program.caFile).toBeNull();
    await expectAccessible();
    await user.clear(field);
    await user.type(field, "/etc/ssl/own.pem");
    await user.tab();
    await waitFor(() => expect(backend.program.caFile).toBe("/etc/ssl/own.pem"));
    await waitFor(() => expect(screen.queryByText(sentence)).toBeNull());
  });

  it("say what is wrong with a file that was taken once", async () => {
    const opened = open();
    opened.backend.program.caFile = "/etc/ssl/own.pem";
    opened.backend.program.caFileProblem = "This file cannot be read.";
    await opened.user.click(await button(en.settings));
    await opened.user.click(await button(en.settingsOf.general));
    expect(await screen.findByText("This file cannot be read.")).toBeTruthy();
  });

  it("copy what helps to find a fault", async () => {
    const { user } = await openPart("about");
    await user.click(await button(en.copyDiagnostics));
    expect(await navigator.clipboard.readText()).toContain("Entente: 0.1.0");
  });
});

describe("newer versions", () => {
  async function openAbout(lookForUpdates: boolean | null) {
    const opened = open();
    opened.backend.program.lookForUpdates = lookForUpdates;
    await opened.user.click(await button(en.settings));
    await opened.user.click(await button(en.settingsOf.about));
    return opened;
  }
  const newer = { version: "0.2.0", putOff: false, stage: { kind: "waiting" } } as const;
  const there = fill(en.newerVersion, { version: "0.2.0" });

  it("are not spoken of where there is no place for them", async () => {
    await openAbout(null);
    expect(await screen.findByText(en.noUpdates)).toBeTruthy();
    expect(screen.queryByRole("switch", { name: en.lookForUpdates })).toBeNull();
    expect(screen.queryByRole("button", { name: en.lookNow })).toBeNull();
    await expectAccessible();
  });

  it("can be not looked for, and be looked for now", async () => {
    const { backend, user } = await openAbout(true);
    await user.click(await screen.findByRole("switch", { name: en.lookForUpdates }));
    await waitFor(() => expect(backend.program.lookForUpdates).toBe(false));
    await user.click(await button(en.lookNow));
    expect((await screen.findAllByText(en.newest)).length).toBeGreaterThan(0);
    backend.refusals.set("lookForUpdate", refusal("unreachable", "The place cannot be reached."));
    await user.click(await button(en.lookNow));
    expect(await screen.findByText("The place cannot be reached.")).toBeTruthy();
    await expectAccessible();
  });

  it("are installed only when the person asks, and a refusal is told", async () => {
    const { backend, user } = await openAbout(true);
    backend.newer = { ...newer };
    await user.click(await button(en.lookNow));
    const banner = await screen.findByTestId("newer-version");
    expect(within(banner).getByText(there)).toBeTruthy();
    expect(backend.sent).toEqual([]);
    await expectAccessible();
    backend.refusals.set("installUpdate", refusal("not_genuine", "It is not signed."));
    await user.click(within(banner).getByRole("button", { name: en.installUpdate }));
    expect(await screen.findByText("It is not signed.")).toBeTruthy();
    await user.click(within(banner).getByRole("button", { name: en.installUpdate }));
    expect(backend.sent).toEqual(["installUpdate"]);
  });

  it("show how far their installation is, and can be put off", async () => {
    const { backend, user } = open();
    backend.state.newer = { ...newer, stage: { kind: "downloading", percent: 40 } };
    backend.emit({ kind: "state_changed" });
    const banner = await screen.findByTestId("newer-version");
    expect(within(banner).getByRole("progressbar")).toHaveProperty("value", 40);
    expect(within(banner).queryByRole("button")).toBeNull();
    backend.state.newer = { ...newer };
    backend.emit({ kind: "state_changed" });
    await user.click(await button(en.later));
    await waitFor(() => expect(screen.queryByTestId("newer-version")).toBeNull());
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
