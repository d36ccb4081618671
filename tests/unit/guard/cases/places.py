"""Cases of the rules over the platform's own namespaces."""

from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import (
    CERTIFICATE,
    ENGINE_PATH,
    ENGINES,
    GATEWAY,
    GATEWAY_PATH,
    RBAC,
    RESEARCH,
    config_map,
    thing,
    workload,
)

DEPLOYMENT = "apps/v1:Deployment"
CASES = {
    "gateway-namespace-is-the-platforms": Cases(
        passing=(
            thing("core/v1:Secret", CERTIFICATE, GATEWAY),
            thing("cert-manager.io/v1:Certificate", "web", GATEWAY, spec={"secretName": CERTIFICATE}),
            config_map("gateway-config-1", GATEWAY, by=GATEWAY_PATH, note="the program's own"),
            config_map("web", "web", note="somewhere else"),
        ),
        refused=(
            config_map("web", GATEWAY, note="x"),
            thing("core/v1:ConfigMapPatch", "gateway-config-1", GATEWAY, data={"note": "x"}),
            thing("apps/v1:DeploymentPatch", "gateway", GATEWAY, spec={"replicas": 0}),
            workload({}, GATEWAY),
            thing("core/v1:Secret", "gateway", GATEWAY),
            thing("cert-manager.io/v1:Certificate", "web", GATEWAY, spec={"secretName": "gateway"}),
            thing("core/v1:Service", "web", GATEWAY, spec={"selector": {"app.kubernetes.io/name": "gateway"}}),
            thing(f"{RBAC}:RoleBinding", "web", GATEWAY, subjects=[{"kind": "User", "name": "ops"}]),
            thing("gateway.networking.k8s.io/v1beta1:ReferenceGrant", "web", GATEWAY, spec={}),
            thing("autoscaling/v2:HorizontalPodAutoscaler", "web", GATEWAY, spec={}),
        ),
        silent=(thing("core/v1:ConfigMap", "web"),),
        lacking=(thing("cert-manager.io/v1:Certificate", "web", GATEWAY),),
    ),
    "engines-namespace-is-the-platforms": Cases(
        passing=(
            thing(DEPLOYMENT, "engine-web", ENGINES, by=ENGINE_PATH, spec={}),
            thing(DEPLOYMENT, "engine-web", "web", spec={}),
        ),
        refused=(
            workload({}, ENGINES, kind=DEPLOYMENT),
            thing("apps/v1:DeploymentPatch", "engine-llama-8b", ENGINES, spec={"replicas": 0}),
            thing("core/v1:Service", "web", ENGINES, spec={"selector": {"app.kubernetes.io/name": "engine"}}),
            thing("inference.networking.k8s.io/v1:InferencePool", "web", ENGINES, spec={}),
            thing("core/v1:SecretPatch", "engine-llama-8b", ENGINES, stringData={"api-key": "x"}),
        ),
        silent=(workload({}),),
    ),
    "kueue-namespace-is-the-platforms": Cases(
        passing=(
            config_map("kueue-manager-config", "kueue-system", by="bulkhead:kueue:Kueue$kubernetes:helm.sh/v4:Chart$"),
            config_map("web", "web"),
        ),
        refused=(
            thing("core/v1:ConfigMapPatch", "kueue-manager-config", "kueue-system", data={}),
            thing("apps/v1:DeploymentPatch", "kueue-controller-manager", "kueue-system", spec={"replicas": 0}),
            workload({}, "kueue-system", serviceAccountName="kueue-controller-manager"),
        ),
        silent=(thing("core/v1:ConfigMap", "kueue-manager-config"),),
    ),
    "kyverno-namespace-is-the-platforms": Cases(
        passing=(config_map("web", "web"),),
        refused=(
            thing("core/v1:ConfigMapPatch", "kyverno", "kyverno", data={}),
            workload({}, "kyverno"),
        ),
        silent=(thing("core/v1:ConfigMap", "kyverno"),),
    ),
    "observability-namespace-is-the-platforms": Cases(
        passing=(config_map("web", "web"),),
        refused=(workload({}, "bulkhead-observability"),),
        silent=(workload({}),),
    ),
    "tenants-keys-are-the-platforms": Cases(
        passing=(
            thing("core/v1:Secret", "bulkhead-key", RESEARCH, by="bulkhead:tenants:TenantAccounts$"),
            thing("core/v1:Secret", "own", RESEARCH),
            thing("core/v1:Secret", "bulkhead-key", "web"),
        ),
        refused=(
            thing("core/v1:Secret", "bulkhead-key", RESEARCH),
            thing("core/v1:SecretPatch", "bulkhead-key", RESEARCH, stringData={"OPENAI_API_KEY": "x"}),
        ),
        silent=(thing("core/v1:Secret", "bulkhead-key"),),
    ),
    "controllers-are-the-charts": Cases(
        passing=(
            thing("rbac.authorization.k8s.io/v1:ClusterRole", "reader"),
            thing(
                "apiextensions.k8s.io/v1:CustomResourceDefinition",
                "clusterqueues.kueue.x-k8s.io",
                by="bulkhead:kueue:Kueue$kubernetes:helm.sh/v4:Chart$",
            ),
        ),
        refused=(
            thing("apiextensions.k8s.io/v1:CustomResourceDefinitionPatch", "clusterqueues.kueue.x-k8s.io"),
            thing(
                "admissionregistration.k8s.io/v1:ValidatingWebhookConfigurationPatch",
                "kueue-validating-webhook-configuration",
            ),
            thing(f"{RBAC}:ClusterRolePatch", "kyverno:admission-controller:core"),
            thing(f"{RBAC}:ClusterRole", "web", labels={"app.kubernetes.io/part-of": "kyverno"}),
        ),
        silent=(thing(f"{RBAC}:ClusterRole", "web", labels={"app.kubernetes.io/name": "web"}),),
    ),
}
