import type { en } from "./en";

type Widened<T> = T extends string ? string : { readonly [K in keyof T]: Widened<T[K]> };

/** The shape of a catalogue. */
export type Texts = Widened<typeof en>;

/** A text for one thing, and one for any other number of them. */
export type Plural = { readonly one: string; readonly other: string };

export type Part = { text: string } | { name: string };

/** A text, taken apart at its `{placeholders}`. */
export function parts(text: string): Part[] {
  return text
    .split(/(\{\w+\})/)
    .filter((part) => part !== "")
    .map((part) => (/^\{\w+\}$/.test(part) ? { name: part.slice(1, -1) } : { text: part }));
}

/** A text with its placeholders replaced; what is missing stays visible. */
export function fill(text: string, values: Record<string, string | number>): string {
  return parts(text)
    .map((part) => ("text" in part ? part.text : String(values[part.name] ?? `{${part.name}}`)))
    .join("");
}
