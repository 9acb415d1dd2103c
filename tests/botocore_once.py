"""What botocore reads again for each session although it is the same every time: here, once a process.

Most tests make clients of their own, and a session for them; without this, each reads the descriptions of its services
anew, which takes three quarters of what a client costs.
"""

from __future__ import annotations

import botocore.loaders
import botocore.session


def remember() -> None:
    """Let all sessions from now on share one reader of descriptions."""
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *_: loader
