"""Functions in Java, on a JDK of this machine: what a handler may be, what it gets, and what its failures look like."""

import json
import shutil
import socket
import subprocess
import textwrap

import pytest
from botocore.exceptions import ClientError, WaiterError

from samovar.engine.languages.java import SOURCES, find_homes, search_path

HOMES = find_homes(search_path())
MAJOR = next((major for major in (17, 21, 25, 11) if major in HOMES), 0)
RUNTIME = f"java{MAJOR}"
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not MAJOR or not shutil.which("javac"), reason="no JDK of a version that Lambda has"),
]

CODE = {
    "app/Objects.java": """
        package app;

        import com.amazonaws.services.lambda.runtime.*;
        import java.util.*;

        public class Objects implements RequestHandler<Objects.Order, Objects.Answer> {
            public enum Size { SMALL, LARGE }

            public static class Item {
                private String name;
                private int count;
                public String getName() { return name; }
                public void setName(String name) { this.name = name; }
                public int getCount() { return count; }
                public void setCount(int count) { this.count = count; }
            }

            public static class Order {
                public List<Item> items = new ArrayList<>();
                public Map<String, Double> prices;
                public Size size;
                private Optional<String> note = Optional.empty();
                public Optional<String> getNote() { return note; }
                public void setNote(Optional<String> note) { this.note = note; }
            }

            public static class Answer {
                private final double total;
                private final Order order;
                public String nothing = null;
                Answer(double total, Order order) { this.total = total; this.order = order; }
                public double getTotal() { return total; }
                public Order getOrder() { return order; }
                public boolean isPaid() { return false; }
                public String getURL() { return "x"; }
            }

            @Override
            public Answer handleRequest(Order order, Context context) {
                double total = 0;
                for (Item item : order.items) total += item.count * order.prices.getOrDefault(item.name, 0.0);
                return new Answer(total, order);
            }
        }
    """,
    "app/Methods.java": """
        package app;

        import com.amazonaws.services.lambda.runtime.*;
        import com.amazonaws.services.lambda.runtime.logging.LogLevel;
        import java.io.*;
        import java.nio.charset.StandardCharsets;
        import java.util.*;

        public class Methods {
            static final byte[][] KEPT = new byte[4096][];
            static int calls = 0;

            public Object any(Map<String, Object> event, Context context) throws Exception {
                switch (String.valueOf(event.get("do"))) {
                    case "look": return look(context);
                    case "log": return log(context);
                    case "raise": throw new IllegalStateException("outer", new IOException("inner"));
                    case "exit": System.exit(3); return null;
                    case "memory": for (int i = 0; i < KEPT.length; i++) KEPT[i] = new byte[1 << 20]; return null;
                    case "deep": { Map<String, Object> self = new HashMap<>(); self.put("self", self); return self; }
                    case "count": return ++calls;
                    default: return event;
                }
            }

            private static Object look(Context context) throws Exception {
                Map<String, Object> seen = new TreeMap<>();
                seen.put("id", context.getAwsRequestId());
                seen.put("arn", context.getInvokedFunctionArn());
                seen.put("name", context.getFunctionName());
                seen.put("version", context.getFunctionVersion());
                seen.put("group", context.getLogGroupName());
                seen.put("memory", context.getMemoryLimitInMB());
                seen.put("left", context.getRemainingTimeInMillis());
                seen.put("client", context.getClientContext() == null ? null : context.getClientContext().getCustom());
                seen.put("identity", context.getIdentity().getIdentityId());
                seen.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
                seen.put("environment", System.getenv("AWS_EXECUTION_ENV"));
                seen.put("heap", Runtime.getRuntime().maxMemory() >> 20);
                seen.put("folder", System.getProperty("user.dir"));
                seen.put("inLib", Class.forName("extra.InLib").getDeclaredConstructor().newInstance().toString());
                seen.put("text", "Grüße €");
                seen.put("same", LambdaRuntime.getLogger() == context.getLogger());
                return seen;
            }

            private static Object log(Context context) {
                System.out.println("printed: Grüße");
                context.getLogger().log("logged\\non two lines");
                context.getLogger().log("a warning", LogLevel.WARN);
                context.getLogger().log("for debugging", LogLevel.DEBUG);
                System.err.println("complained");
                return null;
            }

            public static List<Integer> doubled(List<Integer> numbers) {
                List<Integer> twice = new ArrayList<>();
                for (Integer number : numbers) twice.add(2 * number);
                return twice;
            }

            public void silent(String event) { }

            public void stream(InputStream in, OutputStream out, Context context) throws IOException {
                out.write("raw ".getBytes(StandardCharsets.UTF_8));
                for (int next = in.read(); next >= 0; next = in.read()) out.write(next);
            }

            public void three(String a, String b, String c) { }
        }
    """,
    "app/Broken.java": """
        package app;

        public class Broken {
            public Broken() { throw new UnsupportedOperationException("not today"); }
            public String handle(Object event) { return ""; }
        }
    """,
    # Of the shape that AWS's event classes have: names in other cases, dates in seconds, objects made by constructors.
    "com/amazonaws/services/lambda/runtime/events/QueueEvent.java": """
        package com.amazonaws.services.lambda.runtime.events;

        import java.nio.ByteBuffer;
        import java.util.*;

        public class QueueEvent {
            private List<Message> records;
            private boolean isBase64Encoded;
            public List<Message> getRecords() { return records; }
            public void setRecords(List<Message> records) { this.records = records; }
            public boolean isBase64Encoded() { return isBase64Encoded; }
            public void setBase64Encoded(boolean value) { isBase64Encoded = value; }

            public static class Message {
                private String eventSourceArn;
                private String detailType;
                private Date sent;
                private ByteBuffer data;
                private Map<String, Value> newImage;
                public String getEventSourceArn() { return eventSourceArn; }
                public void setEventSourceArn(String value) { eventSourceArn = value; }
                public String getDetailType() { return detailType; }
                public void setDetailType(String value) { detailType = value; }
                public Date getSent() { return sent; }
                public void setSent(Date value) { sent = value; }
                public ByteBuffer getData() { return data; }
                public void setData(ByteBuffer value) { data = value; }
                public Map<String, Value> getNewImage() { return newImage; }
                public void setNewImage(Map<String, Value> value) { newImage = value; }
            }

            public static class Value {
                private String s;
                private List<Value> l;
                public String getS() { return s; }
                public void setS(String value) { s = value; }
                public List<Value> getL() { return l; }
                public void setL(List<Value> value) { l = value; }
            }
        }
    """,
    "com/amazonaws/services/lambda/runtime/events/BucketEvent.java": """
        package com.amazonaws.services.lambda.runtime.events;

        import java.util.List;

        public class BucketEvent {
            private final List<Entry> records;
            public BucketEvent(List<Entry> records) { this.records = records; }
            public List<Entry> getRecords() { return records; }

            public static class Entry {
                private final String eventName;
                private final Long size;
                public Entry(String eventName, Long size) { this.eventName = eventName; this.size = size; }
                public String getEventName() { return eventName; }
                public Long getSize() { return size; }
            }
        }
    """,
    "app/Events.java": """
        package app;

        import com.amazonaws.services.lambda.runtime.events.*;
        import java.nio.charset.StandardCharsets;
        import java.util.*;

        public class Events {
            public Object queue(QueueEvent event) {
                QueueEvent.Message m = event.getRecords().get(0);
                return Arrays.asList(
                    m.getEventSourceArn(), m.getDetailType(), m.getSent().getTime(), event.isBase64Encoded(),
                    StandardCharsets.UTF_8.decode(m.getData()).toString(),
                    m.getNewImage().get("a").getL().get(0).getS());
            }

            public Object bucket(BucketEvent event) {
                return event.getRecords().get(0).getEventName() + event.getRecords().get(0).getSize();
            }
        }
    """,
    "app/Hooked.java": """
        package app;

        import com.amazonaws.services.lambda.crac.*;
        import java.util.*;

        public class Hooked implements Resource {
            private final List<String> seen = new ArrayList<>();
            private final Resource first = new Named("first");

            private class Named implements Resource {
                private final String name;
                Named(String name) { this.name = name; }
                public void beforeCheckpoint(Context<? extends Resource> context) { seen.add("before " + name); }
                public void afterRestore(Context<? extends Resource> context) {
                    seen.add("after " + name);
                    if ("afterRestore".equals(System.getenv("FAIL"))) throw new IllegalStateException("not restored");
                }
            }

            public Hooked() {
                seen.add(System.getProperty("org.crac.Core.Compat"));
                Core.getGlobalContext().register(this);
                Core.getGlobalContext().register(first);
                Core.getGlobalContext().register(this);  // counts once, and last
                Core.getGlobalContext().register(new Named("forgotten"));
            }

            public void beforeCheckpoint(Context<? extends Resource> context) {
                seen.add("before second");
                if ("beforeCheckpoint".equals(System.getenv("FAIL"))) throw new IllegalStateException("no snapshot");
            }
            public void afterRestore(Context<? extends Resource> context) { seen.add("after second"); }

            public List<String> seen() {
                seen.remove("before forgotten");
                return seen;
            }
        }
    """,
    "app/Caller.java": """
        package app;

        import java.net.*;
        import java.util.*;

        public class Caller {
            public String call(Map<String, String> event) throws Exception {
                HttpURLConnection asked = (HttpURLConnection) new URL(event.get("url")).openConnection();
                return new Scanner(asked.getInputStream(), "UTF-8").next();
            }
        }
    """,
    "extra/InLib.java": """
        package extra;

        public class InLib {
            public String toString() { return "in lib"; }
        }
    """,
}


@pytest.fixture(scope="module")
def code(tmp_path_factory, platforms):
    """The classes of CODE, and one of them in a jar below lib/."""
    folder = tmp_path_factory.mktemp("java")
    for name, text in CODE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    command = ["javac", "-nowarn", "-Xlint:-options", "-source", "8", "-target", "8", "-encoding", "UTF-8"]
    interfaces = [str(path) for path in (SOURCES / "com").rglob("*.java")]
    sources = [str(folder / name) for name in CODE]
    subprocess.run([*command, "-d", folder, *sources, *interfaces], check=True, timeout=100)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.class")}
    classes = {name: data for name, data in found.items() if name.startswith("app/") or "/events/" in name}
    return classes | {"lib/extra.jar": platforms.package({"extra/InLib.class": found["extra/InLib.class"]})}


def logged(function):
    """The events of all its log streams. There may be two: a call that comes before the VM has asked for its next event
    finds it busy."""
    return [message for messages in function.log().values() for message in messages]


@pytest.fixture
def java(deploy, code):
    def java(handler, **configuration):
        configuration = {"Timeout": 30, "MemorySize": 512, "Runtime": RUNTIME} | configuration
        java.made.append(deploy(code | configuration.pop("more", {}), Handler=handler, **configuration))
        return java.made[-1]

    java.made = []
    return java


def test_a_request_handler_gets_and_gives_objects(java):
    event = {
        "items": [{"name": "tea", "count": 2, "unknown": 1}, {"name": "jam", "count": "3"}],
        "prices": {"tea": 1.5, "jam": 2},
        "size": "LARGE",
        "note": "now",
    }
    answer = java("app.Objects")(event).result
    assert answer == {
        "total": 9.0,
        "order": {
            "items": [{"name": "tea", "count": 2}, {"name": "jam", "count": 3}],
            "prices": {"tea": 1.5, "jam": 2.0},
            "size": "LARGE",
            "note": "now",
        },
        "paid": False,
        "URL": "x",
    }


def test_apis_are_called_by_name_and_trusted(java, deploy, platform):
    called = deploy("def handler(event, context): return {'statusCode': 200, 'body': 'hello'}")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{called.name}"
    apis = platform.client("apigatewayv2")
    api = apis.create_api(Name="h", ProtocolType="HTTP", Target=arn)["ApiId"]
    url = f"https://{api}.execute-api.us-east-1.amazonaws.com/"
    assert java("app.Caller::call")({"url": url}).result == "hello"
    own = {"Variables": {"JAVA_TOOL_OPTIONS": "-Djavax.net.ssl.trustStore=/var/task/none"}}
    error_type, _ = java("app.Caller::call", Environment=own)({"url": url}).failure
    assert error_type.startswith("javax.net.ssl.")
    apis.delete_api(ApiId=api)


def test_a_method_sees_what_lambda_shows(java):
    function = java("app.Methods::any")
    answer = function({"do": "look"}, ClientContext="eyJjdXN0b20iOiB7ImEiOiAiYiJ9fQ==")
    seen = answer.result
    assert seen["id"] == answer.request_id
    assert seen["arn"].endswith(f":function:{function.name}")
    assert (seen["name"], seen["version"], seen["memory"]) == (function.name, "$LATEST", 512)
    assert seen["group"] == f"/aws/lambda/{function.name}"
    assert 0 < seen["left"] <= 30_000
    assert (seen["client"], seen["identity"]) == ({"a": "b"}, "")
    assert seen["trace"].startswith("Root=1-")
    assert seen["environment"] == f"AWS_Lambda_{RUNTIME}"
    assert 400 <= seen["heap"] <= 440
    assert (seen["folder"], seen["inLib"], seen["text"]) == ("/var/task", "in lib", "Grüße €")
    assert seen["same"] is True
    event = {"do": "", "int": 1, "long": 10**15, "huge": 9**40, "real": 0.1, "null": None, "text": "\"\\\n\u0001é😀"}
    assert function(event).result == event
    assert max(function({"do": "count"}).result for _ in range(6)) > 1  # a VM is used again


def test_what_it_logs_are_events_and_its_failures_are_javas(java):
    function = java("app.Methods::any")
    assert function({"do": "log"}).result is None
    failed = function({"do": "raise"})
    assert failed.error == "Unhandled"
    assert list(failed.value) == ["errorMessage", "errorType", "stackTrace", "cause"]
    assert failed.failure == ("java.lang.IllegalStateException", "outer")
    assert failed.value["stackTrace"][0].startswith("app.Methods.any(Methods.java:")
    assert all("samovar" not in frame and "reflect" not in frame for frame in failed.value["stackTrace"])
    assert failed.value["cause"]["errorType"] == "java.io.IOException"
    assert function({"do": "deep"}).failure == (
        "java.lang.RuntimeException",
        "An error occurred during JSON serialization of response",
    )
    assert function(b"[1, 2]").failure == ("java.lang.RuntimeException", "An error occurred during JSON parsing")
    messages = logged(function)
    assert "printed: Grüße\n" in messages
    assert "logged\non two lines" in messages
    assert "[WARN] a warning" in messages
    assert "complained\n" in messages
    described = "outer: java.lang.IllegalStateException\njava.lang.IllegalStateException: outer\n\tat app.Methods.any("
    assert any(message.startswith(described) for message in messages)


def test_json_logs_have_levels(java):
    function = java("app.Methods::any", LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    answer = function({"do": "log"})
    messages = logged(function)
    records = [json.loads(message) for message in messages if message.startswith("{")]
    ours = [record for record in records if "AWSRequestId" in record]
    assert [(record["message"], record["level"]) for record in ours] == [("a warning", "WARN")]
    assert ours[0]["AWSRequestId"] == answer.request_id


def test_lists_streams_static_and_silent_methods(java):
    assert java("app.Methods::doubled")([1, 2]).result == [2, 4]
    assert java("app.Methods::silent")("x").payload == b"null"
    assert java("app.Methods::stream")(b'{"a": 1}').payload == b'raw {"a": 1}'


def test_handlers_that_are_not_there(java):
    function = java("app.Nothing::handle")
    assert function().failure == ("java.lang.ClassNotFoundException", "Class not found: app.Nothing")
    function.configure(Handler="app.Methods::three")
    message = "No public method named three with appropriate method signature found on class app.Methods"
    assert function().value == {"errorMessage": message}
    function.configure(Handler="app.Broken::handle")
    answer = function()
    assert answer.value == {
        "errorMessage": "not today",
        "errorType": "java.lang.UnsupportedOperationException",
    }
    assert answer.report.endswith("\tStatus: error\tError Type: Runtime.BadFunctionCode")


def test_it_may_exit_or_run_out_of_memory_and_starts_again(java):
    function = java("app.Methods::any", MemorySize=256)
    assert function({"do": "exit"}).failure[1].endswith("Runtime exited with error: exit status 3")
    assert function({"do": "memory"}).failure == ("java.lang.OutOfMemoryError", "Java heap space")
    assert function({"do": "count"}).result == 1


def test_java_tool_options_and_a_wrapper_are_honoured(java):
    wrapper = '#!/bin/sh\necho "starting $1"\nexport JAVA_TOOL_OPTIONS="$JAVA_TOOL_OPTIONS -Dmine=yes"\nexec "$@"\n'
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper", "JAVA_TOOL_OPTIONS": "-Xmx100m"}
    function = java(
        "app.Methods::any", more={"wrapper": wrapper}, modes={"wrapper": 0o755}, Environment={"Variables": variables}
    )
    assert 90 <= function({"do": "look"}).result["heap"] <= 110
    messages = logged(function)
    assert "starting /var/lang/bin/java\n" in messages


def test_jars_of_layers_are_on_the_class_path(java, code, platform):
    lambda_ = platform.client("lambda")
    layer = lambda_.publish_layer_version(
        LayerName="jars", Content={"ZipFile": platform.package({"java/lib/extra.jar": code["lib/extra.jar"]})}
    )["LayerVersionArn"]
    function = java("app.Methods::any", Layers=[layer], more={"lib/extra.jar": b"not a jar"})
    assert function({"do": "look"}).result["inLib"] == "in lib"


def test_classes_of_awss_events_are_bound_by_their_names(java):
    function = java("app.Events::queue")
    event = {
        "Records": [
            {
                "eventSourceARN": "arn:x",
                "detail-type": "order",
                "sent": 1700000000.5,
                "data": "aGVsbG8=",
                "NewImage": {"a": {"L": [{"S": "deep"}]}},
            }
        ],
        "isBase64Encoded": True,
    }
    assert function(event).result == ["arn:x", "order", 1700000000500, True, "hello", "deep"]
    function.configure(Handler="app.Events::bucket")
    assert function({"Records": [{"eventName": "Created:", "size": 7, "more": 1}]}).result == "Created:7"


def test_a_debugger_attaches_to_the_vm(java):
    """JDWP: whoever connects and the VM exchange these words first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    function = java("app.Methods::any", Environment={"Variables": {"SAMOVAR_DEBUG": str(port)}})
    assert function({"do": "count"}).result == 1
    with socket.create_connection(("127.0.0.1", port), 60) as editor:
        editor.settimeout(60)
        editor.sendall(b"JDWP-Handshake")
        assert editor.recv(14, socket.MSG_WAITALL) == b"JDWP-Handshake"
    assert function({"do": "count"}).result == 2


@pytest.fixture
def hooked(java):
    """A function with SnapStart and hooks, published: its answer, and the state of its version."""

    def publish(**variables):
        on = {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Environment": {"Variables": variables}}
        function = java("app.Hooked::seen", **on)
        lambda_ = function.platform.client("lambda")
        lambda_.publish_version(FunctionName=function.name)
        version = {"FunctionName": function.name, "Qualifier": "1"}
        lambda_.get_waiter("published_version_active").wait(**version, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
        return function

    return publish


@pytest.mark.skipif(MAJOR < 11, reason="SnapStart needs Java 11 or later, as on AWS")
def test_hooks_of_snapstart_run_in_full_init_and_the_log_says_so(hooked):
    """CRaC's order: before a snapshot in reverse, after a restore as they were registered. What nobody holds is
    forgotten."""
    function = hooked()
    order = ["before second", "before first", "after first", "after second"]
    assert function(Qualifier="1").result == ["com.amazonaws.services.lambda.crac", *order]
    told = [message for message in logged(function) if "can't be restored from a snapshot here" in message]
    assert len(told) == 1 and "its runtime is a program" in told[0]


@pytest.mark.skipif(MAJOR < 11, reason="SnapStart needs Java 11 or later, as on AWS")
def test_a_hook_that_fails_before_the_snapshot_fails_the_version(hooked, java):
    with pytest.raises(WaiterError, match="Failed"):
        hooked(FAIL="beforeCheckpoint")
    messages = logged(java.made[-1])
    [told] = [message for message in messages if "CheckpointException" in message]
    assert "\tSuppressed: java.lang.IllegalStateException: no snapshot\n" in told
    assert "samovar" not in told
    assert messages[-1].endswith("\tStatus: error\tError Type: Runtime.BeforeCheckpointError\n")


@pytest.mark.skipif(MAJOR < 11, reason="SnapStart needs Java 11 or later, as on AWS")
def test_a_hook_that_fails_after_the_restore_fails_its_invocations(hooked):
    function = hooked(FAIL="afterRestore")
    with pytest.raises(ClientError, match="afterRestore") as caught:
        function(Qualifier="1")
    assert caught.value.response["Error"]["Code"] == "SnapStartException"
    messages = logged(function)
    assert any("\tSuppressed: java.lang.IllegalStateException: not restored\n" in message for message in messages)
    assert messages[-1].endswith("\tStatus: error\tError Type: Runtime.AfterRestoreError\n")
