"""An authority that signs the certificates by which the platform's own pods know each other.

Its key and all others are made once and kept in the stack's state as secrets. A certificate is signed anew by the first
update in the last of its years, and so is the authority's own, over the same key: whatever either version has signed is
taken by whoever trusts the other, so that pods with old and new ones get on while they are replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pulumi
import pulumi_tls as tls

ALGORITHM = "ECDSA"
CURVE = "P256"
HOURS_PER_YEAR = 8_766
AUTHORITY_YEARS = 20
YEARS = 5
RENEWAL_YEARS = 1
"""How long before a certificate ends the next update signs another: whoever updates once a year never meets the end."""
AUTHORITY_RENEWAL_YEARS = YEARS + RENEWAL_YEARS
"""No certificate outlives the authority's that it was signed by."""

TRUSTED_KEY = "ca.crt"
CERTIFICATE_KEY = "tls.crt"
PRIVATE_KEY_KEY = "tls.key"
"""What Kubernetes calls them in a Secret of type `kubernetes.io/tls`."""


class Usage(StrEnum):
    """What a certificate proves, as the provider calls it."""

    SERVER = "server_auth"
    CLIENT = "client_auth"


@dataclass(frozen=True)
class Certificate:
    """A key with its certificate, and whom its bearer may trust; all in PEM.

    Attributes:
        key: The private key, a secret.
        certificate: What the authority says of it.
        trusted: The authority's own certificate.
    """

    key: pulumi.Output[str]
    certificate: pulumi.Output[str]
    trusted: pulumi.Output[str]

    def secret_data(self) -> dict[str, pulumi.Input[str]]:
        """The data of a Secret that holds all of it."""
        return {
            TRUSTED_KEY: self.trusted,
            CERTIFICATE_KEY: self.certificate,
            PRIVATE_KEY_KEY: self.key,
        }


class Authority(pulumi.ComponentResource):
    """A key that nobody but this program holds, and the certificate by which its signatures are known.

    Attributes:
        certificate: The authority's certificate, in PEM.
    """

    certificate: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the authority."""
        super().__init__("bulkhead:certificates:Authority", name, None, opts)
        self._key = _private_key(f"{name}-key", self)
        own = tls.SelfSignedCert(
            f"{name}-certificate",
            private_key_pem=self._key,
            subject={"common_name": name},
            is_ca_certificate=True,
            allowed_uses=["cert_signing", "crl_signing"],
            set_subject_key_id=True,
            validity_period_hours=AUTHORITY_YEARS * HOURS_PER_YEAR,
            early_renewal_hours=AUTHORITY_RENEWAL_YEARS * HOURS_PER_YEAR,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.certificate = own.cert_pem
        self.register_outputs({"certificate": self.certificate})

    def issue(
        self, name: str, common_name: str, usage: Usage, parent: pulumi.Resource, hosts: Sequence[str] = ()
    ) -> Certificate:
        """A new key, and a certificate of it.

        Args:
            name: The name of the resources, less their suffixes.
            common_name: Whom it names.
            usage: What it proves.
            parent: The component that it belongs to.
            hosts: The DNS names that it stands for.
        """
        key = _private_key(f"{name}-key", parent)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key,
            subject={"common_name": common_name},
            dns_names=list(hosts) or None,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        signed = tls.LocallySignedCert(
            f"{name}-certificate",
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=self._key,
            ca_cert_pem=self.certificate,
            allowed_uses=["digital_signature", str(usage)],
            validity_period_hours=YEARS * HOURS_PER_YEAR,
            early_renewal_hours=RENEWAL_YEARS * HOURS_PER_YEAR,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        return Certificate(key, signed.cert_pem, self.certificate)


def _private_key(name: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """A key that is made once: another default in a later version makes no new one."""
    key = tls.PrivateKey(
        name,
        algorithm=ALGORITHM,
        ecdsa_curve=CURVE,
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["algorithm", "ecdsaCurve", "rsaBits"]),
    )
    return pulumi.Output.secret(key.private_key_pem)
