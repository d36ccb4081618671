import pytest

from infra.blueprint.routes import ADMIN_ROUTES, KEY_PATHS, Route, tenant_routes

OPEN = tenant_routes(["llama-70b"])


@pytest.mark.parametrize(
    "route",
    [
        Route("/v1/chat/completions", "POST"),
        Route("/v1/completions", "POST"),
        Route("/v1/embeddings", "POST"),
        Route("/v1/responses", "POST"),
        Route("/v1/models", "GET"),
        Route("/v1/models/llama-70b", "GET"),
    ],
)
def test_what_an_openai_client_calls_is_open(route: Route) -> None:
    assert route in OPEN


@pytest.mark.parametrize(
    "route",
    [
        Route("/v1/chat/completions", "GET"),
        Route("/chat/completions", "POST"),
        Route("/v1/responses/resp_1", "GET"),
        Route("/v1/models/somebody-elses", "GET"),
        Route("/vllm/v1/chat/completions", "POST"),
    ],
)
def test_everything_else_is_closed(route: Route) -> None:
    assert route not in OPEN


def test_a_tenant_reaches_no_path_of_the_administration() -> None:
    assert not {route.path for route in OPEN} & {route.path for route in ADMIN_ROUTES}


def test_a_key_opens_every_path_that_the_edge_does() -> None:
    assert all(any(route.path == path or route.path.startswith(f"{path}/") for path in KEY_PATHS) for route in OPEN)
    assert not any(route.path.startswith(path) for route in ADMIN_ROUTES for path in KEY_PATHS)
