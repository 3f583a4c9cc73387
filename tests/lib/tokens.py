"""An issuer of JSON Web Tokens: it signs, and publishes its keys."""

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://issuer.example.com"
AUDIENCE = "the-api"


class Signer:
    kid = "key-1"

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)

    def jwks(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "kid": self.kid, "n": _number(numbers.n), "e": _number(numbers.e)}
        return json.dumps({"keys": [key]}).encode()

    def token(
        self,
        *,
        now: float = 0.0,
        algorithm: Any = "RS256",
        issuer: str = ISSUER,
        without: tuple[str, ...] = (),
        **claims: Any,
    ) -> str:
        now = now or time.time()
        told = {"iss": issuer, "aud": AUDIENCE, "exp": int(now) + 600, "iat": int(now) - 10, **claims}
        told = {name: value for name, value in told.items() if name not in without}
        head = {"alg": algorithm, "typ": "JWT", "kid": self.kid}
        signed = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(told).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
