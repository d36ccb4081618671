"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

# Machines are noisy and shared: how long an example takes says nothing about the code that it tests.
settings.register_profile("bulkhead", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bulkhead")
