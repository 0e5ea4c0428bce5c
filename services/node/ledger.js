/** Records: one line of JSON each on standard output (services/CONTRACT.md, "Ledger"). */

import { writeSync } from 'node:fs';

const STANDARD_OUTPUT = 1;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes one record, past all buffers: when this returns, a kill loses nothing of it.
 *
 * Throws when the record cannot be written for another reason than that nobody reads any more.
 */
export function record(kind, fields) {
  let line = Buffer.from(`${JSON.stringify({ record: kind, ...fields })}\n`);
  while (line.length > 0) {
    try {
      line = line.subarray(writeSync(STANDARD_OUTPUT, line));
    } catch (error) {
      if (error.code === 'EPIPE') return; // the reader has gone: no reason to stop serving
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, 1); // the pipe is full, and was given to us non-blocking: try again after 1 ms
    }
  }
}
