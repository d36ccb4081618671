"""Endpoint pickers: who chooses among a model's engines, by what, and what becomes of requests without them."""

from collections.abc import Callable
from dataclasses import replace

from infra.blueprint.caches import served_by
from infra.blueprint.model import Blueprint, EndpointPickerPart, EnginePart
from infra.config.models import EndpointPickerRouting, Model
from infra.pins import ENDPOINT_PICKER_IMAGE


def picker_part(model: Model, mirror: str | None) -> EndpointPickerPart | None:
    """The picker that a model asks for, if any.

    As tenants who trust each other want it: prefixes count, and any engine will do while it does not answer.
    """
    match model.routing:
        case EndpointPickerRouting() as routing:
            return EndpointPickerPart(
                image=ENDPOINT_PICKER_IMAGE.reference(mirror),
                class_name=routing.class_name,
                controller_namespace=routing.controller_namespace,
                scores_prefixes=True,
                fails_closed=False,
                network_encrypts=routing.network_encrypts,
            )
        case _:
            return None


def with_pickers_closed(blueprint: Blueprint) -> Blueprint:
    """`blueprint` with pickers without whose answer no request goes on."""
    return _changed(blueprint, lambda picker, _engine: replace(picker, fails_closed=True))


def without_co_location(blueprint: Blueprint) -> Blueprint:
    """`blueprint` with pickers that read no prompt, but where all prompts are one tenant's."""

    def changed(picker: EndpointPickerPart, engine: EnginePart) -> EndpointPickerPart:
        alone = len(served_by(blueprint, engine)) <= 1
        return replace(picker, scores_prefixes=picker.scores_prefixes and alone)

    return _changed(blueprint, changed)


def _changed(blueprint: Blueprint, change: Callable[[EndpointPickerPart, EnginePart], EndpointPickerPart]) -> Blueprint:
    engines = tuple(
        engine if engine.picker is None else replace(engine, picker=change(engine.picker, engine))
        for engine in blueprint.engines
    )
    return replace(blueprint, engines=engines)
