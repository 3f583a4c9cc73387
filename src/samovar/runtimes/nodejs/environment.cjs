/**
 * An environment: from its variables to a running function, and what becomes of what nobody catches.
 *
 * Owns: globals, the order of initialisation, exit statuses. The channel is a prepared process's (channel.cjs) or that
 * of a program (api.cjs).
 */
'use strict';

const errors = require('./errors.cjs');
const loader = require('./loader.cjs');
const { Log } = require('./logging.cjs');
const options = require('./options.cjs');
const { Runtime } = require('./runtime.cjs');
const { HttpResponseStream } = require('./streaming.cjs');

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

  /** Become the function of the configuration in a frame. */
  async configure(kind, content) {
    if (kind !== 'C') process.exit(70);
    const { environ, task, opt } = JSON.parse(content.toString());
    setEnviron({ NODE_PATH: loader.nodePath(task, opt), ...environ });
    await this.become(task, () => {
      options.fitHeap(Number(environ.AWS_LAMBDA_FUNCTION_MEMORY_SIZE));
      return environ.NODE_OPTIONS ? options.apply(environ.NODE_OPTIONS, task) : undefined;
    });
  }

  /** Become the function that the variables describe. `prepare` does what Node.js does at its start. */
  async become(task, prepare) {
    const { env } = process;
    const identifier = /nodejs(\d+)\.x$/.exec(env.AWS_EXECUTION_ENV)?.[1] ?? process.versions.node.split('.')[0];
    const modern = Number(identifier) >= FIRST_WITHOUT_CALLBACKS;
    this._log = new Log(env, modern ? '-' : undefined);
    this._log.patchConsole();
    this._listen();
    try {
      process.chdir(task);
      loader.searchNodePath(task, env._HANDLER);
      setGlobals();
      const prepared = prepare();
      if (prepared !== undefined) await prepared;
      const loaded = await loader.load(task, env._HANDLER, modern);
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

/** As on AWS, where the main module is an ES module of this name. */
function hideMain() {
  process.argv[1] = loader.ENTRY;
  process.mainModule = undefined;
}

module.exports = { Environment, hideMain };
