"""Stand-in for Pulumi's `tls` provider: keys and certificates made once by the `openssl` command, kept in the state.

As with the real provider every argument but `earlyRenewalHours` is a replacement trigger, and so is the time from which
a certificate is to be renewed. Of keys it makes elliptic-curve ones.
"""

import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from pulumi.runtime.proto import provider_pb2 as pb

from lab.cluster.commands import run
from lab.engine.differences import Change, Difference, response
from lab.engine.made_once import MadeOnceServicer
from lab.engine.plugins import TLS
from lab.engine.plumbing import Failure, serve
from lab.engine.values import Value, decode_struct, plain
from lab.errors import LabError

OUTPUTS: Final[Mapping[str, Mapping[str, bool]]] = {
    "PrivateKey": {"privateKeyPem": True, "publicKeyPem": False},
    "SelfSignedCert": {"certPem": False, "validityStartTime": False, "validityEndTime": False},
    "CertRequest": {"certRequestPem": False},
    "LocallySignedCert": {"certPem": False, "validityStartTime": False, "validityEndTime": False},
}
"""The outputs of each kind, and whether each is a secret."""

CURVES: Final = {"P256": "P-256", "P384": "P-384", "P521": "P-521"}
KEY_USAGES: Final = {"digital_signature": "digitalSignature", "cert_signing": "keyCertSign", "crl_signing": "cRLSign"}
EXTENDED_KEY_USAGES: Final = {"server_auth": "serverAuth", "client_auth": "clientAuth"}
NAME_PARTS: Final = {"commonName": "CN", "organization": "O"}
HOURS_PER_DAY: Final = 24
OPENSSL_TIME: Final = "%b %d %H:%M:%S %Y %Z"
RENEWAL: Final = Difference(("readyForRenewal",), Change.UPDATE)

Arguments = Mapping[str, Any]


class _Desk:
    """A folder for the files that `openssl` wants, of the owner alone and gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
        return path

    def openssl(self, *arguments: str | Path) -> str:
        return run(["openssl", *arguments], doing="Making a key or certificate")


def mint(kind: str, arguments: Arguments) -> Mapping[str, Value]:
    """Make a key or a certificate. Raises Failure for a kind or an argument that the stand-in lacks."""
    makers: Mapping[str, Callable[[_Desk, Arguments], Mapping[str, Value]]] = {
        "PrivateKey": _private_key,
        "SelfSignedCert": _self_signed,
        "CertRequest": _request,
        "LocallySignedCert": _signed,
    }
    if kind not in makers:
        raise Failure(f"the lab's tls stand-in has no {kind}; install the real tls plugin to use it")
    with tempfile.TemporaryDirectory() as folder:
        try:
            return makers[kind](_Desk(Path(folder)), arguments)
        except LabError as error:
            raise Failure(str(error)) from None


def _private_key(desk: _Desk, arguments: Arguments) -> Mapping[str, Value]:
    curve = CURVES.get(arguments.get("ecdsaCurve") or "")
    if arguments["algorithm"] != "ECDSA" or curve is None:
        raise Failure("the lab's tls stand-in makes ECDSA keys on P256, P384 and P521 alone")
    made = desk.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
    public = desk.openssl("pkey", "-in", desk.put("key", made), "-pubout")
    return {"privateKeyPem": made, "publicKeyPem": public}


def _self_signed(desk: _Desk, arguments: Arguments) -> Mapping[str, Value]:
    key = desk.put("key", arguments["privateKeyPem"])
    extensions = _extensions(arguments, authority=bool(arguments.get("isCaCertificate")))
    added = [word for name, value in extensions.items() for word in ("-addext", f"{name}={value}")]
    subject, days = _subject(arguments), _days(arguments)
    made = desk.openssl("req", "-x509", "-new", "-key", key, "-subj", subject, "-days", days, *added)
    return _certificate(desk, made)


def _request(desk: _Desk, arguments: Arguments) -> Mapping[str, Value]:
    names = ",".join(f"DNS:{name}" for name in arguments.get("dnsNames") or ())
    added = ("-addext", f"subjectAltName={names}") if names else ()
    key = desk.put("key", arguments["privateKeyPem"])
    return {"certRequestPem": desk.openssl("req", "-new", "-key", key, "-subj", _subject(arguments), *added)}


def _signed(desk: _Desk, arguments: Arguments) -> Mapping[str, Value]:
    extensions = _extensions(arguments, authority=False)
    written = desk.put("extensions", "".join(f"{name}={value}\n" for name, value in extensions.items()))
    request = desk.put("request", arguments["certRequestPem"])
    authority = desk.put("authority", arguments["caCertPem"])
    key = desk.put("authority-key", arguments["caPrivateKeyPem"])
    by = ("-CA", authority, "-CAkey", key, "-CAcreateserial", "-copy_extensions", "copy", "-extfile", written)
    return _certificate(desk, desk.openssl("x509", "-req", "-in", request, "-days", _days(arguments), *by))


def _certificate(desk: _Desk, made: str) -> Mapping[str, Value]:
    told = desk.openssl("x509", "-in", desk.put("made", made), "-noout", "-startdate", "-enddate")
    start, end = (datetime.strptime(line.partition("=")[2], OPENSSL_TIME) for line in told.splitlines())
    times = {"validityStartTime": start, "validityEndTime": end}
    return {"certPem": made, **{name: time.replace(tzinfo=UTC).isoformat() for name, time in times.items()}}


def _extensions(arguments: Arguments, *, authority: bool) -> dict[str, str]:
    uses: Sequence[str] = arguments["allowedUses"]
    if unknown := set(uses) - KEY_USAGES.keys() - EXTENDED_KEY_USAGES.keys():
        raise Failure(f"the lab's tls stand-in does not know the uses {json.dumps(sorted(unknown))}")
    plain_uses = [KEY_USAGES[use] for use in uses if use in KEY_USAGES]
    extended = [EXTENDED_KEY_USAGES[use] for use in uses if use in EXTENDED_KEY_USAGES]
    found = {"basicConstraints": f"critical,CA:{'TRUE' if authority else 'FALSE'}"}
    if plain_uses:
        found["keyUsage"] = f"critical,{','.join(plain_uses)}"
    if extended:
        found["extendedKeyUsage"] = ",".join(extended)
    return found


def _subject(arguments: Arguments) -> str:
    subject: Mapping[str, str] = arguments.get("subject") or {}
    if unknown := subject.keys() - NAME_PARTS.keys():
        raise Failure(f"the lab's tls stand-in does not know {json.dumps(sorted(unknown))} of a subject")
    return "".join(f"/{NAME_PARTS[part]}={value}" for part, value in subject.items())


def _days(arguments: Arguments) -> str:
    return str(math.ceil(arguments["validityPeriodHours"] / HOURS_PER_DAY))


def is_due(state: Mapping[str, Any], early_hours: int, now: datetime) -> bool:
    """Whether a certificate is to be renewed, going by what the state says of its end."""
    end = state.get("validityEndTime")
    return isinstance(end, str) and now >= datetime.fromisoformat(end) - timedelta(hours=early_hours)


class TlsServicer(MadeOnceServicer):
    """The stand-in's service."""

    package: ClassVar[str] = "tls"
    version: ClassVar[str] = TLS.version
    outputs: ClassVar[Mapping[str, Mapping[str, bool]]] = OUTPUTS

    def mint(self, kind: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Value]]:
        """Make a key or a certificate, under an identity that says nothing."""
        return kind, mint(kind, arguments)

    def replaces(self, difference: Difference) -> bool:
        """Whether a changed argument makes a new value."""
        return difference.steps != ("earlyRenewalHours",)

    def diff(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Plan a replacement for changed arguments, and for a certificate whose end is near."""
        answer = super().diff(request)
        early = plain(decode_struct(request.news)).get("earlyRenewalHours") or 0
        if answer.replaces or not is_due(plain(decode_struct(request.olds)), early, datetime.now(UTC)):
            return answer
        return response([RENEWAL], replaces=self.replaces)


if __name__ == "__main__":
    serve(TlsServicer)
