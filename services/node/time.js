/** Clocks and waiting. Durations are milliseconds unless a name says otherwise. */

import { setImmediate, setTimeout } from 'node:timers/promises';

/**
 * Now, in microseconds since the Unix epoch.
 *
 * The system's clock is read in milliseconds only. The fine clock tells where in the millisecond we are, but
 * keeps running as it did when the process started: it is not believed beyond that.
 */
export function nowUs() {
  const wallUs = Date.now() * 1000;
  const fineUs = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  return Math.min(Math.max(fineUs, wallUs), wallUs + 999);
}

/** Whole microseconds since `started`, an earlier `performance.now()`. */
export function elapsedUs(started) {
  return Math.floor((performance.now() - started) * 1000);
}

/** Waits for `ms`, never for less. Rejects as soon as `signal` aborts. */
export async function sleep(ms, signal) {
  await sleepUntil(performance.now() + ms, signal);
}

/** Yields `piece(0)` up to `piece(count - 1)`: the first at once, each of the others `everyMs` after the one before. */
export async function* paced(count, everyMs, piece, signal) {
  const started = performance.now();
  for (let index = 0; index < count; index += 1) {
    // By the clock and not by the piece before, so that what is late does not add up.
    await sleepUntil(started + index * everyMs, signal);
    yield piece(index);
    await setImmediate(); // however short the time is: others get their turn, and it is noticed when the caller leaves
  }
}

async function sleepUntil(deadline, signal) {
  signal.throwIfAborted();
  for (;;) {
    const left = deadline - performance.now();
    if (left <= 0) return;
    // A timer may fire up to a millisecond early, hence the loop.
    await setTimeout(Math.ceil(left), undefined, { signal });
  }
}
