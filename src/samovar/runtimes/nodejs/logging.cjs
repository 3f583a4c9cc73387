/**
 * The patched console: AWS's text and JSON lines, written as framed records.
 *
 * A record is `u32 type | u32 length | u64 microseconds | message`, big endian, and becomes one log event, newlines
 * and all (facts/lambda-runtime.md §6). On AWS it goes to a descriptor of its own; the platform takes it on standard
 * output as well, where it keeps its place among what the function writes there by itself.
 */
'use strict';

const { format } = require('node:util');
const { writeAll } = require('./channel.cjs');
const { asError, logged } = require('./errors.cjs');

const STDOUT = 1;
const TEXT = 0xa55a0003;
const JSON_ = 0xa55a0002;
const HEADER = 16;
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
// Where AWS's client keeps it; other libraries look there.
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');

class Log {
  /** `environ` names the format and the lowest level; `noRequest` is what stands for a request id before the first. */
  constructor(environ, noRequest) {
    this._json = environ.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
    this._lowest = Math.max(0, LEVELS.indexOf(environ.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
    this.requestId = noRequest;
  }

  set requestId(id) {
    globalThis[REQUEST_ID] = id;
  }

  patchConsole() {
    LEVELS.forEach((name, index) => {
      const silent = index < this._lowest && name !== 'FATAL';
      console[name.toLowerCase()] = silent ? () => {} : (message, ...rest) => this._write(index, message, rest);
    });
    console.log = console.info;
  }

  /** The line of a failure. The level counts: it goes through console.error, as on AWS. */
  failure(title, error) {
    if (this._json) console.error(asError(error));
    else console.error(title, logged(error));
  }

  _write(level, message, rest) {
    const now = new Date();
    const [time, id] = [now.toISOString(), globalThis[REQUEST_ID]];
    const line = this._json
      ? jsonLine(time, LEVELS[level], id, message, rest)
      : `${time}\t${id}\t${LEVELS[level]}\t${format(message, ...rest)}\n`;
    const size = Buffer.byteLength(line);
    const record = Buffer.allocUnsafe(HEADER + size);
    record.writeUInt32BE(((this._json ? JSON_ : TEXT) | ((level + 1) << 2)) >>> 0, 0);
    record.writeUInt32BE(size, 4);
    record.writeBigUInt64BE(BigInt(now.getTime()) * 1000n, 8);
    record.utf8Write(line, HEADER);
    try {
      writeAll(STDOUT, record);
    } catch (error) {
      if (error.code !== 'EPIPE') throw error; // nobody is left to read it
    }
  }
}

function jsonLine(timestamp, level, requestId, message, rest) {
  const line = { timestamp, level, requestId };
  if (rest.length === 0) {
    try {
      return JSON.stringify({ ...line, message }, (_, value) => (value instanceof Error ? described(value) : value));
    } catch {
      return JSON.stringify({ ...line, message: format(message) });
    }
  }
  line.message = format(message, ...rest);
  const error = [message, ...rest].find((value) => value instanceof Error);
  if (error !== undefined) {
    const { errorType, errorMessage, stackTrace = [] } = described(error);
    Object.assign(line, { errorType, errorMessage, stackTrace });
  }
  return JSON.stringify(line);
}

function described(error) {
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack,
    ...error,
  };
}

module.exports = { Log };
