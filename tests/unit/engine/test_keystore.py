"""Certificates as Java keeps them."""

import base64
import hashlib
import struct

from samovar.engine.keystore import keystore

DER = b"\x30\x03\x02\x01\x05"
PEM = f"# a name\n-----BEGIN CERTIFICATE-----\n{base64.b64encode(DER).decode()}\n-----END CERTIFICATE-----\nand more\n"
BROKEN = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"


def test_every_certificate_is_an_entry_of_its_own_that_is_trusted():
    made = keystore(PEM + BROKEN + PEM)
    content, digest = made[:-20], made[-20:]
    assert digest == hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + content).digest()
    assert struct.unpack_from("!3I", content) == (0xFEEDFEED, 2, 2)
    first, second = (
        struct.pack("!IH", 2, 1) + alias + bytes(8) + b"\0\x05X.509" + struct.pack("!I", len(DER)) + DER
        for alias in (b"0", b"2")
    )
    assert content[12:] == first + second


def test_nothing_is_an_empty_store():
    assert struct.unpack_from("!3I", keystore("")) == (0xFEEDFEED, 2, 0)
