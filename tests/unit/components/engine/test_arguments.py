"""Typed options become vLLM's flags, and nothing else does."""

import dataclasses

import pytest

from components.engine.arguments import WEIGHTS_PATH, vllm_arguments
from components.engine.pod import ENVIRONMENT
from infra.config.models import CacheIsolation
from tests.unit.components.parts import ENGINE, GPU_ENGINE


def flags(*options: str) -> str:
    return " ".join(options)


def test_an_engine_serves_its_weights_under_the_name_that_tenants_use() -> None:
    arguments = vllm_arguments(ENGINE)

    assert arguments[0] == "/models/tiny"
    assert "--served-model-name tiny" in flags(*arguments)


def test_weights_from_the_hub_are_served_from_where_they_are_staged() -> None:
    assert vllm_arguments(GPU_ENGINE)[0] == WEIGHTS_PATH


def test_every_typed_option_has_its_flag() -> None:
    options = dataclasses.replace(
        ENGINE.options,
        context_length=1024,
        data_type="float32",
        quantization="fp8",
        tensor_parallel_size=2,
        concurrent_sequences=4,
        gpu_memory_utilization=0.85,
        kv_cache_mebibytes=128,
        eager=True,
        load_format="dummy",
        lora=True,
    )

    text = flags(*vllm_arguments(dataclasses.replace(ENGINE, options=options)))

    assert "--dtype float32 --load-format dummy --max-model-len 1024 --quantization fp8" in text
    assert "--tensor-parallel-size 2 --max-num-seqs 4 --gpu-memory-utilization 0.85" in text
    assert "--kv-cache-memory-bytes 134217728 --enforce-eager --enable-lora" in text


@pytest.mark.parametrize("lora", [True, False])
def test_no_adapter_is_loaded_whatever_is_switched_on(lora: bool) -> None:
    """An adapter's name is hashed as a salt is: one that is called as a salt would hit the salt's prefixes."""
    engine = dataclasses.replace(ENGINE, options=dataclasses.replace(ENGINE.options, lora=lora))

    given = {argument for argument in vllm_arguments(engine) if "lora" in argument}

    assert given == ({"--enable-lora"} if lora else set())
    assert not [name for name in ENVIRONMENT if "LORA" in name or "PLUGIN" in name]


def test_what_is_not_set_is_left_to_vllm() -> None:
    text = flags(*vllm_arguments(GPU_ENGINE))

    for flag in (
        "--max-model-len",
        "--quantization",
        "--max-num-seqs",
        "--kv-cache",
        "--enforce-eager",
        "--enable-lora",
    ):
        assert flag not in text


def test_prefixes_are_found_again_by_a_hash_that_nobody_can_make_collide() -> None:
    assert "--prefix-caching-hash-algo sha256" in flags(*vllm_arguments(ENGINE))
    assert "--no-enable-prefix-caching" not in flags(*vllm_arguments(ENGINE))


def test_an_engine_without_a_cache_keeps_no_prefix_and_nothing_of_media() -> None:
    engine = dataclasses.replace(ENGINE, cache_isolation=CacheIsolation.OFF)

    assert "--no-enable-prefix-caching --mm-processor-cache-gb 0" in flags(*vllm_arguments(engine))


@pytest.mark.parametrize("isolation", [None, *sorted(set(CacheIsolation) - {CacheIsolation.OFF})])
def test_an_engine_with_a_cache_keeps_media_as_vllm_does(isolation: CacheIsolation | None) -> None:
    assert "--mm-" not in flags(*vllm_arguments(dataclasses.replace(ENGINE, cache_isolation=isolation)))


def test_one_tenant_s_engines_serve_the_model_under_the_name_that_every_tenant_uses() -> None:
    engine = dataclasses.replace(ENGINE, name="tiny-research-0a1b2c3d", tenant="research")

    assert "--served-model-name tiny " in flags(*vllm_arguments(engine))


def test_a_request_brings_no_more_media_than_the_stack_file_says() -> None:
    limited = dataclasses.replace(ENGINE, options=dataclasses.replace(ENGINE.options, media_per_request=3))

    assert '--limit-mm-per-prompt {"audio":3,"image":3,"video":3,"vision_chunk":3}' in flags(*vllm_arguments(limited))
    assert "--limit-mm-per-prompt" not in flags(*vllm_arguments(ENGINE))


def test_an_engine_that_is_to_take_no_media_takes_none_of_any_kind() -> None:
    options = dataclasses.replace(ENGINE.options, media_per_request=3)
    without = dataclasses.replace(ENGINE, options=options, takes_media=False)

    assert '--limit-mm-per-prompt {"audio":0,"image":0,"video":0,"vision_chunk":0}' in flags(*vllm_arguments(without))
    assert "embeds" not in flags(*vllm_arguments(without))


def test_no_domain_may_be_asked_for_media() -> None:
    assert "--allowed-media-domains media.invalid" in flags(*vllm_arguments(ENGINE))


def test_no_flag_gives_a_key_away() -> None:
    assert "--api-key" not in vllm_arguments(ENGINE)


def test_nothing_stands_behind_an_engine_s_cache_but_what_the_stack_file_asks_for() -> None:
    assert "--kv-" not in flags(*vllm_arguments(ENGINE))
    options = dataclasses.replace(ENGINE.options, kv_offload_gibibytes=8)
    arguments = flags(*vllm_arguments(dataclasses.replace(ENGINE, options=options)))

    assert "--kv-offloading-size 8 --kv-offloading-backend native" in arguments
    assert "--kv-transfer-config" not in arguments
