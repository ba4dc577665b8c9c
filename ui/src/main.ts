import { mount } from "svelte";
import App from "./App.svelte";
import { backend } from "./lib/backend";
import { Desk } from "./lib/state/desk.svelte";
import "./lib/tokens.css";
import "./lib/base.css";

const target = document.getElementById("app");
if (target) mount(App, { target, props: { desk: new Desk(backend) } });
