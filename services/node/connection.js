/** A socket that is read message by message, by a server as by a client. */

import { setMaxListeners } from 'node:events';

import { BODY_LIMIT, HEAD_LIMIT, HeaderList, Refusal } from './http.js';

const CRLF = Buffer.from('\r\n');
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const CHUNK_SIZE = /^([0-9a-f]+)[ \t]*(?:;.*)?$/i;
const LINE_LIMIT = 4096; // of the lines between chunks
const TRAILER_LIMIT = 100;
const LINGER_MS = 1000;

/** What waits for something that cannot come any more rejects with the reason of `gone`. */
export class Connection {
  #socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #gone = new AbortController();
  #wake = () => {};

  constructor(socket) {
    this.#socket = socket;
    setMaxListeners(0, this.gone); // everything that is under way for a request listens
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => {
      this.#ended = true;
      this.#leave(new Error('the other side has closed the connection'));
    });
    socket.on('error', (error) => this.#leave(error));
    socket.on('close', () => this.#leave(new Error('the connection is closed')));
  }

  /** Aborts when the other side has left, if only with its sending half, or the connection is closed. */
  get gone() {
    return this.#gone.signal;
  }

  /** Whether the other side is there and has sent nothing that was not read. */
  get isQuiet() {
    return !this.gone.aborted && this.#received.length === 0;
  }

  /** Waits for the first byte of a message. */
  async arrival() {
    if (this.#received.length === 0) await this.#more();
  }

  /** Reads a head: its first line and its headers. Throws a `Refusal` when it is malformed or too large. */
  async readHead() {
    for (;;) {
      while (this.#received.indexOf(CRLF) === 0) this.#shift(CRLF.length); // RFC 9112, 2.2: empty lines before it
      const length = this.#received.indexOf(END_OF_HEAD) + END_OF_HEAD.length;
      if (length >= END_OF_HEAD.length && length <= HEAD_LIMIT) {
        const [firstLine, ...lines] = this.#shift(length).toString('latin1').slice(0, -4).split('\r\n');
        return { firstLine, headers: new HeaderList(lines) };
      }
      if (this.#received.length >= HEAD_LIMIT) {
        throw new Refusal(431, `the head is larger than ${HEAD_LIMIT} bytes`);
      }
      await this.#more();
    }
  }

  /** Reads a body of this length: bytes, or `'chunked'`. Throws a `Refusal` when it is malformed or too large. */
  async readBody(length) {
    if (length === 'chunked') return this.#readChunks();
    checkBodySize(length);
    return this.#readExactly(length);
  }

  /** Reads a body that lasts until the other side closes the connection. */
  async readToEnd() {
    const pieces = [];
    for (let length = 0; !this.#ended || this.#received.length > 0;) {
      if (this.#received.length === 0) {
        await this.#more();
        continue; // perhaps it was the end that came
      }
      const piece = this.#shift(this.#received.length);
      length += piece.length;
      checkBodySize(length);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** Sends bytes; resolves when the system has taken them all. */
  write(bytes) {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => {
        if (!error) return resolve();
        this.#leave(error);
        return reject(this.gone.reason);
      });
    });
  }

  /** Closes it, after what was sent. What still comes is taken for a while, lest a reset overtakes an answer. */
  end() {
    this.#socket.removeAllListeners('data').resume().end();
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once('close', () => clearTimeout(linger));
  }

  /** Closes it at once. */
  destroy() {
    this.#socket.destroy();
  }

  /** Closes it at once with a TCP RST. */
  reset() {
    this.#socket.resetAndDestroy();
  }

  #take(chunk) {
    this.#received = Buffer.concat([this.#received, chunk]);
    // Nobody reads: let the other side wait, too.
    if (this.#received.length >= HEAD_LIMIT) this.#socket.pause();
    this.#wake();
  }

  #leave(reason) {
    this.#gone.abort(reason);
    this.#wake();
  }

  /** Waits until something has come. That may be the end. */
  async #more() {
    this.gone.throwIfAborted();
    this.#socket.resume();
    await new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The first bytes of what has come, at most `most`. */
  #shift(most) {
    const bytes = this.#received.subarray(0, most);
    this.#received = this.#received.subarray(most);
    return bytes;
  }

  async #readExactly(length) {
    const pieces = [];
    for (let missing = length; missing > 0; missing -= pieces.at(-1).length) {
      while (this.#received.length === 0) await this.#more();
      pieces.push(this.#shift(missing));
    }
    return Buffer.concat(pieces);
  }

  /** Reads a chunked body (RFC 9112, 7.1). Its trailers are dropped. */
  async #readChunks() {
    const chunks = [];
    for (let length = 0; ;) {
      const [, size] = CHUNK_SIZE.exec(await this.#readLine()) ?? [];
      if (!size) throw new Refusal(400, 'a chunk has no valid length');
      length += Number.parseInt(size, 16);
      checkBodySize(length);
      chunks.push(await this.#readExactly(Number.parseInt(size, 16)));
      if (chunks.at(-1).length === 0) break;
      if (!(await this.#readExactly(CRLF.length)).equals(CRLF))
        throw new Refusal(400, 'a chunk is longer than its length');
    }
    for (let trailers = 0; trailers <= TRAILER_LIMIT; trailers += 1) {
      if ((await this.#readLine()) === '') return Buffer.concat(chunks);
    }
    throw new Refusal(400, `there are more than ${TRAILER_LIMIT} trailers`);
  }

  async #readLine() {
    for (;;) {
      const end = this.#received.indexOf(CRLF);
      if (end >= 0 && end <= LINE_LIMIT) return this.#shift(end + CRLF.length).toString('latin1', 0, end);
      if (this.#received.length > LINE_LIMIT) throw new Refusal(400, 'a line of a chunked body is too long');
      await this.#more();
    }
  }
}

function checkBodySize(length) {
  if (length > BODY_LIMIT) throw new Refusal(413, `the body is larger than ${BODY_LIMIT} bytes`);
}
