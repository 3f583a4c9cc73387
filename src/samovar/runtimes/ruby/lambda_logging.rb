# frozen_string_literal: true

# How a function's output becomes log events: `puts` and a logger's message are one event each, whatever lines they have
# (facts/lambda-runtime.md §6, frames), and a logger on the standard output names the request, as AWS's does.

require 'json'
require 'logger'
require 'time'

module SamovarRuntime
  module Logging
    FRAME = 'N N Q>'
    TEXT = 0xa55a0003
    JSON_RECORD = 0xa55a0002
    LEVELS = { 'DEBUG' => 0x08, 'INFO' => 0x0c, 'WARN' => 0x10, 'ERROR' => 0x14, 'FATAL' => 0x18 }.freeze
    FIRST_WITH_JSON = 4 # ruby4.0

    class << self
      attr_accessor :request_id
      attr_reader :sink
    end

    # Where a logger writes; each write is one event.
    class Sink
      def write(message)
        Logging.frame(message.to_s, TEXT)
      end

      def close; end
    end

    def self.install
      @sink = Sink.new
      Logger.prepend(ToSink)
      Kernel.module_eval do
        def puts(*words)
          SamovarRuntime::Logging.frame(words.flatten.map { |word| word.to_s.encode('UTF-8') }.join("\n"), TEXT)
        end
      end
    end

    def self.frame(message, type)
      bytes = message.b
      micros = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
      $stdout.flush
      $stdout.syswrite([type, bytes.bytesize, micros].pack(FRAME) + bytes)
    end

    def self.failure(title, failure)
      report = failure.report
      frame("#{title}#{JSON.generate(report)}", TEXT | LEVELS['ERROR'])
    end

    def self.json?
      ENV['AWS_LAMBDA_LOG_FORMAT'] == 'JSON' && ENV['AWS_EXECUTION_ENV'].to_s[/ruby(\d+)/, 1].to_i >= FIRST_WITH_JSON
    end

    # AWS's line of a logger, with the request's id; or its record.
    class Formatter < Logger::Formatter
      def call(severity, time, program, message)
        return record(severity, time, message) if Logging.json?

        stamp = time.strftime('%Y-%m-%dT%H:%M:%S.%6N')
        format("%s, [%s #%d] %5s %s -- %s: %s\n", severity[0], stamp, Process.pid, severity, Logging.request_id, program,
               msg2str(message))
      end

      private

      def record(severity, time, message)
        found = { timestamp: time.utc.iso8601(3), level: severity, message: msg2str(message) }
        found[:requestId] = Logging.request_id if Logging.request_id
        "#{JSON.generate(found)}\n"
      end
    end

    # Of loggers on the standard output.
    module ToSink
      def initialize(device = nil, *rest, **options)
        return super unless device.nil? || device.equal?($stdout) || device.equal?($stderr)

        super(Logging.sink, *rest, **options)
        @default_formatter = Formatter.new
      end
    end
  end
end
