"""What holds for the difference of any two configurations."""

from hypothesis import HealthCheck, given, settings

from infra.config.stack import StackConfig
from infra.diff import Side, StackDifference, compare
from infra.plan.model import Plan
from infra.posture import platform_of
from infra.report.diff_json import difference_json
from infra.report.diff_markdown import difference_markdown
from tests.strategies import TODAY, configurations

GENERATED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def between(before: StackConfig, after: StackConfig) -> StackDifference:
    def side(config: StackConfig) -> Side:
        return Side("side", config, platform_of("test", config, TODAY), Plan("test", (), {}, ()), {})

    return compare(side(before), side(after), stack="test", forcing=lambda _resource, _paths: [], today=TODAY)


def shuffled(config: StackConfig) -> StackConfig:
    return config.model_copy(
        update={name: tuple(reversed(getattr(config, name))) for name in ("tenants", "models", "pools")}
    )


@GENERATED
@given(configurations())
def test_a_configuration_does_not_differ_from_itself_in_another_order(config: StackConfig) -> None:
    same = between(config, shuffled(config))

    assert not (same.tenants or same.models or same.settings or same.capacity.pools or same.caches or same.gained)
    assert not any(change.lost for change in same.controls)


@GENERATED
@given(configurations(), configurations())
def test_what_one_way_gains_the_other_way_loses(before: StackConfig, after: StackConfig) -> None:
    there, back = between(before, after), between(after, before)

    assert {change.control.id for change in there.gained} == {
        change.control.id for change in back.controls if change.lost
    }
    assert {change.name for change in there.tenants} == {change.name for change in back.tenants}
    assert [(change.key, change.before, change.after) for change in there.settings] == [
        (change.key, change.after, change.before) for change in back.settings
    ]


@GENERATED
@given(configurations(), configurations())
def test_every_report_of_it_is_the_same_each_time(before: StackConfig, after: StackConfig) -> None:
    assert difference_markdown(between(before, after)) == difference_markdown(between(before, after))
    assert difference_json(between(before, after)) == difference_json(between(before, after))
