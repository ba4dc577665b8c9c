import { MediaQuery } from "svelte/reactivity";
import { speaking } from "../text/language.svelte";

export type Theme = "system" | "light" | "dark";

const KEY = "preferences";
export const ZOOMS = [0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2];
export const LIST = { least: 300, most: 480 };

type Kept = {
  theme: Theme;
  highContrast: boolean;
  zoom: number;
  listWidth: number;
  railCollapsed: boolean;
};

const INITIAL: Kept = {
  theme: "system",
  highContrast: false,
  zoom: 1,
  listWidth: 360,
  railCollapsed: false,
};

/** What was kept; whatever is not as it should be is as at first. */
function read(): Kept {
  let kept: Partial<Kept>;
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") ?? {};
  } catch {
    kept = {};
  }
  const within = (value: unknown, least: number, most: number, otherwise: number) =>
    typeof value === "number" && value >= least && value <= most ? value : otherwise;
  return {
    theme: kept.theme === "light" || kept.theme === "dark" ? kept.theme : "system",
    highContrast: kept.highContrast === true,
    zoom: within(kept.zoom, 0.8, 2, 1),
    listWidth: within(kept.listWidth, LIST.least, LIST.most, INITIAL.listWidth),
    railCollapsed: kept.railCollapsed === true,
  };
}

/** How this person likes the window; of this computer, and not of a profile. It is kept where it can
 * be read before anything is painted, so that no other look flashes first. */
export class Preferences {
  #kept = $state<Kept>(read());
  readonly #moreContrast = new MediaQuery("prefers-contrast: more");

  get theme() {
    return this.#kept.theme;
  }

  set theme(theme: Theme) {
    this.#keep({ theme });
  }

  get highContrast() {
    return this.#kept.highContrast;
  }

  set highContrast(highContrast: boolean) {
    this.#keep({ highContrast });
  }

  get zoom() {
    return this.#kept.zoom;
  }

  get listWidth() {
    return this.#kept.listWidth;
  }

  set listWidth(width: number) {
    this.#keep({ listWidth: Math.round(Math.min(LIST.most, Math.max(LIST.least, width))) });
  }

  get railCollapsed() {
    return this.#kept.railCollapsed;
  }

  set railCollapsed(railCollapsed: boolean) {
    this.#keep({ railCollapsed });
  }

  /** One step larger or smaller, or back. */
  zoomBy(direction: 1 | -1 | 0) {
    const larger = ZOOMS.find((zoom) => zoom > this.zoom);
    const smaller = ZOOMS.findLast((zoom) => zoom < this.zoom);
    const next = { 1: larger, [-1]: smaller, 0: 1 }[direction];
    if (next !== undefined) this.#keep({ zoom: next });
  }

  /** Gives the page the look that was chosen. */
  apply(page: HTMLElement = document.documentElement) {
    page.dataset["theme"] = this.theme;
    page.dataset["contrast"] = this.highContrast || this.#moreContrast.current ? "more" : "normal";
    page.lang = speaking.language;
  }

  #keep(change: Partial<Kept>) {
    this.#kept = { ...this.#kept, ...change };
    localStorage.setItem(KEY, JSON.stringify(this.#kept));
  }
}

export const preferences = new Preferences();
