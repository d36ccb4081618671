"""Recording: a preview's unknowns, what is hidden, what is refused, and nothing left behind."""

import asyncio

import pulumi
import pulumi_random as random
import pytest

from infra.plan import Answer, record


def test_what_a_provider_would_compute_is_unknown_in_a_preview() -> None:
    def program() -> None:
        pet = random.RandomPet("pet", length=3)
        pulumi.export("id", pet.id)
        pulumi.export("length", pet.length)

    assert record("test", program).outputs == {"id": "[computed]", "length": 3}


def test_generated_secrets_are_secret_although_they_are_unknown() -> None:
    def program() -> None:
        password = random.RandomPassword("password", length=20)
        pulumi.export("derived", pulumi.Output.concat("sk-", password.result))

    assert record("test", program).outputs == {"derived": "[secret]"}


def test_a_secret_mapping_keeps_its_keys_and_hides_its_values() -> None:
    def program() -> None:
        pulumi.export("keys", pulumi.Output.secret({"b": "1", "a": ["2"]}))

    assert record("test", program).outputs == {"keys": {"a": "[secret]", "b": "[secret]"}}


def test_an_update_gets_what_the_provider_answers() -> None:
    def program() -> None:
        password = random.RandomPassword("password", length=20)
        pulumi.export("digits", pulumi.Output.unsecret(password.result).apply(len))

    plan = record("test", program, lambda _resource: Answer(secret={"result": "12345"}))

    assert plan.outputs == {"digits": 5}


def test_whole_numbers_stay_whole_and_fractions_stay_fractions() -> None:
    def program() -> None:
        pulumi.export("numbers", [1, 2.5, 3.0])

    assert record("test", program).outputs == {"numbers": [1, 2.5, 3]}


def test_the_programs_own_error_is_the_one_that_is_raised() -> None:
    def program() -> None:
        random.RandomPassword("password", length=20)
        raise RuntimeError("the program's own")

    with pytest.raises(RuntimeError, match="the program's own"):
        record("test", program)


def test_an_error_inside_an_output_is_raised_too() -> None:
    def program() -> None:
        pulumi.export("bad", pulumi.Output.from_input(0).apply(lambda zero: 1 // zero))

    with pytest.raises(ZeroDivisionError):
        record("test", program)


def test_a_call_to_a_provider_is_refused_since_nobody_answers_offline() -> None:
    def program() -> None:
        pulumi.export("answer", pulumi.runtime.invoke_async("cloud:index:lookup", {}))

    with pytest.raises(Exception, match="cannot be answered offline"):
        record("test", program)


def test_runs_do_not_see_each_other() -> None:
    def first() -> None:
        pulumi.export("only", "first")
        random.RandomPet("pet")

    def second() -> None:
        pulumi.export("other", pulumi.get_stack())

    record("one", first)
    plan = record("two", second)

    assert plan.outputs == {"other": "two"}
    assert plan.resources == ()


def test_warnings_are_kept_in_order_and_information_is_not() -> None:
    def program() -> None:
        pulumi.log.info("nothing much")
        pulumi.log.warn("first")
        pulumi.log.warn("second")

    assert record("test", program).warnings == ("first", "second")


def test_a_caller_with_an_event_loop_of_its_own_keeps_it() -> None:
    async def caller() -> object:
        plan = record("test", lambda: pulumi.export("one", 1))
        assert asyncio.get_running_loop() is loop
        return plan.outputs["one"]

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(caller()) == 1
    finally:
        loop.close()
