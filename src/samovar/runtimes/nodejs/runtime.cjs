/**
 * The loop of invocations: a frame in, the handler, a frame out.
 *
 * Three ways to run a handler, as AWS's clients have them (facts/lambda-runtime.md §8; aws-lambda-ric 3.3 and 4.0):
 * promise or callback up to Node.js 22, promise only from 24, streaming in both. An answer means "ready for the next";
 * the process then waits with its event loop running, so that what an invocation left behind goes on whenever the
 * process isn't frozen.
 */
'use strict';

const { AsyncResource } = require('node:async_hooks');
const errors = require('./errors.cjs');
const { ResponseStream } = require('./streaming.cjs');

const LARGEST_RESULT = 6291556;
const soon = setImmediate; // taken now: a function may put fake timers in its place

const CALLBACKS_END =
  'AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. You will need ' +
  'to update this function to use an async handler to use Node.js 24 or later. For more information and to provide ' +
  'feedback on this change, see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To ' +
  'disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.';
const CALLBACKS_GONE =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to ' +
  'modify this function to use a supported handler signature to use Node.js 24 or later. For more information see ' +
  'https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.';

class Runtime {
  /** `loaded` is what loader.load returns. */
  constructor(channel, log, loaded, modern) {
    this.channel = channel;
    this.log = log;
    this.handler = loaded.handler;
    this.started = false;
    this._loaded = loaded;
    this._modern = modern;
    this._invocation = null;
    this._whenEmpty = () => {};
    this._invoke = loaded.streaming ? this._invokeStreaming : modern ? this._invokePromise : this._invokeCallback;
    if (loaded.length < 3 || loaded.streaming) return;
    if (modern) throw new errors.CallbackHandlerDeprecated(CALLBACKS_GONE);
    if (process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING !== undefined) return;
    if (loaded.length === 3 && !loaded.isAsync) console.warn(CALLBACKS_END);
  }

  start() {
    soon(() => {
      // Only now: a rejection in init that nobody handles has failed init by this time.
      this.started = true;
      this.channel.send('N');
      this._waitForNext();
    });
  }

  /** The event loop has run empty in a handler. */
  empty() {
    this._whenEmpty();
  }

  /** Report an error that nobody caught; the process is about to exit. */
  crashed(error) {
    if (this._invocation !== null) this._answer(this._invocation, 'E', errors.report(error));
  }

  _waitForNext() {
    this.channel.receive((kind, content) => {
      if (kind !== 'I') process.exit(70);
      const invocation = parse(content);
      this._invocation = invocation;
      this.log.requestId = invocation.id;
      // Each invocation has a context of its own: AsyncLocalStorage.enterWith doesn't reach into the next.
      new AsyncResource('Invocation').runInAsyncScope(this._invoke, this, invocation);
    });
  }

  /** The function that goes on to the next invocation, once. */
  _leaver() {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      soon(() => this._waitForNext());
    };
  }

  _respond(invocation, result) {
    let text;
    try {
      text = JSON.stringify(result === undefined ? null : result);
    } catch {
      const Kind = this._modern ? errors.JSONStringifyError : Error;
      throw new Kind('Unable to stringify response body');
    }
    this._answer(invocation, 'R', text ?? 'null'); // a function or a symbol has no JSON
  }

  _fail(invocation, error) {
    this.log.failure('Invoke Error', error);
    this._answer(invocation, 'E', errors.report(error));
  }

  /** An invocation has one answer; AWS refuses a second one. */
  _answer(invocation, kind, content) {
    if (invocation.answered) return;
    invocation.answered = true;
    if (Buffer.byteLength(content) > LARGEST_RESULT) this.channel.send('L', invocation.id);
    else this.channel.send(kind, invocation.id, content);
  }

  /** What happens when the event loop runs empty; what an earlier invocation left behind has no say. */
  _onEmpty(invocation, action = () => {}) {
    if (invocation === this._invocation) this._whenEmpty = action;
  }

  // --- Node.js 18 to 22: a promise, the callback, or the functions of the context ------------------------------------

  _invokeCallback(invocation) {
    const next = this._leaver();
    let completed = false;
    let waits = true;

    const complete = (result) => {
      if (completed) {
        console.error(
          'Invocation has already been reported as done. Cannot call complete more than once per invocation.',
        );
        return;
      }
      completed = true;
      this._respond(invocation, result);
      next();
    };
    const fail = (error) => {
      this._fail(invocation, error);
      next();
    };
    const callback = once((error, result) => {
      this._onEmpty(invocation);
      if (error !== undefined && error !== null) fail(error);
      else if (waits) this._onEmpty(invocation, () => soon(complete, result));
      else complete(result);
    });
    const done = (error, result) => {
      this._onEmpty(invocation);
      if (error !== undefined && error !== null) fail(error);
      else complete(result);
    };
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
      succeed: once((result) => done(null, result)),
      fail: once((error) => done(error ?? 'handled')),
      done: once(done),
    };
    this._onEmpty(invocation, () => {
      completed = true;
      if (this._loaded.isAsync) this._fail(invocation, new errors.NodeJsExit());
      else this._respond(invocation, null);
      next();
    });
    try {
      const result = this.handler(invocation.event(), Object.assign(context, details(invocation)), callback);
      if (isPromise(result)) result.then(context.succeed, context.fail).catch(context.fail);
    } catch (error) {
      callback(error);
    }
  }

  // --- Node.js 24 and later: what the handler returns ----------------------------------------------------------------

  async _invokePromise(invocation) {
    const next = this._leaver();
    this._onEmpty(invocation, () => {
      this._fail(invocation, new errors.NodeJsExit());
      next();
    });
    try {
      const result = await this.handler(invocation.event(), details(invocation));
      await settled(); // an unhandled rejection comes first, and fails the invocation
      this._respond(invocation, result);
    } catch (error) {
      await settled();
      this._fail(invocation, error);
    }
    this._onEmpty(invocation);
    next();
  }

  // --- streaming ----------------------------------------------------------------------------------------------------

  async _invokeStreaming(invocation) {
    const next = this._leaver();
    const stream = new ResponseStream(this._loaded.highWaterMark, this.channel, invocation.id);
    const finished = new Promise((resolve) => stream.once('close', resolve));
    let broken;
    stream.on('error', (error) => (broken = error));

    // What has been streamed to its end is the answer, whatever the handler does after that.
    const end = (error) => {
      this._onEmpty(invocation);
      if (stream.writableFinished) {
        if (error !== undefined) this.log.failure('Invoke Error', error);
        this._answer(invocation, 'R', '');
      } else {
        this._fail(invocation, error ?? this._streamError('Response stream is not finished.'));
      }
      next();
    };
    this._onEmpty(invocation, () => end());
    try {
      const result = this.handler(invocation.event(), stream, this._streamingContext(invocation));
      if (!isPromise(result)) throw this._streamError('Streaming does not support non-async handlers.');
      if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
      await finished;
      end(broken);
    } catch (error) {
      end(error);
    }
  }

  /** AWS's older client fails with bare strings here. */
  _streamError(message) {
    return this._modern ? new Error(message) : message;
  }

  _streamingContext(invocation) {
    // Up to Node.js 22, AWS waits for an empty event loop after the response has gone out. Here the answer ends the
    // invocation, so that this only is a property.
    return Object.assign(this._modern ? {} : { callbackWaitsForEmptyEventLoop: true }, details(invocation));
  }
}

/** Read an invocation frame: u64 deadline | 36s id | u16 lengths of ARN, trace, client context | these | payload. */
function parse(content) {
  const lengths = [44, 46, 48].map((at) => content.readUInt16LE(at));
  let at = 50;
  const [arn, trace, context] = lengths.map((length) => content.toString('utf8', at, (at += length)));
  const payload = content.toString('utf8', at);
  const [clientContext, identity = ''] = context.split('\0');
  return {
    id: content.latin1Slice(8, 44),
    deadline: Number(content.readBigUInt64LE(0)),
    arn,
    trace,
    clientContext,
    identity,
    event: () => JSON.parse(payload),
    answered: false,
  };
}

/** The context's data; sets the trace id where the SDK looks for it. */
function details(invocation) {
  const { env } = process;
  if (invocation.trace) env._X_AMZN_TRACE_ID = invocation.trace;
  else delete env._X_AMZN_TRACE_ID;
  return {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: clientContext(invocation.clientContext),
    identity: invocation.identity ? JSON.parse(invocation.identity) : undefined,
    invokedFunctionArn: invocation.arn,
    awsRequestId: invocation.id,
    tenantId: undefined,
    getRemainingTimeInMillis: () => invocation.deadline - Date.now(),
  };
}

function clientContext(text) {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ClientContext as json: ${error}`);
  }
}

/** `action` for its first call only; one that throws doesn't count. */
function once(action) {
  let called = false;
  return (...values) => {
    if (called) return;
    action(...values);
    called = true;
  };
}

function isPromise(value) {
  return typeof value?.then === 'function';
}

function settled() {
  return new Promise((resolve) => soon(resolve));
}

module.exports = { Runtime };
