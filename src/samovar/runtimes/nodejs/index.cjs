/**
 * The managed Node.js runtime: a small client of our own over one socket to the platform. AWS's needs a compiler.
 *
 * Owns: the life of a Node.js environment's process, from "take this function" to its exit. Runs on Node.js 18 and
 * later without dependencies, in the box, beside hostile code: the platform trusts nothing that it says. What users can
 * see (handlers, context, errors, log lines) is AWS's: facts/lambda-runtime.md §8. The AWS SDK isn't bundled.
 * CommonJS, since loading an ES module starts libuv's threads, and the function's UV_THREADPOOL_SIZE comes later.
 *
 * Descriptor 3 is the socket. The raw byte `W` says that the process can take a function; after it come frames,
 * `u32 length | u8 kind | content`, little endian; length counts kind and content.
 *   to here      C  JSON {"environ", "handler", "task", "opt"}: become this function
 *                I  u64 deadline (epoch ms) | 36s request id | u16 length of each of ARN, trace id, client context |
 *                   these | payload
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
const errors = require('./errors.cjs');
const loader = require('./loader.cjs');
const { Log } = require('./logging.cjs');
const options = require('./options.cjs');
const { Runtime } = require('./runtime.cjs');
const { HttpResponseStream } = require('./streaming.cjs');
const { warm } = require('./warming.cjs');

const CHANNEL = 3;
// The exit statuses of AWS's client.
const REJECTED = 128;
const UNCAUGHT = 129;
/** Node's own for an await at top level that never settles. */
const UNSETTLED = 13;
const FIRST_WITHOUT_CALLBACKS = 24;

class Environment {
  constructor(channel) {
    this._channel = channel;
    this._log = null;
    this._runtime = null;
  }

  /** Become the function of a configuration. */
  async become(kind, content) {
    if (kind !== 'C') process.exit(70);
    const { environ, task, opt } = JSON.parse(content.toString());
    const identifier = /nodejs(\d+)\.x$/.exec(environ.AWS_EXECUTION_ENV)?.[1] ?? process.versions.node.split('.')[0];
    const modern = Number(identifier) >= FIRST_WITHOUT_CALLBACKS;
    setEnviron({ NODE_PATH: loader.nodePath(task, opt), ...environ });
    this._log = new Log(process.env, modern ? '-' : undefined);
    this._log.patchConsole();
    this._listen();
    try {
      process.chdir(task);
      options.fitHeap(Number(environ.AWS_LAMBDA_FUNCTION_MEMORY_SIZE));
      loader.searchNodePath(task);
      setGlobals();
      if (environ.NODE_OPTIONS) await options.apply(environ.NODE_OPTIONS, task);
      const loaded = await loader.load(task, environ._HANDLER, modern);
      this._runtime = new Runtime(this._channel, this._log, loaded, modern);
    } catch (error) {
      this._crash(modern ? 'Init Error' : 'Uncaught Exception', error, UNCAUGHT);
    }
    this._runtime.start();
  }

  _listen() {
    process.on('uncaughtException', (error) => this._crash('Uncaught Exception', error, UNCAUGHT));
    process.on('unhandledRejection', (reason, promise) => {
      const error = new errors.UnhandledPromiseRejection(reason, promise);
      this._crash('Unhandled Promise Rejection', error, REJECTED);
    });
    process.on('beforeExit', () => {
      if (this._runtime === null) process.exit(UNSETTLED);
      this._runtime.empty();
    });
  }

  _crash(title, error, status) {
    this._log.failure(title, error);
    if (this._runtime?.started) this._runtime.crashed(error);
    else this._channel.send('X', '', errors.report(error));
    process.exit(status);
  }
}

/** Replace the variables; process.env stays the object it is. */
function setEnviron(environ) {
  for (const name of Object.keys(process.env)) if (!(name in environ)) delete process.env[name];
  Object.assign(process.env, environ);
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
}

function setGlobals() {
  const off = process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA;
  if (off === '1' || off === 'true') return;
  globalThis.awslambda = { streamifyResponse: loader.streamifyResponse, HttpResponseStream };
}

// As on AWS, where the main module is an ES module of this name.
process.argv[1] = loader.ENTRY;
process.mainModule = undefined;

warm().then(() => {
  const channel = new Channel(CHANNEL);
  const environment = new Environment(channel);
  channel.receive((kind, content) => void environment.become(kind, content));
  channel.warm();
});
