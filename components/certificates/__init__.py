"""Certificates inside the platform: an authority of the stack's own, and what it signs."""

from components.certificates.authority import (
    CERTIFICATE_KEY,
    PRIVATE_KEY_KEY,
    TRUSTED_KEY,
    Authority,
    Certificate,
    Usage,
)

__all__ = ["CERTIFICATE_KEY", "PRIVATE_KEY_KEY", "TRUSTED_KEY", "Authority", "Certificate", "Usage"]
