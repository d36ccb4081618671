"""Settings that all tests share."""

import os

from hypothesis import HealthCheck, settings

# An Output in an f-string gives a sentence about Pulumi instead of a value; in tests it raises.
os.environ.setdefault("PULUMI_ERROR_OUTPUT_STRING", "1")

# Machines are noisy and shared: how long an example takes says nothing about the code that it tests.
settings.register_profile("bulkhead", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bulkhead")
