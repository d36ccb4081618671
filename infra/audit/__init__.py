"""`bulkhead audit`: whether a running cluster keeps what a stack's posture claims.

Five probes look at a cluster from outside: `admission` plays a corpus of attacks and legitimate workloads, `packets`
lets short-lived pods try whom they reach, `access` reviews what each tenant's identity may do, `caches` lets tenants
look for each other's prompts, and `budgets` tries what stops a request that is not paid for.
"""
