"""From charts and YAML to the objects that they describe, in the order in which they depend on each other."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from lab.engine.kubernetes.api_client import ApiClient
from lab.engine.kubernetes.objects import items, mapping
from lab.engine.plumbing import Failure
from lab.paths import binaries_directory

Object = dict[str, Any]

HELM_TIMEOUT_SECONDS: Final = 180
UNSUPPORTED: Final = ("postRenderer", "keyring")
FLAGS: Final = {
    "devel": "--devel",
    "verify": "--verify",
    "plainHttp": "--plain-http",
    "dependencyUpdate": "--dependency-update",
}


@dataclass(frozen=True)
class Child:
    """One object of a chart or group, and the positions of those that must exist before it."""

    obj: Object
    after: tuple[int, ...]


def helm_binary() -> str:
    """Return the helm to render with: the lab's own, else the one on PATH. Raises Failure without either."""
    built = binaries_directory() / "helm"
    found = str(built) if built.exists() else shutil.which("helm")
    if not found:
        raise Failure("a chart needs helm: put it on PATH, or let `bulkhead lab up` build it")
    return found


def render_chart(arguments: Mapping[str, Any], release: str, namespace: str, api: ApiClient | None) -> list[Object]:
    """Render a `helm.v4.Chart`'s arguments to objects, against the cluster's version when there is one.

    Raises Failure with helm's own words when the chart cannot be found or rendered.
    """
    command = [helm_binary(), "template", release, *helm_arguments(arguments, namespace)]
    if api is not None:
        command += ["--kube-version", api.server_version()]
        command += [word for version in api.api_versions() for word in ("--api-versions", version)]
    values = _merge([*_value_files(arguments), mapping(arguments.get("values"))])
    try:
        done = subprocess.run(
            [*command, "--values", "-"],
            input=yaml.safe_dump(values),
            capture_output=True,
            text=True,
            timeout=HELM_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"helm did not render {arguments['chart']} within {HELM_TIMEOUT_SECONDS} s") from None
    if done.returncode:
        told = done.stderr.strip().removeprefix("Error: ")
        raise Failure(f"helm cannot render {arguments['chart']}: {told}")
    return parse_documents(done.stdout, str(arguments["chart"]))


def helm_arguments(arguments: Mapping[str, Any], namespace: str) -> list[str]:
    """Return helm's arguments for a chart. Raises Failure for what the stand-in does not support."""
    for name in UNSUPPORTED:
        if arguments.get(name):
            raise Failure(f"the lab's kubernetes stand-in does not support a chart's {name}")
    chart = str(arguments["chart"])
    if chart.startswith((".", "/")) and not Path(chart).exists():
        raise Failure(f"there is no chart at {chart}: name its folder, relative to the project, or an OCI reference")
    repository = mapping(arguments.get("repositoryOpts"))
    if repository.get("username") or repository.get("password"):
        raise Failure("the lab's kubernetes stand-in takes no repository password: use `helm registry login`")
    words = [chart, "--namespace", namespace]
    words += [] if arguments.get("includeHooks") else ["--no-hooks"]
    words += [] if arguments.get("skipCrds") else ["--include-crds"]
    words += ["--version", str(arguments["version"])] if arguments.get("version") else []
    words += ["--repo", str(repository["repo"])] if repository.get("repo") else []
    words += ["--ca-file", str(repository["caFile"])] if repository.get("caFile") else []
    return words + [flag for name, flag in FLAGS.items() if arguments.get(name)]


def _value_files(arguments: Mapping[str, Any]) -> list[Object]:
    found: list[Object] = []
    for asset in items(arguments.get("valueYamlFiles")):
        text = asset["text"] if asset.get("text") else Path(str(asset.get("path"))).read_text(encoding="utf-8")
        found.append(mapping(yaml.safe_load(text)))
    return found


def _merge(layers: Sequence[Mapping[str, Any]]) -> Object:
    """Return helm's merge of values: the later layer wins, mappings are merged member by member."""
    merged: Object = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(merged.get(key), dict) and isinstance(value, dict)
            merged[key] = _merge([merged[key], cast("Object", value)]) if both else value
    return merged


def group_objects(arguments: Mapping[str, Any]) -> list[Object]:
    """Return the objects of a `yaml.v2.ConfigGroup` or `ConfigFile`: inline objects, YAML text and files.

    Raises Failure for a file that cannot be read and for YAML that is no manifest.
    """
    found = [*items(arguments.get("objs"))]
    if text := arguments.get("yaml"):
        found += parse_documents(str(text), "the group's yaml")
    names = [*cast("list[str]", arguments.get("files") or []), *([arguments["file"]] if arguments.get("file") else [])]
    for name in names:
        for path in _matching(name):
            found += parse_documents(path.read_text(encoding="utf-8"), str(path))
    return [single for obj in found for single in _singles(obj, "an inline object")]


def _matching(name: str) -> list[Path]:
    if "://" in name:
        raise Failure(f"the lab's kubernetes stand-in reads no manifests over the network: {name}")
    paths = sorted(Path().glob(name)) if "*" in name and not name.startswith("/") else [Path(name)]
    if not paths or not all(path.is_file() for path in paths):
        raise Failure(f"there is no manifest file {name}")
    return paths


def parse_documents(text: str, origin: str) -> list[Object]:
    """Return the objects of a YAML stream, lists taken apart. Raises Failure naming `origin` for anything else."""
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Failure(f"{origin} is not valid YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    return [single for document in documents if document for single in _singles(document, origin)]


def _singles(document: Any, origin: str) -> list[Object]:
    obj = mapping(document)
    if not obj.get("kind") or not obj.get("apiVersion"):
        raise Failure(f"{origin} holds something without kind and apiVersion, so it is no Kubernetes object")
    if str(obj["kind"]).endswith("List") and "items" in obj:
        return [single for item in items(obj["items"]) for single in _singles(item, origin)]
    if not mapping(obj.get("metadata")).get("name"):
        raise Failure(f"{origin} holds a {obj['kind']} without a name")
    return [obj]


def with_namespaces(objects: Sequence[Object], namespace: str, api: ApiClient | None) -> list[Object]:
    """Return the objects with `namespace` filled in wherever a namespaced kind names none."""
    scopes = {
        (mapping(obj.get("spec")).get("group"), mapping(mapping(obj.get("spec")).get("names")).get("kind")): mapping(
            obj.get("spec")
        ).get("scope")
        for obj in objects
        if obj["kind"] == "CustomResourceDefinition"
    }

    def filled(obj: Object) -> Object:
        metadata = mapping(obj["metadata"])
        if metadata.get("namespace"):
            return obj
        scope = scopes.get((str(obj["apiVersion"]).partition("/")[0], obj["kind"]))
        served = api.kind(obj["apiVersion"], obj["kind"]) if api and not scope else None
        inside = scope == "Namespaced" or (served is not None and served.namespaced)
        return {**obj, "metadata": {**metadata, "namespace": namespace}} if inside else obj

    return [filled(obj) for obj in objects]


def ordered(objects: Sequence[Object]) -> list[Child]:
    """Return the objects with what each must wait for: its namespace and its CustomResourceDefinition.

    Both come first, so that every position in `after` is already registered.
    """
    first = [obj for obj in objects if obj["kind"] in ("CustomResourceDefinition", "Namespace")]
    rest = [obj for obj in objects if obj["kind"] not in ("CustomResourceDefinition", "Namespace")]
    spaces = {obj["metadata"]["name"]: at for at, obj in enumerate(first) if obj["kind"] == "Namespace"}
    definitions = {
        (mapping(obj["spec"]).get("group"), mapping(mapping(obj["spec"]).get("names")).get("kind")): at
        for at, obj in enumerate(first)
        if obj["kind"] == "CustomResourceDefinition"
    }

    def needs(obj: Object) -> tuple[int, ...]:
        group = str(obj["apiVersion"]).partition("/")[0]
        found = (spaces.get(obj["metadata"].get("namespace")), definitions.get((group, obj["kind"])))
        return tuple(sorted({at for at in found if at is not None}))

    return [*(Child(obj, ()) for obj in first), *(Child(obj, needs(obj)) for obj in rest)]
