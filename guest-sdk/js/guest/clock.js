/** The time that JavaScript sees, in milliseconds: the time of the request, and 0 before the first one. */
let time = 0;

export function setTime(seconds) {
  time = seconds * 1000;
}

/** Runs `run` at a time, and sets the clock back. */
export function timed(seconds, run) {
  const before = time;
  try {
    setTime(seconds);
    run();
  } finally {
    time = before;
  }
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
