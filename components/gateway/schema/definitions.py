"""Which scripts change definitions alone, and these so that a second run changes nothing more.

An allow-list: a statement of a form that is not known here is not accepted, so that a form that nobody thought of costs
a person's decision, and never rows. Known are those of which a repetition fails on what is there already, finds nothing
to do, or ends with the same definition. Unnamed indexes and constraints are not among them, since PostgreSQL makes a
second one beside the first; nor is what computes rows anew (`USING`) or runs a function, which may do anything.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

TOKEN = re.compile(
    r"""
    (?P<nothing> \s+ | --[^\r\n]* | /\* (?: (?!/\*|\*/) . )* \*/ )
    | '(?: [^'\\] | '' )*'
    | "(?: [^"\\] | "" )+"
    | \$ (?P<tag> (?:[^\W\d]\w*)? ) \$ .*? \$ (?P=tag) \$
    | (?: [^\W\d] | [^\x00-\x7f] ) (?: [\w$] | [^\x00-\x7f] )*
    | \d [\w.]*
    | (?!/\*) [^'"$\\]
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
"""PostgreSQL's tokens, as far as they are read alike under all settings: a text with a backslash is none of them, nor
is a comment within a comment."""

NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
PATH = rf"(?:{NAME} \. )*"

INDEX_BESIDE_OTHERS = re.compile(rf"create (?:unique )?index concurrently if not exists {NAME} on .*", re.DOTALL)

Forms = tuple["re.Pattern[str]", ...]


def _forms(*patterns: str) -> Forms:
    return tuple(re.compile(pattern, re.DOTALL) for pattern in patterns)


ACCEPTED = _forms(
    r"select \d+",
    r"comment on .* is (?:''|null)",
    rf"create table (?:if not exists )?{PATH}(?P<made>{NAME}) \( .*",
    rf"create (?:unique )?index (?:if not exists )?{NAME} on .*",
    rf"create type {PATH}{NAME} as enum \( .* \)",
    rf"create schema (?:if not exists )?{NAME}",
    rf"create (?:or replace )?function {PATH}{NAME} \( .*",
    rf"create (?:or replace )?trigger {NAME} (?:before|after) .*",
    rf"alter type {PATH}{NAME} add value (?:if not exists )?''(?: (?:before|after) '')?",
    rf"alter (?:table|index) (?:if exists )?{PATH}(?P<removed>{NAME}) rename to (?P<made>{NAME})",
    rf"drop table (?:if exists )?{PATH}(?P<removed>{NAME})(?: restrict)?",
    rf"drop index (?:if exists )?{PATH}{NAME}(?: restrict)?",
    rf"drop trigger (?:if exists )?{NAME} on {PATH}{NAME}(?: restrict)?",
)
"""Whole statements, their tokens one blank apart. `removed` are names that rows are no longer found under, `made` such
that they are found under then."""

ALTERED_TABLE = re.compile(rf"alter table (?:if exists )?(?:only )?{PATH}{NAME} ")
ALTERATIONS = _forms(
    rf"add column (?:if not exists )?(?P<made>{NAME}) .*",
    rf"add constraint {NAME} .*",
    rf"alter (?:column )?{NAME} (?:(?:set|drop) not null|drop default|set default .*|(?:set data )?type .*)",
    rf"drop column (?:if exists )?(?P<removed>{NAME})(?: restrict)?",
    rf"drop constraint (?:if exists )?{NAME}(?: restrict)?",
    rf"rename (?:column |constraint )?(?P<removed>{NAME}) to (?P<made>{NAME})",
    rf"validate constraint {NAME}",
)
"""What one `ALTER TABLE` may do, each of its parts by itself."""

OPENS = frozenset({"(", "=", "and", "exists", "in", "not", "or", "to_regclass"})
"""What may stand before a parenthesis in the condition of a block: any other name there may be a function's."""

Tokens = list[str]


class UnknownFormError(ValueError):
    """A script has a form that is not known to be repeatable."""


def changes_definitions_alone(script: str) -> bool:
    """Whether a second run of a script that was kept as a whole, or not at all, can change nothing but definitions."""
    try:
        found = [match.groupdict() for statement in _statements(script) for match in _accepted(statement)]
    except UnknownFormError:
        return False
    changes = [(_unquoted(groups.get("removed")), _unquoted(groups.get("made"))) for groups in found]
    removed, made = {old for old, _ in changes if old}, {new for _, new in changes if new}
    # A second run would drop what the first has made, an empty column after a full one, or exchange two back. A rename
    # alone cannot: it fails on its new name, unless the script takes that away as well.
    return made.isdisjoint(old for old, new in changes if old and (not new or new in removed))


def makes_an_index_beside_others(script: str) -> bool:
    """Whether a script is one index made `CONCURRENTLY IF NOT EXISTS`, which no transaction holds."""
    try:
        statements = list(_statements(script))
    except UnknownFormError:
        return False
    return len(statements) == 1 and bool(INDEX_BESIDE_OTHERS.fullmatch(_text(statements[0])))


def _statements(script: str) -> Iterator[Tokens]:
    """The script's statements that are not empty."""
    statement: list[str] = []
    for piece in [*_tokens(script), ";"]:
        if piece != ";":
            statement.append(piece)
        elif statement:
            yield statement
            statement = []


def _tokens(script: str) -> Iterator[str]:
    """Words in lower case, and everything that is quoted as it is."""
    position = 0
    while position < len(script):
        found = TOKEN.match(script, position)
        if found is None:
            raise UnknownFormError
        piece = found.group()
        if found["nothing"] is None:
            yield piece if piece[0] in "'\"$" else piece.lower()
        position = found.end()


def _accepted(statement: Tokens) -> Iterator[re.Match[str]]:
    """What the parts of a statement do, by the forms that they have."""
    if statement[0] == "do":
        yield from _block(statement)
        return
    match = _matching(ACCEPTED, _text(statement))
    if match and not (statement[:2] == ["create", "table"] and "as" in _outside_parentheses(statement)):
        yield match
    else:
        yield from _alterations(statement)


def _matching(forms: Forms, text: str) -> "re.Match[str] | None":
    return next((match for form in forms if (match := form.fullmatch(text))), None)


def _alterations(statement: Tokens) -> Iterator[re.Match[str]]:
    first, *others = [_text(part) for part in _parts(statement)]
    head = ALTERED_TABLE.match(first)
    if head is None or "using" in statement:
        raise UnknownFormError
    for alteration in [first[head.end() :], *others]:
        match = _matching(ALTERATIONS, alteration)
        if match is None:
            raise UnknownFormError
        yield match


def _block(statement: Tokens) -> Iterator[re.Match[str]]:
    """What the statements of a block do, whichever of them its conditions choose."""
    if len(statement) != 2 or not statement[1].startswith("$"):
        raise UnknownFormError
    _, _, body = statement[1].removeprefix("$").partition("$")
    for inner in _statements(body.removesuffix("$").rpartition("$")[0]):
        chosen = _without_choice(inner)
        if chosen:
            yield from _accepted(chosen)


def _without_choice(statement: Tokens) -> Tokens:
    """A block's statement without the words before it that choose whether it runs."""
    if statement in ([], ["end"], ["end", "if"], ["null"]):
        return []
    if statement[0] in ("begin", "else", "exception"):
        return _without_choice(statement[1:])
    if statement[0] in ("if", "when") and "then" in statement:
        end = statement.index("then")
        if any(after == "(" and before not in OPENS for before, after in pairwise(statement[:end])):
            raise UnknownFormError
        return _without_choice(statement[end + 1 :])
    return statement


def _depths(statement: Tokens) -> Iterator[tuple[str, int]]:
    """Tokens with the number of parentheses and brackets that are open after each."""
    steps = ((piece in ("(", "[")) - (piece in (")", "]")) for piece in statement)
    return zip(statement, accumulate(steps), strict=True)


def _outside_parentheses(statement: Tokens) -> Tokens:
    return [piece for piece, depth in _depths(statement) if depth == 0]


def _parts(statement: Tokens) -> Iterator[Tokens]:
    """A statement's parts between commas."""
    part: list[str] = []
    for piece, depth in _depths(statement):
        if piece == "," and depth == 0:
            yield part
            part = []
        else:
            part.append(piece)
    yield part


def _text(statement: Tokens) -> str:
    """A statement's tokens one blank apart, without what its texts say."""
    return " ".join({"'": "''", "$": "$$"}.get(piece[0], piece) for piece in statement)


def _unquoted(name: str | None) -> str:
    return (name or "").strip('"')
