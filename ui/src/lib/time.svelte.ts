import { speaking, t } from "./text/language.svelte";

/** The time: whoever reads it reads it again every half minute. */
class Clock {
  #ticks = $state(0);

  constructor() {
    setInterval(() => (this.#ticks += 1), 30_000);
  }

  get now(): number {
    void this.#ticks;
    return Date.now();
  }
}

export const clock = new Clock();

const FORMATS = {
  exact: { dateStyle: "full", timeStyle: "medium" },
  hour: { hour: "2-digit", minute: "2-digit", hour12: false },
  day: { day: "numeric", month: "short", year: "numeric" },
  shortDay: { day: "numeric", month: "short" },
  moment: {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

// Making a format is slow, and long lists write many times.
const made = new Map<string, Intl.DateTimeFormat>();

function written(at: string, format: keyof typeof FORMATS): string {
  const key = `${speaking.locale} ${format}`;
  let formatter = made.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat(speaking.locale, FORMATS[format]);
    made.set(key, formatter);
  }
  return formatter.format(new Date(at));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number, Intl.RelativeTimeFormatStyle][] = [
  ["day", 86_400_000, "long"],
  ["hour", 3_600_000, "short"],
  ["minute", 60_000, "short"],
];

/** "2 hr. ago", "in 13 days", "just now"; a date if it is more than a month away. */
export function ago(at: string, now: number): string {
  const distance = Date.parse(at) - now;
  if (Math.abs(distance) > 31 * 86_400_000) return written(at, "day");
  for (const [unit, length, style] of STEPS) {
    if (Math.abs(distance) >= length) {
      const relative = new Intl.RelativeTimeFormat(speaking.locale, { style });
      return relative.format(Math.trunc(distance / length), unit);
    }
  }
  return distance > 0 ? t.inAMoment : t.justNow;
}

/** "8 Dec". */
export const day = (at: string) => written(at, "shortDay");

/** "8 Dec 2026". */
export const date = (at: string) => written(at, "day");

/** "8 Dec 2026, 14:05". */
export const moment = (at: string) => written(at, "moment");

/** "Tuesday, 8 December 2026 at 14:05:31". */
export const exact = (at: string) => written(at, "exact");

/** "14:05", or with the day if it was not today. */
export function clockTime(at: string, now: number): string {
  const today = new Date(now).toDateString() === new Date(at).toDateString();
  return today ? written(at, "hour") : written(at, "moment");
}
