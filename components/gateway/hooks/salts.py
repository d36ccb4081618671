"""A tenant's salt for the prefix caches of a model's engines. Pure.

vLLM folds a request's `cache_salt` into the hash of its first block, so that a computed prefix is found again under the
same salt alone (vLLM's security guide; CVE-2025-46570). The salt is therefore a secret: whoever knows another tenant's
could look into its cache.
"""

import hashlib
import hmac

PURPOSE = "bulkhead/prefix-cache-salt/v1"
"""Sets these digests apart from whatever else may ever be made of the same key."""
SHORTEST_KEY = 32
"""Bytes; a shorter key is no secret of 256 bits (RFC 2104 asks for the digest's own length)."""
FRAME_BYTES = 8


def derive_salt(key: bytes, tenant: str, model: str) -> str:
    """The salt of one tenant's requests to one model: 64 hexadecimal digits, 256 bits.

    Each part is preceded by its length. Merely joined, tenant `a` with model `bc` and tenant `ab` with model `c` would
    be one, and a tenant with a name of its own choice could land in another's cache.

    Raises:
        ValueError: The key is too short, or nobody is named.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError("the key of the cache salts is missing or too short")
    if not tenant or not model:
        raise ValueError("a salt needs a tenant and a model")
    framed = b"".join(_framed(part) for part in (PURPOSE, tenant, model))
    return hmac.new(key, framed, hashlib.sha256).hexdigest()


def _framed(part: str) -> bytes:
    encoded = part.encode()
    return len(encoded).to_bytes(FRAME_BYTES, "big") + encoded
