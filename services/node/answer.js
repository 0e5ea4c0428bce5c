/**
 * Answers, and the ways in which their bodies come.
 *
 * An answer is `{ status, headers, type, length, pieces, isLast }`: the media type and the announced length of its body
 * (null when it is not announced), the body in pieces as they are to leave, and whether it ends the connection. One
 * whose body is cut short has `isTruncated` as well.
 */

import { STATUS_CODES } from 'node:http';

import { formatChunk, formatHead } from './http.js';
import { paced } from './time.js';

const BODILESS = [204, 304];
const NOTHING = Buffer.alloc(0);

/** An answer whose body is this JSON. `headers` are pairs of a name and a value. */
export function jsonAnswer(status, json, headers = []) {
  const body = Buffer.from(json);
  return { status, headers, type: 'application/json', length: body.length, pieces: [body], isLast: false };
}

/** An answer that says what is wrong with a request. */
export function errorAnswer(status, message, headers) {
  return jsonAnswer(status, JSON.stringify({ error: message }), headers);
}

/** `answer` with its body in nearly equal pieces, spread over a time (C21). */
export function slowly(answer, { pieces, over_ms: overMs }, gone) {
  const [body] = answer.pieces;
  const count = Math.min(pieces, body.length);
  const cut = (index) => Math.floor((body.length * index) / count);
  const piece = (index) => body.subarray(cut(index), cut(index + 1));
  return { ...answer, pieces: paced(count, overMs / Math.max(count - 1, 1), piece, gone) };
}

/** `answer` with only the first half of its body (C34). */
export function truncated(answer) {
  const [body] = answer.pieces;
  return { ...answer, pieces: [body.subarray(0, Math.floor(body.length / 2))], isLast: true, isTruncated: true };
}

/** An answer of server-sent events (C35). `data` gives the JSON of each one by its number, from 1. */
export function ticking(status, { count, every_ms: everyMs }, data, gone) {
  const event = (index) => Buffer.from(`id: ${index + 1}\ndata: ${data(index + 1)}\n\n`);
  const pieces = paced(count, everyMs, event, gone);
  return { status, headers: [], type: 'text/event-stream', length: null, pieces, isLast: false };
}

/** Whether an answer with this status, to a request with this method, has a body. */
export function hasBody(method, status) {
  return method !== 'HEAD' && !BODILESS.includes(status);
}

/** Sends an answer. `protocol` and `method` are those of the request; `isLast` is whether it ends the connection. */
export async function send(connection, { method, protocol }, answer, isLast) {
  const isChunked = answer.length === null && protocol === 'HTTP/1.1';
  const framed = isChunked ? formatChunk : (piece) => piece;
  let head = formatHead(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`, [
    ['date', new Date().toUTCString()],
    ...answer.headers,
    ...(BODILESS.includes(answer.status) ? [] : bodyHeaders(answer, isChunked)),
    ...(isLast ? [['connection', 'close']] : protocol === 'HTTP/1.0' ? [['connection', 'keep-alive']] : []),
  ]);
  if (!hasBody(method, answer.status)) return connection.write(head);
  for await (const piece of answer.pieces) {
    await connection.write(Buffer.concat([head, framed(piece)]));
    head = NOTHING;
  }
  if (isChunked) await connection.write(formatChunk(NOTHING));
}

function bodyHeaders({ type, length }, isChunked) {
  const framing = isChunked
    ? [['transfer-encoding', 'chunked']]
    : length === null
      ? []
      : [['content-length', length]];
  return [['content-type', type], ...framing];
}
