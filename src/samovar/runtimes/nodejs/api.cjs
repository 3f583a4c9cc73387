/**
 * The channel of channel.cjs over HTTP with the Runtime API: what goes out as frames there are calls here.
 *
 * Two plain connections, since what instruments `http` in a function would see the platform's own calls. One asks for
 * invocations, and keeps the process alive while it does. The other one tells; it is written to and read synchronously,
 * as AWS's client does it: what was told is told, even if the process ends now.
 */
'use strict';

const { readSync } = require('node:fs'); // taken now: a function may replace it on fs
const { createConnection } = require('node:net');
const { writeAll, writeSome } = require('./channel.cjs');

const BASE = '/2018-06-01/runtime';
const READ = Buffer.allocUnsafeSlow(65536);
const PAUSE = new Int32Array(new SharedArrayBuffer(4));
const PAUSE_MS = 0.1;
const PIECE = 60 * 1024;
const PUSH_AGAIN_MS = [1, 20]; // at first, at most
const END_OF_HEAD = '\r\n\r\n';
const LAST_CHUNK = '0\r\n';
const TOO_LARGE = Buffer.alloc(6291557); // its size is what counts
const later = setTimeout; // taken now: a function may put fake timers in its place

class Api {
  constructor(address) {
    this._address = address;
    this._asking = null;
    this._telling = -1;
    this._streaming = false;
    this._received = Buffer.alloc(0);
    this._taker = null;
  }

  /** Open the connections, then call `ready`. */
  connect(ready) {
    const [host, port] = this._address.split(':');
    const open = (opened) => {
      const socket = createConnection({ host, port: Number(port), noDelay: true }, () => opened(socket));
      socket.on('error', () => process.exit(0)); // the platform has gone
      return socket;
    };
    this._asking = open(() => {
      // Paused before it is connected: nobody but `_tell` reads from it.
      const telling = open(() => {
        this._telling = telling._handle.fd;
        telling.unref();
        ready();
      });
      telling.pause();
    });
    this._asking.on('data', (data) => this._arrived(data));
    this._asking.on('close', () => process.exit(0));
  }

  /** Ask for the next invocation and give it to `taker('I', content)`, as a frame's content. */
  receive(taker) {
    this._taker = taker;
    this._asking.ref();
    this._asking.write(this._head('GET', '/invocation/next', {}));
  }

  send(kind, id = '', content = '') {
    if (kind === 'N') return; // the first `next` says it
    if (kind === 'S') this._begin(id, content);
    else if (this._streaming) this._end(kind, content);
    else if (kind === 'R') this._tell(`/invocation/${id}/response`, content);
    else if (kind === 'L') this._tell(`/invocation/${id}/response`, TOO_LARGE);
    else if (kind === 'E') this._tell(`/invocation/${id}/error`, content, errorType(content));
    else this._tell('/init/error', content, errorType(content));
  }

  /** Send a piece of a stream as the platform takes it, then call `done`. */
  push(_kind, _id, content, done) {
    const pieces = [];
    for (let at = 0; at < content.length; at += PIECE) pieces.push(chunk(content.subarray(at, at + PIECE)));
    this._pushOn(Buffer.concat(pieces), done, PUSH_AGAIN_MS[0]);
  }

  _pushOn(rest, done, again) {
    const left = this._guard(() => writeSome(this._telling, rest));
    if (left.length === 0) done();
    else later(() => this._pushOn(left, done, Math.min(2 * again, PUSH_AGAIN_MS[1])), again);
  }

  _begin(id, contentType) {
    this._streaming = true;
    const headers = {
      'Content-Type': contentType,
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    };
    this._write(this._head('POST', `/invocation/${id}/response`, headers));
  }

  _end(kind, content) {
    this._streaming = false;
    let trailers = '';
    if (kind === 'E') {
      const { 'Lambda-Runtime-Function-Error-Type': type } = errorType(content);
      const body = Buffer.from(content).toString('base64');
      trailers = `Lambda-Runtime-Function-Error-Type: ${type}\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n`;
    } else if (content.length > 0) {
      this._write(chunk(Buffer.from(content)));
    }
    this._write(`${LAST_CHUNK}${trailers}\r\n`);
    this._answer();
  }

  _tell(path, content, headers = {}) {
    const body = Buffer.from(content);
    const all = { 'Content-Type': 'application/json', ...headers, 'Content-Length': body.length };
    this._write(Buffer.concat([Buffer.from(this._head('POST', path, all)), body]));
    this._answer();
  }

  _head(method, path, headers) {
    const lines = Object.entries({ Host: this._address, ...headers }).map(([name, value]) => `${name}: ${value}`);
    return [`${method} ${BASE}${path} HTTP/1.1`, ...lines].join('\r\n') + END_OF_HEAD;
  }

  _write(data) {
    this._guard(() => writeAll(this._telling, Buffer.from(data)));
  }

  /** Wait for the answer: it has been heard then. What it says has no consequence, as the platform knows of it. */
  _answer() {
    let received = '';
    this._guard(() => {
      while (!complete(received)) received += this._readSome().toString('latin1');
    });
  }

  _readSome() {
    for (;;) {
      try {
        const count = readSync(this._telling, READ, 0, READ.length, null);
        if (count === 0) process.exit(0);
        return READ.subarray(0, count);
      } catch (error) {
        if (error.code !== 'EAGAIN') throw error;
        Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
      }
    }
  }

  _guard(action) {
    try {
      return action();
    } catch {
      return process.exit(0); // the platform has gone
    }
  }

  _arrived(data) {
    this._received = this._received.length === 0 ? data : Buffer.concat([this._received, data]);
    const head = headOf(this._received);
    if (head === null || this._received.length < head.size + head.length) return;
    const body = this._received.subarray(head.size, head.size + head.length);
    this._received = this._received.subarray(head.size + head.length);
    if (head.status !== 200) process.exit(1);
    const taker = this._taker;
    this._taker = null;
    this._asking.unref();
    taker('I', invocation(head.headers, body));
  }
}

/** What an answer begins with, or null while that hasn't arrived: {status, headers, size, length of the body}. */
function headOf(data) {
  const end = data.indexOf(END_OF_HEAD);
  if (end < 0) return null;
  const [first, ...lines] = data.toString('latin1', 0, end).split('\r\n');
  const headers = new Map();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), Buffer.from(line.slice(colon + 1).trim(), 'latin1').toString());
  }
  const length = Number(headers.get('content-length') ?? 0);
  return { status: Number(first.split(' ')[1]), headers, size: end + END_OF_HEAD.length, length };
}

function complete(text) {
  const head = headOf(Buffer.from(text, 'latin1'));
  return head !== null && text.length >= head.size + head.length;
}

/** The content of an invocation's frame; index.cjs describes it. */
function invocation(headers, body) {
  const [arn, trace, clientContext, identity] = [
    'invoked-function-arn',
    'trace-id',
    'client-context',
    'cognito-identity',
  ].map((name) => headers.get(`lambda-runtime-${name}`) ?? '');
  const context = identity ? `${clientContext}\0${identity}` : clientContext;
  const parts = [arn, trace, context].map((text) => Buffer.from(text));
  const head = Buffer.alloc(50);
  head.writeBigUInt64LE(BigInt(headers.get('lambda-runtime-deadline-ms') ?? 0), 0);
  head.latin1Write(headers.get('lambda-runtime-aws-request-id'), 8);
  parts.forEach((part, number) => head.writeUInt16LE(part.length, 44 + 2 * number));
  return Buffer.concat([head, ...parts, body]);
}

function chunk(data) {
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')]);
}

/** The header that tells an error report's type. */
function errorType(content) {
  let type = 'Unhandled';
  try {
    type = JSON.parse(String(content)).errorType ?? type;
  } catch {
    // The platform passes the report on as it is.
  }
  return { 'Lambda-Runtime-Function-Error-Type': String(type).replace(/[^\x21-\x7e]/g, '?') };
}

module.exports = { Api };
