"""URNs as the engine builds and recognises them."""

import pulumi

from infra.plan import Plan, record
from infra.plan.urns import Urn, former_urns

STACK = Urn("dev", "bulkhead", "pulumi:pulumi:Stack", "bulkhead-dev")


class Group(pulumi.ComponentResource):
    def __init__(self, type_token: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(type_token, name, None, opts)


def former(plan: Plan) -> dict[str, frozenset[str]]:
    return former_urns(
        {resource.urn: resource.options.aliases for resource in plan.resources},
        {resource.urn: resource.options.parent for resource in plan.resources},
    )


def test_what_lies_below_the_stack_does_not_carry_the_stacks_type() -> None:
    assert str(STACK.child("a:b:C", "x")) == "urn:pulumi:dev::bulkhead::a:b:C::x"


def test_every_type_of_the_chain_is_part_of_the_urn() -> None:
    inner = STACK.child("a:b:C", "x").child("a:b:D", "y").child("a:b:E", "z")

    assert str(inner) == "urn:pulumi:dev::bulkhead::a:b:C$a:b:D$a:b:E::z"
    assert Urn.parse(str(inner)) == inner
    assert inner.type == "a:b:E"


def test_a_name_may_hold_the_separator() -> None:
    assert Urn.parse("urn:pulumi:dev::bulkhead::a:b:C::x::y").name == "x::y"


def test_a_renamed_resource_answers_to_its_former_name() -> None:
    def program() -> None:
        Group("a:b:C", "new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))

    (formers,) = former(record("dev", program)).values()

    assert formers == {"urn:pulumi:dev::bulkhead::a:b:C::old"}


def test_the_children_of_a_renamed_component_answer_to_the_names_that_they_had() -> None:
    def program() -> None:
        parent = Group("a:b:C", "new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old", type_="a:b:Was")]))
        Group("a:b:D", "new-child", pulumi.ResourceOptions(parent=parent))

    formers = former(record("dev", program))

    assert formers["urn:pulumi:dev::bulkhead::a:b:C$a:b:D::new-child"] == {
        "urn:pulumi:dev::bulkhead::a:b:Was$a:b:D::old-child"
    }


def test_a_resource_that_moved_under_another_parent_answers_to_its_former_place() -> None:
    def program() -> None:
        parent = Group("a:b:C", "parent")
        alias = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
        Group("a:b:D", "moved", pulumi.ResourceOptions(parent=parent, aliases=[alias]))

    formers = former(record("dev", program))

    assert formers["urn:pulumi:dev::bulkhead::a:b:C$a:b:D::moved"] == {"urn:pulumi:dev::bulkhead::a:b:D::moved"}
