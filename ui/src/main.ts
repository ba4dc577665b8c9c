import { mount } from "svelte";
import App from "./App.svelte";
import { backend } from "./lib/backend";
import { Desk } from "./lib/state/desk.svelte";
import { preferences } from "./lib/state/preferences.svelte";
import { readShown } from "./lib/views/parts";
import "./lib/tokens.css";
import "./lib/base.css";

/** Shows nothing until there is something to show, so that no other look flashes first. */
async function open() {
  const desk = new Desk(backend);
  preferences.apply();
  await desk.start();
  await readShown(desk);
  const target = document.getElementById("app");
  if (target) mount(App, { target, props: { desk } });
}

void open();
