import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { fill } from "./lib/text/texts";
import { anew, button, expectAccessible, open } from "./test-window";

anew();

describe("beside a decision", () => {
  async function review(change: (backend: ReturnType<typeof open>["backend"]) => void) {
    const { backend, user } = open();
    change(backend);
    await user.click(await screen.findByRole("button", { name: /wants to partner with/ }));
    return screen.findByRole("region", { name: en.reviewTitle });
  }

  it("stands who asks, whether they are new, and what follows", async () => {
    const message = await review(() => {});
    await within(message).findByText(en.card.before.never);
    expect(message.textContent).toContain("Uma Castillo, User here since");
    expect(message.textContent).toContain("sender of 3 other requests");
    expect(message.textContent).toContain("Nothing is shared before they do");
    expect(within(message).queryByRole("alert")).toBeNull();
    await expectAccessible();
  });

  it("stands a warning if something passes itself off as known", async () => {
    const message = await review((backend) => {
      backend.card.resemblances = [
        {
          likeness: "one_letter",
          suspect: "fjrod.example",
          known: "fjord.example",
          partner: "Fjord Studio",
        },
        { likeness: "same_look", suspect: "Fjord Studio", known: "Fjord Studio", partner: null },
      ];
    });
    const warning = await within(message).findByRole("alert");
    const values = { suspect: "fjrod.example", known: "fjord.example", partner: "Fjord Studio" };
    expect(warning.textContent).toContain(fill(en.card.likeness.one_letter, values));
    expect(warning.textContent).toContain(fill(en.card.likeness.same_name, values).slice(0, 20));
    await expectAccessible();
  });
});

describe("several requests", () => {
  async function choose() {
    const opened = open("ready", 6);
    const { backend, user } = opened;
    for (const one of backend.details.slice(1, 3)) {
      Object.assign(one.row, { state: "awaiting_approval", awaitingMe: true });
      one.allowedActions = ["approve", "decline"];
    }
    await user.click(await button(en.chooseSeveral));
    const boxes = await screen.findAllByRole("checkbox");
    expect(boxes).toHaveLength(3);
    for (const box of boxes.slice(0, 2)) await user.click(box);
    await expectAccessible();
    return opened;
  }

  it("are approved after they were named once more, each on its version", async () => {
    const { backend, user } = await choose();
    await user.click(await button("Approve 2 requests"));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getAllByRole("listitem")).toHaveLength(2);
    expect(backend.sent).toEqual([]);
    await user.click(within(dialog).getByRole("button", { name: "Approve 2 requests" }));
    expect(await screen.findByText("2 requests were decided.")).toBeTruthy();
    expect(backend.sent).toMatchObject([
      { action: "approve", version: 1 },
      { action: "approve", version: 1 },
    ]);
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("are decided as far as they can be, and the rest is told", async () => {
    const { backend, user } = await choose();
    backend.refusals.set("decide", refusal("stale_version", "Olivia changed it before you."));
    await user.click(await button(en.decline));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "Decline 2 requests" }));
    expect(await screen.findByText("1 request was decided.")).toBeTruthy();
    expect(await screen.findByText("1 was refused: Olivia changed it before you.")).toBeTruthy();
    expect(backend.sent).toHaveLength(1);
  });
});

describe("what is shared", () => {
  it("is taken back several at once, after it was asked about", async () => {
    const { backend, user } = open("ready", 6);
    const active = backend.details.find((one) => one.row.state === "active");
    await user.click(await button(new RegExp(`^${en.partners}`)));
    const ids = backend.accountList.slice(0, 2).map((one) => one.id);
    await backend.act("", {
      kind: "share",
      partnershipId: active?.row.id ?? "",
      accountIds: ids,
      role: "account_collaborator",
    });
    const name = new RegExp(active?.guest.name ?? "?");
    await user.click(await screen.findByRole("option", { name }));
    for (const box of await screen.findAllByRole("checkbox")) await user.click(box);
    await user.click(await button("Remove 2 accounts"));
    const dialog = await screen.findByRole("dialog", { name: en.removeAccountsTitle });
    await expectAccessible();
    await user.click(within(dialog).getByRole("button", { name: "Remove 2 accounts" }));
    expect(await screen.findByText(en.noSharedText)).toBeTruthy();
    expect(backend.sent.slice(1)).toMatchObject(
      ids.map((accountId) => ({ kind: "unshare", accountId })),
    );
  });
});

describe("a Partnership Owner", () => {
  it("is named from the members and dismissed after it was asked about", async () => {
    const { backend, user } = open("ready", 6);
    const active = backend.details.find((one) => one.row.state === "active");
    active?.allowedActions.push("name_owner", "dismiss_owner");
    active?.owners.push({ id: "other", name: "Nora Lind", email: "nora@lumen.example" });
    await user.click(await button(new RegExp(`^${en.partners}`)));
    const name = new RegExp(active?.guest.name ?? "?");
    await user.click(await screen.findByRole("option", { name }));
    await user.click(await screen.findByRole("tab", { name: en.overview }));
    await user.click(await button(en.nameOwner));
    const naming = await screen.findByRole("dialog", { name: en.nameOwnerTitle });
    await user.click(await within(naming).findByRole("button", { name: /Adam Berg/ }));
    await user.click(within(naming).getByRole("button", { name: en.nameOwnerDo }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await user.click(await button("Dismiss Nora Lind"));
    const asked = await screen.findByRole("dialog", { name: en.dismissOwnerTitle });
    await user.click(within(asked).getByRole("button", { name: en.dismissOwnerDo }));
    await waitFor(() =>
      expect(backend.sent).toMatchObject([{ kind: "name_owner" }, { kind: "dismiss_owner" }]),
    );
  });
});
