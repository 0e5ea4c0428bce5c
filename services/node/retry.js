/** Calls that are retried: what this team wrote for itself, as every team does that has no mesh (C40). */

import { TimedOut } from './client.js';
import { elapsedUs, sleep } from './time.js';

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 10;
const PATIENCE_MS = 500;
const RETRIED_METHODS = ['GET', 'HEAD'];
const SERVICE_UNAVAILABLE = 503;

/** Makes calls as `client` does, but several times if need be, and without waiting for ever. */
export class RetryingClient {
  #client;
  #random;

  constructor(client, random) {
    this.#client = client;
    this.#random = random;
  }

  async call(call, copied, signal) {
    const started = performance.now();
    const attempts = RETRIED_METHODS.includes(call.method) ? ATTEMPTS : 1;
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#attempt(call, copied, signal);
      const isRetriable = result.error !== null || result.status === SERVICE_UNAVAILABLE;
      if (!isRetriable || attempt === attempts) return { ...result, elapsed_us: elapsedUs(started) };
      // Full jitter: callers that failed together do not come back together.
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * this.#random.next(), signal);
    }
  }

  async #attempt(call, copied, signal) {
    const attempt = new AbortController();
    const timer = setTimeout(() => attempt.abort(new TimedOut(`timed out after ${PATIENCE_MS} ms`)), PATIENCE_MS);
    const giveUp = () => attempt.abort(signal.reason);
    signal.addEventListener('abort', giveUp);
    try {
      return await this.#client.call(call, copied, attempt.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }
}
