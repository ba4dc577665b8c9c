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

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "short" });
const exactFormat = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });
const hourFormat = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});
const dayFormat = new Intl.DateTimeFormat("en", {
  day: "numeric",
  month: "short",
  year: "numeric",
});

const shortDayFormat = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** "2 hr. ago", "in 13 days", "just now"; a date if it is more than a month away. */
export function ago(at: string, now: number): string {
  const distance = Date.parse(at) - now;
  if (Math.abs(distance) > 31 * 86_400_000) return dayFormat.format(new Date(at));
  for (const [unit, length] of STEPS) {
    if (Math.abs(distance) >= length) return relative.format(Math.trunc(distance / length), unit);
  }
  return distance > 0 ? "in a moment" : "just now";
}

/** "8 Dec". */
export function day(at: string): string {
  return shortDayFormat.format(new Date(at));
}

export function exact(at: string): string {
  return exactFormat.format(new Date(at));
}

/** "14:05", or with the day if it was not today. */
export function clockTime(at: string, now: number): string {
  const date = new Date(at);
  const time = hourFormat.format(date);
  const today = new Date(now).toDateString() === date.toDateString();
  return today ? time : `${dayFormat.format(date)}, ${time}`;
}
