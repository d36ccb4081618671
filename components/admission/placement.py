"""HW3's policy: a tenant's workload runs where the platform puts it.

All of a pod's say in where it runs is written by the tenant: a taint isolates nothing while anybody may tolerate it
(Kubernetes' documentation on taints and on multi-tenancy). So a tenant's pod may tolerate the taint of its own nodes,
select what is its own or open to all, and say nothing else of nodes. What the tenant is called comes from the
namespace; where tenants share one, from the queue, which SR2 holds to whoever asks.

Kueue writes selectors and tolerations of the flavor that it has chosen into what it admits, as itself.
"""

from components.admission import pods
from components.admission.building import OWNER_RULES, POD_RULES, SEEN, Manifest, Rule, Scope, policy
from components.admission.cel import any_of, text, texts, texts_map
from components.admission.requesters import identity_variables, owner_queue
from infra.blueprint import devices
from infra.blueprint.admission import AdmissionAction, GpuAdmissionPart

DEFAULT_SCHEDULER = "default-scheduler"

_CONTROL = "HW3"


def placement_policies(part: GpuAdmissionPart) -> list[Manifest]:
    """The policy on tenants' workloads; none where its action is off."""
    placement = part.placement
    if placement.action is AdmissionAction.OFF:
        return []
    managed = {"matchLabels": dict(part.managed_namespace_labels)}
    scope = Scope(managed, (*POD_RULES, *OWNER_RULES), _variables(part))
    return [policy("hw3-placement", placement.action, scope, _rules(part))]


def _variables(part: GpuAdmissionPart) -> tuple[tuple[str, str], ...]:
    placement = part.placement
    shared = f"request.namespace == {text(part.shared_namespace)}"
    own = texts_map(placement.own_labels)
    return (
        *SEEN,
        *identity_variables(part),
        ("shared", shared),
        ("holder", f"variables.tenant != '' ? variables.tenant : variables.shared ? ({owner_queue('object')}) : ''"),
        # What a controller makes of a tenant's object was judged with that; a tenant's namespace tells whose a pod is.
        (
            "judged",
            "variables.changed && !variables.kueue && (variables.tenant != '' ? !variables.controller"
            " || request.kind.kind == 'Pod' : variables.shared && !variables.controller)",
        ),
        ("allowed", f"{texts(placement.open_labels)} + ({own})[?variables.holder].orValue([])"),
    )


def _rules(part: GpuAdmissionPart) -> tuple[Rule, ...]:
    placement = part.placement
    keys = texts(placement.label_keys)

    def selected(key: str, value: str) -> str:
        return f"{key} in {keys} && !(({key} + '=' + {value}) in variables.allowed)"

    def may_match(expression: str) -> str:
        all_own = f"{expression}.?values.orValue([]).all(v, ({expression}.key + '=' + v) in variables.allowed)"
        return f"{expression}.key in {keys} && !({expression}.operator == 'In' && {all_own})"

    return (
        _never(
            _tolerates_foreign("p", placement.dedicated_key),
            f"of the taint {placement.dedicated_key} a tenant's workload may tolerate its own tenant's name alone, and"
            " it may not tolerate every taint. Name the taints that are meant; Kueue adds those of the pool.",
        ),
        _never(
            pods.selects(selected, may_match)("p"),
            f"of the node labels {', '.join(placement.label_keys)} a tenant's workload may select, with nodeSelector or"
            " the operator In, only those of pools that are open to it. Remove the selector: Kueue adds that of the"
            " pool.",
        ),
        _never(
            any_of(
                pods.names_node_by_field("p"),
                "p.?spec.?nodeName.orValue('') != '' && (variables.created || request.kind.kind != 'Pod')",
            ),
            "a tenant's workload may not pick a node by name: that passes taints by. Remove nodeName and matchFields.",
        ),
        _never(
            f"!(p.?spec.?schedulerName.orValue('') in {texts(('', DEFAULT_SCHEDULER))})",
            "a tenant's workload may not choose its scheduler: another one need not look at taints. Remove"
            " schedulerName.",
        ),
        _never(
            f"!(p.?spec.?priorityClassName.orValue('') in {texts(('', *placement.priority_classes))})",
            "a tenant's pod may not take a priority class that drives others off their nodes. Remove priorityClassName;"
            " those that tenants may use stand under bulkhead:trust.admission.priority_classes.",
        ),
        _never(
            f"!(p.?spec.?runtimeClassName.orValue('') in {texts(('', *placement.runtime_classes))})",
            "a runtime class can bring tolerations and selectors along. Remove runtimeClassName; those that tenants may"
            " use stand under bulkhead:trust.admission.runtime_classes.",
        ),
        _never(
            pods.claims_device("p"),
            "a resource claim picks a device past pools and queues, also one on another tenant's node. Remove"
            f" resourceClaims and resources under {devices.CLASS_PREFIX}. Request nvidia.com/gpu, or the MIG size of"
            " the pool.",
        ),
        _never(
            _looks_at_other_namespaces("p"),
            "a pod may not be placed by the pods of other namespaces: it could follow another tenant's, or keep them"
            " off a node. Remove namespaces and namespaceSelector from the affinity.",
        ),
    )


def _never(condition: str, message: str) -> Rule:
    holds = any_of("!variables.judged", f"!variables.pods.exists(p, {condition})")
    return Rule(holds, message, control=_CONTROL)


def _tolerates_foreign(pod: str, key: str) -> str:
    own = (
        "t.?operator.orValue('') in ['', 'Equal'] && t.?value.orValue('') == variables.holder && variables.holder != ''"
    )
    foreign = any_of("t.?key.orValue('') == ''", f"t.?key.orValue('') == {text(key)} && !({own})")
    return f"{pod}.?spec.?tolerations.orValue([]).exists(t, {foreign})"


def _looks_at_other_namespaces(pod: str) -> str:
    """Whether an affinity to pods, or against them, looks beyond the pod's own namespace."""
    beyond = any_of("t.?namespaceSelector.hasValue()", "t.?namespaces.orValue([]).exists(n, n != request.namespace)")
    found: list[str] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = f"{pod}.?spec.?affinity.?{kind}"
        required = f"{affinity}.?requiredDuringSchedulingIgnoredDuringExecution.orValue([])"
        preferred = f"{affinity}.?preferredDuringSchedulingIgnoredDuringExecution.orValue([])"
        found += [
            f"{required}.exists(t, {beyond})",
            f"{preferred}.map(w, w.podAffinityTerm).exists(t, {beyond})",
        ]
    return any_of(*found)
