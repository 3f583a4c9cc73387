"""AWS_PROXY: the request goes to a function as it is, and what the function returns is the answer (facts §4)."""

from samovar.net.message import Closable, Response
from samovar.services.apigateway.plane import execution_log, headers
from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.mapping import Mappings
from samovar.services.apigateway.plane.ports import Ports, filled
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.plane.streaming import StreamedAnswer
from samovar.services.apigateway.state import Shape
from samovar.web import answer_v1, event_v1
from samovar.web.deadlines import Line
from samovar.web.functions import EVENT_LIMIT, Ran
from samovar.web.hints import FAILED, MALFORMED, NOT_RUN


class Once:
    """Tells `done` once: what comes in time, or that nothing did."""

    __slots__ = ("_done", "_line")

    def __init__(self, line: Line, done: Done) -> None:
        self._line = line
        self._done: Done | None = done
        line.begin(self)

    def tell(self, what: Response | Refusal) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._line.end(self)
            done(what)
        elif isinstance(what, Response) and isinstance(what.body, Closable):
            what.body.close()  # too late: what streams on is dropped

    def expire(self) -> None:
        self.tell(Refusal("INTEGRATION_TIMEOUT"))


class FunctionProxy:
    traced = of_function = True

    def __init__(self, shape: Shape, function: str, ports: Ports) -> None:
        """`function`: its ARN, as the URI has it."""
        self._function = function
        self._ports = ports
        self._method = shape.get("httpMethod")
        self._credentials: str = shape.get("credentials") or ""
        self._line = ports.deadlines.line(shape["timeoutInMillis"] / 1000)
        self._mappings = Mappings.of_request(shape.get("requestParameters") or {})
        self.streams = shape.get("responseTransferMode") == "STREAM"

    def start(self, exchange: Exchange, done: Done) -> None:
        if self._method != "POST":
            exchange.say("Execution failed due to configuration error: Invalid permissions on Lambda function")
            raise Refusal("API_CONFIGURATION_ERROR")
        function = filled(self._function, exchange.variables)
        payload = event_v1.written(told(exchange, self._mappings), exchange.body, exchange.body_is_binary)
        execution_log.invoking(exchange, function, payload)
        check_size(exchange, payload)
        ctx = exchange.acting(self._ports.principal(exchange, self._credentials), exchange.source_arn)
        once = Once(self._line, done)
        functions = self._ports.functions
        if self.streams:
            sink = StreamedAnswer(exchange, once.tell, functions.pace())
            functions.stream(ctx, function, payload, sink, sink.done)
        else:
            functions.run(ctx, function, payload, lambda ran: once.tell(_answer(exchange, ran)))


def check_size(exchange: Exchange, payload: bytes) -> None:
    """Lambda takes less than API Gateway; raises Refusal."""
    if len(payload) > EVENT_LIMIT:
        exchange.say(
            "Execution failed due to configuration error: "
            f"Request must be smaller than {EVENT_LIMIT} bytes for the InvokeFunction operation"
        )
        raise Refusal("REQUEST_TOO_LARGE", "Request Too Long")


def told(exchange: Exchange, mappings: Mappings | None = None) -> event_v1.Told:
    """What the event says of a request, but for its body."""
    lines = list(exchange.lines) if exchange.is_trial else exchange.forwarded()
    if exchange.is_signed:
        lines = [line for line in lines if line[0].lower() != "authorization"]
    if mappings is not None:
        lines += mappings.of("header", exchange.value, exchange.body)
    return event_v1.Told(
        exchange.resource,
        exchange.path,
        exchange.http_method,
        lines,
        exchange.request.query,
        exchange.parameters,
        exchange.variables,
        exchange.context(),
    )


def _answer(exchange: Exchange, ran: Ran) -> Response | Refusal:
    if ran.refused:
        exchange.say(f"Execution failed due to configuration error: {ran.message}")
        return Refusal("API_CONFIGURATION_ERROR", hint=NOT_RUN)
    execution_log.received(exchange, 200)
    exchange.show("Endpoint response body before transformations", ran.payload)
    if ran.error:
        exchange.say("Lambda execution failed with status 200 due to customer function error")
        return Refusal("INTEGRATION_FAILURE", status=502, hint=FAILED)
    try:
        answered = answer_v1.read(ran.payload)
    except answer_v1.Malformed as wrong:
        exchange.say(f"Execution failed due to configuration error: {wrong}")
        return Refusal("INTEGRATION_FAILURE", status=502, hint=MALFORMED)
    wants_binary = exchange.plan.media.is_binary(exchange.request.headers.get("accept", ""))
    if not (answered.is_base64 and wants_binary):
        return Response(answered.status, headers.from_function(answered.headers), answered.encoded())
    try:
        return Response(answered.status, headers.from_function(answered.headers), answered.decoded())
    except answer_v1.Malformed:
        exchange.say("Execution failed due to configuration error: Unable to base64 decode the body.")
        return Refusal("API_CONFIGURATION_ERROR")
