/** A request as a server sees it. */

import { TOKEN } from './contract.js';
import { BODY_LIMIT, Refusal, formatHead, toText } from './http.js';

const REQUEST_LINE = new RegExp(`^(${TOKEN.source}) ([!-~\\x80-\\xff]+) (HTTP/1\\.[01])$`);
const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/([^/?]*)(.*)$/i;

/** A request whose head has arrived, and whose body has yet to be read. */
export class Request {
  #connection;
  #length;
  #isRead;

  /** Throws a `Refusal` when the head is that of no request (C6). */
  constructor({ firstLine, headers }, connection) {
    const [, method, target, protocol] = REQUEST_LINE.exec(firstLine) ?? [];
    if (!method) throw new Refusal(400, 'the request line is malformed');
    const hosts = headers.all('host').length;
    if (hosts > 1 || (hosts === 0 && protocol === 'HTTP/1.1')) {
      throw new Refusal(400, 'an HTTP/1.1 request has exactly one host header');
    }
    const length = headers.bodyLength() ?? 0;
    if (protocol === 'HTTP/1.0' && length === 'chunked') throw new Refusal(400, 'HTTP/1.0 knows no chunks');
    const [, authority, path] = ABSOLUTE_FORM.exec(target) ?? [];
    this.method = method;
    this.protocol = protocol;
    this.headers = headers;
    /** With its query; of an absolute-form target, the part after the authority. */
    this.path = toText(path === undefined ? target : path.replace(/^(?!\/)/, '/'));
    /** The authority of an absolute-form target, or else the host header (RFC 9112, 3.2.2), or null. */
    this.host = authority === undefined ? headers.first('host') : toText(authority);
    this.#connection = connection;
    this.#length = length;
    this.#isRead = length === 0;
  }

  /** Throws a `Refusal` when the body is malformed, or larger than 1 MiB; one that is announced so is not read. */
  async readBody() {
    const isAwaited = this.protocol === 'HTTP/1.1' && this.headers.hasToken('expect', '100-continue');
    if (isAwaited && !this.#isRead && !(this.#length > BODY_LIMIT)) {
      await this.#connection.write(formatHead('HTTP/1.1 100 Continue', []));
    }
    const body = await this.#connection.readBody(this.#length);
    this.#isRead = true;
    return body;
  }

  /** Whether another request may come on the connection: its caller wants that, and nothing was left unread. */
  get canBeFollowed() {
    const isKept =
      this.protocol === 'HTTP/1.0'
        ? this.headers.hasToken('connection', 'keep-alive')
        : !this.headers.hasToken('connection', 'close');
    return isKept && this.#isRead;
  }
}
