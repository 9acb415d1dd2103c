"""Step Functions in MiniStack takes a Distributed Map for JSONPath, also in a state machine in JSONata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at

EXPRESSIONS = ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount")


def apply() -> None:
    """Evaluate the expressions of a Distributed Map in JSONata, as Step Functions does, before and after it runs."""

    def run_distributed_map(original: Callable[..., Any]) -> Callable[..., Any]:
        def in_jsonata(
            state_def: dict[str, Any], raw_input: Any, effective: Any, iterator: Any, execution: Any, ctx: Any
        ) -> Any:
            if at.STATE_QUERY_LANGUAGE.current(state_def, ctx) != "JSONata":
                return original(state_def, raw_input, effective, iterator, execution, ctx)
            evaluate = at.APPLY_JSONATA_TEMPLATE.current
            plain = dict(state_def)
            for name in EXPRESSIONS:
                if name in plain:
                    plain[name] = evaluate(plain[name], raw_input, ctx)
            if "ItemReader" in plain:
                reader = plain["ItemReader"]
                plain["ItemReader"] = reader | {"Arguments": evaluate(reader.get("Arguments", {}), raw_input, ctx)}
            output = plain.pop("Output", None)
            results, following = original(plain, raw_input, effective, iterator, execution, ctx)
            if output is not None:
                results = at.APPLY_JSONATA_OUTPUT.current(state_def, raw_input, ctx, result=results, default=results)
            return results, following

        return in_jsonata

    at.RUN_DISTRIBUTED_MAP.wrap(run_distributed_map)
