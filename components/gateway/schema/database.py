"""The database that `DATABASE_URL` names, as Prisma understands that address, and what LiteLLM ships for it."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

LIBPQ_PARAMETERS = frozenset({"application_name", "connect_timeout", "options", "sslmode", "sslrootcert"})
CONNECT_SECONDS = 10


def libpq_url(url: str) -> str:
    """The URL without the parameters that Prisma alone understands."""
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key in LIBPQ_PARAMETERS]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def schema_name(url: str) -> str:
    """The schema that Prisma keeps its tables in."""
    return dict(parse_qsl(urlsplit(url).query)).get("schema", "public")


def connect(url: str) -> Any:
    """A connection of psycopg's that commits each statement by itself and finds Prisma's tables by their names.

    Raises:
        ModuleNotFoundError: The image has no psycopg.
        psycopg.OperationalError: There is no such database.
    """
    psycopg: Any = import_module("psycopg")  # part of the image that this runs in, not of the project
    connection = psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS, autocommit=True)
    connection.execute("select set_config('search_path', quote_ident(%s), false)", (schema_name(url),))
    return connection


def shipped() -> Path:
    """The folder with the schema and the migrations of the LiteLLM in this image.

    Raises:
        FileNotFoundError: The image holds none.
    """
    package = find_spec("litellm_proxy_extras")
    if package is None or package.origin is None:
        raise FileNotFoundError("the package litellm_proxy_extras is not installed")
    return Path(package.origin).parent
