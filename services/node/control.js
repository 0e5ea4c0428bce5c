/** The control endpoint: obeys whoever holds the token (C25 to C28). */

import { createHash, timingSafeEqual } from 'node:crypto';

import { errorAnswer, jsonAnswer } from './answer.js';
import { resultJson } from './client.js';
import { Invalid, parseBehaviour, parseCall } from './contract.js';

const NO_CONTENT = 204;

export class Control {
  #authorization;
  #behaving;
  #client;
  #routes = new Map([
    ['/ready', { method: 'GET', run: () => jsonAnswer(200, '{"ready":true}') }],
    ['/behaviour', { method: 'PUT', run: (body) => this.#changeBehaviour(body) }],
    ['/call', { method: 'POST', run: (body, gone) => this.#call(body, gone) }],
  ]);

  constructor(token, behaving, client) {
    this.#authorization = digest(Buffer.from(`Bearer ${token}`));
    this.#behaving = behaving;
    this.#client = client;
  }

  async handle(request, gone) {
    const [given = ''] = request.headers.all('authorization');
    if (!timingSafeEqual(digest(Buffer.from(given, 'latin1')), this.#authorization)) {
      return errorAnswer(401, 'this takes the token of the bootstrap', [['www-authenticate', 'Bearer']]);
    }
    const [path] = request.path.split('?');
    const route = this.#routes.get(path);
    if (!route) return errorAnswer(404, `there are ${[...this.#routes.keys()].join(', ')}`);
    if (request.method !== route.method) {
      return errorAnswer(405, `${path} takes ${route.method}`, [['allow', route.method]]);
    }
    try {
      return await route.run(await request.readBody(), gone);
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      return errorAnswer(400, error.message);
    }
  }

  #changeBehaviour(body) {
    this.#behaving.replace(parseBehaviour(body));
    return jsonAnswer(NO_CONTENT, '');
  }

  async #call(body, gone) {
    return jsonAnswer(200, resultJson(await this.#client.call(parseCall(body), [], gone)));
  }
}

/** Digests have one length, as the comparison in constant time wants it. */
function digest(bytes) {
  return createHash('sha256').update(bytes).digest();
}
