import pytest

from infra.blueprint.routes import ADMIN_ROUTES, KEY_PATHS, MODELS_PATH, TENANT_ROUTES, Route


@pytest.mark.parametrize(
    "route",
    [
        Route("/v1/chat/completions", "POST"),
        Route("/v1/completions", "POST"),
        Route("/v1/embeddings", "POST"),
        Route("/v1/responses", "POST"),
        Route("/v1/models", "GET"),
    ],
)
def test_what_an_openai_client_calls_is_open(route: Route) -> None:
    assert route in TENANT_ROUTES


@pytest.mark.parametrize(
    "route",
    [
        Route("/v1/chat/completions", "GET"),
        Route("/chat/completions", "POST"),
        Route("/v1/responses/resp_1", "GET"),
        Route("/vllm/v1/chat/completions", "POST"),
    ],
)
def test_everything_else_is_closed(route: Route) -> None:
    assert route not in TENANT_ROUTES


def test_a_tenant_reaches_no_path_of_the_administration() -> None:
    assert not {route.path for route in TENANT_ROUTES} & {route.path for route in ADMIN_ROUTES}


def test_a_key_opens_every_path_that_the_edge_does() -> None:
    """LiteLLM matches a key's paths by prefix, so that the list of models opens each model's own path."""
    assert {route.path for route in TENANT_ROUTES} <= set(KEY_PATHS)
    assert MODELS_PATH in KEY_PATHS
    assert not any(route.path.startswith(path) for route in ADMIN_ROUTES for path in KEY_PATHS)
