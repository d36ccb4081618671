"""Every error that a tenant may get from the gateway, in the shape that its client library expects. Pure.

LiteLLM tells a caller what its operator should know: addresses of engines, hashes of keys, names of teams, Python
classes. So no text of LiteLLM's reaches a tenant. What happened is recognised and told in words of our own; only an
engine's remark on the request itself is passed on, when nothing in it looks like a part of the platform.

The shapes: https://platform.openai.com/docs/guides/error-codes and https://docs.anthropic.com/en/api/errors.
"""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, cast

ANTHROPIC_PATH = "/v1/messages"
LONGEST_MESSAGE = 600


@dataclass(frozen=True)
class Problem:
    """One error as the caller sees it.

    Attributes:
        status: The HTTP status.
        type: OpenAI's `error.type`.
        code: OpenAI's `error.code`, which programs decide by.
        message: For people.
        param: The parameter of the request that it is about.
        retry_after: Seconds to wait before another try; None says nothing.
        final: Whether the same request will go on failing, so that a client must not try again by itself.
    """

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    retry_after: int | None = None
    final: bool = False


def _invalid(code: str, message: str, status: int = 400, param: str | None = None) -> Problem:
    return Problem(status, "invalid_request_error", code, message, param)


class Situation(Enum):
    """All that can go wrong for a tenant."""

    NO_KEY = _invalid("invalid_api_key", "No API key was sent. Send it as `Authorization: Bearer KEY`.", 401)
    INVALID_KEY = _invalid("invalid_api_key", "The API key is unknown, expired or blocked.", 401)
    NOT_PERMITTED = Problem(403, "permission_error", "not_permitted", "The API key does not permit this.")
    PATH_NOT_OPEN = Problem(
        403,
        "permission_error",
        "path_not_open",
        "The API key does not open this path. The platform's operators say in its tenant's record which it opens.",
    )
    UNKNOWN_PATH = _invalid("unknown_url", "Nothing is served at this path. Check the base URL; it ends in /v1.", 404)
    UNKNOWN_METHOD = _invalid("method_not_allowed", "This path is not called with this method.", 405)
    MODEL_NOT_FOUND = _invalid(
        "model_not_found",
        "The model does not exist, or the API key does not open it. GET /v1/models lists those that it opens.",
        404,
        "model",
    )
    MODEL_UNSUITED = _invalid("model_unsuited", "The model does not serve this path.", 404, "model")
    NOT_FOUND = _invalid("not_found", "What the request refers to does not exist.", 404)
    INVALID_JSON = _invalid("invalid_json", "The request's body is not a JSON object.")
    INVALID_REQUEST = _invalid("invalid_request", "The request is not valid: a parameter has a wrong type or value.")
    PARAMETER_NOT_ALLOWED = _invalid(
        "parameter_not_allowed", "The request has a parameter that only the platform sets."
    )
    TOOLS_NOT_ENABLED = _invalid("tools_not_enabled", "The model is not set up to call tools by its own choice.")
    CONTEXT_TOO_LONG = _invalid(
        "context_length_exceeded", "The prompt and the tokens asked for are longer than the model's context."
    )
    TOO_LARGE = _invalid("request_too_large", "The request's body is larger than the gateway takes.", 413)
    BUDGET_SPENT = Problem(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "The budget is spent. It opens again with its next period, or when the platform's operators raise it.",
        final=True,
    )
    TOO_MANY_REQUESTS = Problem(
        429, "requests", "rate_limit_exceeded", "The limit of requests per minute is reached.", retry_after=60
    )
    TOO_MANY_TOKENS = Problem(
        429, "tokens", "rate_limit_exceeded", "The limit of tokens per minute is reached.", retry_after=60
    )
    TOO_MANY_AT_ONCE = Problem(
        429, "requests", "rate_limit_exceeded", "The limit of requests at one time is reached.", retry_after=5
    )
    INTERNAL = Problem(500, "server_error", "internal_error", "The gateway failed to handle the request.")
    MODEL_FAILED = Problem(502, "server_error", "model_failed", "The model failed to answer the request.")
    MODEL_UNAVAILABLE = Problem(
        503, "server_error", "model_unavailable", "The model is starting or not available; try again.", retry_after=5
    )
    GATEWAY_UNAVAILABLE = Problem(
        503,
        "server_error",
        "gateway_unavailable",
        "The gateway is not available at the moment; try again.",
        retry_after=5,
    )
    TIMED_OUT = Problem(504, "server_error", "timeout", "The model did not answer in time.")


# --- how it is written ------------------------------------------------------------------------------------------

ANTHROPIC_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def document(problem: Problem, path: str = "") -> dict[str, Any]:
    """The answer's JSON document: Anthropic's shape on its path, OpenAI's on all others."""
    if path == ANTHROPIC_PATH:
        kind = ANTHROPIC_TYPES.get(problem.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": problem.message}}
    error = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
    return {"error": error}


def body(problem: Problem, path: str = "") -> bytes:
    """The answer's body."""
    return json.dumps(document(problem, path), separators=(",", ":")).encode()


def event(problem: Problem, path: str = "") -> bytes:
    """The error as a server-sent event, for a stream that has begun."""
    name = b"event: error\n" if path == ANTHROPIC_PATH else b""
    return name + b"data: " + body(problem, path) + b"\n\n"


def headers(problem: Problem) -> dict[str, str]:
    """What the headers say of it; OpenAI's clients obey both."""
    found = {"content-type": "application/json"}
    if problem.retry_after is not None:
        found["retry-after"] = str(problem.retry_after)
    if problem.final:
        found["x-should-retry"] = "false"
    return found


# --- what has happened ------------------------------------------------------------------------------------------

ENGINE_SAYS = re.compile(r"(?:hosted_vllm|openai)exception - (?:error code: \d{3} - )?", re.IGNORECASE)
"""What LiteLLM writes before what it has heard of an engine, or has to say of one that it did not reach. It calls
completions by OpenAI's own client (all seen on LiteLLM 1.106.2)."""
UNREACHABLE = re.compile(
    r"connection (?:error|refused|reset|aborted)|cannot connect|connect call failed|server disconnected|"
    r"name or service not known|no deployments available|no healthy deployment|no endpoints|service unavailable",
    re.IGNORECASE,
)
ERRNO = re.compile(r"(?:\[Errno -?\d+\] ?)?")
NO_ENGINE = re.compile(
    r"(?:litellm\.\w{1,64}: ){0,4}(?:you passed in model=\S{1,256}\. )?"
    r"(?:no deployments available|(?:there are )?no healthy deployment|no endpoints)",
    re.IGNORECASE,
)
OUR_SIDE = re.compile(r"connect|timed? ?out|unavailable|redis|prisma|pool", re.IGNORECASE)
KEY_JUDGED = re.compile(r"expected to start with 'sk-'|(?:\bKey|Team=\S+) is blocked\.")
"""LiteLLM has judged the key itself. It quotes the key's ends or names the team, which may hold any word."""
BUDGET = re.compile(r"(?:[\w .]{1,64}[:,] ){0,4}Budget has been exceeded")
INVALID_MODEL = re.compile(r"Invalid model name passed in (model=None\.)?")
TOO_LONG = re.compile(
    r"context length|context window|contextwindow|max_model_len|maximum model length|max(?:imum)? input length|"
    r"is too large|too many tokens",
    re.IGNORECASE,
)
NO_TOOLS = re.compile(r"tool.choice\b.{0,200} requires --", re.IGNORECASE)
REFUSED_PARAMETER = re.compile(
    r"Rejected Request: ['\"`]?([\w.-]{1,64})['\"`]? is not allowed|"
    r"request params are disabled on this proxy: ([\w-]{1,64})"
)
MISSING_PARAMETER = re.compile(r"Missing required parameter: '([\w.\[\]-]{1,64})'")
LIMIT = re.compile(r"Limit type: (\w{1,64})\. Current limit: (\d{1,20})")
VALUES_JUDGED = re.compile(r"\d+ validation erro|.{0,300}'loc\\?': ", re.DOTALL)
"""The engine's web framework has judged the values, and quotes them. LiteLLM may cut the word's last letter off."""
VALIDATION = re.compile(r"""'loc': '(?:body\.)?([\w.-]{1,100})', 'msg': (?:\\*"([^"\\]{1,200})|'([^'\\]{1,200}))""")
UNFIT = re.compile(
    r"://|\b\d{1,3}(?:\.\d{1,3}){3}\b|\[[0-9a-f]*:[0-9a-f:]+\]|\b[a-z][\w.-]{0,252}:\d{2,5}\b|"
    r"\.svc\b|\.local\b|\.internal\b|"
    r"traceback|file \"|\.py\b|site-packages|/opt/|/usr/|"
    r"litellm|vllm|\bsk-|\b[0-9a-f]{32,}\b|<class|\b\w{1,252}(?:Exception|Error)\b|object has no attribute|bulkhead-",
    re.IGNORECASE,
)
"""What no remark of an engine may hold: addresses, paths, keys, hashes, names of the platform and of Python."""
LONGEST_SEARCHED = 4096
"""Characters in which patterns are looked for. All is done on the one event loop of a replica, and a caller can have
words of its own quoted at any length."""
LONGEST_PYTHON = 16_384
"""Characters of a document in Python's notation that are read."""

MODEL_DENIED = "model_access_denied"
OUTPUT_PARAMETERS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
PROMPT_PARAMETERS: Mapping[str, str] = {
    "/v1/chat/completions": "messages",
    "/v1/completions": "prompt",
    "/v1/embeddings": "input",
    "/v1/messages": "messages",
    "/v1/responses": "input",
}
"""What each path calls the prompt; engines call it by names of their own."""
PLAIN_STATUSES: Mapping[int, Situation] = {
    405: Situation.UNKNOWN_METHOD,
    408: Situation.TIMED_OUT,
    413: Situation.TOO_LARGE,
    # LiteLLM's for a caller that has left before the answer began, which it is told when the answer's time is over.
    499: Situation.TIMED_OUT,
    504: Situation.TIMED_OUT,
}
"""Statuses that say all by themselves."""


@dataclass(frozen=True)
class Report:
    """What LiteLLM says of a failure: the status, its own type, and its text."""

    status: int
    type: str
    text: str


def read(status: int, found: object) -> Report:
    """What LiteLLM reports in an error's JSON document, which has one of several forms."""
    fields = _mapping(found)
    error = fields.get("error", fields.get("detail", fields))
    details = _mapping(error)
    text = details.get("message", details.get("error", error))
    code = str(details.get("code", ""))
    if code.isdigit() and status < 400:
        status = int(code)
    return Report(status if status >= 400 else 500, str(details.get("type", "")), _text(text))


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def explain(report: Report, path: str, retry_after: int | None = None) -> Problem:
    """What the caller is told.

    Args:
        report: What LiteLLM says.
        path: The path that was called.
        retry_after: Seconds that LiteLLM asks the caller to wait.
    """
    problem = _recognise(report, path)
    if retry_after is not None and problem.retry_after is not None:
        return replace(problem, retry_after=retry_after)
    return problem


def _recognise(report: Report, path: str) -> Problem:
    if (known := _by_type(report.type)) is not None:
        return known.value
    words = divide(report.text)
    if invalid := INVALID_MODEL.search(words.own):
        return _missing("model") if invalid.group(1) else Situation.MODEL_NOT_FOUND.value
    if BUDGET.match(words.own):
        return Situation.BUDGET_SPENT.value
    if refused := REFUSED_PARAMETER.search(words.own):
        return not_allowed(refused.group(1) or refused.group(2))
    return _by_status(report, words, path)


def _by_type(kind: str) -> Situation | None:
    if kind == "budget_exceeded":
        return Situation.BUDGET_SPENT
    if kind.endswith(MODEL_DENIED):
        return Situation.MODEL_NOT_FOUND
    return Situation.GATEWAY_UNAVAILABLE if kind == "no_db_connection" else None


def not_allowed(parameter: str) -> Problem:
    """The refusal of a parameter that is the platform's own."""
    message = f"The parameter {parameter} is one that only the platform sets; leave it out."
    return replace(Situation.PARAMETER_NOT_ALLOWED.value, message=message, param=parameter)


def _by_status(report: Report, words: "Words", path: str) -> Problem:
    status = report.status
    if status in PLAIN_STATUSES:
        return PLAIN_STATUSES[status].value
    if status in (401, 403):
        return _about_key(report, words)
    if status == 429:
        return _about_limit(words)
    if status >= 500 or NO_ENGINE.match(words.own):
        return _about_failure(status, words)
    return _about_request(status, words, path)


def _about_key(report: Report, words: "Words") -> Problem:
    if words.engine is not None:
        # The engine refused the gateway's own key: nothing that the caller could mend.
        return Situation.MODEL_UNAVAILABLE.value
    if report.status == 403:
        closed = "not allowed to call this route" in words.own
        return (Situation.PATH_NOT_OPEN if closed else Situation.NOT_PERMITTED).value
    if "No api key passed in" in words.own:
        return Situation.NO_KEY.value
    judged = report.type == "token_not_found_in_db" or KEY_JUDGED.search(words.own)
    if not judged and OUR_SIDE.search(words.own):
        # LiteLLM calls every failure while it looks a key up a wrong key; a client would give a good one up.
        return Situation.GATEWAY_UNAVAILABLE.value
    return Situation.INVALID_KEY.value


def _about_limit(words: "Words") -> Problem:
    limit = LIMIT.search(words.own)
    if limit is None:
        return Situation.MODEL_UNAVAILABLE.value
    kind, number = limit.groups()
    if kind == "requests":
        message = f"The limit of {number} requests per minute is reached."
        return replace(Situation.TOO_MANY_REQUESTS.value, message=message)
    if kind == "tokens":
        return replace(Situation.TOO_MANY_TOKENS.value, message=f"The limit of {number} tokens per minute is reached.")
    message = f"The limit of {number} requests at one time is reached."
    return replace(Situation.TOO_MANY_AT_ONCE.value, message=message)


def _about_failure(status: int, words: "Words") -> Problem:
    if words.engine is None:
        if UNREACHABLE.search(words.own):
            return Situation.MODEL_UNAVAILABLE.value
        return (Situation.GATEWAY_UNAVAILABLE if status == 503 else Situation.INTERNAL).value
    unreachable = status == 503 or words.engine.is_unreachable
    return (Situation.MODEL_UNAVAILABLE if unreachable else Situation.MODEL_FAILED).value


def _about_request(status: int, words: "Words", path: str) -> Problem:
    if "Invalid JSON" in words.own:
        return Situation.INVALID_JSON.value
    if missing := MISSING_PARAMETER.search(words.own):
        return _missing(missing.group(1))
    if status == 404:
        return _about_absence(path, words)
    return _about_values(path, words.engine or EngineWords(""))


def _about_values(path: str, engine: "EngineWords") -> Problem:
    if engine.judges_values:
        return _remarked(Situation.INVALID_REQUEST, engine.remark)
    if NO_TOOLS.search(engine.searched):
        return Situation.TOOLS_NOT_ENABLED.value
    remark = engine.remark
    if TOO_LONG.search(engine.searched):
        asked = remark.param if remark.param in OUTPUT_PARAMETERS else PROMPT_PARAMETERS.get(path)
        return replace(_remarked(Situation.CONTEXT_TOO_LONG, remark), param=asked)
    return _remarked(Situation.INVALID_REQUEST, remark)


def _about_absence(path: str, words: "Words") -> Problem:
    if path.startswith("/v1/models/"):
        return Situation.MODEL_NOT_FOUND.value
    if words.engine is None:
        return Situation.UNKNOWN_PATH.value
    remark = words.engine.remark
    # An engine that does not know a path answers with the words of its web framework.
    return Situation.MODEL_UNSUITED.value if remark.message is None else _remarked(Situation.NOT_FOUND, remark)


def _missing(name: str) -> Problem:
    return replace(Situation.INVALID_REQUEST.value, message=f"The parameter {name} is missing.", param=name)


# --- whose words they are ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remark:
    """What an engine says of a request, as far as it may be passed on."""

    message: str | None = None
    param: str | None = None


@dataclass(frozen=True)
class EngineWords:
    """What stands in a text of LiteLLM's for an engine's answer. Engines quote what they were sent.

    Attributes:
        text: The message of the engine's document; where there is none that can be read, all that stands there.
        param: The parameter that the document names.
        is_document: Whether the message is a document's. Otherwise it may be what LiteLLM or its client says of an
            engine that was not reached.
    """

    text: str
    param: object = None
    is_document: bool = False

    @property
    def searched(self) -> str:
        """So much of it as patterns are looked for in."""
        return self.text[:LONGEST_SEARCHED]

    @property
    def judges_values(self) -> bool:
        """Whether it quotes values that it refuses, so that no word in it tells of anything else."""
        return VALUES_JUDGED.match(self.searched) is not None

    @property
    def is_unreachable(self) -> bool:
        """Whether nobody answered. That is said at once, and what is quoted comes later."""
        if self.is_document:
            return False
        begun = ERRNO.match(self.text)
        return UNREACHABLE.match(self.text, begun.end() if begun else 0) is not None

    @property
    def remark(self) -> Remark:
        """What may be passed on of it."""
        if invalid := VALIDATION.search(self.searched):
            place = invalid.group(1)
            return Remark(fit(f"{place}: {invalid.group(2) or invalid.group(3)}"), place.partition(".")[0])
        if not self.is_document:
            return Remark()
        named = isinstance(self.param, str) and re.fullmatch(r"[\w.\[\]-]{1,64}", self.param)
        return Remark(fit(self.text), str(self.param) if named else None)


@dataclass(frozen=True)
class Words:
    """A text of LiteLLM's in its parts.

    Attributes:
        own: LiteLLM's own words, as far as patterns are looked for in them. What has happened is decided by them.
        engine: What it has heard of an engine; None where it says nothing of one.
    """

    own: str
    engine: EngineWords | None


def divide(text: str) -> Words:
    """A text of LiteLLM's in its own words and an engine's, which may quote whatever a caller has written."""
    begun = ENGINE_SAYS.search(text[:LONGEST_SEARCHED])
    if begun is None:
        return Words(text[:LONGEST_SEARCHED], None)
    rest = text[begun.end() :]
    if rest[:1] in ("{", "["):
        # A document has no line breaks, and LiteLLM goes on after one.
        return Words(text[: begun.end()], _in_document(rest.partition("\n")[0]))
    return Words(text[: begun.end()], EngineWords(rest))


def _in_document(written: str) -> EngineWords:
    found = _read(written)
    if found is None:
        return EngineWords(written)
    fields = _mapping(found)
    error = _mapping(fields.get("error")) or fields
    message = error.get("message")
    if isinstance(message, str):
        return EngineWords(message, error.get("param"), is_document=True)
    return EngineWords("")


def _read(written: str) -> object:
    """A document of JSON, or of Python as OpenAI's client writes it; None where it is neither, as if it was cut."""
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(written) if len(written) <= LONGEST_PYTHON else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def fit(message: str) -> str | None:
    """The message if a tenant may read it, without control characters and not too long; else None."""
    begun = message[:LONGEST_SEARCHED]
    plain = " ".join("".join(character if character.isprintable() else " " for character in begun).split())
    plain = re.sub(r" ?\(parameter=[^)]{0,600}\)", "", plain)
    # A little more than what is passed on, so that nothing is told the beginning of what would not be told whole.
    looked_at = plain[: LONGEST_MESSAGE + 256]
    return None if not plain or UNFIT.search(looked_at) else plain[:LONGEST_MESSAGE]


def _remarked(situation: Situation, remark: Remark) -> Problem:
    problem = situation.value
    return replace(problem, message=remark.message or problem.message, param=remark.param or problem.param)
