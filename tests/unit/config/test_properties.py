"""What holds for every document, sound or not."""

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from infra.config.loader import document_from_engine, parse
from infra.config.paths import exists, is_list
from infra.config.schema import stack_file_schema
from infra.config.stack import StackConfig
from tests.strategies import TODAY, Document, documents, nearly_sound_documents, wild_documents

VALIDATOR = Draft202012Validator(stack_file_schema())


@given(wild_documents() | nearly_sound_documents())
@settings(max_examples=100, deadline=None)
def test_any_document_is_either_accepted_or_refused_with_faults_that_name_what_is_there(stack: Document) -> None:
    result = parse(stack, TODAY)

    if isinstance(result, list):
        assert result
        assert all(exists(stack, fault.path) for fault in result)
        assert all(fault.wrong and fault.follows and fault.write for fault in result)


@given(documents())
@settings(max_examples=30, deadline=None)
def test_sound_documents_are_accepted_and_survive_a_round_trip(stack: Document) -> None:
    configuration = parse(stack, TODAY)

    assert isinstance(configuration, StackConfig), configuration
    dumped = json.loads(configuration.model_dump_json(exclude_unset=True))
    secrets = {key: value for key, value in stack.items() if "_url" in key}
    assert parse({f"bulkhead:{key}": value for key, value in dumped.items()} | secrets, TODAY) == configuration


@given(documents())
@settings(max_examples=30, deadline=None)
def test_the_engine_hands_over_the_same_configuration_as_the_file_holds(stack: Document) -> None:
    engine = {key: json.dumps(value) for key, value in stack.items()}

    assert parse(document_from_engine(engine, {key for key in stack if "_url" in key}), TODAY) == parse(stack, TODAY)


@given(nearly_sound_documents() | documents(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_tenants_pools_and_models_does_not_decide_whether_a_document_is_sound(
    stack: Document, randomness: random.Random
) -> None:
    shuffled = dict(stack)
    for key in ("bulkhead:pools", "bulkhead:models", "bulkhead:tenants"):
        if is_list(items := stack.get(key)):
            shuffled[key] = randomness.sample(items, len(items))

    assert isinstance(parse(shuffled, TODAY), StackConfig) == isinstance(parse(stack, TODAY), StackConfig)


@given(nearly_sound_documents())
@settings(max_examples=30, deadline=None)
def test_the_same_document_gives_the_same_faults_in_the_same_order(stack: Document) -> None:
    assert parse(stack, TODAY) == parse(json.loads(json.dumps(stack, default=str)), TODAY)


@given(documents() | nearly_sound_documents())
@settings(max_examples=40, deadline=None)
def test_what_the_loader_accepts_the_schema_accepts(stack: Document) -> None:
    if isinstance(parse(stack, TODAY), StackConfig):
        VALIDATOR.validate({"config": stack})  # pyright: ignore[reportUnknownMemberType]
