"""What was measured, as a table for people and as ratios for machines."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.data import Dataset

Costs = Mapping[str, Mapping[str, float]]

WAYS = ("ours", "reference", "batch_writer", "floor", "reading")


def figures(dataset: Dataset, costs: Costs) -> dict[str, float]:
    """Return what could be computed from the ways that were run. A ratio above 1 says that ours is that much cheaper.

    ``ratio_to_floor`` is the other way round: the CPU time of our write pass as a multiple of the least possible.
    """
    found: dict[str, float] = {}
    ours = costs.get("ours", {})
    if ours:
        write, whole = ours["write_ended"] - ours["write_began"], ours["cpu"]
        for name, way in (("ratio_to_reference", "reference"), ("ratio_to_batch_writer", "batch_writer")):
            if way in costs:
                found[name] = costs[way]["cpu"] / write
        if "floor" in costs:
            found["ratio_to_floor"] = write / costs["floor"]["cpu"]
        if "reference" in costs:
            found["ratio_whole_restore_to_reference"] = costs["reference"]["cpu"] / whole
        found["peak_mb_over_baseline"] = ours["peak_mb"]
        found["verify_items_per_cpu_second"] = dataset.items / ours["write_began"]
        found["write_items_per_cpu_second"] = dataset.items / write
    if "reading" in costs:
        found["fingerprint_items_per_cpu_second"] = 1 / costs["reading"]["fingerprint"]
        found["scan_ratio_to_boto3"] = costs["reading"]["table_scan"] / costs["reading"]["scan"]
    return {name: round(value, 2) for name, value in found.items()}


def table(dataset: Dataset, costs: Costs) -> str:
    """Return one row per way: how much a second of CPU time does, memory, and ratios."""
    rows: list[tuple[str, float, float | None]] = []
    if "ours" in costs:
        ours = costs["ours"]
        rows = [
            ("ours, verify pass", ours["write_began"], None),
            ("ours, write pass", ours["write_ended"] - ours["write_began"], None),
            ("ours, whole restore", ours["cpu"], ours["peak_mb"]),
        ]
    names = {"reference": "the reference's way", "batch_writer": "boto3 batch_writer", "floor": "floor"}
    rows += [(name, costs[way]["cpu"], costs[way]["peak_mb"]) for way, name in names.items() if way in costs]
    lines = [f"{'':22}{'items/CPU-s':>12}{'MB/CPU-s':>10}{'MB memory':>11}{'x reference':>13}{'x floor CPU':>13}"]
    for name, cpu, memory in rows:
        line = f"{name:22}{dataset.items / cpu:>12,.0f}{dataset.json_bytes / 1e6 / cpu:>10,.1f}"
        line += f"{memory:>11,.0f}" if memory is not None else f"{'':11}"
        line += f"{costs['reference']['cpu'] / cpu:>13.1f}" if "reference" in costs else f"{'':13}"
        line += f"{cpu / costs['floor']['cpu']:>13.1f}" if "floor" in costs else ""
        lines.append(line.rstrip())
    if "reading" in costs:
        reading = costs["reading"]
        lines.append(f"{'fingerprint':22}{1 / reading['fingerprint']:>12,.0f}")
        lines.append(f"{'scan, item_page':22}{1 / reading['scan']:>12,.0f}")
        lines.append(f"{'scan, Table.scan':22}{1 / reading['table_scan']:>12,.0f}")
    return "\n".join(lines)
