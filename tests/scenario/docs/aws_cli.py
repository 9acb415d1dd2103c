"""A stand-in for the AWS CLI, for the documentation's commands: parameters and outputs as version 2 has them.

It is made from botocore's own service models, so that a parameter that AWS does not know is refused here too. Run as a
program: ``python -m tests.scenario.docs.aws_cli lambda invoke --function-name NAME answer.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.config import Config
from botocore.model import OperationModel

OPTIONS_OF_THE_CLI = ("--query", "--output", "--cli-binary-format", "--cli-read-timeout")


def main(service: str, operation: str, *rest: str) -> None:
    """Carry one command out and print its output."""
    if service == "s3":
        s3_command(operation, *rest)
        return
    options, words = split(rest)
    client = new_client(service)
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    answer = getattr(client, method)(**parameters(model, options))
    answer.pop("ResponseMetadata")
    if (service, operation) == ("lambda", "invoke"):
        Path(words[0]).write_bytes(answer.pop("Payload").read())
    show(answer, options)


def new_client(service: str) -> Any:
    config = Config(s3={"addressing_style": "path"}, read_timeout=120)
    return boto3.client(service, config=config)


def split(words: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Separate options, each with its one value, from the words that stand alone."""
    options: dict[str, str] = {}
    alone: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if word.startswith("--"):
            options[word] = next(remaining)
        else:
            alone.append(word)
    return options, alone


def parameters(model: OperationModel, options: dict[str, str]) -> dict[str, Any]:
    shape = model.input_shape
    members = {"--" + xform_name(name, "-"): name for name in (shape.members if shape else ())}
    given = {name: value for name, value in options.items() if name not in OPTIONS_OF_THE_CLI}
    for name in given:
        if name not in members:
            raise SystemExit(f"aws: {model.name} has no parameter {name}; it has {', '.join(sorted(members))}")
    return {members[name]: value for name, value in given.items()}


def show(answer: dict[str, Any], options: dict[str, str]) -> None:
    found = jmespath.search(options["--query"], answer) if "--query" in options else answer
    if options.get("--output") == "text":
        say("\t".join(found) if isinstance(found, list) else str(found))
    else:
        say(json.dumps(found, indent=4))


def s3_command(command: str, *words: str) -> None:
    """Carry out ``s3 ls --recursive``, ``s3 cp`` to standard output and ``s3 cp --recursive`` within S3 or from it."""
    s3, places = new_client("s3"), [word for word in words if word not in {"--recursive", "--quiet"}]
    match command, "--recursive" in words, places:
        case "ls", True, [place]:
            for one in objects(s3, place):
                say(f"{one['LastModified']:%Y-%m-%d %H:%M:%S} {one['Size']:>10} {one['Key']}")
        case "cp", False, [source, "-"]:
            bucket, key = bucket_and_key(source)
            sys.stdout.buffer.write(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        case "cp", True, [source, target] if not target.startswith("s3://"):
            download_all(s3, source, Path(target))
        case "cp", True, [source, target]:
            copy_all(s3, source, target)
        case _:
            raise SystemExit(f"aws: s3 {command} {' '.join(words)} is not known here")


def copy_all(s3: Any, source: str, target: str) -> None:
    (bucket, prefix), (to_bucket, to_prefix) = bucket_and_key(source), bucket_and_key(target)
    for one in objects(s3, source):
        copied = to_prefix + one["Key"].removeprefix(prefix)
        s3.copy_object(Bucket=to_bucket, Key=copied, CopySource={"Bucket": bucket, "Key": one["Key"]})
        say(f"copy: s3://{bucket}/{one['Key']} to s3://{to_bucket}/{copied}")


def download_all(s3: Any, source: str, folder: Path) -> None:
    bucket, prefix = bucket_and_key(source)
    for one in objects(s3, source):
        path = folder / one["Key"].removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())


def objects(s3: Any, place: str) -> Iterator[dict[str, Any]]:
    bucket, prefix = bucket_and_key(place)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def bucket_and_key(place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix("s3://").partition("/")
    return bucket, key


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
