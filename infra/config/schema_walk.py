"""Following a pydantic error's location through the types, to where it is in the document and which field it is."""

import types
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal, TypeGuard, Union, cast, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

KEY_MARK = "[key]"
"""What pydantic appends to the location when a mapping's key is at fault, not its value."""


@dataclass(frozen=True)
class Step:
    """Where a walk has come to.

    Attributes:
        location: The place in the document, below where the walk began: without the names of union branches.
        owner: The model class whose field (or unknown key) the last step was; None outside models.
        siblings: The other members of the union from which `owner` was chosen.
        field: The last field passed, with its description; None before the first.
        annotation: The type that is wanted here; None for an unknown key.
        in_key: Whether a mapping's key is meant, and not its value.
        key_annotation: The type of the mapping's keys, where the last step was a mapping's key.
    """

    location: tuple[str | int, ...]
    owner: type[BaseModel] | None
    siblings: tuple[type[BaseModel], ...]
    field: FieldInfo | None
    annotation: object
    in_key: bool
    key_annotation: object = None


def walk(annotation: object, error_location: Sequence[str | int]) -> Step:
    """Follows `error_location`, as pydantic gives it, from `annotation`."""
    step = Step((), None, (), None, annotation, in_key=False)
    for part in error_location:
        step = _next(step, part)
    return step


def _next(step: Step, part: str | int) -> Step:
    if part == KEY_MARK:
        return Step(step.location, None, (), step.field, step.key_annotation, in_key=True)
    wanted = bare(step.annotation)
    members = union_members(wanted)
    if len(members) > 1:
        chosen = next((member for member in members if tag_of(member) == part), None)
        siblings = tuple(
            member for member in (bare(other) for other in members if other is not chosen) if is_model(member)
        )
        return Step(step.location, None, siblings, step.field, chosen, in_key=False)
    location = (*step.location, part)
    if is_model(wanted):
        field = wanted.model_fields.get(str(part))
        annotation = field.annotation if field else None
        return Step(location, wanted, step.siblings, field, annotation, in_key=False)
    key_type, item_type = _held_types(wanted)
    return Step(location, None, (), step.field, item_type, in_key=False, key_annotation=key_type)


def _held_types(wanted: object) -> tuple[object, object]:
    arguments = get_args(wanted)
    if get_origin(wanted) is tuple:
        return None, arguments[0]
    return (arguments[0], arguments[1]) if get_origin(wanted) is dict else (None, None)


def bare(annotation: object) -> object:
    """The type without its constraints, and without `None` where that only says that it may be left out."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    members = union_members(annotation)
    return bare(members[0]) if len(members) == 1 else annotation


def union_members(annotation: object) -> tuple[object, ...]:
    """The members of a union other than `None`; empty for other types."""
    if get_origin(annotation) is Annotated:
        return union_members(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, types.UnionType):
        return ()
    return tuple(member for member in get_args(annotation) if member is not types.NoneType)


def tag_of(member: object) -> str | None:
    """The name of a union's branch: its `kind`, or its Tag."""
    if get_origin(member) is Annotated:
        return next((extra.tag for extra in get_args(member)[1:] if isinstance(extra, Tag)), tag_of(bare(member)))
    if is_model(member) and "kind" in member.model_fields:
        return cast("str", get_args(member.model_fields["kind"].annotation)[0])
    return None


def is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    """Whether the type is a part of a stack file with keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def choices(annotation: object) -> tuple[str, ...]:
    """The values that an enum or a literal allows; empty for other types."""
    wanted = bare(annotation)
    if get_origin(wanted) is Literal:
        return tuple(str(value) for value in get_args(wanted))
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return tuple(str(member.value) for member in wanted)
    return ()
