/**
 * The managed Node.js runtime: a small client of our own over one socket to the platform. AWS's needs a compiler.
 *
 * Owns: the life of a Node.js environment's process, from "take this function" to its exit. Runs on Node.js 18 and
 * later without dependencies, in the box, beside hostile code: the platform trusts nothing that it says. What users can
 * see (handlers, context, errors, log lines) is AWS's: facts/lambda-runtime.md §8.
 * CommonJS, since loading an ES module starts libuv's threads, and the function's UV_THREADPOOL_SIZE comes later.
 *
 * Descriptor 3 is the socket. The raw byte `W` says that the process can take a function; after it come frames,
 * `u32 length | u8 kind | content`, little endian; length counts kind and content.
 *   to here      C  JSON {"environ", "handler", "task", "opt"}: become this function
 *                I  u64 deadline (epoch ms) | 36s request id | u16 length of each of ARN, trace id, client context |
 *                   these | payload. Behind the client context, and a NUL, may stand the caller's Cognito identity
 *   from here    N  init is done, ready for an invocation
 *                R  36s request id | result; ready for the next
 *                S  36s request id | content type: the result comes in pieces; R with the last one, or E, ends it
 *                D  36s request id | a piece
 *                L  36s request id: the result was larger than the platform takes; ready for the next
 *                E  36s request id | error JSON; ready for the next
 *                X  error JSON: init failed, the process exits
 */
'use strict';

const { Channel } = require('./channel.cjs');
const { Environment, hideMain } = require('./environment.cjs');
const { warm } = require('./warming.cjs');

const CHANNEL = 3;

hideMain();
warm().then(() => {
  const channel = new Channel(CHANNEL);
  const environment = new Environment(channel);
  channel.receive((kind, content) => void environment.configure(kind, content));
  channel.warm();
});
