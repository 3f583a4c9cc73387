"""Client certificates: what an API shows to its HTTP backends (facts/apigateway.md §2)."""

import asyncio
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from samovar.core.context import Context, Params
from samovar.services.apigateway import pages, patch
from samovar.services.apigateway.plane.certificates import sealed
from samovar.services.apigateway.state import Item, Rest, Shape, must, new_id

_DAYS = 365
_MISSING = "Invalid Client Certificate identifier specified"


async def generate_client_certificate(state: Rest, ctx: Context, params: Params) -> Params:
    now, key = state.clock.now(), (ctx.account, ctx.region, new_id(6))
    certificate, secret = await asyncio.to_thread(_made, now)
    shape: Shape = {
        "clientCertificateId": key[2],
        "pemEncodedCertificate": certificate,
        "createdDate": int(now),
        "expirationDate": int(now) + _DAYS * 86_400,
    }
    shape |= {name: params[name] for name in ("description", "tags") if params.get(name)}
    kept = state.certificate_keys.putting(key, sealed(state.vault, secret))
    await state.store.transact(state.certificates.putting(key, Item(shape)), kept)
    return shape


def _made(now: float) -> tuple[str, str]:
    """(a certificate, its key) in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.COMMON_NAME, "ApiGateway"),
        ]
    )
    since = datetime.datetime.fromtimestamp(now, datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + datetime.timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


async def get_client_certificate(state: Rest, ctx: Context, params: Params) -> Params:
    return must(state.certificates.get((ctx.account, ctx.region, params["clientCertificateId"])), _MISSING).shape


async def get_client_certificates(state: Rest, ctx: Context, params: Params) -> Params:
    found = (item.shape for _, item in state.certificates.items((ctx.account, ctx.region)))
    return pages.cut(found, params, by="clientCertificateId")


async def update_client_certificate(state: Rest, ctx: Context, params: Params) -> Params:
    key = (ctx.account, ctx.region, params["clientCertificateId"])
    rules = {"/description": patch.text("add replace remove")}
    changed = patch.apply(must(state.certificates.get(key), _MISSING).shape, params.get("patchOperations"), rules)
    await state.certificates.put(key, Item(changed))
    return changed


async def delete_client_certificate(state: Rest, ctx: Context, params: Params) -> Params:
    key = (ctx.account, ctx.region, params["clientCertificateId"])
    must(state.certificates.get(key), _MISSING)
    await state.store.transact(state.certificates.deleting(key), state.certificate_keys.deleting(key))
    return {}
