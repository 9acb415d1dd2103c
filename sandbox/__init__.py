"""A whole small AWS on this machine, for the demo, the tests and people who want to play with the module.

    import sandbox

    with sandbox.start() as aws:
        aws.client("dynamodb").list_tables()

See README.md in this folder.
"""

from sandbox import exports
from sandbox.environment import ACCOUNT_ID, REGION
from sandbox.fault_model import Fault
from sandbox.launcher import Sandbox, SandboxError, start

__all__ = ["ACCOUNT_ID", "REGION", "Fault", "Sandbox", "SandboxError", "exports", "start"]
