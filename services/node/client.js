/** Calls to other services: one attempt, no timeout, over connections that are kept alive (C8 to C13). */

import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';

import { hasBody } from './answer.js';
import { Connection } from './connection.js';
import { formatHead, toBytes } from './http.js';
import { elapsedUs } from './time.js';

const IDLE_CONNECTIONS = 256;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: .*)?$/;

/** Why a signal aborts when a call is just not waited for any longer: the call then has a result (C40). */
export class TimedOut extends Error {}

/** Makes calls through the sidecar, or straight to an address. */
export class Client {
  #proxy;
  #addresses;
  #idle = new Map();

  /** `proxy` is the address of the sidecar, or null; `addresses` is a Map of host names to addresses. */
  constructor({ proxy, addresses }) {
    this.#proxy = proxy;
    this.#addresses = addresses;
  }

  /**
   * Makes a call. `copied` are headers of a request to pass on, as pairs.
   *
   * Returns a *CallResult* (C13), with its body as JSON in `bodyJson`. Rejects only when `signal` aborts, which closes
   * the connection of the call.
   */
  async call(call, copied, signal) {
    const started = performance.now();
    const result = { url: call.url.text, status: null, error: null, headers: {}, bodyJson: 'null' };
    try {
      const { status, headers, body } = await this.#exchange(call, copied, signal);
      Object.assign(result, { status, headers: headers.joined(), bodyJson: toJson(body.toString()) });
    } catch (error) {
      if (signal.aborted && !(signal.reason instanceof TimedOut)) throw signal.reason;
      result.error = (signal.aborted ? signal.reason : error).message;
    }
    return { ...result, elapsed_us: elapsedUs(started) };
  }

  async #exchange(call, copied, signal) {
    const address = this.#proxy ?? this.#addresses.get(call.url.host);
    if (!address) throw new Error(`there is no address for \`${call.url.host}\`, and no proxy to ask`);
    const connection = await this.#connectionTo(address, signal);
    const giveUp = () => connection.destroy();
    signal.addEventListener('abort', giveUp);
    try {
      await connection.write(formatCall(call, copied, this.#proxy !== null));
      const response = await readResponse(connection, call.method);
      this.#keep(address, connection, response.isLast);
      return response;
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** An idle connection that is still open, or else a new one. */
  async #connectionTo(address, signal) {
    // Lets whatever has come on idle connections by now be seen, above all their end, before one of them is used.
    await setImmediate(undefined, { signal });
    const idle = this.#idleTo(address);
    while (idle.length > 0) {
      const connection = idle.pop();
      if (connection.isQuiet) return connection;
      connection.destroy();
    }
    return new Connection(connect({ ...address, noDelay: true }));
  }

  #keep(address, connection, isLast) {
    const idle = this.#idleTo(address);
    if (!isLast && connection.isQuiet && idle.length < IDLE_CONNECTIONS) idle.push(connection);
    else connection.destroy();
  }

  #idleTo({ host, port }) {
    const key = `${host}:${port}`;
    if (!this.#idle.has(key)) this.#idle.set(key, []);
    return this.#idle.get(key);
  }
}

/** A *CallResult* as JSON. Its body stands there as it came, so that no number in it is rounded. */
export function resultJson({ bodyJson, ...others }) {
  return `${JSON.stringify(others).slice(0, -1)},"body":${bodyJson}}`;
}

/** In absolute form for a proxy, in origin form otherwise (RFC 9112, 3.2). */
function formatCall({ method, url, headers, body }, copied, isProxied) {
  const own = new Map([...headers].map(([name, value]) => [name.toLowerCase(), toBytes(value)]));
  const content = Buffer.from(body ?? '');
  const head = formatHead(`${method} ${isProxied ? `http://${url.authority}` : ''}${url.target} HTTP/1.1`, [
    ['host', url.authority],
    ...copied.filter(([name]) => !own.has(name)),
    ...own,
    ...(content.length > 0 ? [['content-length', content.length]] : []),
  ]);
  return Buffer.concat([head, content]);
}

async function readResponse(connection, method) {
  for (;;) {
    const { firstLine, headers } = await connection.readHead();
    const [, minor, code] = STATUS_LINE.exec(firstLine) ?? [];
    if (!code) throw new Error('the status line of the answer is malformed');
    const status = Number(code);
    if (status < 200) continue; // an interim answer
    const length = hasBody(method, status) ? headers.bodyLength() : 0;
    const body = await (length === undefined ? connection.readToEnd() : connection.readBody(length));
    const isLast = length === undefined || minor === '0' || headers.hasToken('connection', 'close');
    return { status, headers, body, isLast };
  }
}

function toJson(text) {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
