"""API Gateway in MiniStack makes an HTTP API piece by piece only; here it learns to make one of an OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at

_AUTHORIZER = "x-amazon-apigateway-authorizer"
_INTEGRATION = "x-amazon-apigateway-integration"


def apply() -> None:
    """Install the patch."""
    at.HANDLE_API_GATEWAY.wrap(_reimporting)


def _reimporting(original: Callable[..., Any]) -> Callable[..., Any]:
    """Answer ReimportApi, which MiniStack does not know.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html
    """

    async def handled(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        parts = path.strip("/").split("/")
        if method == "PUT" and parts[:2] == ["v2", "apis"] and len(parts) == 3:
            return _reimport(parts[2], json.loads(json.loads(body)["body"]))
        return await original(method, path, headers, body, query_params)

    return handled


def _reimport(api_id: str, document: dict[str, Any]) -> Any:
    """Replace the routes, integrations and authorizers of an API by those of a document."""
    for made_of_it in (at.API_ROUTES, at.API_INTEGRATIONS, at.API_AUTHORIZERS):
        made_of_it.current[api_id] = {}
    authorizers = {
        name: _authorization(api_id, name, scheme) for name, scheme in document["components"]["securitySchemes"].items()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            ((scheme, scopes),) = operation["security"][0].items()
            route = {
                "routeKey": f"{method.upper()} {path}",
                "operationName": operation["operationId"],
                "target": f"integrations/{_integration(api_id, operation[_INTEGRATION])}",
                "authorizationScopes": scopes,
                **authorizers[scheme],
            }
            at.CREATE_API_ROUTE.current(api_id, route)
    return at.UPDATE_API.current(api_id, {"name": document["info"]["title"], "version": document["info"]["version"]})


def _authorization(api_id: str, name: str, scheme: dict[str, Any]) -> dict[str, str]:
    if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
        return {"authorizationType": "AWS_IAM"}
    given = scheme[_AUTHORIZER]
    authorizer = {
        "name": name,
        "authorizerType": "JWT",
        "identitySource": [given["identitySource"]],
        "jwtConfiguration": given["jwtConfiguration"],
    }
    _, _, created = at.CREATE_API_AUTHORIZER.current(api_id, authorizer)
    return {"authorizationType": "JWT", "authorizerId": json.loads(created)["authorizerId"]}


def _integration(api_id: str, given: dict[str, Any]) -> str:
    integration = {
        "integrationType": given["type"].upper(),
        "integrationMethod": given["httpMethod"],
        "integrationUri": given["uri"],
        "payloadFormatVersion": given["payloadFormatVersion"],
        "timeoutInMillis": given["timeoutInMillis"],
    }
    _, _, created = at.CREATE_API_INTEGRATION.current(api_id, integration)
    return str(json.loads(created)["integrationId"])
