"""The `tls` stand-in: certificates that `openssl` takes, and when they are made anew."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.plumbing import Failure
from lab.engine.tls_provider import TlsServicer, is_due, mint
from lab.engine.values import UNKNOWN, Secret, decode_struct, encode_struct

URN = "urn:pulumi:local::bulkhead::tls:index/{0}:{1}::engine-tiny-door"
SERVICER = TlsServicer("127.0.0.1:1")
KEY = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
YEAR = 8766


def struct(**members: Any) -> Struct:
    return encode_struct(members)


def private_key() -> str:
    return str(mint("PrivateKey", KEY)["privateKeyPem"])


def authority(key: str) -> str:
    arguments = {
        "privateKeyPem": key,
        "subject": {"commonName": "test"},
        "isCaCertificate": True,
        "allowedUses": ["cert_signing", "crl_signing"],
        "validityPeriodHours": 20 * YEAR,
    }
    return str(mint("SelfSignedCert", arguments)["certPem"])


def leaf(authority_key: str, authority_certificate: str, use: str = "server_auth") -> dict[str, Any]:
    request = {
        "privateKeyPem": private_key(),
        "subject": {"commonName": "engine-tiny"},
        "dnsNames": ["engine.example"],
    }
    signed = {
        "certRequestPem": mint("CertRequest", request)["certRequestPem"],
        "caPrivateKeyPem": authority_key,
        "caCertPem": authority_certificate,
        "allowedUses": ["digital_signature", use],
        "validityPeriodHours": 5 * YEAR,
    }
    return dict(mint("LocallySignedCert", signed))


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def test_a_certificate_is_its_authority_s_and_stands_for_its_names(tmp_path: Path) -> None:
    key = private_key()
    trusted, made = authority(key), leaf(key, authority(key))
    (tmp_path / "ca.pem").write_text(trusted)
    (tmp_path / "leaf.pem").write_text(made["certPem"])
    verify = ["verify", "-purpose", "sslserver", "-verify_hostname", "engine.example"]

    assert "OK" in openssl(*verify, "-CAfile", str(tmp_path / "ca.pem"), str(tmp_path / "leaf.pem"))
    assert "CN = engine-tiny" in openssl("x509", "-in", str(tmp_path / "leaf.pem"), "-noout", "-subject")


def test_an_authority_renewed_over_its_key_vouches_for_what_it_signed_before(tmp_path: Path) -> None:
    key = private_key()
    made = leaf(key, authority(key))
    (tmp_path / "renewed.pem").write_text(authority(key))
    (tmp_path / "leaf.pem").write_text(made["certPem"])

    assert "OK" in openssl("verify", "-CAfile", str(tmp_path / "renewed.pem"), str(tmp_path / "leaf.pem"))


def test_a_certificate_says_when_it_ends() -> None:
    key = private_key()
    made = leaf(key, authority(key))
    lasts = datetime.fromisoformat(made["validityEndTime"]) - datetime.fromisoformat(made["validityStartTime"])

    assert lasts >= timedelta(hours=5 * YEAR)


def test_a_private_key_is_a_secret_and_a_preview_makes_none() -> None:
    urn = URN.format("privateKey", "PrivateKey")
    made = decode_struct(SERVICER.create(pb.CreateRequest(urn=urn, properties=struct(**KEY))).properties)
    foreseen = SERVICER.create(pb.CreateRequest(urn=urn, properties=struct(**KEY), preview=True))

    assert isinstance(made["privateKeyPem"], Secret)
    assert "BEGIN PRIVATE KEY" in str(made["privateKeyPem"].value)
    assert decode_struct(foreseen.properties)["privateKeyPem"] == Secret(UNKNOWN)


def difference(end: datetime, **news: Any) -> pb.DiffResponse:
    inputs = {"validityPeriodHours": 5 * YEAR, "earlyRenewalHours": YEAR}
    return SERVICER.diff(
        pb.DiffRequest(
            urn=URN.format("locallySignedCert", "LocallySignedCert"),
            old_inputs=struct(**inputs),
            olds=struct(**inputs, validityEndTime=end.isoformat()),
            news=struct(**{**inputs, **news}),
        )
    )


FAR, NEAR = (datetime.now(UTC) + timedelta(hours=hours) for hours in (3 * YEAR, YEAR - 1))


def test_an_unchanged_certificate_stays_until_its_end_is_near() -> None:
    assert difference(FAR).changes == pb.DiffResponse.DIFF_NONE
    assert list(difference(NEAR).replaces) == ["readyForRenewal"]


def test_when_it_is_renewed_may_change_and_nothing_else() -> None:
    assert not difference(FAR, earlyRenewalHours=2).replaces
    assert list(difference(FAR, validityPeriodHours=YEAR).replaces) == ["validityPeriodHours"]


def test_a_key_never_ends() -> None:
    assert not is_due({}, 0, datetime.now(UTC))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("PublicKey", {}), ("PrivateKey", {"algorithm": "RSA"}), ("CertRequest", {"privateKeyPem": "none"})],
)
def test_what_it_cannot_make_is_refused(kind: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(Failure):
        mint(kind, arguments)
