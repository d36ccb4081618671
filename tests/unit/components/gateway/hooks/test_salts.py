"""Tenants' salts: secret, the same every time, and no two alike."""

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.hooks.salts import PURPOSE, derive_salt
from infra.config.forms import NAME_MAX_LENGTH

KEY = b"k" * 48
NAMES = st.text(min_size=1, max_size=20)


def test_a_salt_is_256_bits_that_vllm_takes() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", derive_salt(KEY, "bulkhead-research", "tiny"))


def test_it_is_an_hmac_over_the_purpose_the_tenant_and_the_model_each_after_its_length() -> None:
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in (PURPOSE.encode(), b"t", b"m"))

    assert derive_salt(KEY, "t", "m") == hmac.new(KEY, framed, hashlib.sha256).hexdigest()


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_tenants_or_models_never_have_one_salt(tenant: str, model: str, other: str, another: str) -> None:
    same = (tenant, model) == (other, another)

    assert (derive_salt(KEY, tenant, model) == derive_salt(KEY, other, another)) is same


def test_names_that_read_the_same_when_joined_are_told_apart() -> None:
    assert derive_salt(KEY, "ab", "c") != derive_salt(KEY, "a", "bc")


def test_another_key_gives_other_salts() -> None:
    assert derive_salt(KEY, "t", "m") != derive_salt(b"l" * 48, "t", "m")


@pytest.mark.parametrize(("key", "tenant", "model"), [(b"", "t", "m"), (b"k" * 31, "t", "m"), (KEY, "", "m")])
def test_there_is_no_salt_without_a_key_and_a_tenant(key: bytes, tenant: str, model: str) -> None:
    with pytest.raises(ValueError, match=r"key|tenant"):
        derive_salt(key, tenant, model)


def test_no_name_of_a_model_or_an_adapter_can_be_a_salt() -> None:
    # vLLM folds the adapter's name and the salt into one place of the hash, so that equal ones would meet.
    assert len(derive_salt(KEY, "t", "m")) > NAME_MAX_LENGTH
