// Allows requests within office hours, by the clock and the calendar of one place.
import { AuthorizationError } from "guardhouse-sdk";

/**
 * The settings, as settings.schema.json describes them. All times are compared as text.
 *
 * @typedef {object} Settings
 * @property {string} zone
 * @property {number} offset
 * @property {{ first: string, last: string }} calendar
 * @property {{ days: string[], opens: string, closes: string }[]} hours
 * @property {{ starts: string, ends: string, offset: number }[]} [daylight]
 * @property {string[]} [holidays]
 */

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MS = 86_400_000;

/** @type {import("guardhouse-sdk").Check<Settings>} */
export function check(ctx, settings) {
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

/**
 * Rejects what the schema cannot: times in the wrong order.
 *
 * @param {Settings} settings
 */
export function validate({ hours, daylight = [] }) {
  const spans = [...hours.map((h) => [h.opens, h.closes]), ...daylight.map((d) => [d.starts, d.ends])];
  for (const [begin, end] of spans) {
    if (begin >= end) throw new Error(`${begin} is not before ${end}`);
  }
}

/** What the clock on the wall shows, as the UTC time of a date. */
function localTime(seconds, { offset, daylight = [] }) {
  const utc = new Date(seconds * 1000).toISOString().slice(0, 16) + "Z";
  const period = daylight.find(({ starts, ends }) => starts <= utc && utc < ends);
  return new Date((seconds + 60 * (period?.offset ?? offset)) * 1000);
}

/** The date as text. That of a year after 9999 begins with a sign, so no calendar covers it. */
function dateOf(day) {
  return day.toISOString().split("T")[0];
}

function hoursOf(day, { hours, holidays = [] }) {
  if (holidays.includes(dateOf(day))) return [];
  return hours.filter(({ days }) => days.includes(DAYS[day.getUTCDay()]));
}

/** Denies with the first of these hours, if there is one. */
function mustNotOpen(date, hours, { zone }) {
  const [opens] = hours.map(({ opens }) => opens).sort();
  if (opens) throw new AuthorizationError(`the office is closed until ${date} ${opens} (${zone})`);
}
