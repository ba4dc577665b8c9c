import { parse } from "svelte/compiler";
import { afterEach, describe, expect, it } from "vitest";
import { de } from "./lib/text/de";
import { en } from "./lib/text/en";
import { counted, speaking, t, word } from "./lib/text/language.svelte";
import { fill, parts } from "./lib/text/texts";
import { ago, clockTime } from "./lib/time.svelte";

const components = import.meta.glob<string>("./**/*.svelte", {
  query: "?raw",
  import: "default",
  eager: true,
});
const scripts = import.meta.glob<string>(
  ["./**/*.ts", "!./**/*.test.ts", "!./**/backend/{bindings,fake}.ts"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);

type Tree = { [key: string]: string | Tree };

/** Every text by its path. */
function leaves(tree: Tree, path = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[path + key, value]] : leaves(value, `${path}${key}.`),
  );
}

const placeholders = (text: string) =>
  parts(text)
    .flatMap((part) => ("name" in part ? [part.name] : []))
    .sort();

describe("the catalogues", () => {
  const english = new Map(leaves(en as unknown as Tree));
  const german = new Map(leaves(de as unknown as Tree));

  it("have the same texts", () => {
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it("have the same placeholders in each text", () => {
    for (const [path, text] of english) {
      expect([path, placeholders(german.get(path) ?? "")]).toEqual([path, placeholders(text)]);
    }
  });

  it("have no empty text, and hardly one that is the same in both", () => {
    for (const [path, text] of [...english, ...german])
      expect([path, text]).not.toEqual([path, ""]);
    const words = (text: string) => text.match(/(?<!\{)\b\p{L}{2,}\b(?!\})/gu)?.length ?? 0;
    const same = [...english].filter(
      ([path, text]) => german.get(path) === text && words(text) > 2,
    );
    expect(same).toEqual([]);
  });

  it("are all used", () => {
    const sources = Object.values({ ...components, ...scripts }).join(" ");
    // Sections and tabs are looked up by their own names.
    const byName = ["inbox", "partners", "history", "overview"];
    const unused = Object.keys(en).filter(
      (name) => !byName.includes(name) && !new RegExp(`\\bt[.]${name}\\b`).test(sources),
    );
    expect(unused).toEqual([]);
  });
});

describe("texts", () => {
  afterEach(() => (speaking.language = "en"));

  it("follow the language that is spoken", () => {
    expect(t.inbox).toBe("Inbox");
    speaking.language = "de";
    expect(t.inbox).toBe("Eingang");
  });

  it("count by the language's own rule and write its numbers", () => {
    expect(counted(1, t.counts.partner)).toBe("1 partner");
    expect(counted(2_000, t.counts.partner)).toBe("2,000 partners");
    speaking.language = "de";
    expect(counted(2_000, t.counts.account)).toBe("2.000 Konten");
  });

  it("keep a placeholder that is not filled visible, and never fill twice", () => {
    expect(fill("{a} and {b}", { a: "{b}" })).toBe("{b} and {b}");
  });

  it("name what this version does not know as the server does", () => {
    expect(word(t.events, "brand_new", "Brand New")).toBe("Brand New");
    expect(word(t.events, "constructor", "odd")).toBe("odd");
  });

  it("tell times near and far", () => {
    const now = Date.parse("2026-11-25T12:00:00Z");
    const at = (hours: number) => new Date(now + hours * 3_600_000).toISOString();
    expect(ago(at(0), now)).toBe("just now");
    expect(ago(at(-2), now)).toBe("2 hr. ago");
    expect(ago(at(24 * 13), now)).toBe("in 13 days");
    expect(ago(at(-24 * 40), now)).toContain("2026");
    expect(clockTime(at(-24 * 2), now)).toMatch(/Nov 23, 2026/);
    speaking.language = "de";
    expect(ago(at(-2), now)).toBe("vor 2 Std.");
  });
});

/** Names and marks that are the same in every language. */
const SAME_EVERYWHERE = /^(· )?Entente$|^https:\/\/$|^[^\p{L}]*$/u;
const SPOKEN = [
  "aria-label",
  "title",
  "placeholder",
  "alt",
  "label",
  "text",
  "description",
  "action",
];

type Node = {
  type?: string;
  name?: string;
  data?: string;
  value?: unknown;
  [key: string]: unknown;
};

/** The texts that a component's template says by itself. */
function literals(node: unknown, inText = false): string[] {
  if (Array.isArray(node)) return node.flatMap((one) => literals(one, inText));
  if (typeof node !== "object" || node === null) return [];
  const { type, name, data, value, ...rest } = node as Node;
  if (type === "Text") return inText ? [String(data).trim()] : [];
  if (type === "Literal") return inText && typeof value === "string" ? [value] : [];
  if (type === "TemplateElement") return inText ? [(value as { raw: string }).raw.trim()] : [];
  // What is compared or looked up is not said.
  if (type === "BinaryExpression" || type === "CallExpression" || type === "MemberExpression")
    return [];
  if (type === "Attribute") return literals(value, SPOKEN.includes(String(name)));
  if (type === "Fragment") return literals(rest["nodes"], true);
  if (type === "EachBlock" || type === "IfBlock" || type === "ConstTag" || type === "KeyBlock") {
    const silent = ["expression", "test", "declaration", "key", "context"];
    const blocks = Object.entries(rest).filter(([key]) => !silent.includes(key));
    return literals(
      blocks.map(([, block]) => block),
      inText,
    );
  }
  return literals(Object.values(rest), inText);
}

describe("no component", () => {
  it.each(Object.keys(components))("says by itself: %s", (file) => {
    const { fragment } = parse(components[file] ?? "", { modern: true });
    const said = literals(fragment).filter((text) => !SAME_EVERYWHERE.test(text));
    expect(said).toEqual([]);
  });

  it("hides a sentence in its script", () => {
    for (const [file, source] of Object.entries({ ...components, ...scripts })) {
      if (file.includes("/text/")) continue;
      const script = source
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
        .replace(/<!--[\s\S]*?-->|<style[\s\S]*/g, "")
        .replace(/class="[^"]*"|d="[^"]*"/g, "");
      const sentences = script.match(/"[A-Z][a-z]+(?: [a-z]+){2,}[^"]*"|`[A-Z][a-z]+ [a-z ]*\$\{/g);
      expect([file, sentences]).toEqual([file, null]);
    }
  });
});
