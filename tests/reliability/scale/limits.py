"""The limits of AWS that a rehearsal holds its payloads against, in bytes unless said otherwise."""

from __future__ import annotations

__all__ = [
    "ALARMS_PER_WIDGET",
    "ASYNC_EVENT",
    "HISTORY_EVENTS",
    "LAMBDA_ANSWER",
    "LOG_LINE",
    "METRICS_PER_DASHBOARD",
    "METRICS_PER_WIDGET",
    "PAGE_KEYS",
    "QUEUE_MESSAGE",
    "STATE",
    "TOPIC_MESSAGE",
]

STATE = 262_144
"""Input, output and result of a state, of a task and of an execution.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

HISTORY_EVENTS = 25_000
"""Events in the history of one execution; same page."""

LAMBDA_ANSWER = 6 * 1_048_576
"""Of a synchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

ASYNC_EVENT = 262_144
"""1 MB since 2025; the stricter one still holds for whatever passes through a destination."""

LOG_LINE = 262_144
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"""

TOPIC_MESSAGE = 262_144
QUEUE_MESSAGE = 262_144

PAGE_KEYS = 1000
"""Keys in one answer of ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""

METRICS_PER_WIDGET = 500
METRICS_PER_DASHBOARD = 2500
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"""

ALARMS_PER_WIDGET = 100
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
