"""A tenant's own namespace with what holds in it, and its access to the namespace that tenants share."""

from components.tenant_space.shared_access import SharedAccess, SharedAccessArgs
from components.tenant_space.tenant_space import TenantSpace, TenantSpaceArgs

__all__ = ["SharedAccess", "SharedAccessArgs", "TenantSpace", "TenantSpaceArgs"]
