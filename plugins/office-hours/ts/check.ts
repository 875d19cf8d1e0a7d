// Allows requests within office hours, by the clock and the calendar of one place.
import { AuthorizationError, type AuthContext } from "guardhouse-sdk";

/** The settings, as settings.schema.json describes them. All times are compared as text. */
export interface Settings {
  readonly zone: string;
  /** In minutes, like the offsets of `daylight`. */
  readonly offset: number;
  readonly calendar: { readonly first: string; readonly last: string };
  readonly hours: readonly Hours[];
  readonly daylight?: readonly Daylight[];
  readonly holidays?: readonly string[];
}

interface Hours {
  readonly days: readonly string[];
  readonly opens: string;
  readonly closes: string;
}

/** A period in which another offset applies. */
interface Daylight {
  readonly starts: string;
  readonly ends: string;
  readonly offset: number;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MS = 86_400_000;

export function check(ctx: AuthContext, settings: Settings): boolean {
  const { first, last } = settings.calendar;
  const local = localTime(ctx.now, settings);
  const [today, now] = [dateOf(local), local.toISOString().slice(11, 16)];
  if (first <= today && today <= last) {
    const hours = hoursOf(local, settings);
    if (hours.some(({ opens, closes }) => opens <= now && now < closes)) return true;
    mustNotOpen(today, hours.filter(({ opens }) => opens > now), settings);
    // The hours of the 366 days that follow.
    for (let ahead = 1; ahead <= 366; ahead++) {
      const day = new Date(local.getTime() + ahead * DAY_MS);
      if (dateOf(day) > last) break;
      mustNotOpen(dateOf(day), hoursOf(day, settings), settings);
    }
  }
  throw new AuthorizationError(`the office is closed; its calendar covers ${first} to ${last}`);
}

/** Rejects what the schema cannot: times in the wrong order. */
export function validate({ hours, daylight = [] }: Settings): void {
  const spans = [
    ...hours.map(({ opens, closes }) => ({ begin: opens, end: closes })),
    ...daylight.map(({ starts, ends }) => ({ begin: starts, end: ends })),
  ];
  for (const { begin, end } of spans) {
    if (begin >= end) throw new Error(`${begin} is not before ${end}`);
  }
}

/** What the clock on the wall shows, as the UTC time of a date. */
function localTime(seconds: number, { offset, daylight = [] }: Settings): Date {
  const utc = new Date(seconds * 1000).toISOString().slice(0, 16) + "Z";
  const period = daylight.find(({ starts, ends }) => starts <= utc && utc < ends);
  return new Date((seconds + 60 * (period?.offset ?? offset)) * 1000);
}

/** The date as text. That of a year after 9999 begins with a sign, so no calendar covers it. */
function dateOf(day: Date): string {
  return day.toISOString().replace(/T.*/, "");
}

function hoursOf(day: Date, { hours, holidays = [] }: Settings): readonly Hours[] {
  if (holidays.includes(dateOf(day))) return [];
  return hours.filter(({ days }) => days.some((name) => name === DAYS[day.getUTCDay()]));
}

/** Denies with the first of these hours, if there is one. */
function mustNotOpen(date: string, hours: readonly Hours[], { zone }: Settings): void {
  const [opens] = hours.map(({ opens }) => opens).sort();
  if (opens) throw new AuthorizationError(`the office is closed until ${date} ${opens} (${zone})`);
}
