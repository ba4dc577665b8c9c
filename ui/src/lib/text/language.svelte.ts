import type { Language } from "../backend";
import { de } from "./de";
import { en } from "./en";
import { fill, type Plural, type Texts } from "./texts";

export { fill, parts } from "./texts";

export type { Language };

/** Each language in its own words. */
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };

const CATALOGUES: Record<Language, Texts> = { en, de };

class Speaking {
  /** What the program says that it speaks; nothing is shown before. */
  language = $state<Language>("en");

  /** How numbers and dates are written: as the system does, if it speaks the same language. */
  locale = $derived(
    navigator.languages.find((tag) => tag.toLowerCase().startsWith(this.language)) ?? this.language,
  );
}

export const speaking = new Speaking();

/** The texts of the language that is spoken. Read in a component, it follows the language. */
export const t: Texts = new Proxy(en as Texts, {
  get: (_, key) => CATALOGUES[speaking.language][key as keyof Texts],
});

/** "Ctrl+K", as the key is called in the language. */
export function keys(text: string): string {
  return text.replaceAll("Ctrl", t.control);
}

export function numbered(number: number): string {
  return number.toLocaleString(speaking.locale);
}

/** "1 partner", "2,000 partners". */
export function counted(
  count: number,
  texts: Plural,
  values: Record<string, string | number> = {},
): string {
  const rule = new Intl.PluralRules(speaking.language).select(count);
  return fill(rule === "one" ? texts.one : texts.other, { ...values, count: numbered(count) });
}

/** "a, b and c". */
export function listed(items: readonly string[]): string {
  return new Intl.ListFormat(speaking.locale).format(items);
}

/** The word for what the server names; its own if this version does not know it. */
export function word(words: Record<string, string>, name: string, otherwise = name): string {
  return Object.hasOwn(words, name) ? (words[name] ?? otherwise) : otherwise;
}
