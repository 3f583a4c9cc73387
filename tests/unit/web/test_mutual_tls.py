"""Which certificates of clients a truststore trusts, and what is said of it (AWS's guide to mutual TLS)."""

import pytest
from pki import NOW, Party

from samovar.web.mutual_tls import Trust, Untrusted, examined

TIME = NOW.timestamp()


def refusal(client, *roots, now=TIME):
    """Why a client isn't let in; empty when it is."""
    try:
        Trust("api.example.com", "".join(each.pem for each in roots)).judge(client.der, now)
    except Untrusted as refused:
        return str(refused)
    return ""


def chain(length):
    """Authorities from the root down."""
    found = [Party("root")]
    for number in range(1, length):
        found.append(Party(f"level {number}", found[-1]))
    return found


def test_a_chain_has_four_authorities_at_most():
    authorities = chain(5)
    assert [refusal(each.client("c"), *authorities) for each in authorities] == [""] * 4 + [
        "Could not find issuer for certificate"
    ]


def test_all_authorities_up_to_the_root_must_be_in_the_truststore():
    root, middle = chain(2)
    client = middle.client("c")
    missing = "Could not find issuer for certificate"
    truststores = ((root, middle), (root,), (middle,), ())
    assert [refusal(client, *each) for each in truststores] == ["", missing, missing, missing]


def test_an_authority_of_the_same_name_is_not_the_issuer():
    mine, theirs = Party("root"), Party("root")
    assert refusal(theirs.client("c"), mine) == "Could not find issuer for certificate"


def test_a_self_signed_certificate_counts_when_it_is_in_the_truststore():
    client = Party("c", authority=False)
    assert refusal(client, client) == ""
    assert refusal(client, Party("root")) == "self signed certificate"


def test_weak_keys_are_refused():
    root = Party("root")
    assert refusal(root.client("c", bits=1024), root) == "Client cert using an insecure Signature Algorithm"
    assert refusal(root.client("c", bits=2048), root) == ""


def test_a_client_counts_as_long_as_its_certificate_does():
    root = Party("root")
    client = root.client("c", days=(0, 2))
    trust = Trust("d", root.pem)
    assert trust.judge(client.der, TIME + 1).shown["subjectDN"] == "O=Example,CN=c"
    for moment in (TIME - 86_400, TIME + 3 * 86_400):
        with pytest.raises(Untrusted):
            trust.judge(client.der, moment)


def test_what_is_told_of_a_certificate_is_in_openssls_words():
    root = Party("root")
    shown = Trust("d", root.pem).judge(root.client("c", serial=1).der, TIME).shown
    assert shown["serialNumber"] == "1"
    assert (shown["subjectDN"], shown["issuerDN"]) == ("O=Example,CN=c", "O=Example,CN=root")
    assert shown["clientCertPem"].startswith("-----BEGIN CERTIFICATE-----\n")
    assert shown["validity"]["notAfter"].endswith(" GMT")
    long = Trust("d", root.pem).judge(root.client("c", serial=0xA1 << 64).der, TIME).shown
    assert long["serialNumber"] == "a1:00:00:00:00:00:00:00:00"


def test_what_is_no_certificate_is_no_certificate():
    assert Trust("d", Party("root").pem)
    with pytest.raises(Untrusted):
        Trust("d", Party("root").pem).judge(b"\x30\x03abc", TIME)


def test_a_truststore_is_kept_with_warnings_that_name_what_is_wrong_with_whom():
    root, old = Party("root"), Party("old", days=(-9, -2))
    orphan = Party("orphan", Party("elsewhere"))
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    text = "# mine\n" + root.pem + old.pem + orphan.pem + broken
    assert examined(text.encode(), TIME) == (3, [
        "Certificate number 4 is not a valid X.509 certificate",
        "Certificate has expired: O=Example,CN=old",
        "Could not find the issuer of certificate: O=Example,CN=orphan",
    ])  # fmt: skip
    assert examined(root.pem.encode(), TIME) == (1, [])
    assert examined("".join(each.pem for each in chain(5)).encode(), TIME)[1] == [
        "Certificate chain is longer than four: O=Example,CN=level 4"
    ]
    assert examined(b"\xff\x00", TIME) == (0, [])
