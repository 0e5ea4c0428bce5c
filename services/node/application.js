/** One request to the application, from its arrival to its answer. */

import { once } from 'node:events';

import { hasBody, jsonAnswer, slowly, ticking, truncated } from './answer.js';
import { Effects } from './behaviour.js';
import { resultJson } from './client.js';
import { Refusal } from './http.js';
import { record } from './ledger.js';
import { Abandoned, Reset } from './server.js';
import { nowUs, sleep } from './time.js';

const COPIED = ['x-request-id', 'x-hallway-request', 'idempotency-key'];
const TRACE = ['traceparent', 'tracestate'];
const METHODS_WITH_EFFECT = ['POST', 'PUT', 'PATCH', 'DELETE'];
const BAD_GATEWAY = 502;

/** Answers everybody with an echo, in the way that it has been told to. */
export class Application {
  #identity;
  #calls;
  #isParallel;
  #behaving;
  #client;
  #stop;
  #effects = new Effects();
  #handlings = 0;

  /** `client` makes the calls; `stop` is a signal that aborts when the service has been told to stop. */
  constructor({ service, version, instance, calls, call_order: callOrder }, behaving, client, stop) {
    this.#identity = { service, version, instance };
    this.#calls = calls;
    this.#isParallel = callOrder === 'parallel';
    this.#behaving = behaving;
    this.#client = client;
    this.#stop = stop;
  }

  /** Handles one request. Both its records are written here, whatever becomes of it (C22). */
  async handle(request, gone) {
    const { headers } = request;
    const handling = this.#receive(request);
    const plan = this.#behaving.decide(headers.first('x-request-id') ?? headers.first('x-hallway-request'));
    let end = { outcome: 'cancelled', status: null };
    try {
      const answer = await this.#take(request, plan, handling, gone);
      gone.throwIfAborted();
      end = { outcome: answer.isTruncated ? 'truncated' : 'answered', status: answer.status };
      return answer;
    } catch (error) {
      if (error instanceof Refusal) end = { outcome: 'answered', status: error.status };
      if (error instanceof Reset) end = { outcome: plan.ending, status: null };
      throw error;
    } finally {
      record('finished', { handling, at_us: nowUs(), ...end });
    }
  }

  #receive({ method, path, headers }) {
    this.#handlings += 1;
    const attempt = headers.first('x-envoy-attempt-count');
    record('received', {
      handling: this.#handlings,
      ...this.#identity,
      at_us: nowUs(),
      method,
      path,
      request_id: headers.first('x-request-id'),
      correlation: headers.first('x-hallway-request'),
      attempt: /^\d{1,9}$/.test(attempt) ? Number(attempt) : null,
      client_cert: headers.first('x-forwarded-client-cert'),
      traceparent: headers.first('traceparent'),
    });
    return this.#handlings;
  }

  /** Takes the request in, body and all, and has it wait for its turn to be worked on. */
  async #take(request, plan, handling, gone) {
    if (request.method === 'CONNECT') throw new Refusal(405, 'this service is no proxy');
    await request.readBody();
    if (plan.ending === 'reset_before') throw new Reset();
    if (plan.ending === 'hang') return this.#hang(gone);
    if (plan.capacity === null) return this.#work(request, plan, handling, gone);
    if (!(await plan.capacity.enter(gone))) {
      return this.#deliver(this.#echo(request, plan.capacity.status), plan, gone);
    }
    try {
      return await this.#work(request, plan, handling, gone);
    } finally {
      plan.capacity.leave();
    }
  }

  async #hang(gone) {
    if (!this.#stop.aborted) await once(this.#stop, 'abort', { signal: gone });
    throw new Abandoned();
  }

  async #work(request, plan, handling, gone) {
    await sleep(plan.latencyMs, gone);
    if (plan.ending === 'fail') return this.#deliver(this.#echo(request, plan.status), plan, gone);
    const calls = await this.#makeCalls(request, plan, gone);
    const status = relayed(plan.status, calls);
    const effect = this.#takeEffect(request, plan, status, handling);
    if (plan.ending === 'reset_after') throw new Reset();
    const answer = this.#echo(request, status, calls, effect);
    if (plan.ending === 'truncate' && hasBody(request.method, status)) return truncated(answer);
    return this.#deliver(answer, plan, gone);
  }

  async #makeCalls({ headers }, plan, gone) {
    const copied = headers.pick(plan.dropsTrace ? COPIED : [...COPIED, ...TRACE]);
    if (this.#isParallel) return Promise.all(this.#calls.map((call) => this.#client.call(call, copied, gone)));
    const results = [];
    for (const call of this.#calls) results.push(await this.#client.call(call, copied, gone));
    return results;
  }

  /** The effect of a request that is to be answered with `status`, or null (C36). */
  #takeEffect({ method, headers }, { effect: wanted }, status, handling) {
    if (wanted === null || !METHODS_WITH_EFFECT.includes(method) || !isSuccess(status)) return null;
    const effect = this.#effects.take(headers.first('idempotency-key'), wanted.once_per_key);
    const { number, key, repeated } = effect;
    if (!repeated) record('effect', { handling, at_us: nowUs(), number, key });
    return effect;
  }

  /** The answer of C7. */
  #echo({ method, path, host, protocol, headers }, status, calls = [], effect = null) {
    const echo = { ...this.#identity, method, path, host, protocol, headers: headers.joined(), effect };
    // The results of calls are JSON already.
    const json = `${JSON.stringify(echo).slice(0, -1)},"calls":[${calls.map(resultJson)}]}`;
    return jsonAnswer(status, json);
  }

  /** `answer` in the way in which it is to leave, if nothing goes wrong with it. */
  #deliver(answer, { ticks, slowBody }, gone) {
    const data = (number) => JSON.stringify({ ...this.#identity, number });
    if (ticks && isSuccess(answer.status)) return ticking(answer.status, ticks, data, gone);
    return slowBody ? slowly(answer, slowBody, gone) : answer;
  }
}

/** The highest of the calls' server errors (a call without an answer counts as 502), or else the service's own status. */
function relayed(own, calls) {
  const errors = calls.map(({ status }) => status ?? BAD_GATEWAY).filter((status) => status >= 500 && status <= 599);
  return errors.length > 0 ? Math.max(...errors) : own;
}

function isSuccess(status) {
  return status >= 200 && status <= 299;
}
