"""Functions in .NET, on a `dotnet` of this machine: programs that speak with the Runtime API themselves, methods of
class libraries, which the client of ours calls, and the way without any: a custom runtime that brings all of .NET.

Amazon.Lambda.Core isn't to be had from every registry, so a stand-in with its names is compiled: the client knows them
by their names only.
"""

import base64
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from samovar.engine.languages.dotnet import find_frameworks, search_path

_PACKAGE = importlib.util.find_spec("dotnetcore2")
PLACES = [*search_path(), *([Path(_PACKAGE.origin).parent / "bin"] if _PACKAGE and _PACKAGE.origin else [])]
FRAMEWORK = next((found for _, found in sorted(find_frameworks(PLACES).items(), reverse=True)), None)
RUNTIME = "dotnet8"
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(FRAMEWORK is None, reason="no .NET on this machine, nor the package dotnetcore2"),
    pytest.mark.skipif(shutil.which("mcs") is None, reason="no C# compiler: apt-get install mono-mcs"),
]

CORE = """
namespace Amazon.Lambda.Core {
    using System;
    using System.Collections.Generic;
    using System.IO;

    public interface ILambdaLogger {
        void Log(string message); void LogLine(string message); void Log(string level, string message);
        void LogWarning(string message, params object[] values); void LogDebug(string message);
    }
    public interface IClientApplication { string AppTitle { get; } string InstallationId { get; } }
    public interface IClientContext { IDictionary<string, string> Custom { get; } IClientApplication Client { get; } }
    public interface ICognitoIdentity { string IdentityId { get; } string IdentityPoolId { get; } }
    public interface ILambdaContext {
        string AwsRequestId { get; } string FunctionName { get; } string FunctionVersion { get; }
        string InvokedFunctionArn { get; } string LogGroupName { get; } string LogStreamName { get; }
        int MemoryLimitInMB { get; } TimeSpan RemainingTime { get; } string Unheard { get; } int Unknown { get; }
        ILambdaLogger Logger { get; } IClientContext ClientContext { get; } ICognitoIdentity Identity { get; }
    }
    public interface ILambdaSerializer { T Deserialize<T>(Stream stream); void Serialize<T>(T value, Stream stream); }
    [AttributeUsage(AttributeTargets.Method | AttributeTargets.Assembly)]
    public sealed class LambdaSerializerAttribute : Attribute {
        public LambdaSerializerAttribute(Type type) { SerializerType = type; }
        public Type SerializerType { get; set; }
    }
    public sealed class JsonSerializer : ILambdaSerializer {
        public T Deserialize<T>(Stream stream) {
            MemoryStream bytes = new MemoryStream();
            stream.CopyTo(bytes);
            return System.Text.Json.JsonSerializer.Deserialize<T>(bytes.ToArray());
        }
        public void Serialize<T>(T value, Stream stream) {
            byte[] bytes = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(value);
            stream.Write(bytes, 0, bytes.Length);
        }
    }
}
"""
LIBRARY = """
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(Amazon.Lambda.Core.JsonSerializer))]

namespace Shop {
    public class Order { public string Name { get; set; } public List<int> Counts { get; set; } }
    public class Answer {
        public string Text { get; set; }
        public int Total { get; set; }
        public int Calls { get; set; }
    }

    public class Functions {
        private int calls;

        public Answer Sum(Order order, ILambdaContext context) {
            calls++;
            return new Answer { Text = "Grüße " + order.Name, Total = order.Counts.Sum(), Calls = calls };
        }

        public static async Task<string[]> Later(int wanted) {
            await Task.Delay(1);
            return Enumerable.Repeat("x", wanted).ToArray();
        }

        public Stream Raw(Stream input) {
            MemoryStream answer = new MemoryStream();
            answer.WriteByte((byte)'[');
            input.CopyTo(answer);
            answer.WriteByte((byte)']');
            answer.Position = 0;
            return answer;
        }

        public async Task Nothing(string name) { await Task.Delay(1); Console.WriteLine("nothing for " + name); }

        public object Look(Dictionary<string, string> wanted, ILambdaContext context) {
            return new Dictionary<string, object> {
                { "id", context.AwsRequestId }, { "name", context.FunctionName },
                { "version", context.FunctionVersion },
                { "arn", context.InvokedFunctionArn }, { "group", context.LogGroupName },
                { "memory", context.MemoryLimitInMB }, { "left", context.RemainingTime.TotalSeconds },
                { "client", context.ClientContext == null ? null : context.ClientContext.Client.AppTitle },
                { "custom", context.ClientContext == null ? null : context.ClientContext.Custom["k"] },
                { "identity", context.Identity.IdentityId }, { "unknown", context.Unknown },
                { "environment", Environment.GetEnvironmentVariable("AWS_EXECUTION_ENV") },
                { "trace", Environment.GetEnvironmentVariable("_X_AMZN_TRACE_ID") },
                { "folder", Directory.GetCurrentDirectory() }, { "extra", Extra.Word.Said },
            };
        }

        public string Say(string text, ILambdaContext context) {
            Console.WriteLine("printed\\nin two lines");
            Console.Error.WriteLine("complained");
            context.Logger.LogLine("logged " + text);
            context.Logger.LogWarning("{Count} left of {Name}", 3, text);
            context.Logger.LogDebug("hidden");
            return null;
        }

        public string Fail(string how) {
            if (how == "exit") Environment.Exit(3);
            if (how == "memory") for (List<byte[]> kept = new List<byte[]>(); ; ) kept.Add(new byte[1 << 20]);
            try { throw new ArgumentException("inner"); }
            catch (ArgumentException error) { throw new InvalidOperationException("outer", error); }
        }

        public async Task<string> FailLater(string how) { await Task.Delay(1); throw new KeyNotFoundException(how); }
        public async void Lost(string how) { await Task.Delay(1); }
        public string Twice(string a) { return a; }
        public string Twice(int a) { return ""; }
    }

    public class Broken {
        public Broken() { throw new NotSupportedException("not today"); }
        public string Handle(string name) { return name; }
    }
}
"""
EXTRA = 'namespace Extra { public static class Word { public static string Said { get { return "extra"; } } } }'
PROGRAM = """
using System;
using System.Linq;
using System.Net.Http;

public static class Program {
    public static int Main() {
        string api = "http://" + Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API");
        api += "/2018-06-01/runtime/invocation/";
        HttpClient client = new HttpClient { Timeout = System.Threading.Timeout.InfiniteTimeSpan };
        while (true) {
            HttpResponseMessage next = client.GetAsync(api + "next").Result;
            string id = next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id").First();
            string answer = "{\\"event\\": " + next.Content.ReadAsStringAsync().Result;
            answer += ", \\"net\\": \\"" + Environment.Version;
            answer += "\\", \\"handler\\": \\"" + Environment.GetEnvironmentVariable("_HANDLER") + "\\"}";
            Console.WriteLine("called");
            client.PostAsync(api + id + "/response", new StringContent(answer)).Wait();
        }
    }
}
"""


def compiled(folder, name, source, *references, program=False):
    """The bytes of an assembly."""
    text, target = folder / f"{name}.cs", folder / f"{name}.dll"
    text.write_text(source)
    libraries = [f for f in FRAMEWORK.libraries.glob("*.dll") if f.name not in ("mscorlib.dll", "netstandard.dll")]
    libraries += [folder / f"{reference}.dll" for reference in references]
    kind = "exe" if program else "library"
    command = ["mcs", "-noconfig", "-nostdlib", "-nologo", f"-target:{kind}", f"-out:{target}"]
    done = subprocess.run(
        [*command, *(f"-r:{library}" for library in libraries), str(text)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return target.read_bytes()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dotnet")
    extra = {"Extra.dll": compiled(folder, "Extra", EXTRA)}
    core = {"Amazon.Lambda.Core.dll": compiled(folder, "Amazon.Lambda.Core", CORE)}
    library = {"Shop.dll": compiled(folder, "Shop", LIBRARY, "Amazon.Lambda.Core", "Extra")}
    program = {"Program.dll": compiled(folder, "Program", PROGRAM, program=True)}
    wanted = {"name": "Microsoft.NETCore.App", "version": FRAMEWORK.version}
    settings = json.dumps({"runtimeOptions": {"framework": wanted}})
    return {
        "library": {**extra, **core, **library, "Shop.runtimeconfig.json": settings},
        "program": {**program, "Program.runtimeconfig.json": settings},
    }


@pytest.fixture(scope="module")
def server(platforms):
    dotnet = FRAMEWORK.root / "dotnet"
    dotnet.chmod(0o755)  # which a wheel doesn't keep
    running = platforms("--ephemeral", "--interpreters", f"{RUNTIME}={dotnet}")
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def shop(server, built):
    """A function with a method of the library as its handler."""
    made = {}

    def deploy(method, **configuration):
        name = f"{method.replace('::', '-').replace('.', '-')}{len(made)}"
        wanted = {"Runtime": RUNTIME, "Handler": f"Shop::Shop.{method}", "MemorySize": 256, "Timeout": 60}
        made[name] = server.deploy(built["library"], name, **(wanted | configuration))
        return made[name]

    yield deploy
    for function in made.values():
        function.delete()


def test_a_method_gets_and_returns_what_its_serializer_makes(shop):
    sum_up = shop("Functions::Sum")
    order = {"Name": "Ada €", "Counts": [1, 2, 39]}
    assert sum_up(order).result == {"Text": "Grüße Ada €", "Total": 42, "Calls": 1}
    # The first environment may not have asked for more when the next invocation comes; then there is another one.
    assert any(sum_up(order).result["Calls"] > 1 for _ in range(20))
    assert shop("Functions::Later")(3).result == ["x", "x", "x"]


def test_streams_and_nothing_need_no_serializer(shop):
    assert shop("Functions::Raw")({"a": 1}).result == [{"a": 1}]
    nothing = shop("Functions::Nothing")
    answer = nothing("Ada")
    assert answer.error is None and answer.payload == b""
    assert "\\tinfo\\tnothing for Ada".replace("\\t", "\t") in answer.log


def test_the_context_is_that_of_the_version_of_the_interface_that_the_function_brings(shop):
    look = shop("Functions::Look")
    given = {"client": {"app_title": "App"}, "custom": {"k": "v"}, "env": {}}
    answer = look({"a": "b"}, ClientContext=base64.b64encode(json.dumps(given).encode()).decode())
    seen = answer.result
    assert 50 < seen.pop("left") <= 60
    assert seen.pop("trace").startswith("Root=1-")
    assert seen == {
        "id": answer.request_id, "name": look.name, "version": "$LATEST", "group": f"/aws/lambda/{look.name}",
        "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{look.name}", "memory": 256, "client": "App",
        "custom": "v", "identity": None, "unknown": 0, "environment": f"AWS_Lambda_{RUNTIME}", "folder": "/var/task",
        "extra": "extra",
    }  # fmt: skip


def test_lines_of_the_log_have_time_request_and_level(shop):
    say = shop("Functions::Say")
    answer = say("you")
    messages = [message for messages in say.log().values() for message in messages]
    own = [message.split("\t", 2) for message in messages if f"\t{answer.request_id}\t" in message]
    assert [(id_, rest.rstrip("\n")) for _, id_, rest in own] == [
        (answer.request_id, "info\tprinted\nin two lines"),
        (answer.request_id, "fail\tcomplained"),
        (answer.request_id, "info\tlogged you"),
        (answer.request_id, "warn\t3 left of you"),
    ]


def test_json_lines_have_what_fills_a_message_beside_it(shop):
    say = shop("Functions::Say", LoggingConfig={"LogFormat": "JSON"})
    answer = say("you")
    messages = [json.loads(message) for messages in say.log().values() for message in messages]
    warning = next(message for message in messages if message.get("level") == "Warning")
    assert warning.pop("timestamp").endswith("Z") and warning.pop("traceId").startswith("Root=")
    assert warning == {
        "level": "Warning", "requestId": answer.request_id, "message": "3 left of you", "Count": "3", "Name": "you",
    }  # fmt: skip


def test_an_exception_is_told_with_its_causes_and_its_own_frames(shop):
    answer = shop("Functions::Fail")("now")
    assert answer.error == "Unhandled"
    told = answer.value
    assert (told["errorType"], told["errorMessage"]) == ("InvalidOperationException", "outer")
    assert told["stackTrace"] and all(frame.startswith("at Shop.Functions.Fail(") for frame in told["stackTrace"])
    assert (told["cause"]["errorType"], told["cause"]["errorMessage"]) == ("ArgumentException", "inner")
    assert "\tfail\tSystem.InvalidOperationException: outer" in answer.log
    later = shop("Functions::FailLater")("then")
    assert later.failure == ("KeyNotFoundException", "then")


def test_the_heap_is_sized_by_the_function_s_memory(shop):
    """.NET says so itself; it isn't killed."""
    fail = shop("Functions::Fail")
    assert fail("memory").failure[0] == "OutOfMemoryException"
    assert fail("again").failure[0] == "InvalidOperationException"


def test_a_runtime_that_ends_is_started_again(shop):
    fail = shop("Functions::Fail")
    kind, message = fail("exit").failure
    assert kind == "Runtime.ExitError" and message.endswith("exit status 3")
    assert fail("again").failure[0] == "InvalidOperationException"


@pytest.mark.parametrize(
    ("handler", "kind", "words"),
    [
        ("Shop::Shop.Functions", "LambdaValidationException", "valid format is 'ASSEMBLY::TYPE::METHOD'"),
        ("Shop::Shop.None::Sum", "LambdaValidationException", "Unable to load type 'Shop.None'"),
        ("Shop::Shop.Functions::None", "LambdaValidationException", "Unable to find method 'None'"),
        ("Shop::Shop.Functions::Twice", "LambdaValidationException", "more than one method 'Twice'"),
        ("Shop::Shop.Functions::Lost", "LambdaValidationException", "async void"),
        ("Shop::Shop.Broken::Handle", "NotSupportedException", "not today"),
        ("None::Shop.Functions::Sum", "LambdaValidationException", "file name 'None'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_handler_is_told_when_it_initialises(shop, handler, kind, words):
    told, message = shop("x", Handler=handler)("x").failure
    assert told == kind
    assert words in message


def test_a_program_brings_its_own_client(server, built):
    configuration = {"Runtime": RUNTIME, "Handler": "Program", "MemorySize": 256, "Timeout": 60}
    function = server.deploy(built["program"], "program", **configuration)
    assert function({"a": [1]}).result == {"event": {"a": [1]}, "net": FRAMEWORK.version, "handler": "Program"}
    assert any("called\n" in messages for messages in function.log().values())
    function.configure(Handler="Missing")
    assert function({}).failure[1].endswith("Runtime exited with error: exit status 104")
    function.delete()


def test_without_any_dotnet_a_custom_runtime_brings_all_of_it(server, built):
    """As `dotnet publish --self-contained` does, whose program is then called `bootstrap`."""
    code = dict(built["program"])
    for path in [FRAMEWORK.root / "dotnet", *FRAMEWORK.root.glob("host/**/*.so"), *FRAMEWORK.libraries.iterdir()]:
        code[str(path.relative_to(FRAMEWORK.root))] = path.read_bytes()
    code["bootstrap"] = "#!/bin/sh\nexec ./dotnet Program.dll\n"
    s3, lambda_ = server.client("s3"), server.client("lambda")
    s3.create_bucket(Bucket="published")
    s3.put_object(Bucket="published", Key="code.zip", Body=server.package(code, {"bootstrap": 0o755, "dotnet": 0o755}))
    lambda_.create_function(
        FunctionName="self-contained", Role="arn:aws:iam::123456789012:role/r", Runtime="provided.al2023",
        Handler="any", Code={"S3Bucket": "published", "S3Key": "code.zip"}, MemorySize=256, Timeout=60,
        Environment={"Variables": {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}},
    )  # fmt: skip
    function = server.function("self-contained")
    function.settle()
    assert function("x").result == {"event": "x", "net": FRAMEWORK.version, "handler": "any"}
