"""Everything a user can set: one frozen record.

Owns: the names, types, defaults and descriptions of settings, and where they come from: flag > `SAMOVAR_*` variable >
TOML file > default. Refuses: unknown names and bad values, naming the place and what is allowed.
Rule: read once, by the command line; rooms receive plain arguments and never look here or into the environment.
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from samovar.core.expressions import expression
from samovar.core.later import later

if TYPE_CHECKING:
    import difflib
    import tomllib
else:
    difflib = later("difflib")
    tomllib = later("tomllib")

PREFIX = "SAMOVAR_"
_HOST = expression(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:]+(\.[0-9.]+)?")
"""A name, one with a wildcard, or an address."""
CONFIG_VARIABLE = "SAMOVAR_CONFIG"
"""Names the configuration file, as --config does."""

Isolation = Literal["auto", "full", "namespaces", "process"]
AuthMode = Literal["auto", "off", "soft", "on"]
WhenAlone = Literal["auto", "always", "never"]
FunctionNetwork = Literal["auto", "outbound", "isolated", "host"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(Exception):
    """A setting that can't be used; the message names it, where it came from and what is allowed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    host: Annotated[str, Meta(description="Address to listen on. Beyond loopback, everybody must sign (see auth).")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the AWS API; 0 picks a free one.")] = 4566
    tls: Annotated[
        bool,
        Meta(
            description="Answer https as well as http, on the same port, with a certificate of a local authority that"
            " `samovar ca` names."
        ),
    ] = False
    tls_cert: Annotated[
        str, Meta(description="A certificate of your own for https, with those of its issuers: a PEM file.")
    ] = ""
    tls_key: Annotated[str, Meta(description="The key of `tls_cert`: a PEM file, without a password.")] = ""
    tls_names: Annotated[
        str,
        Meta(description="Further host names and addresses for https by the local authority: `build.lan,10.0.0.7`."),
    ] = ""
    listener_ports: Annotated[
        WhenAlone,
        Meta(
            description="Whether load balancers' listeners are opened on their own ports as well: `auto` opens those"
            " from 1024 up that are free; `always` all, and refuses a listener whose port isn't free."
        ),
    ] = "auto"
    auth: Annotated[
        AuthMode,
        Meta(
            description="Signatures and permissions: `off` accepts any credentials, `soft` logs what would be refused,"
            " `on` refuses it; `auto` is `off` on loopback and `on` beyond."
        ),
    ] = "auto"
    insecure_listen: Annotated[
        bool,
        Meta(description="Allow auth `off` or `soft` beyond loopback: whoever connects may run code here."),
    ] = False
    data_dir: Annotated[
        str,
        Meta(description="Where functions, logs and queues are kept; empty means $XDG_DATA_HOME/samovar."),
    ] = ""
    ephemeral: Annotated[bool, Meta(description="Keep everything in memory: nothing survives the server.")] = False
    isolation: Annotated[
        Isolation,
        Meta(
            description="Lowest level of isolation to start with: `full`, `namespaces` or `process`;"
            " `auto` takes the highest that the machine allows."
        ),
    ] = "auto"
    interpreters: Annotated[
        str,
        Meta(
            description="Programs for runtimes that this machine has no version of its own for, or another one:"
            " `ruby3.2=/usr/bin/ruby3.1,java21=/opt/jdk-25` (of Java the home)."
        ),
    ] = ""
    issuers: Annotated[
        str,
        Meta(
            description="Keys of issuers of tokens that JWT authorizers don't ask for them:"
            " `https://login.example.com=/etc/keys.json`, each a file with a JWKS."
        ),
    ] = ""
    allow_hot_reload: Annotated[
        WhenAlone,
        Meta(
            description="Whether functions and layers may be folders of this machine (`S3Bucket=hot-reload`):"
            " `auto` allows it on loopback with auth `off`."
        ),
    ] = "auto"
    allow_debugger: Annotated[
        WhenAlone,
        Meta(
            description="Whether a function's variable SAMOVAR_DEBUG opens a port of the machine's loopback for a"
            " debugger: `auto` allows it on loopback with auth `off`."
        ),
    ] = "auto"
    allow_deprecated_runtimes: Annotated[
        bool, Meta(description="Take runtimes that AWS doesn't take any more for creating or updating functions.")
    ] = False
    function_network: Annotated[
        FunctionNetwork,
        Meta(
            description="`outbound`: a function reaches the platform and the outside, by NAT; `isolated`: the platform"
            " only; `host`: it shares the host's network. `auto`: outbound where the server may, else isolated."
        ),
    ] = "auto"
    function_hosts: Annotated[
        str,
        Meta(
            description="Services of this host, or of others, that functions reach by a name: `NAME=ADDRESS:PORT`,"
            " separated by commas. With outbound access only."
        ),
    ] = ""
    allow_reset: Annotated[
        bool, Meta(description="Let POST /_samovar/reset empty everything. For test runs, never for data you keep.")
    ] = False
    allow_clock: Annotated[
        bool, Meta(description="Let POST /_samovar/clock move the platform's time forward. For test runs.")
    ] = False
    concurrency: Annotated[
        int, Meta(ge=1, description="Concurrent executions of an account in a region; beyond, callers get 429.")
    ] = 1000
    rate_limits: Annotated[
        bool, Meta(description="Refuse more than ten requests a second for each unit of concurrency, as AWS does.")
    ] = True
    api_rate_limits: Annotated[
        bool,
        Meta(description="Refuse more calls a second to Lambda's control plane than AWS: 15, and 100 of GetFunction."),
    ] = False
    api_request_rate: Annotated[
        int,
        Meta(
            ge=0,
            description="Requests a second to all APIs of an account in a region, and half as many at once; beyond,"
            " clients get 429. 0: no limit.",
        ),
    ] = 10_000
    burst_concurrency: Annotated[
        int,
        Meta(
            ge=0,
            le=3000,
            description="Scale as AWS did until 2023: so many environments at once in an account (there 500 to 3000),"
            " then 500 a minute. 0: as today, 1000 every 10 seconds for each function.",
        ),
    ] = 0
    bill_init: Annotated[
        bool, Meta(description="Count a cold start's init in the billed duration, as AWS does since August 2025.")
    ] = True
    pace_streams: Annotated[
        bool, Meta(description="Send streamed responses as AWS does: 6 MB at once, then 2 MB a second.")
    ] = False
    idle_timeout_s: Annotated[
        float, Meta(ge=0, description="Seconds after which an environment without invocations is destroyed.")
    ] = 600.0
    prefork: Annotated[
        int, Meta(ge=0, le=256, description="Prepared boxes kept ready per interpreter, for fast cold starts.")
    ] = 4
    fork_warm: Annotated[
        bool,
        Meta(
            description="Initialise a Python function once and fork its environments from that, as SnapStart does:"
            " scaling out takes milliseconds, and what is done at import is done once for all."
        ),
    ] = False
    memory_limit_mb: Annotated[
        int,
        Meta(ge=0, description="Sum of the MemorySize of all environments; 0 means four times the machine's memory."),
    ] = 0
    region: Annotated[
        str,
        Meta(
            pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$", title="a region name such as us-east-1",
            description="Region of requests that carry none (unsigned).",
        ),
    ] = "us-east-1"
    smtp: Annotated[
        str,
        Meta(
            pattern=r"^$|^smtps?://.", title="an address such as smtp://host:25",
            description="Where SNS sends mails through: `smtp://user:password@host:25` or `smtps://`; empty: not.",
        ),
    ] = ""
    log_level: Annotated[LogLevel, Meta(description="How much the server says on standard error.")] = "warning"
    shutdown_grace_s: Annotated[
        float, Meta(ge=0, description="Seconds that running requests get to finish when the server stops.")
    ] = 5.0

    @property
    def ca_file(self) -> Path:
        """The certificate of the local authority, for clients to trust."""
        return Path(self.data_dir, "tls", "ca.pem")

    @property
    def secured(self) -> bool:
        """Whether https is answered."""
        return self.tls or bool(self.tls_cert)

    @property
    def hot_reload(self) -> bool:
        """`allow_hot_reload`, decided: where permissions count, callers may not read the host's folders."""
        return self._allowed(self.allow_hot_reload)

    @property
    def debuggers(self) -> bool:
        """`allow_debugger`, decided: an open port knows no permissions either."""
        return self._allowed(self.allow_debugger)

    def _allowed(self, chosen: WhenAlone) -> bool:
        alone = is_loopback(self.host) and self.auth_mode == "off"
        return chosen == "always" or (chosen == "auto" and alone)

    @property
    def auth_mode(self) -> Literal["off", "soft", "on"]:
        """The mode in force."""
        if self.auth == "auto":
            return "off" if is_loopback(self.host) or self.insecure_listen else "on"
        return self.auth


class Setting(msgspec.Struct, frozen=True):
    """One setting as documentation and the command line show it."""

    name: str
    flag: str
    variable: str
    allowed: str
    default: str
    text: str
    is_switch: bool


def describe() -> list[Setting]:
    """Every setting, in the order of the record: for `samovar up --help`, docs/settings.md and their tests."""
    return [
        Setting(
            name=field.name,
            flag="--" + field.name.replace("_", "-"),
            variable=PREFIX + field.name.upper(),
            allowed=_allowed(field.type),
            default=_shown(field.default),
            text=get_args(field.type)[1].description,
            is_switch=get_args(field.type)[0] is bool,
        )
        for field in msgspec.structs.fields(Settings)
    ]


def load(flags: Mapping[str, str], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings in force. `flags` holds only what was given; SettingsError names what can't be used, and why."""
    named = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    file = named or _default_file(environment)
    values: dict[str, Any] = {}
    if file is not None:
        for name, value in _read(file).items():
            values[name] = _value(name, value, f"in {file}", strict=True)
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable != CONFIG_VARIABLE:
            name = variable.removeprefix(PREFIX).lower()
            values[name] = _value(name, text, f"from the environment ({variable})", strict=False)
    for name, text in flags.items():
        values[name] = _value(name, text, f"from --{name.replace('_', '-')}", strict=False)
    settings = Settings(**values)
    if not is_loopback(settings.host) and settings.auth_mode != "on" and not settings.insecure_listen:
        raise SettingsError(
            f"host = {settings.host!r} can be reached from other machines, and with auth = {settings.auth_mode!r} "
            "whoever connects could deploy and run code here. Leave auth at its default there: signatures are checked; "
            "or listen on 127.0.0.1, or say --insecure-listen if everybody on that network may."
        )
    interpreters(settings)  # told now, if it can't be used
    issuers(settings)
    _check_tls(settings)
    if settings.data_dir:
        return msgspec.structs.replace(settings, data_dir=str(Path(settings.data_dir).expanduser().absolute()))
    return msgspec.structs.replace(settings, data_dir=str(_data_home(environment) / "samovar"))


def certificate_names(settings: Settings) -> list[str]:
    """What `tls_names` lists, in lower case."""
    return [name.strip().lower() for name in settings.tls_names.split(",") if name.strip()]


def _check_tls(settings: Settings) -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        given, missing = ("tls_cert", "tls_key") if settings.tls_cert else ("tls_key", "tls_cert")
        raise SettingsError(f"{given} needs {missing} beside it: a certificate and its key")
    for name in certificate_names(settings):
        if not _HOST.fullmatch(name):
            raise SettingsError(f"tls_names = {settings.tls_names!r} can't be used: {name!r} isn't a host name")


def interpreters(settings: Settings) -> dict[str, Path]:
    """Runtime identifier -> program (of Java: the home), as the setting names them."""
    pairs = [pair.partition("=") for pair in settings.interpreters.split(",")]
    return _places("interpreters", pairs, "RUNTIME=PATH, with the path of a program that is there", os.path.exists)


def issuers(settings: Settings) -> dict[str, Path]:
    """URL of an issuer -> file with its keys, as the setting names them."""
    pairs = [pair.rpartition("=") for pair in settings.issuers.split(",")]  # a URL may have such signs
    return _places("issuers", pairs, "URL=PATH, with the path of a file that is there", os.path.isfile, "://")


def _places(
    setting: str, pairs: list[tuple[str, str, str]], form: str, there: Callable[[Path], bool], sign: str = ""
) -> dict[str, Path]:
    """What a setting names -> where that is; `sign`: what every name has in it."""
    found = {}
    for pair in pairs:
        name, _, path = (part.strip() for part in pair)
        place = Path(path).expanduser().absolute()
        if name and path and sign in name and there(place):
            found[name] = place
        elif any(pair):
            raise SettingsError(f"{setting} can't be used: {''.join(pair).strip()!r} should be {form}")
    return found


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _value(name: str, value: object, place: str, *, strict: bool) -> Any:
    field = next((field for field in msgspec.structs.fields(Settings) if field.name == name), None)
    if field is None:
        close = difflib.get_close_matches(name, Settings.__struct_fields__, 1)
        hint = f"Did you mean {close[0]!r}?" if close else "`samovar up --help` lists those that there are."
        raise SettingsError(f"unknown setting {name!r} {place}. {hint}")
    try:
        return msgspec.convert(value, field.type, strict=strict)
    except msgspec.ValidationError:
        raise SettingsError(f"{name} = {value!r} {place} can't be used: it must be {_allowed(field.type)}") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise SettingsError(f"cannot read the configuration file {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the configuration file {file} is not TOML: {error}") from None


def _default_file(environment: Mapping[str, str]) -> Path | None:
    home = Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/")) / ".config")
    candidates = (Path("samovar.toml"), home / "samovar" / "config.toml")
    return next((file for file in candidates if file.is_file()), None)


def _data_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_DATA_HOME") or Path(environment.get("HOME", "/")) / ".local" / "share")


def _allowed(annotation: Any) -> str:
    base, meta = get_args(annotation)
    if get_origin(base) is Literal:
        return "one of " + ", ".join(get_args(base))
    if base is bool:
        return "true or false"
    if base is str:
        return meta.title or "text"
    noun = "a whole number" if base is int else "a number"
    return f"{noun} from {meta.ge} to {meta.le}" if meta.le is not None else f"{noun}, at least {meta.ge}"


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    return f"{default:g}" if isinstance(default, float) else str(default)
