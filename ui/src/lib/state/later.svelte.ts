import type { Component } from "svelte";

/** A part of the window that is read when it is first shown, so that it does not hold up what is shown
 * at the start. */
export class Later<Props extends Record<string, unknown>> {
  #view = $state.raw<Component<Props> | null>(null);
  #reading: Promise<void> | null = null;
  readonly #load: () => Promise<{ default: Component<Props> }>;

  constructor(load: () => Promise<{ default: Component<Props> }>) {
    this.#load = load;
  }

  /** Null until it was read. */
  get view(): Component<Props> | null {
    return this.#view;
  }

  /** Reads it. */
  read(): Promise<void> {
    this.#reading ??= this.#load().then((part) => void (this.#view = part.default));
    return this.#reading;
  }
}
