"""Functions in Ruby, on whatever Ruby this machine has: named for a runtime of Lambda by the server's settings."""

import shutil

import pytest

RUBY = shutil.which("ruby")
pytestmark = [pytest.mark.root, pytest.mark.skipif(RUBY is None, reason="no ruby on this machine")]

CODE = """
    require 'json'
    require 'logger'
    require 'helper'

    LOGGER = Logger.new($stdout)
    puts 'loading'

    def handler(event:, context:)
      case event
      when 'raise' then raise ArgumentError, 'nothing there'
      when 'name' then no_such_thing
      when 'exit' then exit 3
      when 'log'
        puts 'one', 'event'
        LOGGER.info('logged')
        $stderr.puts 'complained'
      when 'look'
        { id: context.aws_request_id, arn: context.invoked_function_arn, name: context.function_name,
          memory: context.memory_limit_in_mb, left: context.get_remaining_time_in_millis,
          client: context.client_context, trace: ENV['_X_AMZN_TRACE_ID'], helped: Helper.help, text: 'Grüße €',
          environment: ENV['AWS_EXECUTION_ENV'] }
      else event
      end
    end

    class Shop
      def self.order(event:, context:)
        { ordered: event['what'] }
      end
    end
"""
FILES = {"h.rb": CODE, "helper.rb": "module Helper\n  def self.help = 'helped'\nend\n"}


@pytest.fixture(scope="module")
def server(platforms):
    running = platforms("--ephemeral", "--interpreters", f"ruby3.3={RUBY}")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def ruby(server):
    return server.deploy(FILES, Runtime="ruby3.3", Timeout=30)


def logged(function):
    return [message for messages in function.log().values() for message in messages]


def test_a_ruby_function_gets_its_event_and_context(ruby):
    event = {"text": "Grüße €", "list": [1, 2.5, None, True]}
    assert ruby(event).result == event
    answer = ruby("look", ClientContext="eyJjdXN0b20iOiB7ImEiOiAiYiJ9fQ==")
    seen = answer.result
    assert seen["id"] == answer.request_id
    assert seen["arn"].endswith(f":function:{ruby.name}")
    assert (seen["name"], seen["memory"]) == (ruby.name, "128")
    assert 0 < seen["left"] <= 30_000
    assert seen["client"] == {"custom": {"a": "b"}}
    assert seen["trace"].startswith("Root=1-")
    assert (seen["helped"], seen["text"], seen["environment"]) == ("helped", "Grüße €", "AWS_Lambda_ruby3.3")


def test_errors_have_rubys_shape(ruby):
    failed = ruby("raise")
    assert failed.error == "Unhandled"
    assert list(failed.value) == ["errorMessage", "errorType", "stackTrace"]
    assert failed.failure == ("Function<ArgumentError>", "nothing there")
    assert [frame.rpartition(":")[0] for frame in failed.value["stackTrace"]] == ["/var/task/h.rb:11"]
    assert ruby("name").failure[0] == "Function<NameError>"  # ends the process, as on AWS
    assert ruby("exit").failure[0] == "Function<SystemExit>"
    assert ruby("again").result == "again"


def test_each_puts_and_each_message_of_a_logger_is_an_event(ruby):
    answer = ruby("log")
    assert answer.payload == b"null"
    messages = logged(ruby)
    assert "loading" in messages
    assert "one\nevent" in messages
    assert "complained\n" in messages
    (line,) = [message for message in messages if message.endswith(": logged\n")]
    assert line.startswith("I, [2")
    assert f"  INFO {answer.request_id} -- : logged\n" in line


def test_a_class_method_a_wrong_name_and_a_missing_file(server, ruby):
    function = server.deploy(FILES, Runtime="ruby3.3", Handler="h.Shop.order")
    assert function({"what": "tea"}).result == {"ordered": "tea"}
    function.configure(Handler="nothing.handler")
    error_type, message = function().failure
    assert error_type == "Init<LoadError>"
    assert message == "cannot load such file -- nothing"
    function.configure(Handler="handler")
    assert function().failure[0] == "Init<ArgumentError>"


def test_a_wrapper_starts_it(server):
    wrapper = '#!/bin/sh\nexport AWS_LAMBDA_FUNCTION_NAME=wrapped\nexec "$@"\n'
    environment = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/w"}}
    function = server.create(FILES | {"w": wrapper}, Runtime="ruby3.3", modes={"w": 0o755}, Environment=environment)
    function.settle()
    assert function("look").result["name"] == "wrapped"
