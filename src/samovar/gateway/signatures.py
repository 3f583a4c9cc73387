"""Whose signature a request carries: in headers, links and HTML forms; the keys that close it (facts/iam.md §6).

Refuses: whether anybody is asked to sign, and what they may do (`authority`).
Rules: whose key signs is who is identified, from one place of the request only. No secret reaches a log.
"""

import hmac
from collections.abc import Mapping
from functools import partial

from samovar.core.clock import Clock
from samovar.core.errors import AwsError
from samovar.gateway.identity import Identities, Identity
from samovar.net.message import Request
from samovar.wire import chunked, signature, sigv2
from samovar.wire.sigv4 import Scope

OPERATOR = "SAMOVAROPERATOR"
"""The access key of whoever runs the server; its secret is derived from the server's key file."""

UNKNOWN_KEY = "The security token included in the request is invalid."


class Signatures:
    """Each method raises AwsError for what isn't signed rightly."""

    def __init__(self, identities: Identities, clock: Clock, operator: str) -> None:
        """`operator`: the secret of whoever runs this server (`samovar keys`)."""
        self._identities = identities
        self._clock = clock
        self._operator = operator
        self._verifier = signature.Verifier()

    def signer(self, request: Request, service: str) -> Identity:
        """Whoever signed a request for this service; a body that came signed in chunks is put together."""
        signed = signature.read(request.headers, request.query)
        if signed is None and service == "s3":
            older = sigv2.read(request.query)
            if older is not None:
                return self._older_signer(request, older)
        if signed is None:
            raise AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        found = self._identities.find(signed.scope, request.headers, request.query)
        if found is None:
            raise AwsError("UnrecognizedClientException", UNKNOWN_KEY)
        self._verify(request, signed, found.secret)
        self._check_alive(found)
        if signed.scope.service != service:
            message = f"Credential should be scoped to correct service: '{service}'. "
            raise AwsError("InvalidSignatureException", message)
        if found.session is None:
            self._identities.keys.used(signed.scope.access_key, signed.scope.service, signed.scope.region)
        return found

    def check_operator(self, request: Request) -> None:
        """Whether whoever runs the server has signed."""
        signed = signature.read(request.headers, request.query)
        if signed is None or signed.scope.access_key != OPERATOR or not self._operator:
            raise AwsError("AccessDeniedException", "This door opens to the operator of the server: `samovar keys`.")
        self._verify(request, signed, self._operator)

    def check_form(self, fields: Mapping[str, str], claimed: Scope | None, found: Identity | None) -> None:
        """Whether an HTML form for S3 was signed by whom its fields claim. Facts: s3.md §3.4."""
        if claimed is None or not fields.get("policy"):
            raise AwsError("AccessDenied", "Access Denied")
        if found is None:
            raise as_s3(AwsError("UnrecognizedClientException", UNKNOWN_KEY))
        wanted = self._verifier.sign(found.secret, claimed, fields["policy"])
        if not hmac.compare_digest(wanted.encode(), fields.get("x-amz-signature", "").encode("utf-8", "replace")):
            text = "The request signature we calculated does not match the signature you provided. Check your key and "
            raise AwsError("SignatureDoesNotMatch", text + "signing method.")

    def chunks(self, request: Request) -> chunked.Chunks | None:
        """What takes a body that is signed in chunks apart while it arrives; None for one that isn't."""
        kind = request.headers.get("x-amz-content-sha256", "")
        signed = signature.read(request.headers, request.query) if kind.startswith(signature.STREAMING) else None
        found = self._identities.find(signed.scope, request.headers, request.query) if signed else None
        if signed is None or found is None:
            return None
        return self._signed_chunks(kind, signed, found.secret)

    def _signed_chunks(self, kind: str, signed: signature.Signed, secret: str) -> chunked.Chunks:
        return chunked.Chunks(kind, signed, partial(self._verifier.sign, secret, signed.scope))

    def _older_signer(self, request: Request, signed: sigv2.SignedV2) -> Identity:
        token = {"x-amz-security-token": signed.token} if signed.token else {}
        found = self._identities.find(Scope(signed.access_key, "", "", "s3"), token, "")
        if found is None:
            raise AwsError("UnrecognizedClientException", UNKNOWN_KEY)
        now = self._clock.now()
        sigv2.check(signed, found.secret, request.method, request.path, request.query, request.headers, now)
        self._check_alive(found)
        return found

    def _check_alive(self, found: Identity) -> None:
        if found.session is not None and found.session.expires_at <= self._clock.now():
            raise AwsError("ExpiredTokenException", "The security token included in the request is expired")

    def _verify(self, request: Request, signed: signature.Signed, secret: str) -> None:
        signature.check_time(signed, self._clock.now())
        body = request.body if request.incoming is None else None
        self._verifier.check(signed, secret, request.method, request.path, request.query, request.headers, body)
        if request.incoming is not None:
            return  # `chunks` takes it apart
        kind = request.headers.get("x-amz-content-sha256", "")
        if kind.startswith(signature.STREAMING):
            chunks = self._signed_chunks(kind, signed, secret)
            request.body = chunks.feed(request.body)
            chunks.end()


def is_signed(request: Request) -> bool:
    signatures = ("X-Amz-Signature=", "X-Amz-Credential=", "AWSAccessKeyId=")
    return "authorization" in request.headers or any(each in request.query for each in signatures)


def as_s3(refused: AwsError) -> AwsError:
    """A refusal in the words that S3 has of its own (facts/iam.md §7)."""
    code, message = _S3.get(refused.code, (refused.code, ""))
    return AwsError(code, message or refused.message)


_S3: Mapping[str, tuple[str, str]] = {
    "ExpiredTokenException": ("ExpiredToken", "The provided token has expired."),
    "IncompleteSignatureException": ("AuthorizationHeaderMalformed", ""),
    "InvalidSignatureException": ("SignatureDoesNotMatch", ""),
    "MissingAuthenticationTokenException": ("AccessDenied", "Access Denied"),
    "UnrecognizedClientException": (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
}
