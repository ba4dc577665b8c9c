import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeAll, beforeEach, expect } from "vitest";
import App from "./App.svelte";
import { FakeBackend } from "./lib/backend/fake";
import { Desk } from "./lib/state/desk.svelte";
import { parts } from "./lib/views/parts";

/** Opens the window on a backend in memory. */
export function open(start: "first" | "ready" = "ready", partners = 40) {
  const backend = new FakeBackend(start, partners);
  const desk = new Desk(backend);
  void desk.start();
  render(App, { desk });
  return { backend, desk, user: userEvent.setup() };
}

export const button = (name: string | RegExp) => screen.findByRole("button", { name });

/** Everything but what jsdom cannot tell because it paints nothing. */
export async function expectAccessible() {
  const found = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  expect(found.violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`)).toEqual([]);
}

/** Begins each test of a file with a window that nobody has used, all of whose parts are read. */
export function anew() {
  beforeAll(async () => {
    await Promise.all(Object.values(parts).map((part) => part.read()));
  }, 60_000);
  beforeEach(() => localStorage.clear());
  afterEach(cleanup);
}
