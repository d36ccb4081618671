"""Whatever a caller sends, the platform's salt is the only one that is sent on."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.hooks.overrides import pin_salt, pinned_salt

OURS = "0" * 64
SPELLINGS = st.sampled_from(["cache_salt", "Cache_Salt", "CACHE-SALT", "cacheSalt", "cache salt", "extra_body"])
LEAVES = st.sampled_from(["theirs", 1, None, ["theirs"]])
BODIES: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(SPELLINGS | st.text(max_size=5), LEAVES, max_size=4),
    lambda inner: st.dictionaries(st.sampled_from(["extra_body", "Extra_Body", "x"]), inner, max_size=3),
    max_leaves=6,
)


def pinned(request: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    pin_salt(changed, OURS)
    return changed


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"cache_salt": "theirs"},
        {"Cache_Salt": "theirs", "CACHE-SALT": "theirs"},
        {"extra_body": {"cache_salt": "theirs"}},
        {"extra_body": {"extra_body": {"cache_salt": "theirs"}}},
        {"extra_body": {"Cache_Salt": "theirs", "Extra_Body": {"cache_salt": "theirs"}}},
        {"Extra_Body": {"cache_salt": "theirs"}},
        {"fallbacks": [{"model": "other", "cache_salt": "theirs"}]},
        {"context_window_fallbacks": [{"tiny": ["other"]}]},
        {"extra_body": {"fallbacks": [{"cache_salt": "theirs"}]}},
    ],
)
def test_a_caller_s_salt_is_replaced_wherever_it_stands(request_: dict[str, Any]) -> None:
    assert pinned(request_) == {"extra_body": {"cache_salt": OURS}}


def test_what_else_a_caller_asks_for_stays() -> None:
    request = {"model": "tiny", "top_k": 5, "extra_body": {"top_k": 6, "extra_body": {"min_p": 0.1}}}

    assert pinned(request) == {
        "model": "tiny",
        "top_k": 5,
        "extra_body": {"top_k": 6, "min_p": 0.1, "cache_salt": OURS},
    }


@given(BODIES)
def test_no_request_keeps_a_salt_of_its_caller_s(request: dict[str, Any]) -> None:
    try:
        changed = pinned(request)
    except ValueError:
        return
    assert pinned_salt(changed) == OURS
    assert json.dumps(changed).count(OURS) == 1


@pytest.mark.parametrize("extra", ["cache_salt", 1, ["cache_salt"], True, {"extra_body": "x"}])
def test_what_nobody_can_read_is_refused(extra: object) -> None:
    with pytest.raises(ValueError, match="extra_body"):
        pinned({"extra_body": extra})


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"cache_salt": OURS},
        {"extra_body": {}},
        {"extra_body": OURS},
        {"extra_body": {"cache_salt": OURS}, "cache_salt": "theirs"},
        {"extra_body": {"cache_salt": OURS, "Cache_Salt": "theirs"}},
        {"extra_body": {"cache_salt": OURS, "extra_body": {"cache_salt": "theirs"}}},
        {"extra_body": {"cache_salt": 1}},
    ],
)
def test_a_request_that_lost_the_salt_or_got_another_beside_it_is_told(request_: dict[str, Any]) -> None:
    assert pinned_salt(request_) is None
