"""What the API server's refusals mean, in words that a person can act on."""

from typing import Final

from lab.engine.kubernetes.api_client import ApiError, KindMissing

UNAVAILABLE_WEBHOOK: Final = "failed calling webhook"
YOUNG_NAMESPACE: Final = 'serviceaccount "default" not found'


def webhook_unavailable(error: ApiError) -> bool:
    """Return whether an admission webhook could not be asked (not: whether it said no)."""
    return error.status >= 500 and UNAVAILABLE_WEBHOOK in str(error)


def passing(error: ApiError) -> bool:
    """Return whether a refusal passes by itself soon after an install: a kind, a webhook, a young namespace."""
    return isinstance(error, KindMissing) or webhook_unavailable(error) or YOUNG_NAMESPACE in str(error)


def explain_refusal(error: ApiError) -> str:
    """Return the server's reason; a conflict names the other managers and how to win against them."""
    if error.status == 409 and error.causes:
        rivals = "".join(f"\n  * {cause.get('field')}: {cause.get('message')}" for cause in error.causes)
        return (
            f"another field manager owns part of it:{rivals}\n"
            'Leave those fields to it, or annotate the object with pulumi.com/patchForce: "true" to take them.'
        )
    if error.status == 403 and error.body.get("reason") == "Forbidden":
        return f"the cluster refuses it: {error}"
    return str(error)
