"""The JSON Schema of a whole stack file, for editors and for scanners."""

import json
from typing import cast

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from infra.config.stack import PROJECT, StackConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SECRET_DESCRIPTIONS = {
    "model_hub_token": "The model hub's token, for models that need one: pulumi config set --secret",
    "database_url": "The external database's URL, with its password: pulumi config set --secret",
    "cache_url": "The external cache's URL, with its password: pulumi config set --secret",
}

_PULUMI_KEYS = {
    "encryptionsalt": "Pulumi's: the salt from which a passphrase makes the stack's key.",
    "secretsprovider": "Pulumi's: the service that encrypts the stack's secrets.",
    "encryptedkey": "Pulumi's: the stack's key, encrypted by the secrets provider.",
}

JsonObject = dict[str, object]


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out titles, which only repeat the keys."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema | object) -> bool:
        return False


def stack_file_schema() -> JsonObject:
    """The JSON Schema (2020-12) of a whole `Pulumi.<stack>.yaml`."""
    configuration = cast("JsonObject", _tidy(StackConfig.model_json_schema(schema_generator=_WithoutTitles)))
    properties = cast("JsonObject", configuration["properties"])
    required = cast("list[str]", configuration["required"])
    return {
        "$schema": DIALECT,
        "title": "Bulkhead stack file",
        "description": "The configuration of one stack of the platform, as Pulumi keeps it.",
        "type": "object",
        "properties": {
            "config": {
                "description": "Configuration by full key; keys of other namespaces are other programs'.",
                "type": "object",
                "properties": {
                    **{f"{PROJECT}:{key}": value for key, value in properties.items()},
                    **{f"{PROJECT}:{key}": _secret(text) for key, text in _SECRET_DESCRIPTIONS.items()},
                },
                "patternProperties": {rf"^(?!{PROJECT}:)[^:]+:[^:]+(:[^:]+)?$": True},
                "additionalProperties": False,
                "required": [f"{PROJECT}:{key}" for key in required],
            },
            **{key: {"description": text, "type": "string"} for key, text in _PULUMI_KEYS.items()},
            "environment": {"description": "Pulumi's: environments whose values are merged into this configuration."},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": configuration["$defs"],
    }


def stack_file_schema_text() -> str:
    """The schema as it is committed: two spaces of indentation and a newline at the end."""
    return json.dumps(stack_file_schema(), indent=2, ensure_ascii=False) + "\n"


def _secret(description: str) -> JsonObject:
    return {
        "description": description,
        "type": "object",
        "properties": {"secure": {"description": "The encrypted value.", "type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
    }


def _tidy(schema: object) -> object:
    """Without OpenAPI's keywords, titles and line breaks; maps closed to odd keys; `kind` required.

    pydantic wants the `kind` of a union's member to be written even where the member has a default for it.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    held = cast("JsonObject", schema)
    tidy = {key: _tidy(value) for key, value in held.items() if not _is_dropped(key, value)}
    if isinstance(text := tidy.get("description"), str):
        tidy["description"] = " ".join(text.split())
    properties = cast("dict[str, JsonObject]", tidy.get("properties", {}))
    if "const" in properties.get("kind", {}):
        tidy["required"] = sorted({"kind", *cast("list[str]", tidy.get("required", []))})
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    return tidy


def _is_dropped(key: str, value: object) -> bool:
    is_openapi = key == "discriminator" and isinstance(value, dict) and "propertyName" in value
    return is_openapi or (key == "title" and isinstance(value, str))
