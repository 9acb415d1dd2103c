"""Logs and metrics: one place for their names. Item data is never logged.

Powertools writes both to standard output: logs as JSON lines, metrics in CloudWatch's embedded metric format.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

__all__ = ["emit", "logger"]

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "dynamodb-backup")
NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "DynamoDBBackup")

logger = Logger(service=SERVICE, json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
"""Each line is ASCII: no value can end it, or reach the terminal of whoever reads it with anything but letters."""

_UNITS = {
    "BackupSucceeded": MetricUnit.Count,
    "BackupFailed": MetricUnit.Count,
    "RestoreSucceeded": MetricUnit.Count,
    "RestoreFailed": MetricUnit.Count,
    "VerifySucceeded": MetricUnit.Count,
    "VerifyFailed": MetricUnit.Count,
    "ItemsBackedUp": MetricUnit.Count,
    "BytesBackedUp": MetricUnit.Bytes,
    "TablesProcessed": MetricUnit.Count,
    "BackupSuccessRate": MetricUnit.Percent,
    "BackupDuration": MetricUnit.Seconds,
    "NewestBackupAgeHours": MetricUnit.NoUnit,
    "ItemCountAlerts": MetricUnit.Count,
    "RestoreProven": MetricUnit.Count,
    "RestoreDuration": MetricUnit.Seconds,
    "RestorePercent": MetricUnit.Percent,
    "ItemsWritten": MetricUnit.Count,
    "ItemsFailed": MetricUnit.Count,
    "ItemsDeleted": MetricUnit.Count,
    "ItemsReverted": MetricUnit.Count,
    "ItemsNotReverted": MetricUnit.Count,
    "RestoreTestSucceeded": MetricUnit.Count,
    "RestoreTestFailed": MetricUnit.Count,
    "RestoreTestSkipped": MetricUnit.Count,
    "RestoreTestItems": MetricUnit.Count,
    "RestoreTestSeconds": MetricUnit.Seconds,
    "LastProvenRestorable": MetricUnit.NoUnit,  # hours; CloudWatch knows no such unit
    "OffsiteCopyAgeHours": MetricUnit.NoUnit,
    "OffsiteCopyFailed": MetricUnit.Count,
    "OffsiteBytesCopied": MetricUnit.Bytes,
    "OnDemandBackupAvailable": MetricUnit.Count,
    "OnDemandBackupsFailed": MetricUnit.Count,
}


def emit(values: Mapping[str, float], **dimensions: str) -> None:
    """Emit metrics by name under the given dimensions, such as ``environment`` and ``table``."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for dimension, of in dimensions.items():
        metrics.add_dimension(name=dimension, value=of)
    for name, value in values.items():
        metrics.add_metric(name=name, unit=_UNITS[name], value=value)
    metrics.flush_metrics()
