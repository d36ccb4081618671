"""What pydantic found wrong, in the words of someone who knows the stack file."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, cast

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from infra.config.base import StackFilePart
from infra.config.draft import at
from infra.config.forms import FORMS
from infra.config.paths import Location, child, is_list, is_mapping
from infra.config.plain import kind_of
from infra.config.problem import Problem
from infra.config.schema_walk import Step, bare, choices, is_model, tag_of, union_members, walk
from infra.config.stack import PROJECT, StackConfig
from infra.config.words import foreign_letter, listed, near_miss

_NOT_READ = "the file cannot be read as a configuration, and nothing is guessed"
_NO_DEFAULT = "there is no value that would be safe to assume"
_IGNORED = "it would change nothing, though it looks as if it did"


def missing_key(key: str) -> Problem:
    """The problem of a document without `bulkhead:<key>`."""
    field = StackConfig.model_fields[key]
    return Problem(
        at(key),
        f"`{PROJECT}:{key}` is missing: {_description(field)}",
        _NO_DEFAULT,
        f"{PROJECT}:{key}: {example_of(field)}",
    )


def wants_list(key: str, value: object) -> Problem:
    """The problem of a key that must hold a list with at least one element."""
    field = StackConfig.model_fields[key]
    wrong = "the list is empty" if is_list(value) else f"a list is wanted here, and this is {kind_of(value)}"
    return Problem(at(key), f"{wrong}: {_description(field)}", _NO_DEFAULT, f"{PROJECT}:{key}: {example_of(field)}")


def problem_from(detail: ErrorDetails, location: Location, annotation: object, value: object) -> Problem:
    """The problem that one of pydantic's errors is about.

    Args:
        detail: The error, without its input.
        location: Where the value that was read stands in the document.
        annotation: Its type.
        value: The value, for its kind and for look-alike letters; it is never shown, but for a number of a few digits.
    """
    step = walk(annotation, detail["loc"])
    where = (*location, *step.location)
    given = _value_at(value, step.location)
    if step.in_key and step.location:
        given = step.location[-1]
    sort = detail["type"]
    if sort == "missing":
        return _missing(step, where)
    if sort == "extra_forbidden":
        return _unknown_key(step, where)
    if sort in ("union_tag_not_found", "union_tag_invalid"):
        return _kind(step, where, given)
    wrong, write = _WORDINGS.get(sort, _other)(_Case(step, given, detail))
    return Problem(where, wrong, _NOT_READ, write)


class _Case:
    """One error with what is known about its place."""

    def __init__(self, step: Step, given: object, detail: ErrorDetails) -> None:
        self.step = step
        self.given = given
        self.message = detail["msg"]
        self.context: Mapping[str, object] = detail.get("ctx", {})

    @property
    def wanted(self) -> str:
        """What to write: the key with an example, and what it is about."""
        field = self.step.field
        if field is None:
            return "a value of the right form"
        return self.written(self._example(field))

    def written(self, example: str) -> str:
        """The key with a value, and what it is about."""
        key = next((part for part in reversed(self.step.location) if isinstance(part, str)), "")
        written = f"{key}: {example}  # " if example and key and not self.step.in_key else ""
        return f"{written}{_description(self.step.field).rstrip('.') if self.step.field else ''}"

    def _example(self, field: FieldInfo) -> str:
        """An example of what is wanted here: of the field, or of one value where that is a map and one is at fault."""
        shown = next(iter(field.examples or ()), None)
        if self.step.key_annotation is not None and not self.step.in_key and is_mapping(shown):
            return _one_line(next(iter(shown.values()), ""))
        return example_of(field)


def _missing(step: Step, where: Location) -> Problem:
    key, field = str(where[-1]), step.field
    description = _description(field) if field else ""
    example = example_of(field) if field else ""
    return Problem(where, f"`{key}` is missing: {description}", _NO_DEFAULT, f"{key}: {example}".rstrip(": "))


def _unknown_key(step: Step, where: Location) -> Problem:
    key = str(where[-1])
    owner = step.owner
    allowed = list(owner.model_fields) if owner else []
    for sibling in step.siblings:
        if key in sibling.model_fields and owner is not None:
            wrong = f"`{key}` belongs to `kind: {tag_of(sibling)}`, and this is `kind: {tag_of(owner)}`"
            write = f"`kind: {tag_of(sibling)}` if that is meant; otherwise remove `{key}`"
            return Problem(where, wrong, _IGNORED, write)
    odd = foreign_letter(key)
    meant = near_miss(key, allowed)
    wrong = "this key is not known here" + (f": {odd}" if odd else "")
    write = (f"`{meant}`, if that is meant; " if meant else "remove it; ") + f"the keys here are {listed(allowed)}"
    return Problem(where, wrong, _IGNORED, write)


def _kind(step: Step, where: Location, given: object) -> Problem:
    kinds = [tag for member in union_members(step.annotation) if (tag := tag_of(member)) is not None]
    held: Mapping[object, object] = given if is_mapping(given) else {}
    if "kind" not in held:
        description = _description(step.field) if step.field else ""
        wrong = f"`kind` is missing: {description}" if description else "`kind` is missing"
        return Problem((*where, "kind"), wrong, _NO_DEFAULT, f"kind: {kinds[0]}, or another of {listed(kinds, 'or')}")
    return Problem(
        (*where, "kind"), "this kind is not known" + _odd(held["kind"]), _NOT_READ, _one_of(held["kind"], kinds)
    )


def _one_of(given: object, allowed: list[str]) -> str:
    meant = near_miss(given, allowed) if isinstance(given, str) else None
    known = f"{'one of ' if len(allowed) > 1 else ''}{listed(allowed, 'or')}"
    return f"`{meant}`, if that is meant; {known}" if meant else known


def _odd(given: object) -> str:
    odd = foreign_letter(given) if isinstance(given, str) else None
    return f": {odd}" if odd else ""


def _enum(case: _Case) -> tuple[str, str]:
    allowed = list(choices(case.step.annotation))
    if not isinstance(case.given, str):
        return f"one of a few words is wanted here, and this is {kind_of(case.given)}", _one_of(case.given, allowed)
    return "this is not one of the values known here" + _odd(case.given), _one_of(case.given, allowed)


def _wanted_kind(kind: str, hint: str = "") -> Callable[[_Case], tuple[str, str]]:
    """The wording for a value of another kind; `hint` is for a value that is text, before what to write."""

    def wording(case: _Case) -> tuple[str, str]:
        wrong = f"{kind} is wanted here, and this is {kind_of(case.given)}"
        return wrong, f"{hint if isinstance(case.given, str) else ''}{case.wanted}"

    return wording


def _text(case: _Case) -> tuple[str, str]:
    """A number or a truth where text is wanted: itself in quotes, where that would be taken."""
    wrong, write = _wanted_kind("text")(case)
    meant = _text_meant(case.given)
    if meant is None or case.step.field is None or _refusal(case.step, case.step.field, meant):
        return wrong, write
    return wrong, case.written(_one_line(meant))


def _text_meant(given: object) -> str | None:
    """The text of a truth, or of a number that has few enough digits to be no secret."""
    if isinstance(given, bool):
        return str(given).lower()
    short = isinstance(given, int | float) and abs(given) < 10**_DIGITS_SHOWN
    return str(given) if short and len(str(given)) <= _DIGITS_SHOWN + 1 else None


def _truth(case: _Case) -> tuple[str, str]:
    """What was meant, where it can be told: a default may be its opposite."""
    wrong, _ = _wanted_kind("true or false")(case)
    word = str(case.given).strip().casefold() if isinstance(case.given, str | int) else ""
    meant = next((truth for truth, words in _TRUTHS.items() if word in words), None)
    if meant is None:
        about = f": {_description(case.step.field).rstrip('.')}" if case.step.field else ""
        return wrong, f"`true` or `false`, without quotes{about}"
    return wrong, f"{_UNQUOTED if word == meant else ''}{case.written(meant)}"


def _number(case: _Case) -> tuple[str, str]:
    """The number that was meant, where it is written in a way that YAML does not read as one."""
    meant = _number_meant(case.given) if isinstance(case.given, str) and not _DECIMAL.fullmatch(case.given) else None
    field = case.step.field
    if meant is None or field is None:
        return _wanted_kind("a number", _FRACTION)(case)
    wrong, _ = _wanted_kind("a number")(case)
    return wrong, f"{_PLAIN}{case.written(str(meant))}"


def _whole_number(case: _Case) -> tuple[str, str]:
    """The number that was meant, where it can be told: another one would be another key, or other capacity."""
    wrong, write = _wanted_kind("a whole number", _UNQUOTED)(case)
    meant = _number_meant(case.given)
    field = case.step.field
    if meant is not None and field is not None and (limit := _limit_passed(case.step, field, meant)):
        return wrong, f"a whole number of {limit}, without quotes: {_description(field).rstrip('.')}"
    if field is None or (meant is None and field.examples):
        return wrong, write
    if meant is None:
        # A default is what holds without the key, and nobody who writes the key means it.
        return wrong, f"a whole number in digits, without quotes: {_description(field).rstrip('.')}"
    hint = (_PLAIN if _GROUPED.fullmatch(case.given) else _UNQUOTED) if isinstance(case.given, str) else ""
    return wrong, f"{hint}{case.written(str(meant))}"


def _limit_passed(step: Step, field: FieldInfo, number: int) -> str | None:
    """The limit that the number would be refused for; None where it is within all of them."""
    if (refusal := _refusal(step, field, number)) is None:
        return None
    words, key = _BOUNDS.get(refusal["type"], ("", ""))
    return f"{words} {_plain(refusal.get('ctx', {}).get(key))}" if words else None


def _refusal(step: Step, field: FieldInfo, value: object) -> ErrorDetails | None:
    """What the value would be refused for; None where it would be taken."""
    # Known at run time alone, so that no type checker can read it as a type.
    plain: Any = step.annotation
    bounded = cast("Any", Annotated)[plain, field] if plain is field.annotation else plain
    adapter: TypeAdapter[object] = TypeAdapter(bounded)
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError as refusal:
        return refusal.errors(include_url=False, include_input=False)[0]
    return None


def _number_meant(given: object) -> int | None:
    """The number that `2`, `two`, `1_000`, `0x10` or 2.0 is, when it has few enough digits to be no secret."""
    if isinstance(given, float) and given.is_integer() and abs(given) < 10**_DIGITS_SHOWN:
        return int(given)
    if not isinstance(given, str):
        return None
    text = given.strip().casefold()
    if len(text) > 2 * _DIGITS_SHOWN:
        return None
    if _GROUPED.fullmatch(text):
        number = int(text, 0)
        return number if number < 10**_DIGITS_SHOWN else None
    if text.isascii() and text.isdecimal() and len(text) <= _DIGITS_SHOWN:
        return int(text)
    return _NUMBERS.index(text) if text in _NUMBERS else None


def _mapping(case: _Case) -> tuple[str, str]:
    wanted = bare(case.step.annotation)
    wrong = f"keys with values are wanted here, and this is {kind_of(case.given)}"
    if isinstance(case.given, str) and (meant := _kind_meant(case.step.annotation, case.given)):
        return wrong, f"{_key_of(case.step)}{meant}"
    if is_model(wanted) and not (case.step.field and case.step.field.examples):
        return (
            wrong,
            f"{_key_of(case.step)}{_part_example(wanted)}, as needed; the keys here are {listed(wanted.model_fields)}",
        )
    return wrong, case.wanted


def _key_of(step: Step) -> str:
    last = step.location[-1:]
    return f"{last[0]}: " if last and isinstance(last[0], str) else ""


def _kind_meant(annotation: object, given: str) -> str | None:
    """The part of the kind that was written as plain text; None where no kind is called so, or nearly so."""
    kinds = {tag: bare(member) for member in union_members(annotation) if (tag := tag_of(member)) is not None}
    tag = given if given in kinds else near_miss(given, list(kinds))
    member = kinds.get(tag) if tag else None
    if not is_model(member):
        return None
    needed = {name: field for name, field in member.model_fields.items() if field.is_required() and name != "kind"}
    return f"{{{', '.join([f'kind: {tag}', *(f'{name}: {example_of(field)}' for name, field in needed.items())])}}}"


def _form(case: _Case) -> tuple[str, str]:
    form = FORMS[str(case.context["pattern"])]
    return f"this is not {form.noun}{_odd(case.given)}", form.rule or case.wanted


def _too_long(case: _Case) -> tuple[str, str]:
    limit = case.context.get("max_length")
    return f"this is longer than {limit} characters", f"at most {limit} characters: {case.wanted}"


def _too_short(case: _Case) -> tuple[str, str]:
    return (
        f"this {'list' if is_list(case.given) else 'text' if isinstance(case.given, str) else 'map'} is empty",
        case.wanted,
    )


def _too_many(case: _Case) -> tuple[str, str]:
    limit = case.context.get("max_length")
    return f"this {'list' if is_list(case.given) else 'map'} has more than {limit} entries", f"at most {limit} entries"


def _bound(words: str, key: str) -> Callable[[_Case], tuple[str, str]]:
    def wording(case: _Case) -> tuple[str, str]:
        limit = f"{words} {_plain(case.context.get(key))}"
        return f"the number must be {limit}", f"a number of {limit}: {case.wanted}"

    return wording


def _plain(limit: object) -> str:
    """A limit as people write it: of a number that may have a fraction pydantic tells `0.0` for 0."""
    whole = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
    return f"{whole:,}"


def _day(case: _Case) -> tuple[str, str]:
    return "this is not a day of the calendar written YYYY-MM-DD", case.wanted


def _other(case: _Case) -> tuple[str, str]:
    return case.message, case.wanted


_UNQUOTED = "without quotes: "
_PLAIN = "in plain digits: "
_TRUTHS = {"true": ("true", "yes", "on", "1"), "false": ("false", "no", "off", "0")}
"""What is to be written → how people write it, and how other languages and YAML 1.1 do."""
_DECIMAL = re.compile(r"\s*[-+]?[0-9]*(\.[0-9]+)?\s*")
_GROUPED = re.compile(r"\s*([1-9][0-9]*(_[0-9]+)+|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)\s*")
"""Whole numbers as other languages and YAML 1.1 write them; a stack file's YAML reads such as text."""
_FRACTION = "without quotes (`pulumi config set --path` needs `--type float` for it): "
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS_SHOWN = 7
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
"""Kind of error → its limit in words, and the key under which pydantic tells it."""

_WORDINGS: Mapping[str, Callable[[_Case], tuple[str, str]]] = {
    "enum": _enum,
    "literal_error": _enum,
    "string_type": _text,
    "int_type": _whole_number,
    "int_from_float": _whole_number,
    "float_type": _number,
    "bool_type": _truth,
    "tuple_type": _wanted_kind("a list"),
    "list_type": _wanted_kind("a list"),
    "dict_type": _mapping,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "string_pattern_mismatch": _form,
    "string_too_long": _too_long,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "too_long": _too_many,
    **{kind: _bound(*told) for kind, told in _BOUNDS.items()},
    "date_type": _day,
    "date_parsing": _day,
    "date_from_datetime_parsing": _day,
    "date_from_datetime_inexact": _day,
}


def _description(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def example_of(field: FieldInfo) -> str:
    """A value for the field as one line of YAML, from its examples, its allowed values, its parts or its default."""
    if field.examples:
        return _one_line(field.examples[0])
    if values := choices(field.annotation):
        return values[0]
    if kinds := [tag for member in union_members(field.annotation) if (tag := tag_of(member)) is not None]:
        return f"{{kind: {kinds[0]}}}"
    wanted = bare(field.annotation)
    if is_model(wanted):
        return _part_example(wanted)
    return _one_line(field.default) if isinstance(field.default, bool | int | float | str) else ""


def _part_example(part: type[BaseModel]) -> str:
    """The keys that the part needs, or its first where it needs none."""
    beside = part.shown_in_examples if issubclass(part, StackFilePart) else frozenset[str]()
    fields = {name: field for name, field in part.model_fields.items() if field.is_required() or name in beside}
    shown = fields or dict(list(part.model_fields.items())[:1])
    return f"{{{', '.join(f'{name}: {example_of(field)}' for name, field in shown.items())}}}"


def _one_line(value: object) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return written.removesuffix("\n").removesuffix("...").rstrip()


def _value_at(value: object, location: tuple[str | int, ...]) -> object:
    for part in location:
        value = child(value, part)
    return value
