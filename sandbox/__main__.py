"""`python -m sandbox [--port N]`: run a sandbox until Ctrl-C, and say how to use it."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from sandbox.launcher import Sandbox, SandboxError, start

_PROVIDER = """\
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  max_retries                 = 2
}"""


def main() -> int:
    """Run a sandbox until a signal ends it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A small AWS on 127.0.0.1, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    port = parser.parse_args().port
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        aws = start(port)
    except SandboxError as error:
        print(f"The sandbox did not start: {error}", file=sys.stderr)
        return 1
    with aws:
        print(_welcome(aws), flush=True)
        ended = _wait(aws, stop)
    print("The sandbox ended unexpectedly." if ended else "The sandbox is stopped; nothing is left of it.")
    return int(ended)


def _wait(aws: Sandbox, stop: threading.Event) -> bool:
    """Wait for Ctrl-C; True when the sandbox ended by itself."""
    while not stop.wait(0.5):
        if not aws.running:
            return True
    return False


def _welcome(aws: Sandbox) -> str:
    exports = "\n".join(f'export {name}="{value}"' for name, value in aws.environment.items())
    return f"""\
The sandbox listens on {aws.endpoint} (account {aws.account_id}, region {aws.region}). Ctrl-C ends it.

Copy this into another shell:

{exports}

`aws` then speaks to the sandbox. One exception, in version 1 of the CLI:
aws --endpoint-url $AWS_ENDPOINT_URL sqs ...

Terraform needs this provider block as well (a lifecycle configuration takes its 55 s here, too):

{_PROVIDER}

Log of the emulator: {aws.log_path}"""


if __name__ == "__main__":
    sys.exit(main())
