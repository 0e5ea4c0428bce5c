/**
 * HTTP/1.1 (RFC 9112), what both sides of it share, as far as services/CONTRACT.md asks for it.
 *
 * Hand-written, because the server of node:http knows a fixed list of methods (C7), and counts the bytes and headers of
 * a head in its own way (C5). The parts of a head are strings with one character per byte ("latin1") until somebody
 * wants their text: so they are passed on as they came.
 */

import { TOKEN } from './contract.js';

export const HEAD_LIMIT = 64 * 1024;
export const BODY_LIMIT = 1024 * 1024;
const HEADER_COUNT_LIMIT = 100;

const CRLF = '\r\n';
const HEADER_NAME = new RegExp(`^${TOKEN.source}$`);
const CONTROL_CHARACTER = /[\0-\x08\n-\x1f\x7f]/;

/** A message is malformed or too large. A request is answered with the status, and its connection closed. */
export class Refusal extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The headers of a message, in their order. */
export class HeaderList {
  #pairs;

  /** `lines` are those of a head after its first. */
  constructor(lines) {
    if (lines.length > HEADER_COUNT_LIMIT) {
      throw new Refusal(431, `there are more than ${HEADER_COUNT_LIMIT} headers`);
    }
    this.#pairs = lines.map((line) => {
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon), trim(line.slice(colon + 1))];
      if (colon < 0 || !HEADER_NAME.test(name) || CONTROL_CHARACTER.test(value)) {
        throw new Refusal(400, 'a header is malformed');
      }
      return [name.toLowerCase(), value];
    });
  }

  /** The values of a header, as they came. */
  all(name) {
    return this.#pairs.filter(([each]) => each === name).map(([, value]) => value);
  }

  /** The headers of these names, as pairs of a name and a value as it came. */
  pick(names) {
    return this.#pairs.filter(([name]) => names.includes(name));
  }

  /** The text of the first header of this name, or null. */
  first(name) {
    const [value] = this.all(name);
    return value === undefined ? null : toText(value);
  }

  /** Whether a header that lists tokens has this one, in whatever case. */
  hasToken(name, token) {
    return this.all(name).some((list) => list.split(',').some((each) => each.trim().toLowerCase() === token));
  }

  /** An object of texts; repeated headers are joined. */
  joined() {
    return Object.fromEntries(this.#pairs.map(([name]) => [name, toText(this.all(name).join(', '))]));
  }

  /** The length of the body in bytes, `'chunked'`, or undefined when nothing is said about it. */
  bodyLength() {
    const codings = this.all('transfer-encoding');
    const [length, ...others] = new Set(this.all('content-length'));
    if (codings.length > 0) {
      if (length !== undefined || codings.join().toLowerCase() !== 'chunked') {
        throw new Refusal(400, 'the transfer-encoding is not plainly chunked');
      }
      return 'chunked';
    }
    if (length === undefined) return undefined;
    if (others.length > 0 || !/^\d+$/.test(length)) throw new Refusal(400, 'the content-length is malformed');
    return Number(length);
  }
}

/** The bytes of a head. `headers` are pairs of a name and a value in bytes. */
export function formatHead(firstLine, headers) {
  const lines = [firstLine, ...headers.map(([name, value]) => `${name}: ${value}`), '', ''];
  return Buffer.from(lines.join(CRLF), 'latin1');
}

/** One chunk of a chunked body; an empty one ends it. */
export function formatChunk(bytes) {
  return Buffer.concat([Buffer.from(bytes.length.toString(16) + CRLF), bytes, Buffer.from(CRLF)]);
}

/** The text of bytes in a string; those that are not UTF-8 are replaced with U+FFFD. */
export function toText(bytes) {
  return Buffer.from(bytes, 'latin1').toString();
}

/** The bytes of a text, as a string. */
export function toBytes(text) {
  return Buffer.from(text).toString('latin1');
}

/** Unlike `String.trim`, this leaves the bytes of characters beyond ASCII alone. */
function trim(value) {
  let [start, end] = [0, value.length];
  while (value[start] === ' ' || value[start] === '\t') start += 1;
  while (end > start && (value[end - 1] === ' ' || value[end - 1] === '\t')) end -= 1;
  return value.slice(start, end);
}
