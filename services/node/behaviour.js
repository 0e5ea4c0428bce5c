/** How the service behaves: what will happen to a request is decided when it arrives (services/CONTRACT.md, C14). */

const REMEMBERED = 100_000;

/** The behaviour in force, with what has to be remembered for it. */
export class Behaving {
  #random;
  #behaviour;
  #attempts;
  #arrived;
  #capacity;

  constructor(behaviour, random) {
    this.#random = random;
    this.replace(behaviour);
  }

  /** Behaves differently towards requests that arrive from now on, and counts them anew. */
  replace(behaviour) {
    this.#behaviour = behaviour;
    this.#attempts = new Memory();
    this.#arrived = 0;
    this.#capacity = behaviour.capacity && new Capacity(behaviour.capacity);
  }

  /** For how many milliseconds a connection that falls idle now may stay so; null if for ever (C37). */
  get idleMs() {
    return this.#behaviour.idle_close?.ms ?? null;
  }

  /**
   * What will happen to a request that has just arrived; `requestId` may be null.
   *
   * Every fault that is configured draws or counts, whether or not one before it decides: what becomes of one never
   * shifts another.
   */
  decide(requestId) {
    const now = this.#behaviour;
    const faults = [
      { applies: this.#happens(now.reset_before), ending: 'reset_before' },
      { applies: now.hang, ending: 'hang' },
      { applies: this.#isAmongFirst(now.fail_first, requestId), ending: 'fail', status: now.fail_first?.status },
      { applies: this.#isCrossedOut(now.fail_pattern), ending: 'fail', status: now.fail_pattern?.status },
      { applies: this.#happens(now.fail_share?.share), ending: 'fail', status: now.fail_share?.status },
      { applies: this.#happens(now.reset_after), ending: 'reset_after' },
      { applies: this.#happens(now.truncate), ending: 'truncate' },
    ];
    const { ending, status = now.status ?? 200 } = faults.find(({ applies }) => applies) ?? { ending: 'answer' };
    return {
      ending,
      status,
      latencyMs: this.#draw(now.latency),
      capacity: this.#capacity,
      effect: now.effect,
      slowBody: now.slow_body,
      ticks: now.ticks,
      dropsTrace: now.drop_trace,
    };
  }

  #happens(share) {
    return typeof share === 'number' && this.#random.next() < share;
  }

  #isAmongFirst(failFirst, requestId) {
    if (failFirst === null) return false;
    const attempt = requestId === null ? 1 : (this.#attempts.get(requestId) ?? 0) + 1;
    if (requestId !== null) this.#attempts.remember(requestId, attempt);
    return attempt <= failFirst.attempts;
  }

  #isCrossedOut(failPattern) {
    if (failPattern === null) return false;
    const place = this.#arrived % failPattern.pattern.length;
    this.#arrived += 1;
    return failPattern.pattern[place] === 'x';
  }

  /** A latency in milliseconds. */
  #draw(latency) {
    if (latency === null) return 0;
    return latency.fixed ? latency.fixed.ms : quantile(this.#random.next(), latency.percentiles);
  }
}

/** Lets only so many requests work at once, and so many wait for their turn (C33). */
export class Capacity {
  #atOnce;
  #queue;
  #atWork = 0;
  #waiting = new Set();

  constructor({ at_once: atOnce, queue, status }) {
    this.#atOnce = atOnce;
    this.#queue = queue;
    /** The status for those that find the queue full. */
    this.status = status;
  }

  /** Takes a place, when its turn has come: then returns true, and false when the queue is full. Rejects with `gone`. */
  async enter(gone) {
    if (this.#atWork < this.#atOnce) {
      this.#atWork += 1;
      return true;
    }
    if (this.#waiting.size >= this.#queue) return false;
    gone.throwIfAborted();
    await new Promise((resolve, reject) => {
      const begin = () => {
        gone.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(begin);
        reject(gone.reason);
      };
      this.#waiting.add(begin);
      gone.addEventListener('abort', giveUp, { once: true });
    });
    return true;
  }

  /** Gives a place back, which goes to whoever has waited longest. */
  leave() {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#atWork -= 1;
    } else {
      this.#waiting.delete(next);
      next();
    }
  }
}

/** The effects that requests have had, whatever the behaviour (C36). */
export class Effects {
  #count = 0;
  #numbers = new Memory();

  /** The effect of a request with this key (or null), as it stands in the answer. */
  take(key, oncePerKey) {
    const earlier = key === null ? undefined : this.#numbers.get(key);
    if (oncePerKey && earlier !== undefined) return { number: earlier, key, repeated: true };
    this.#count += 1;
    if (key !== null) this.#numbers.remember(key, this.#count);
    return { number: this.#count, key, repeated: false };
  }
}

/** A map that forgets the keys which have not been remembered for the longest time. */
class Memory extends Map {
  remember(key, value) {
    this.delete(key); // a map lists its keys in the order in which they were added
    this.set(key, value);
    if (this.size > REMEMBERED) this.delete(this.keys().next().value);
  }
}

/** The value at `rank` (from 0 to 1) of the distribution of C16. */
function quantile(rank, { p50_ms: p50, p90_ms: p90, p99_ms: p99 }) {
  if (rank < 0.5) return p50 * (rank / 0.5);
  if (rank < 0.9) return p50 + (p90 - p50) * ((rank - 0.5) / 0.4);
  if (rank < 0.99) return p90 + (p99 - p90) * ((rank - 0.9) / 0.09);
  return p99;
}
