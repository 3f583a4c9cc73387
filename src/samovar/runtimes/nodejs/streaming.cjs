/**
 * The response stream of a streaming handler, and `awslambda.HttpResponseStream`.
 *
 * The platform doesn't stream yet: what the handler writes is collected and answered as a whole when the stream has
 * ended, byte for byte what AWS would stream (with the prelude and its 8 NUL bytes). AWS gives a buffered invocation of
 * a streaming function the same (facts/lambda-runtime.md §1); the content type has no way to the platform yet.
 */
'use strict';

const { Writable } = require('node:stream');
const { InvalidStreamingOperation } = require('./errors.cjs');

const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const DELIMITER = new Uint8Array(8);

class ResponseStream extends Writable {
  constructor(highWaterMark) {
    super({ highWaterMark, decodeStrings: true });
    this._chunks = [];
    this._begun = false;
    this._contentType = 'application/octet-stream';
  }

  /** All that was written. */
  get content() {
    return Buffer.concat(this._chunks);
  }

  setContentType(contentType) {
    if (this._begun) throw new InvalidStreamingOperation('Cannot set content-type, too late.');
    this._contentType = contentType;
  }

  write(chunk, encoding, callback) {
    const raw = typeof chunk === 'string' || chunk instanceof Uint8Array;
    if (!this._begun) {
      this._begun = true;
      this._onBeforeFirstWrite?.((prelude) => super.write(prelude));
    }
    return super.write(raw ? chunk : JSON.stringify(chunk), encoding, callback);
  }

  end(chunk, encoding, callback) {
    if (chunk === undefined || chunk === null || typeof chunk === 'function') return super.end(chunk);
    this.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    return super.end(typeof encoding === 'function' ? encoding : callback);
  }

  _write(chunk, _encoding, callback) {
    this._chunks.push(Buffer.from(chunk)); // a copy: the handler may use its buffer again
    callback();
  }
}

class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(HTTP_INTEGRATION);
    const text = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(text);
      write(DELIMITER);
    };
    return stream;
  }
}

module.exports = { HttpResponseStream, ResponseStream };
