import { untrack } from "svelte";
import { asCommandError } from "../backend/backend";

/** What is asked: of what, and how it is read. */
export type Question<T> = { of: string; read: () => Promise<T> };

/** The answer to the question that is asked now. It is asked again whenever what `ask` reads
 * changes; an answer to an earlier question is passed over. Of the same thing, what was read last
 * stays until the new answer is there; of another thing, nothing stays. */
export class Reading<T> {
  value = $state.raw<T | null>(null);
  /** Why there is no answer, as a sentence. */
  error = $state("");
  #question: Question<T> | null = null;
  #of: string | null = null;
  #asked = 0;

  /** To be made while a component is. */
  constructor(ask: () => Question<T> | null) {
    $effect(() => {
      const question = ask();
      untrack(() => void this.#answer(question));
    });
  }

  /** Asks once more. */
  again() {
    void this.#answer(this.#question);
  }

  async #answer(question: Question<T> | null) {
    const mine = ++this.#asked;
    this.#question = question;
    if (question?.of !== this.#of) {
      this.#of = question?.of ?? null;
      this.value = null;
      this.error = "";
    }
    if (!question) return;
    try {
      const value = await question.read();
      if (mine !== this.#asked) return;
      this.value = value;
      this.error = "";
    } catch (thrown) {
      if (mine !== this.#asked) return;
      this.value = null;
      this.error = asCommandError(thrown).message;
    }
  }
}
