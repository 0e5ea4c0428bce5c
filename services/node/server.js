/** Serves HTTP/1.1 on accepted connections, one request after the other on each. */

import { once } from 'node:events';
import { createServer } from 'node:net';

import { errorAnswer, send } from './answer.js';
import { Connection } from './connection.js';
import { Refusal } from './http.js';
import { Request } from './request.js';

const BACKLOG = 1024;
/** What counts as the request when there is none. */
const NONE = { method: 'GET', protocol: 'HTTP/1.1', canBeFollowed: false };

/** Thrown by a handler to reset the connection instead of answering. */
export class Reset extends Error {}

/** Thrown by a handler to close the connection instead of answering. */
export class Abandoned extends Error {}

/** Listens on one address. */
export class Server {
  #listener;
  #handle;
  #idleMs;
  #stopping = false;
  #open = new Set();
  #idle = new Set();
  #serving = new Set();

  /**
   * `handle(request, gone)` answers a request, or throws a `Refusal`, `Reset` or `Abandoned`; `gone` is a signal that
   * aborts when nobody waits for the answer any more. `idleMs()` is for how long a connection that falls idle now may
   * stay so, or null.
   */
  constructor(handle, idleMs = () => null) {
    this.#handle = handle;
    this.#idleMs = idleMs;
    this.#listener = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Rejects when the address cannot be listened on. Returns the address that was taken. */
  async listen({ host, port }) {
    this.#listener.listen({ host, port, backlog: BACKLOG });
    await once(this.#listener, 'listening');
    const taken = this.#listener.address();
    return `${taken.family === 'IPv6' ? `[${taken.address}]` : taken.address}:${taken.port}`;
  }

  /** Accepts nothing more, closes idle connections, and every other one after its answer. */
  stop() {
    this.#stopping = true;
    this.#listener.close();
    for (const connection of this.#idle) connection.destroy();
  }

  /** Closes the connections that are still open. */
  abandon() {
    for (const connection of this.#open) connection.destroy();
  }

  /** Waits, once stopped, until no connection is open and no request is being handled. */
  async drained() {
    await Promise.all(this.#serving);
  }

  #accept(socket) {
    const serving = this.#serve(socket).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  }

  async #serve(socket) {
    const connection = new Connection(socket);
    const closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    this.#open.add(connection);
    try {
      while (await this.#serveOne(connection));
      connection.end();
    } catch (error) {
      if (error instanceof Reset) connection.reset();
      else if (error instanceof Abandoned || connection.gone.aborted) connection.destroy();
      else throw error;
    }
    await closed;
    this.#open.delete(connection);
  }

  /** Serves one request. Returns whether another one may follow. */
  async #serveOne(connection) {
    let request = NONE;
    let answer;
    try {
      request = await this.#receive(connection);
      answer = await this.#handle(request, connection.gone);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer = { ...errorAnswer(error.status, error.message), isLast: true };
    }
    const isCutOff = answer.length === null && request.protocol === 'HTTP/1.0'; // its end is that of the connection
    const isLast = answer.isLast || isCutOff || !request.canBeFollowed || this.#stopping;
    await send(connection, request, answer, isLast);
    return !isLast && !this.#stopping;
  }

  async #receive(connection) {
    const idleMs = this.#idleMs();
    // A timer may fire up to a millisecond early.
    const timer = idleMs === null ? undefined : setTimeout(() => connection.destroy(), idleMs + 1);
    this.#idle.add(connection);
    try {
      await connection.arrival().finally(() => clearTimeout(timer));
      return new Request(await connection.readHead(), connection);
    } finally {
      this.#idle.delete(connection);
    }
  }
}
