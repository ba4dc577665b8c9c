import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import type { Profile } from "./lib/backend";
import { refusal } from "./lib/backend/fake";
import { en } from "./lib/text/en";
import { anew, button, expectAccessible, open } from "./test-window";

anew();

const signedOut = (code: string): Profile["connectivity"] => ({
  kind: "signed_out",
  problem: { code, message: "The key is not taken any more.", retryable: false },
});

describe("a profile", () => {
  async function openProfiles(change: (profile: Profile) => void = () => {}) {
    const opened = open();
    const [profile] = opened.backend.state.profiles;
    if (profile) change(profile);
    await opened.user.click(await button(en.settings));
    return { ...opened, item: await screen.findByTestId("profile"), profile };
  }

  it("gets a name and a colour of the person's own", async () => {
    const { user, item, backend } = await openProfiles();
    await user.click(within(item).getByRole("button", { name: en.change }));
    await expectAccessible();
    await user.type(within(item).getByRole("textbox", { name: en.profileName }), "Day job");
    await user.click(within(item).getByRole("button", { name: en.rename }));
    expect(await within(item).findByText("Day job")).toBeTruthy();
    await user.click(within(item).getByRole("button", { name: en.change }));
    await user.click(within(item).getByRole("button", { name: "Colour 4" }));
    await waitFor(() => expect(backend.state.profiles[0]?.color).toBe(3));
    expect(screen.getByRole("group", { name: en.profiles }).textContent).toContain("Day job");
  });

  it("that is signed out takes a new key, and says why one is not taken", async () => {
    const { user, item, backend, profile } = await openProfiles((one) => {
      one.connectivity = signedOut("invalid_credentials");
    });
    const field = await within(item).findByLabelText("New API key for Adam Berg");
    await user.type(field, "entente_wrong");
    backend.refusals.set("renewKey", refusal("other_user", "This key is of another user."));
    await user.click(within(item).getByRole("button", { name: en.signInAgain }));
    expect(await within(item).findByText("This key is of another user.")).toBeTruthy();
    expect(field).toHaveProperty("value", "entente_wrong");
    await expectAccessible();
    await user.click(within(item).getByRole("button", { name: en.signInAgain }));
    await waitFor(() => expect(within(item).queryByLabelText(/New API key/)).toBeNull());
    expect(backend.sent).toEqual([{ profile: profile?.id, key: "entente_wrong" }]);
  });

  it("whose keyring is locked asks for no key, but to unlock it", async () => {
    const { user, item, backend } = await openProfiles((one) => {
      one.connectivity = signedOut("keyring_locked");
    });
    expect(within(item).queryByLabelText(/New API key/)).toBeNull();
    await user.click(await within(item).findByRole("button", { name: en.unlockAgain }));
    await waitFor(() => expect(backend.state.profiles[0]?.connectivity.kind).toBe("live"));
  });

  it("is reached from the banner that says it is signed out", async () => {
    const { user, backend } = open();
    const [profile] = backend.state.profiles;
    if (profile) profile.connectivity = signedOut("invalid_credentials");
    await user.click(await button(en.signInAgain));
    expect(await screen.findByTestId("profile")).toBeTruthy();
  });

  it("chooses how what was seen is kept where there is no keyring", async () => {
    const { user, backend } = open();
    backend.state.keepsUnencrypted = false;
    await user.click(await button(en.settings));
    await user.click(await screen.findByRole("switch", { name: en.keepUnencrypted }));
    await waitFor(() => expect(backend.state.keepsUnencrypted).toBe(true));
    expect(await screen.findByText(en.keeping.unencrypted)).toBeTruthy();
  });
});

describe("single sign-on", () => {
  it("adds a profile through the browser, and says at the field why it does not", async () => {
    const { backend, user } = open("first");
    await user.click(await button(en.connect));
    await user.type(await screen.findByLabelText(en.serverAddress), "entente.example.com");
    await user.click(screen.getByRole("radio", { name: en.withBrowser }));
    await user.type(screen.getByLabelText(en.ssoAddress), "adam@lumen.example");
    const sentence = "No single sign-on serves this address.";
    backend.refusals.set("signIn", refusal("sso_not_configured", sentence, "address"));
    await user.click(await button(en.openBrowser));
    expect(await screen.findByText(sentence)).toBeTruthy();
    await expectAccessible();
    await user.click(await button(en.openBrowser));
    expect(await screen.findByRole("heading", { name: en.yourPartners })).toBeTruthy();
    expect(backend.sent).toEqual([
      { server: "entente.example.com", address: "adam@lumen.example" },
    ]);
  });
});
