/**
 * What a service reads, checked strictly: its bootstrap, a call, a behaviour (services/CONTRACT.md, C1, C8, C14).
 *
 * A *reader* takes a JSON value and the place where it stands, and returns what it means or throws `Invalid`. The
 * tables are those of the contract; fields keep its names.
 */

import { isIPv4, isIPv6 } from 'node:net';

/** What was read is not what the contract says. The message names the field. */
export class Invalid extends Error {}

/** RFC 9110, 5.6.2: what a method or the name of a header consists of. */
export const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/;

/** A *Bootstrap* from its JSON. Its `seed` is a BigInt, its `addresses` are a Map. */
export function parseBootstrap(bytes) {
  const text = decode(bytes);
  return { ...bootstrap(parseJson(text), 'bootstrap'), seed: seedIn(text) };
}

/** A *Call* from its JSON. Its `url` is `{ text, authority, host, target }`, its `headers` are a Map. */
export function parseCall(bytes) {
  return call(parseJson(decode(bytes)), 'call');
}

/** A *Behaviour* from its JSON. */
export function parseBehaviour(bytes) {
  return behaviour(parseJson(decode(bytes)), 'behaviour');
}

const UINT32_MAX = 2 ** 32 - 1;
const LONGEST_MS = 3_600_000;
const RESERVED_HEADERS = ['connection', 'content-length', 'expect', 'host', 'transfer-encoding', 'upgrade'];
const WHOLE_TOKEN = new RegExp(`^${TOKEN.source}$`);
const URL_PARTS = /^http:\/\/((\[[0-9a-f:.]+\]|[^:/?#@[\]]+)(?::(\d{1,5}))?)(\/[^?#]*)?(\?[^#]*)?$/i;

const boolean = reader('true or false', (value) => typeof value === 'boolean');
const string = reader('a string', (value) => typeof value === 'string');
const status = integer(200, 599);
const share = number(0, 1);
const duration = number(0, LONGEST_MS);

const percentiles = reader(
  'percentiles that do not fall',
  ({ p50_ms: p50, p90_ms: p90, p99_ms: p99 }) => p50 <= p90 && p90 <= p99,
  object({ p50_ms: duration, p90_ms: duration, p99_ms: duration }),
);

const behaviour = object({
  status: optional(status),
  latency: optional(oneOf({ fixed: object({ ms: duration }), percentiles })),
  fail_first: optional(object({ attempts: integer(0, UINT32_MAX), status })),
  fail_pattern: optional(object({ pattern: matching(/^[.x]{1,1000}$/, 'up to 1,000 times . or x'), status })),
  fail_share: optional(object({ share, status })),
  reset_before: optional(share),
  reset_after: optional(share),
  truncate: optional(share),
  hang: defaulted(boolean, false),
  slow_body: optional(object({ pieces: integer(1, UINT32_MAX), over_ms: duration })),
  ticks: optional(object({ count: integer(1, 1_000_000), every_ms: duration })),
  capacity: optional(object({ at_once: integer(1, UINT32_MAX), queue: integer(0, UINT32_MAX), status })),
  effect: optional(object({ once_per_key: boolean })),
  idle_close: optional(object({ ms: duration })),
  drop_trace: defaulted(boolean, false),
});

const headerName = reader(
  'the name of a header that a call may set',
  (name) => WHOLE_TOKEN.test(name) && !RESERVED_HEADERS.includes(name.toLowerCase()),
);

const call = object({
  method: reader('a method to call with', (name) => WHOLE_TOKEN.test(name) && name !== 'CONNECT', string),
  url,
  headers: defaulted(map(headerName, matching(/^[^\0-\x08\n-\x1f\x7f]*$/, 'the value of a header')), new Map()),
  body: optional(string),
});

const bootstrap = object({
  service: string,
  version: string,
  instance: string,
  listen: address,
  control: object({ listen: address, token: string }),
  proxy: optional(address),
  addresses: map(string, address),
  calls: list(call),
  call_order: matching(/^(sequence|parallel)$/, '"sequence" or "parallel"'),
  behaviour,
  seed: reader('an integer', (value) => typeof value === 'number'), // rounded by JSON.parse: see `seedIn`
  first_calls: defaulted(list(call), []),
  own_retries: defaulted(boolean, false),
});

function decode(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Invalid('this is not UTF-8');
  }
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Invalid(`this is not JSON: ${error.message}`);
  }
}

/** The bootstrap's own `seed`, exactly: JSON.parse, by which `text` is known to be JSON, rounds it to a double. */
function seedIn(text) {
  let depth = 0;
  let digits = '';
  const tokens = text.match(/"(?:[^"\\]+|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g);
  tokens.forEach((token, index) => {
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    if (depth === 1 && token === ':' && JSON.parse(tokens[index - 1]) === 'seed') digits = tokens[index + 1];
  });
  if (!/^\d+$/.test(digits) || BigInt(digits) >= 2n ** 64n) {
    throw new Invalid(`\`bootstrap.seed\` is ${digits}; it must be an integer from 0 to 2^64 - 1`);
  }
  return BigInt(digits);
}

/** A reader of what `read` makes of a value, if it `holds`; `what` it must be is for people. */
function reader(what, holds, read = (value) => value) {
  return (value, where) => {
    const meaning = read(value, where);
    if (holds(meaning)) return meaning;
    throw new Invalid(`\`${where}\` is ${shown(value)}; it must be ${what}`);
  };
}

function shown(value) {
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value).slice(0, 80);
}

function matching(pattern, what) {
  return reader(what, (value) => pattern.test(value), string);
}

function number(least, most) {
  const holds = (value) => typeof value === 'number' && value >= least && value <= most;
  return reader(`a number from ${least} to ${most}`, holds);
}

function integer(least, most) {
  const holds = (value) => Number.isInteger(value) && value >= least && value <= most;
  return reader(`an integer from ${least} to ${most}`, holds);
}

function optional(read) {
  return { read: (value, where) => (value === null ? null : read(value, where)), absent: null };
}

function defaulted(read, absent) {
  return { read, absent };
}

/** An object with these fields: each with its reader, or made `optional` or `defaulted`. */
function object(fields) {
  const required = Object.keys(fields).filter((name) => typeof fields[name] === 'function');
  const absent = Object.entries(fields).filter(([name]) => !required.includes(name));
  const absences = absent.map(([name, field]) => [name, field.absent]);
  return (value, where) => {
    const given = entries(value, where).map(([name, each]) => {
      if (!Object.hasOwn(fields, name)) {
        const known = Object.keys(fields).join(', ');
        throw new Invalid(`unknown field \`${name}\` in \`${where}\`, which has ${known}`);
      }
      const read = fields[name].read ?? fields[name];
      return [name, read(each, `${where}.${name}`)];
    });
    const missing = required.find((name) => !Object.hasOwn(value, name));
    if (missing) throw new Invalid(`missing field \`${missing}\` in \`${where}\``);
    return Object.fromEntries([...absences, ...given]);
  };
}

/** An object with exactly one of these fields. */
function oneOf(fields) {
  const read = object(Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, defaulted(each)])));
  const names = Object.keys(fields).join(' or ');
  return reader(`an object with ${names}`, (meaning) => Object.values(meaning).filter(Boolean).length === 1, read);
}

function map(readName, readValue) {
  return (value, where) =>
    new Map(
      entries(value, where).map(([name, each]) => [readName(name, where), readValue(each, `${where}.${name}`)]),
    );
}

function list(read) {
  return (value, where) => {
    if (!Array.isArray(value)) throw new Invalid(`\`${where}\` must be an array`);
    return value.map((each, index) => read(each, `${where}[${index}]`));
  };
}

function entries(value, where) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Invalid(`\`${where}\` must be an object`);
  }
  return Object.entries(value);
}

/** `ADDRESS:PORT` as `{ host, port }`, as node:net takes it. */
function address(value, where) {
  const [, v6, v4, port] = /^(?:\[(.*)\]|(.*)):(\d{1,5})$/.exec(string(value, where)) ?? [];
  if (port <= 65535 && (isIPv6(v6) || isIPv4(v4))) return { host: v6 ?? v4, port: Number(port) };
  throw new Invalid(`\`${where}\` is \`${value}\`; it must be such as 127.0.0.1:80 or [::1]:80`);
}

function url(value, where) {
  const [, authority, host, port = 0, path = '/', query = ''] = URL_PARTS.exec(string(value, where)) ?? [];
  if (authority && port <= 65535 && /^[!-~]+$/.test(value)) {
    return { text: value, authority, host, target: path + query };
  }
  throw new Invalid(
    `\`${where}\` is \`${value}\`; it must be an absolute http URL without user information and fragment`,
  );
}
