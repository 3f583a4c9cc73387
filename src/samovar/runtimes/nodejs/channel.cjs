/**
 * Frames to and from the platform over one stream socket; index.cjs describes them.
 *
 * Owns: the socket's descriptor, and when the process waits for the platform. Only a process that waits for an
 * invocation is kept alive by the socket: in a handler, the event loop runs empty as if there were none.
 * Writes are synchronous, as those of AWS's client are: what was sent is sent, even if the process ends now. But a
 * piece of a stream is pushed: while the platform takes no more of it, the event loop goes on.
 */
'use strict';

const { writeSync } = require('node:fs'); // taken now: a function may replace it on fs
const { Socket } = require('node:net');

const HEADER = 5;
const READ = 256 * 1024;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));
const PAUSE_MS = 0.1;
const PUSHED_AT_ONCE = 60 * 1024;
const PUSH_AGAIN_MS = [1, 20]; // at first, at most
const NOTHING = Buffer.alloc(0);
const later = setTimeout; // taken now: a function may put fake timers in its place

/** Write all of `data`. The descriptor may be non-blocking: libuv makes them so. */
function writeAll(descriptor, data) {
  let at = 0;
  while (at < data.length) {
    try {
      at += writeSync(descriptor, data, at, data.length - at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}

/** Write what of `data` can be written now; returns the rest. */
function writeSome(descriptor, data) {
  let rest = data;
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest, 0, rest.length));
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error;
  }
  return rest;
}

class Channel {
  constructor(descriptor) {
    this._descriptor = descriptor;
    this._taker = null;
    this._early = []; // frames that came while nobody waited
    this._head = Buffer.alloc(4);
    this._frame = null; // the one that is arriving in pieces
    this._have = 0;
    this._pushed = NOTHING; // what isn't written yet of the frame that is being pushed
    const buffer = Buffer.allocUnsafeSlow(READ);
    this._socket = new Socket({
      fd: descriptor,
      readable: true,
      writable: false,
      onread: { buffer, callback: (count, chunk) => this._arrived(chunk, count) },
    });
    this._socket.on('close', () => process.exit(0)); // the platform has gone
    this._socket.on('error', () => process.exit(0));
    this._socket.unref();
  }

  /** Say that the process can take a function: a raw byte, before any frame. */
  warm() {
    writeAll(this._descriptor, Buffer.from('W'));
  }

  /** Give the next frame to `taker(kind, content)`; the content is only valid during the call. */
  receive(taker) {
    this._taker = taker;
    if (this._early.length > 0) {
      const frame = this._early.shift();
      this._deliver(frame);
    } else {
      this._socket.ref();
    }
  }

  /** Send a frame: `kind` is its letter, `id` 36 ASCII characters or nothing, `content` a string or a Buffer. */
  send(kind, id = '', content = '') {
    const frame = this._frameOf(kind, id, content);
    try {
      writeAll(this._descriptor, this._pushed);
      this._pushed = NOTHING;
      writeAll(this._descriptor, frame);
    } catch {
      process.exit(0); // the platform has gone
    }
  }

  /** Send `content` in frames of a small size, as the platform takes them; then call `done`. */
  push(kind, id, content, done) {
    let at = 0;
    const next = () => {
      if (at >= content.length) return NOTHING;
      const piece = content.subarray(at, (at += PUSHED_AT_ONCE));
      return this._frameOf(kind, id, piece);
    };
    this._pushOn(next, done, PUSH_AGAIN_MS[0]);
  }

  _pushOn(next, done, again) {
    let moved = false;
    try {
      do {
        // Also the rest of another stream's frame: what isn't whole would be garbage.
        while (this._pushed.length > 0) {
          const taken = writeSync(this._descriptor, this._pushed, 0, this._pushed.length);
          this._pushed = this._pushed.subarray(taken);
          moved = true;
        }
        this._pushed = next();
      } while (this._pushed.length > 0);
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(0); // the platform has gone
      // The platform that has read meanwhile will read on: only who waits for one that doesn't waits longer and longer.
      const wait = moved ? PUSH_AGAIN_MS[0] : again;
      later(() => this._pushOn(next, done, Math.min(2 * wait, PUSH_AGAIN_MS[1])), wait);
      return;
    }
    done();
  }

  _frameOf(kind, id, content) {
    const text = typeof content === 'string';
    const size = text ? Buffer.byteLength(content) : content.length;
    const start = HEADER + id.length;
    const frame = Buffer.allocUnsafe(start + size);
    frame.writeUInt32LE(start + size - 4, 0);
    frame[4] = kind.charCodeAt(0);
    frame.latin1Write(id, HEADER);
    if (text) frame.utf8Write(content, start);
    else content.copy(frame, start);
    return frame;
  }

  _arrived(chunk, count) {
    if (this._have === 0 && count >= HEADER && count === 4 + chunk.readUInt32LE(0)) {
      this._deliver(chunk.subarray(0, count));
      return true;
    }
    let at = 0;
    while (at < count) at += this._collect(chunk, at, count);
    return true;
  }

  /** Take bytes of `chunk` for the frame that is arriving; returns how many. */
  _collect(chunk, at, end) {
    const target = this._frame || this._head;
    const taken = chunk.copy(target, this._have, at, Math.min(end, at + target.length - this._have));
    this._have += taken;
    if (this._have < target.length) return taken;
    if (target === this._head) {
      this._frame = Buffer.allocUnsafe(4 + target.readUInt32LE(0));
      target.copy(this._frame);
    } else {
      this._frame = null;
      this._have = 0;
      this._deliver(target);
    }
    return taken;
  }

  _deliver(frame) {
    const taker = this._taker;
    if (taker === null) {
      this._early.push(Buffer.from(frame));
      return;
    }
    this._taker = null;
    this._socket.unref();
    taker(String.fromCharCode(frame[4]), frame.subarray(HEADER));
  }
}

module.exports = { Channel, writeAll, writeSome };
