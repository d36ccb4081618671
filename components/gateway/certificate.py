"""A TLS certificate that Google's Certificate Manager issues and renews."""

from dataclasses import dataclass

import pulumi

from components.gateway.exposure import CERTIFICATE_NAME


@dataclass(frozen=True)
class ManagedCertificateArgs:
    """For which host, and where.

    Attributes:
        host: The DNS name.
        project: The Google Cloud project.
        region: The load balancer's region; None for a global one.
    """

    host: str
    project: str
    region: str | None


class ManagedCertificate(pulumi.ComponentResource):
    """A certificate, issued once a DNS record proves that the host is yours, and renewed as long as it is there.

    A global load balancer finds it through a map, a regional one by its name.

    Attributes:
        dns_record: The record to make, as `NAME. CNAME DATA`.
    """

    dns_record: pulumi.Output[str]

    def __init__(self, name: str, args: ManagedCertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        from pulumi_gcp import certificatemanager  # noqa: PLC0415 - only stacks on GKE load it

        super().__init__("bulkhead:gateway:ManagedCertificate", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        location = args.region or "global"
        authorization = certificatemanager.DnsAuthorization(
            f"{name}-authorization",
            name=CERTIFICATE_NAME,
            project=args.project,
            location=location,
            domain=args.host,
            # A regional authorization has to be of this type; it also lets several projects share one domain.
            type="PER_PROJECT_RECORD",
            opts=child,
        )
        certificate = certificatemanager.Certificate(
            f"{name}-certificate",
            name=CERTIFICATE_NAME,
            project=args.project,
            location=location,
            managed={"domains": [args.host], "dns_authorizations": [authorization.id]},
            opts=child,
        )
        if args.region is None:
            certificates = certificatemanager.CertificateMap(
                f"{name}-map", name=CERTIFICATE_NAME, project=args.project, opts=child
            )
            certificatemanager.CertificateMapEntry(
                f"{name}-entry",
                name=CERTIFICATE_NAME,
                project=args.project,
                map=certificates.name,
                hostname=args.host,
                certificates=[certificate.id],
                opts=child,
            )
        record = authorization.dns_resource_records[0]
        self.dns_record = pulumi.Output.concat(record.name, " ", record.type, " ", record.data)
        self.register_outputs({"dnsRecord": self.dns_record})
