import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { type FakeBackend, refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { anew, button, expectAccessible, open } from "./test-window";

let backend: FakeBackend;

function show() {
  const opened = open("ready", 6);
  ({ backend } = opened);
  return opened.user;
}

anew();

async function openActive() {
  const user = show();
  await user.click(await button(new RegExp(`^${en.partners}`)));
  const active = backend.details.find((one) => one.row.state === "active");
  const name = new RegExp(active?.guest.name ?? "?");
  await user.click(await screen.findByRole("option", { name }));
  return { user, active };
}

async function openAccount(name: RegExp) {
  const user = show();
  await user.click(await button(new RegExp(`^${en.accounts}`)));
  await user.click(await screen.findByRole("option", { name }));
  await screen.findByTestId("account");
  return user;
}

describe("sharing", () => {
  it("takes accounts and one role, and shows them in the partner's accounts", async () => {
    const { user, active } = await openActive();
    await user.click(await button(en.shareAccounts));
    const dialog = await screen.findByRole("dialog", { name: en.selectAccountsTitle });
    const finish = within(dialog).getByRole("button", { name: en.finish });
    expect(finish).toHaveProperty("disabled", true);
    await user.click(await within(dialog).findByRole("checkbox", { name: /Mailchimp/ }));
    await user.click(within(dialog).getByRole("radio", { name: new RegExp(`^${en.manager}`) }));
    await expectAccessible();
    await user.click(finish);
    expect(await screen.findByTestId("shared-account")).toBeTruthy();
    expect(backend.sent).toEqual([
      {
        kind: "share",
        partnershipId: active?.row.id,
        accountIds: [backend.accountList[0]?.id],
        role: "account_manager",
      },
    ]);
  });

  it("keeps what was chosen when it is refused", async () => {
    const { user } = await openActive();
    await user.click(await button(en.shareAccounts));
    const dialog = await screen.findByRole("dialog");
    await user.click(await within(dialog).findByRole("checkbox", { name: /Figma/ }));
    backend.refusals.set("act", refusal("no_guest_admin", "The guest has no Admin."));
    await user.click(within(dialog).getByRole("button", { name: en.finish }));
    expect(await within(dialog).findByText("The guest has no Admin.")).toBeTruthy();
    expect(within(dialog).getByRole("checkbox", { name: /Figma/ })).toHaveProperty("checked", true);
  });

  it("is not possible before the partnership is active, and says why", async () => {
    const user = show();
    await user.click(await screen.findByRole("button", { name: /wants to partner with/ }));
    const share = await button(en.shareAccounts);
    expect(share).toHaveProperty("disabled", true);
    expect(share).toHaveProperty("title", en.shareDisabled);
  });

  it("ends with the partnership, after what would be lost was shown", async () => {
    const { user } = await openActive();
    await user.click(await button(en.moreActions));
    await user.click(await screen.findByText(en.removePartner));
    const dialog = await screen.findByRole("dialog", { name: en.removeTitle });
    expect(within(dialog).getByText(/Marit Solheim and Nils Dahl/)).toBeTruthy();
    await user.click(within(dialog).getByRole("button", { name: en.remove }));
    await waitFor(() => expect(backend.sent).toMatchObject([{ action: "remove" }]));
  });
});

describe("an account", () => {
  it("is decided on where its members are", async () => {
    const user = await openAccount(/Mailchimp/);
    const request = await screen.findByTestId("access-request");
    expect(within(request).getByText("Nils Dahl")).toBeTruthy();
    await expectAccessible();
    await user.click(within(request).getByRole("button", { name: en.accept }));
    await waitFor(() => expect(screen.queryByTestId("access-request")).toBeNull());
    expect(backend.sent).toMatchObject([{ kind: "decide_access", version: 1, accept: true }]);
  });

  it("changes a role on the version that was shown, and asks before it takes access away", async () => {
    const user = await openAccount(/Figma/);
    const role = await screen.findByRole("combobox", { name: "Role of Marit Solheim" });
    await user.selectOptions(role, "account_collaborator");
    await user.click(await button("Remove Marit Solheim"));
    const dialog = await screen.findByRole("dialog", { name: en.removeAccessTitle });
    await user.click(within(dialog).getByRole("button", { name: en.removeAccess }));
    await waitFor(() =>
      expect(backend.sent).toMatchObject([
        { kind: "change_role", version: 3, role: "account_collaborator" },
        { kind: "remove_access" },
      ]),
    );
  });

  it("logs in without showing the password", async () => {
    const user = await openAccount(/Mailchimp/);
    await user.click(await button(en.logIn));
    expect(await screen.findByText("uma@lumen.example", { selector: "code" })).toBeTruthy();
    const told = screen.getAllByRole("status").map((one) => one.textContent);
    expect(told.join()).toContain("clipboard for 30 seconds");
  });

  it("asks its Owners for several members at once", async () => {
    const user = await openAccount(/Stripe/);
    await user.click(await button(en.requestAccess));
    const dialog = await screen.findByRole("dialog", { name: en.requestAccessTitle });
    await user.click(await within(dialog).findByRole("button", { name: /Adam Berg/ }));
    await expectAccessible();
    await user.click(within(dialog).getByRole("button", { name: en.send }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(backend.sent).toMatchObject([
      { kind: "ask_access", userIds: [backend.memberList[1]?.id], role: "account_collaborator" },
    ]);
  });
});

describe("the workspace", () => {
  it("removes a member after it was asked about", async () => {
    const user = show();
    await user.click(await button(new RegExp(`^${en.members}`)));
    await user.click(await button(`${en.removeFromWorkspace}: Uma Castillo`));
    const dialog = await screen.findByRole("dialog", { name: en.removeUserTitle });
    await user.click(within(dialog).getByRole("button", { name: en.removeFromWorkspace }));
    await waitFor(() =>
      expect(backend.sent).toEqual([{ kind: "remove_user", userId: backend.memberList[0]?.id }]),
    );
    await expectAccessible();
  });

  it("shows what happened, narrowed, and saves it", async () => {
    const user = show();
    await user.click(await button(new RegExp(`^${en.activity}`)));
    await waitFor(() => expect(screen.getAllByTestId("activity-row")).toHaveLength(3));
    await expectAccessible();
    await user.selectOptions(screen.getByLabelText("Event"), "partnership_accepted");
    await waitFor(() => expect(screen.getAllByTestId("activity-row")).toHaveLength(1));
    await user.selectOptions(screen.getByLabelText("Event"), "");
    const [first] = backend.activityList;
    const asked = vi.spyOn(backend, "activities");
    await user.selectOptions(screen.getByLabelText("App"), first?.application ?? "");
    await user.selectOptions(screen.getByLabelText("User"), first?.user?.name ?? "");
    await waitFor(() =>
      expect(asked.mock.lastCall?.[1]).toMatchObject({
        application: first?.application,
        userId: first?.user?.id,
      }),
    );
    await user.click(await button(en.downloadCsv));
    expect(await screen.findByText(/activity\.csv/)).toBeTruthy();
  });
});
