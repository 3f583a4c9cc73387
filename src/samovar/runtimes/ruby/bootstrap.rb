# frozen_string_literal: true

# The managed Ruby runtime: a small client of the Runtime API (AWS's gem isn't in reach of every machine).
#
# Owns: the loop, handlers, context, errors, exit statuses; what users can see is AWS's (facts/lambda-runtime.md §2, §3 and
# what aws_lambda_ric does). Standard library only; the function's own code sees none of it but the logger's format.

require 'json'
require 'socket'
require_relative 'lambda_logging'

module SamovarRuntime
  BASE = '/2018-06-01/runtime'
  MOST_FRAMES = 100
  INIT_FAILED = 252 # AWS's -4
  CRITICAL = 255 # AWS's -1

  # A failure as it is told: `Function<RuntimeError>`, or `Init<LoadError>`.
  class Failure
    attr_reader :type

    def initialize(error, kind)
      @error = error
      @type = "#{kind}<#{error.class}>"
    end

    def report
      { errorMessage: message, errorType: @type, stackTrace: frames }
    end

    def message
      @error.message.to_s.dup.force_encoding(Encoding::UTF_8).scrub
    end

    def frames
      (@error.backtrace || []).take_while { |frame| !frame.start_with?("#{__dir__}/") }.first(MOST_FRAMES)
    end
  end

  # The Runtime API over one plain connection: what instruments Net::HTTP in a function doesn't see it.
  class Api
    def initialize(address)
      @address = address
      @socket = nil
    end

    # [headers by lower-case name, body]
    def next
      status, headers, body = ask('GET', '/invocation/next')
      raise "next was answered #{status}" unless status == 200

      [headers, body]
    end

    def respond(id, body, content_type)
      ask('POST', "/invocation/#{id}/response", body, 'Content-Type' => content_type)
    end

    def fail(path, failure)
      body = JSON.generate(failure.report)
      ask('POST', path, body, 'Content-Type' => 'application/json', 'Lambda-Runtime-Function-Error-Type' => failure.type)
    end

    private

    def ask(method, path, body = '', headers = {})
      headers = { 'Host' => @address, **headers }
      headers['Content-Length'] = body.bytesize if method == 'POST'
      lines = ["#{method} #{BASE}#{path} HTTP/1.1", *headers.map { |name, text| "#{name}: #{text}" }, '', '']
      request = lines.join("\r\n").b + body.b
      fresh = @socket.nil?
      begin
        exchange(request)
      rescue SystemCallError, IOError
        @socket = nil
        raise if fresh

        exchange(request)
      end
    end

    def exchange(request)
      @socket ||= TCPSocket.new(*@address.split(':')).tap { |socket| socket.setsockopt(:TCP, :NODELAY, 1) }
      @socket.write(request)
      status = line.split[1].to_i
      headers = {}
      until (header = line).empty?
        name, text = header.split(':', 2)
        headers[name.downcase] = text.strip.force_encoding(Encoding::UTF_8)
      end
      [status, headers, @socket.read(headers['content-length'].to_i).to_s]
    end

    def line
      found = @socket.gets("\r\n") or raise EOFError, 'the Runtime API closed the connection'
      found.chomp
    end
  end

  # `file.method` or `file.Class.method`.
  class Handler
    attr_reader :file

    def initialize(name)
      @file, *@path = name.split('.')
      return if [1, 2].include?(@path.size)

      raise ArgumentError, "Invalid handler #{name}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where " \
                           'FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional ' \
                           'module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a ' \
                           'class-level method.'
    end

    # [body, content type]; what it raises is the function's.
    def call(event, context)
      receiver = @path.size == 2 ? Kernel.const_get(@path[0]) : TOPLEVEL
      result = receiver.__send__(@path[-1], event: event, context: context)
      return [result.read.to_s, 'application/unknown'] if result.respond_to?(:read)

      [result.to_json, 'application/json']
    end
  end

  def self.main
    $stdout.sync = $stderr.sync = true
    Logging.install
    api = Api.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))
    handler = load_handler(api)
    loop { serve(api, handler) }
  end

  def self.load_handler(api)
    $LOAD_PATH.unshift(ENV.fetch('LAMBDA_TASK_ROOT'))
    handler = Handler.new(ENV.fetch('_HANDLER'))
    require handler.file
    handler
  rescue Exception => e # rubocop:disable Lint/RescueException -- whatever ends the function's static code fails init
    failure = Failure.new(e, 'Init')
    Logging.failure('Init error when loading handler', failure)
    api.fail('/init/error', failure)
    exit!(INIT_FAILED)
  end

  def self.serve(api, handler)
    headers, body = api.next
    id = headers['lambda-runtime-aws-request-id']
    Logging.request_id = id
    ENV['_X_AMZN_TRACE_ID'] = headers['lambda-runtime-trace-id']
    answer, content_type = handler.call(JSON.parse(body.force_encoding(Encoding::UTF_8)), LambdaContext.new(headers))
    api.respond(id, answer, content_type)
  rescue NameError => e # NoMethodError, too: AWS ends the process for them
    critical(api, id, e)
  rescue StandardError => e
    tell(api, id, e, 'Error raised from handler method')
  rescue Exception => e # rubocop:disable Lint/RescueException
    critical(api, id, e)
  end

  def self.critical(api, id, error)
    tell(api, id, error, 'Critical exception from handler')
    exit!(CRITICAL)
  end

  def self.tell(api, id, error, title)
    failure = Failure.new(error, 'Function')
    Logging.failure(title, failure)
    api.fail("/invocation/#{id}/error", failure)
  end
end

# What a handler gets as `context`.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms, :tenant_id

  def initialize(headers)
    @aws_request_id = headers['lambda-runtime-aws-request-id']
    @invoked_function_arn = headers['lambda-runtime-invoked-function-arn']
    @deadline_ms = headers['lambda-runtime-deadline-ms'].to_i
    @tenant_id = headers['lambda-runtime-aws-tenant-id']
    @identity = parsed(headers['lambda-runtime-cognito-identity'])
    @client_context = parsed(headers['lambda-runtime-client-context'])
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
  end

  def get_remaining_time_in_millis # rubocop:disable Naming/AccessorMethodName -- AWS's name
    [@deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond), 0].max
  end

  private

  def parsed(text)
    text && JSON.parse(text)
  end
end

SamovarRuntime::TOPLEVEL = self
SamovarRuntime.main
