"""`bulkhead:models`: the language models that the platform serves, each by vLLM engines of its own."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from infra.config import forms
from infra.config.base import Bytes, Cpus, Name, NamespaceName, ObjectName, StackFilePart

ModelSource = Annotated[
    str,
    StringConstraints(pattern=forms.MODEL_SOURCE.pattern),
]
"""Where the weights are: `organisation/model` on the model hub, or an absolute path inside the engine's image."""


class Price(StackFilePart):
    """What tenants are charged; dollar budgets bind on this, since a model without a price costs nothing."""

    input_usd_per_million_tokens: float = Field(ge=0, le=1_000_000, examples=[0.2])
    """US dollars for a million prompt tokens."""
    output_usd_per_million_tokens: float = Field(ge=0, le=1_000_000, examples=[0.6])
    """US dollars for a million generated tokens."""

    @property
    def is_zero(self) -> bool:
        """Whether neither prompts nor answers cost anything."""
        return self.input_usd_per_million_tokens == self.output_usd_per_million_tokens == 0


class DataType(StrEnum):
    """Number formats for weights and activations."""

    AUTO = "auto"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


class Quantization(StrEnum):
    """Ways of storing weights in fewer bits that vLLM reads."""

    FP8 = "fp8"
    AWQ = "awq"
    GPTQ = "gptq"
    BITSANDBYTES = "bitsandbytes"


class LoadFormat(StrEnum):
    """How weights are loaded; `dummy` makes random ones, for labs."""

    AUTO = "auto"
    SAFETENSORS = "safetensors"
    DUMMY = "dummy"


class CacheIsolation(StrEnum):
    """Who may share what a model's engines have computed of prompts."""

    SHARED = "shared"
    """Every tenant hits what any other has left: the fastest, and a tenant can tell what another has asked."""
    SALTED = "salted"
    """Each tenant hits what it has left itself, in engines that all of them share."""
    OFF = "off"
    """Nobody hits anything."""
    ENGINE_PER_TENANT = "engine_per_tenant"
    """Each tenant that may call the model has engines of its own, `replicas` of them."""


class ServiceRouting(StackFilePart):
    """Requests reach the engines through a Service, which spreads connections and reads no prompt."""

    kind: Literal["service"] = "service"
    """`service`: nothing but Kubernetes' own."""


class EndpointPickerRouting(StackFilePart):
    """llm-d's endpoint picker chooses the engine of each request, by load and by what its cache holds.

    It takes a cluster that has the definitions of the Gateway API, of its inference extension and of llm-d, and Istio
    with the inference extension switched on, which carries the requests.
    """

    kind: Literal["endpoint_picker"]
    """`endpoint_picker`: an InferencePool, its picker, and a Gateway of Istio's in front of the engines."""
    class_name: ObjectName = "istio"
    """The GatewayClass of Istio's that the data plane is made of."""
    controller_namespace: NamespaceName = "istio-system"
    """Where Istio's controller runs, from which the data plane learns its routes."""
    network_encrypts: bool = False
    """Whether the cluster's network encrypts what pods send each other, as a dataplane with WireGuard or a mesh does.

    With KV1 it has to: the data plane has no certificate for engines' doors, and carries prompts in clear text itself.
    Nothing here can see whether it is true.
    """


Routing = Annotated[ServiceRouting | EndpointPickerRouting, Field(discriminator="kind")]


MEDIA_PER_REQUEST = 8
"""Images in one request, and as many videos and sounds, where the stack file says nothing and nothing forbids them."""


class EngineOptions(StackFilePart):
    """vLLM options that an operator may set; there is no free string of flags, since one could undo a control."""

    context_length: int | None = Field(default=None, ge=128, le=16_777_216, examples=[16384])
    """Tokens of prompt and answer together; unset: the model's own."""
    data_type: DataType = DataType.AUTO
    """Number format of weights and activations."""
    quantization: Quantization | None = Field(default=None, examples=["fp8"])
    """How the weights are quantised; unset: not, or as the model's own configuration says."""
    tensor_parallel_size: int | None = Field(default=None, ge=1, le=16, examples=[2])
    """GPUs that hold one copy of the model together; unset: the model's `gpus`."""
    concurrent_sequences: int | None = Field(default=None, ge=1, le=65_536, examples=[64])
    """Sequences in one batch at most; unset: vLLM's default."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1, examples=[0.9])
    """Share of the GPU's memory that the engine takes, 0 to 1; unset: vLLM's default."""
    kv_cache_mebibytes: int | None = Field(default=None, ge=16, le=16_777_216, examples=[4096])
    """MiB for the key-value cache, instead of what `gpu_memory_utilization` leaves."""
    kv_offload_gibibytes: int | None = Field(default=None, ge=1, le=4096, examples=[32])
    """GiB of the node's memory that take up what the key-value cache has no room for, beside `resources.memory`.

    With KV3 only engines of one tenant may have it: such tiers are known to leave the salt out of their keys. Not with
    `cache_isolation: off`: vLLM finds prompts again there, too.
    """
    eager: bool = False
    """Whether to skip graph compilation: a faster start, slower answers."""
    load_format: LoadFormat = LoadFormat.AUTO
    """How the weights are loaded."""
    media_per_request: int | None = Field(default=None, ge=0, le=999, examples=[8])
    """Images in one request at most, and as many videos and sounds; 0: none at all. Unset: 8, or 0 where the cache is
    salted between tenants. vLLM itself would take 999.

    What an engine keeps of media knows no salt, so where the cache is salted and more than one tenant shares the
    engines, a number above 0 is refused. Only media inside the request are taken: an engine fetches nothing.
    """
    lora: bool = False
    """Whether LoRA adapters may be served. Off by default: an adapter's name is one more way to collide in caches."""


class EngineResources(StackFilePart):
    """CPU and memory of one engine's pod."""

    cpu: Cpus = "4"
    """CPUs requested, as `500m` or `4`."""
    memory: Bytes = "24Gi"
    """Memory requested and allowed, as `24Gi`."""


class Model(StackFilePart):
    """A model under the name that tenants use, and how it is served."""

    shown_in_examples = frozenset({"price"})

    name: Name = Field(examples=["llama-8b"])
    """The name that tenants put in a request's `model`."""
    source: ModelSource = Field(examples=["meta-llama/Llama-3.1-8B-Instruct"])
    """Where the weights are: `organisation/model` on the hub, or an absolute path inside the engine's image."""
    pool: Name = Field(examples=["l4"])
    """The pool whose nodes run the engines.

    On GPUs, those that are a sensitive tenant's own run instead on a pool that is dedicated to it, where it has one
    with room for an engine on a node, as much memory on each device, GPUs of the same compute capability or a higher
    one that are not shared in time, the same sandbox, and encrypted memory where this one has it.
    """
    gpus: int | None = Field(default=None, ge=1, le=16, examples=[1])
    """GPU devices for each engine; 1 unless said, none on a `cpu` pool."""
    replicas: int = Field(default=1, ge=1, le=100)
    """Engines that serve the model side by side."""
    surge: bool = False
    """Whether an engine on GPUs goes only once its successor serves.

    The pool then keeps the devices of one more engine free for the model. Without it an old engine goes first, and a
    model with one engine is away while its successor loads. On a `cpu` pool the successor always comes first. On GKE
    the boot disk of the pool's nodes has to hold one engine's weights more, and another size is another node: write it
    when the pool is made, or when its engines may be away.
    """
    price: Price | None = Field(
        default=None, examples=[{"input_usd_per_million_tokens": 0.2, "output_usd_per_million_tokens": 0.6}]
    )
    """What tenants are charged. Required as soon as a tenant with a budget may call the model."""
    cache_isolation: CacheIsolation | None = Field(default=None, examples=["salted"])
    """Who may share what the engines have computed of prompts: `shared`, `salted`, `off` or `engine_per_tenant`.

    Unset, it is `shared` as long as KV1 sleeps, and `salted` once KV1 is in force, with which a sensitive tenant gets
    engines of its own whatever stands here.
    """
    routing: Routing = ServiceRouting()
    """How requests find one of the engines: through a Service, or by an endpoint picker."""
    engine: EngineOptions = EngineOptions()
    """Typed vLLM options."""
    resources: EngineResources = EngineResources()
    """CPU and memory of each engine's pod."""
    weights_gibibytes: int = Field(default=64, ge=1, le=4096)
    """GiB of disk for the weights, where they come from the hub."""
    load_minutes: int = Field(default=30, ge=1, le=240)
    """Minutes that an engine may take from its start until it serves, downloads and a new node included."""

    @property
    def devices(self) -> int:
        """GPU devices that each engine takes, on a pool that has GPUs."""
        return self.gpus or 1

    @property
    def engines_at_most(self) -> int:
        """Engines of one Deployment that are there at once while one succeeds another, on a pool that has GPUs."""
        return self.replicas + int(self.surge)
