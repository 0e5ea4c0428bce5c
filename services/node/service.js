/**
 * The sample service in Node.js: services/CONTRACT.md, with the standard library only.
 *
 * A request goes through server.js, request.js, application.js (which asks behaviour.js what is to happen), client.js or
 * retry.js, and answer.js. Under them are connection.js and http.js; contract.js is what is read, ledger.js what is
 * recorded; control.js obeys the lab.
 */

import { once, setMaxListeners } from 'node:events';

import { Application } from './application.js';
import { Behaving } from './behaviour.js';
import { Client } from './client.js';
import { Invalid, parseBootstrap } from './contract.js';
import { Control } from './control.js';
import { record } from './ledger.js';
import { Random } from './random.js';
import { RetryingClient } from './retry.js';
import { Server } from './server.js';
import { nowUs } from './time.js';

const BOOTSTRAP_LIMIT = 1024 * 1024;
const DRAIN_MS = 5000;

try {
  const bootstrap = parseBootstrap(await readFirstLine(process.stdin));
  await serve(bootstrap, orderToStop());
  process.exit(0); // whatever is still open by now has been given up
} catch (error) {
  const isOurs = !(error instanceof Invalid) && error.syscall !== 'listen';
  console.error(isOurs ? error : `error: ${error.message}`);
  process.exit(1);
}

/** Serves until `stop` aborts, and a little longer for what is in flight then (C2, C3). */
async function serve(bootstrap, stop) {
  const random = new Random(bootstrap.seed);
  const behaving = new Behaving(bootstrap.behaviour, random);
  const client = new Client(bootstrap);
  const caller = bootstrap.own_retries ? new RetryingClient(client, random.split()) : client;
  const application = new Application(bootstrap, behaving, caller, stop);
  const control = new Control(bootstrap.control.token, behaving, client);
  const applicationServer = new Server(
    (request, gone) => application.handle(request, gone),
    () => behaving.idleMs,
  );
  const controlServer = new Server((request, gone) => control.handle(request, gone));

  // The application comes last, so that nothing arrives there, and is recorded, before the record of where it is.
  const controlAddress = await controlServer.listen(bootstrap.control.listen);
  const applicationAddress = await applicationServer.listen(bootstrap.listen);
  record('listening', { application: applicationAddress, control: controlAddress });
  makeFirstCalls(bootstrap.first_calls, client, stop);
  if (!stop.aborted) await once(stop, 'abort');

  const servers = [applicationServer, controlServer];
  for (const server of servers) server.stop();
  setTimeout(() => servers.forEach((server) => server.abandon()), DRAIN_MS);
  await Promise.all(servers.map((server) => server.drained()));
}

/** Makes the calls of C39, one after the other, and gives up the rest when the service is told to stop. */
async function makeFirstCalls(calls, client, stop) {
  try {
    for (const [index, call] of calls.entries()) {
      const { url, status, error } = await client.call(call, [], stop);
      record('first_call', { number: index + 1, at_us: nowUs(), url, status, error });
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

/** A signal that aborts when the service is told to stop: by the end of its input, or by SIGTERM. */
function orderToStop() {
  const order = new AbortController();
  setMaxListeners(0, order.signal); // every request that hangs listens
  const give = () => order.abort();
  if (process.stdin.readableEnded) give();
  process.stdin.on('end', give).on('error', give).resume();
  process.on('SIGTERM', give).on('SIGINT', give);
  return order.signal;
}

async function readFirstLine(input) {
  let received = Buffer.alloc(0);
  for await (const chunk of input.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf('\n');
    if (end >= 0 && end <= BOOTSTRAP_LIMIT) return received.subarray(0, end);
    if (received.length > BOOTSTRAP_LIMIT) break;
  }
  if (received.length > BOOTSTRAP_LIMIT) throw new Invalid(`the bootstrap is longer than ${BOOTSTRAP_LIMIT} bytes`);
  return received;
}
