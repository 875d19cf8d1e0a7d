/** The time that JavaScript sees, in milliseconds: the time of the request, and 0 before the first one. */
let time = 0;

export function setTime(seconds) {
  time = seconds * 1000;
}

const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(time).toString(),
  construct: (target, parts, newTarget) => Reflect.construct(target, parts.length === 0 ? [time] : parts, newTarget),
});
RealDate.now = () => time;
RealDate.prototype.constructor = Date;

/** Replaces the engine's own, which would call a clock that does not exist. */
globalThis.performance = { timeOrigin: 0, now: () => time };
