"""The forms that text in a stack file may have: a pattern for machines, words for people."""

from dataclasses import dataclass

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_HOST = rf"({_LABEL}\.)+[a-z]([-a-z0-9]{{0,61}}[a-z0-9])?"
_ADDRESS = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_PATH_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
"""A component of a repository's name, as the distribution specification of OCI has it."""
_REGISTRY = rf"(({_LABEL}\.)+{_LABEL}(:{_PORT})?|{_LABEL}:{_PORT}|localhost)"

NAME_MAX_LENGTH = 40
"""Characters. A DNS label has 63 (RFC 1123); names here get suffixes, and a GKE node pool's name may have only 40."""


@dataclass(frozen=True)
class Form:
    """One form of text.

    Attributes:
        pattern: A regular expression without look-around, which JSON Schema and Rust's engine read alike.
        noun: What has the form, with its article.
        rule: What to write, with an example; empty where the key says it.
    """

    pattern: str
    noun: str
    rule: str = ""


NAME = Form(
    r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
    "a name that Kubernetes objects can have",
    "a name of lower-case letters a-z, digits and hyphens, which begins with a letter, ends with a letter or digit, "
    f"and has at most {NAME_MAX_LENGTH} characters, as team-a",
)
NAMESPACE = Form(
    f"^{_LABEL}$",
    "a namespace's name",
    "the name of a namespace, as monitoring: at most 63 lower-case letters, digits and hyphens; no network, no address",
)
OBJECT_NAME = Form(
    f"^{_SUBDOMAIN}$",
    "the name of an object of the cluster",
    "the name as the cluster has it, as llm-tls: lower-case letters, digits, hyphens and dots",
)
SERVICE_ACCOUNT = Form(
    rf"^system:serviceaccount:{_LABEL}:{_SUBDOMAIN}$",
    "a service account",
    "the account as the API server names it, as system:serviceaccount:kuberay-system:kuberay-operator",
)
PRINCIPAL = Form(
    r"^\S(.*\S)?$",
    "a user's or a group's name",
    "the name as the API server sees it, as research@example.com, without spaces at its ends",
)
METADATA_NAME = Form(
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    "a name for metadata",
    "a name of lower-case letters a-z, digits and single hyphens, as cost-centre; no underscore, since names with one"
    " are LiteLLM's own and change what it does",
)
METADATA_VALUE = Form(
    r"^[^\x00-\x1f\x7f]+$",
    "one line of text",
    'at least one character, in one line, as "4711"',
)
NETWORK = Form(
    f"^{_ADDRESS}/[0-9]{{1,2}}$",
    "an IPv4 network",
    "a network as 203.0.113.0/24, or a single address as 203.0.113.7/32; no host names and no IPv6",
)
HOST = Form(
    f"^{_HOST}$",
    "a full host name",
    "a host name with its domain, in lower-case letters, as llm.example.com; no scheme, port, path or IP address",
)
ALERTMANAGER = Form(
    rf"^({_SUBDOMAIN}):{_PORT}$",
    "a host with a port",
    "host:port, as alertmanager.monitoring.svc:9093, with a port from 1 to 65535; no scheme and no path",
)
MIRROR = Form(
    rf"^{_REGISTRY}(/{_PATH_PART})*$",
    "a registry",
    "a registry's host with its domain or its port, and a path if it has one, as registry.example.com/mirror or"
    " registry:5000; no scheme and no tag",
)
OCI_CHART = Form(
    rf"^oci://{_REGISTRY}(/{_PATH_PART})+$",
    "an OCI chart's address without a tag",
    "oci://, the registry and the chart, as oci://registry.example.com/charts/kueue; no tag and no digest, as the"
    " program pins the version",
)
CHART_REPOSITORY = Form(
    r"^https://[^\s@]+$",
    "a Helm repository's address",
    "an address as https://charts.example.com, without user and password",
)
FOLDER = Form(
    r"^(\./)?\.?[^./][^/]*(/\.?[^./][^/]*)*/?$",
    "a folder inside the project",
    "a path relative to the project and inside it, as .charts/kueue; it does not begin with / and has no ..",
)
CPUS = Form(
    "^[1-9][0-9]*m?$",
    "a number of CPUs",
    "CPUs as 4, or thousandths of one as 500m",
)
BYTES = Form(
    "^[1-9][0-9]*(Mi|Gi|Ti)$",
    "a size with its unit",
    "a size in Mi, Gi or Ti, as 16Gi; without a unit it would be bytes",
)
PERIOD = Form(
    "^[1-9][0-9]{0,3}[smhd]$",
    "a period",
    "a whole number of seconds, minutes, hours or days, as 30d, 12h, 90m or 600s",
)
MODEL_SOURCE = Form(
    r"^(/[-._A-Za-z0-9]+)+$|^[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*$",
    "a place of weights",
    "organisation/model on the hub, as meta-llama/Llama-3.1-8B-Instruct, or an absolute path in the engine's image, as"
    " /models/tiny; no address",
)
MIG_SIZE = Form(
    r"^[1-9]g\.[1-9][0-9]{0,3}gb$",
    "a MIG profile",
    "a profile as 1g.10gb; docs/reference/accelerators.md lists the sizes of each GPU",
)
MACHINE_TYPE = Form(
    "^[a-z][a-z0-9]*(-[a-z0-9]+)+$",
    "a machine type of Google Cloud's",
    "a machine type as g2-standard-24",
)
MACHINE_TIER = Form(
    "^db-[-a-z0-9]+$",
    "a machine tier of Cloud SQL's",
    "a tier as db-custom-2-7680, which is 2 CPUs and 7,680 MiB",
)
PROJECT_ID = Form(
    "^[a-z][-a-z0-9]{4,28}[a-z0-9]$",
    "a Google Cloud project's id",
    "the id, not the name or number: 6 to 30 lower-case letters, digits and hyphens, as example-llm-platform",
)
LOCATION = Form(
    "^[a-z]+-[a-z]+[0-9]+(-[a-z])?$",
    "a region or zone of Google Cloud's",
    "a region as europe-west4, or a zone as europe-west4-a",
)
ZONE = Form(
    "^[a-z]+-[a-z]+[0-9]+-[a-z]$",
    "a zone of Google Cloud's",
    "a zone as europe-west4-a",
)
LABEL_VALUE = Form(
    "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
    "a label's value",
    "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
)
LABEL_KEY = Form(
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    "a label's key",
    "a name with an optional domain before it, as example.com/pool",
)
WORDS = Form(r"\S", "filled in")

FORMS = {
    form.pattern: form
    for form in (
        NAME,
        NAMESPACE,
        OBJECT_NAME,
        SERVICE_ACCOUNT,
        PRINCIPAL,
        METADATA_NAME,
        METADATA_VALUE,
        NETWORK,
        HOST,
        ALERTMANAGER,
        MIRROR,
        OCI_CHART,
        CHART_REPOSITORY,
        FOLDER,
        CPUS,
        BYTES,
        PERIOD,
        MODEL_SOURCE,
        MIG_SIZE,
        MACHINE_TYPE,
        MACHINE_TIER,
        PROJECT_ID,
        LOCATION,
        ZONE,
        LABEL_KEY,
        LABEL_VALUE,
        WORDS,
    )
}
"""Pattern → its form; a unit test holds every pattern of the stack file to be here."""
