"""Public SSM parameters that a plan of the module reads and MiniStack does not have."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at

_POWERTOOLS = re.compile(r"^/aws/service/powertools/python/(arm64|x86_64)/python(3\.\d+)/(latest|\d+\.\d+\.\d+)$")
_POWERTOOLS_ACCOUNT = "017000801446"


def apply() -> None:
    """Serve /aws/service/powertools/python/<arch>/<runtime>/<version> as AWS does: the ARN of a public layer."""

    def public_parameter(original: Callable[[str], Any]) -> Callable[[str], Any]:
        def served(name: str) -> Any:
            found = _POWERTOOLS.match(name)
            if found is None:
                return original(name)
            region = at.REGION.current()
            layer = f"AWSLambdaPowertoolsPythonV3-python{found[2].replace('.', '')}-{found[1]}"
            return {
                "Name": name,
                "Type": "String",
                "Value": f"arn:aws:lambda:{region}:{_POWERTOOLS_ACCOUNT}:layer:{layer}:1",
                "Version": 1,
                "LastModifiedDate": 1728518400,
                "ARN": f"arn:aws:ssm:{region}::parameter{name}",
            }

        return served

    at.PUBLIC_PARAMETER.wrap(public_parameter)
