/**
 * The response stream of a streaming handler, and `awslambda.HttpResponseStream`.
 *
 * What the handler writes goes to the platform at once, in pieces; whether the invoker gets it as it comes or as a whole
 * is the platform's affair (facts/lambda-runtime.md §1).
 */
'use strict';

const { Writable } = require('node:stream');
const { InvalidStreamingOperation } = require('./errors.cjs');

const HTTP_INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const DELIMITER = new Uint8Array(8);

class ResponseStream extends Writable {
  constructor(highWaterMark, channel, id) {
    super({ highWaterMark, decodeStrings: true });
    this._channel = channel;
    this._id = id;
    this._begun = false;
    this._told = false; // the platform knows of the stream
    this._contentType = 'application/octet-stream';
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
    this._tell();
    this._channel.push('D', this._id, chunk, callback);
  }

  _final(callback) {
    this._tell();
    callback();
  }

  _tell() {
    if (this._told) return;
    this._told = true;
    this._channel.send('S', this._id, this._contentType);
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
