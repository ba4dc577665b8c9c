import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { type FakeBackend, refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { anew, button, expectAccessible, open } from "./test-window";

let backend: FakeBackend;

function show(start: "first" | "ready" = "ready", partners = 40) {
  const opened = open(start, partners);
  ({ backend } = opened);
  return opened.user;
}

const box = (name: string) => screen.findByRole("textbox", { name });

anew();

describe("first start", () => {
  it("starts the demo in one click and shows its people", async () => {
    const user = show("first");
    await user.click(await button(en.tryHere));
    const people = await screen.findByRole("group", { name: "Profiles" });
    expect(within(people).getByRole("button", { name: /Uma Castillo/ })).toBeTruthy();
    expect(within(people).getByRole("button", { name: /Adam Berg/ })).toBeTruthy();
  });

  it("keeps what was typed and tells at the field why a server was not taken", async () => {
    const user = show("first");
    await user.click(await button(en.connect));
    await user.type(await box(en.serverAddress), "entente.example.com");
    await user.type(screen.getByLabelText(en.apiKey), "ent_wrong");
    const sentence = "This API key is unknown or was revoked.";
    backend.refusals.set("connect", refusal("invalid_credentials", sentence, "key"));
    await user.click(await button(en.connect));
    expect(await screen.findByText(sentence)).toBeTruthy();
    expect(screen.getByLabelText(en.apiKey)).toHaveProperty("ariaInvalid", "true");
    expect(await box(en.serverAddress)).toHaveProperty("value", "entente.example.com");
    await user.click(await button(en.connect));
    expect(await screen.findByRole("heading", { name: en.yourPartners })).toBeTruthy();
    expect(backend.sent).toEqual([{ server: "entente.example.com", key: "ent_wrong" }]);
  });
});

describe("a server that an organisation vouches for itself", () => {
  it("can be trusted where it was refused", async () => {
    const user = show("first");
    await user.click(await button(en.connect));
    expect(screen.queryByLabelText(en.caFile)).toBeNull();
    await user.type(await box(en.serverAddress), "entente.example.com");
    await user.type(screen.getByLabelText(en.apiKey), "ent_right");
    const sentence = "The server's certificate is not trusted.";
    backend.refusals.set("connect", refusal("untrusted", sentence, "server"));
    await user.click(await button(en.connect));
    expect(await screen.findByText(sentence)).toBeTruthy();
    await user.type(await screen.findByLabelText(en.caFile), "/etc/ssl/own.pem");
    await expectAccessible();
    // What was typed is kept before it is needed.
    await user.click(await button(en.connect));
    expect(await screen.findByRole("heading", { name: en.yourPartners })).toBeTruthy();
    expect(backend.program.caFile).toBe("/etc/ssl/own.pem");
  });
});

describe("a request", () => {
  const id = "01990000-0000-7000-8000-00000000bbbb";

  async function begin() {
    const user = show("first");
    await user.click(await button(en.tryHere));
    await user.click(await button(en.add));
    await user.click(await button(en.next));
    return user;
  }

  it("can only be sent complete, and keeps the draft when it is refused or closed", async () => {
    const user = await begin();
    const send = await button(en.sendRequest);
    await user.type(await box(en.workspaceId), "0199");
    await user.type(await box(en.partnerEmail), "marit@fjord.example");
    expect(screen.getByText(/A workspace ID looks like/)).toBeTruthy();
    await user.type(await box(en.reason), "   ");
    expect(send).toHaveProperty("disabled", true);
    await user.type(await box(en.reason), "They film our launch");
    expect(send).toHaveProperty("disabled", true);
    await user.clear(await box(en.workspaceId));
    await user.type(await box(en.workspaceId), id);
    expect(send).toHaveProperty("disabled", false);

    const sentence = "No workspace has this workspace ID.";
    const refused = refusal("unknown_workspace", sentence, "guestWorkspaceId");
    backend.refusals.set("sendRequest", refused);
    await user.click(send);
    expect(await screen.findByText(sentence)).toBeTruthy();
    await user.keyboard("{Escape}");
    await user.click(await button(en.add));
    await user.click(await button(en.next));
    expect(await box(en.reason)).toHaveProperty("value", "   They film our launch");
    await user.click(await button(en.sendRequest));
    expect(await screen.findByText(en.requestSent)).toBeTruthy();
    expect(backend.sent).toHaveLength(1);

    // What was sent is not a draft any more.
    await user.click(await button(en.add));
    await user.click(await button(en.next));
    expect(await box(en.reason)).toHaveProperty("value", "");
  });

  it("shows the partnership that there is already, before anything is sent", async () => {
    const user = await begin();
    const known = backend.details[2];
    await user.type(await box(en.workspaceId), known?.guest.id ?? "");
    await user.click(await button(en.openIt));
    expect(await screen.findByTestId("detail")).toHaveProperty("dataset.id", known?.row.id);
    expect(backend.sent).toEqual([]);
  });
});

describe("a decision", () => {
  async function openFirst() {
    const user = show();
    await user.click(await screen.findByRole("button", { name: /wants to partner with/ }));
    return user;
  }

  it("is on the version that was shown", async () => {
    const user = await openFirst();
    await user.click(await button(en.approveRequest));
    expect(await screen.findByText("Approved. Brightside Agency is asked to accept.")).toBeTruthy();
    const { row } = backend.details[0] ?? {};
    expect(backend.sent).toEqual([
      { id: row?.id, version: 1, action: "approve", note: null, agreedTermsVersion: null },
    ]);
    expect(screen.queryByRole("button", { name: en.approveRequest })).toBeNull();
  });

  it("shows the guest's facts when more is asked for", async () => {
    const user = await openFirst();
    const guest = backend.details[0]?.guest.id ?? "";
    const message = screen.getByRole("region", { name: en.reviewTitle });
    expect(within(message).queryByText(guest)).toBeNull();
    await user.click(await button(en.learnMore));
    expect(within(message).getByText(guest)).toBeTruthy();
  });

  it("that is refused says why and shows what is true now", async () => {
    const user = await openFirst();
    const sentence = "Olivia Okafor changed it before you.";
    backend.refusals.set("decide", refusal("stale_version", sentence));
    const [first] = backend.details;
    if (first) first.allowedActions = [];
    await user.click(await button(en.approveRequest));
    expect(await screen.findByText(sentence)).toBeTruthy();
    await waitFor(() =>
      expect(screen.queryByRole("button", { name: en.approveRequest })).toBeNull(),
    );
  });

  it("keeps the note when it cannot be sent", async () => {
    const user = await openFirst();
    await user.click(await button(en.declineRequest));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByLabelText(en.note), "Budget is closed");
    backend.refusals.set("decide", refusal("offline", "You are offline."));
    await user.click(within(dialog).getByRole("button", { name: en.declineRequest }));
    expect(await within(dialog).findByText("You are offline.")).toBeTruthy();
    expect(within(dialog).getByLabelText(en.note)).toHaveProperty("value", "Budget is closed");
    await user.click(within(dialog).getByRole("button", { name: en.declineRequest }));
    expect(await screen.findByText("The request was declined.")).toBeTruthy();
    expect(backend.sent).toMatchObject([{ action: "decline", note: "Budget is closed" }]);
  });

  it("cannot be taken offline", async () => {
    const user = await openFirst();
    const [profile] = backend.state.profiles;
    const problem = { code: "unreachable", message: "No server.", retryable: true };
    if (profile) {
      profile.connectivity = { kind: "offline", since: new Date().toISOString(), problem };
    }
    backend.emit({ kind: "state_changed" });
    await screen.findByText(en.offlineReason);
    const approve = await button(en.approveRequest);
    expect(approve).toHaveProperty("disabled", true);
    await user.click(approve);
    expect(backend.sent).toEqual([]);
  });

  it("to accept needs the consent, to the terms that were shown", async () => {
    const user = show("ready", 1);
    const [only] = backend.details;
    if (only) {
      only.allowedActions = ["accept", "decline"];
      only.row.side = "guest";
    }
    backend.emit({ kind: "partnerships_changed", profile: "", ids: [] });
    await user.click(await screen.findByRole("button", { name: /wants to partner with/ }));
    await user.click(await button(en.acceptRequest));
    const dialog = await screen.findByRole("dialog", { name: en.terms });
    expect(await within(dialog).findByText(/Accounts stay with the host/)).toBeTruthy();
    const accept = within(dialog).getByRole("button", { name: en.acceptRequest });
    const consent = within(dialog).getByRole("checkbox", { name: en.termsConsent });
    expect(accept).toHaveProperty("disabled", true);
    await user.click(consent);

    // New terms need a new consent.
    backend.refusals.set("decide", refusal("terms_changed", "The Terms of Service have changed."));
    await user.click(accept);
    expect(await within(dialog).findByText(en.termsChanged)).toBeTruthy();
    await waitFor(() => expect(accept).toHaveProperty("disabled", true));
    await user.click(consent);
    await user.click(accept);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(backend.sent).toMatchObject([{ action: "accept", agreedTermsVersion: "2026-11-01" }]);
  });

  it("to remove is asked about once more", async () => {
    const user = show("ready", 6);
    const active = backend.details.find((one) => one.row.state === "active");
    await user.click(await button(new RegExp(`^${en.partners}`)));
    await user.click(
      await screen.findByRole("option", { name: new RegExp(active?.guest.name ?? "?") }),
    );
    await user.click(await button(en.moreActions));
    await user.click(await screen.findByText(en.removePartner));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: en.cancel }));
    expect(backend.sent).toEqual([]);
  });
});

describe("the list", () => {
  it("is searched and says when nothing matches", async () => {
    const user = show("ready", 12);
    await user.keyboard("{Control>}f{/Control}");
    const search = await screen.findByRole("searchbox", { name: en.search });
    await waitFor(() => expect(document.activeElement).toBe(search));
    await user.type(search, "kestrel");
    await waitFor(() => expect(screen.getAllByTestId("partner-row")).toHaveLength(2));
    await user.type(search, "zzz");
    await user.click(await button(en.clearFilters));
    await waitFor(() => expect(screen.getAllByTestId("partner-row").length).toBeGreaterThan(5));
  });

  it("that is empty says what to do", async () => {
    const user = show("ready", 0);
    expect(await screen.findByText(en.noPartnersTitle)).toBeTruthy();
    await user.click(await button(en.addPartner));
    expect(await screen.findByRole("dialog", { name: en.inviteTitle })).toBeTruthy();
  });

  it("has rows for what is in view only", async () => {
    const user = show("ready", 5_000);
    await user.keyboard("{Control>}f{/Control}");
    await waitFor(() => expect(screen.getAllByTestId("partner-row").length).toBeGreaterThan(5));
    expect(screen.getAllByTestId("partner-row").length).toBeLessThan(60);
  });
});

describe("every screen is accessible", () => {
  it("first start and connecting", async () => {
    const user = show("first");
    await button(en.tryHere);
    await expectAccessible();
    await user.click(await button(en.connect));
    await expectAccessible();
  });

  it("inbox, review, partners and the dialogs", async () => {
    const user = show();
    await user.click(await screen.findByRole("button", { name: /wants to partner with/ }));
    await button(en.approveRequest);
    await expectAccessible();
    await user.keyboard("{Control>}n{/Control}");
    await user.click(await button(en.next));
    await expectAccessible();
    await user.keyboard("{Escape}");
    await user.keyboard("{Control>}f{/Control}");
    await waitFor(() => expect(screen.getAllByTestId("partner-row").length).toBeGreaterThan(5));
    await expectAccessible();
  });
});
