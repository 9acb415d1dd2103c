"""`terraform apply` in the background: what needs only a table goes on while Terraform waits elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts.demo.failure import DemoFailed
from scripts.demo.progress import Progress
from scripts.terraform_plugins import terraform_binary

__all__ = ["Deployment"]


class Deployment:
    """A running `terraform apply`. Leaving the context ends it at once, finished or not.

    Parameters
    ----------
    directory
        an initialised root configuration, in a place that may be thrown away.
    environment
        the whole environment of the command.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._progress = Progress()
        self._changed = threading.Condition()
        self._ended = False
        # A session of its own: Ctrl-C then reaches the demo alone, and one signal reaches Terraform with its plugins.
        self._process = subprocess.Popen(
            [terraform_binary(), "apply", "-json", "-auto-approve", "-input=false"],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="terraform", daemon=True)
        self._reader.start()

    def created(self, resource_type: str) -> Iterator[str]:
        """Yield the id of every resource of a type that the plan creates, as soon as it is there.

        Raises
        ------
        DemoFailed
            The apply failed.
        """
        yielded = 0
        ended = False
        while not ended:
            with self._changed:
                self._changed.wait_for(partial(self._has_news, resource_type, yielded))
                self._raise_if_failed()
                ids = self._progress.ids(resource_type)[yielded:]
                planned = self._progress.to_create[resource_type]
                ended = self._ended or yielded + len(ids) == planned
            yield from ids
            yielded += len(ids)

    def creating(self) -> list[str]:
        """Return the addresses of what is being created at the moment."""
        with self._changed:
            return list(self._progress.creating)

    def wait(self) -> int:
        """Wait for the end and return how many resources were created.

        Raises
        ------
        DemoFailed
            The apply failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended)
            self._raise_if_failed()
            return len(self._progress.created)

    def output(self, name: str) -> Any:
        """Return the value of an output, once the apply has ended.

        Raises
        ------
        DemoFailed
            There is no such output.
        """
        try:
            return self._progress.outputs[name]
        except KeyError:
            raise DemoFailed(f"The example has no output {name!r}.") from None

    def stop(self) -> None:
        """End Terraform and its plugins, without waiting for what they wait for."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()

    def __enter__(self) -> Deployment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None  # noqa: S101 - a pipe was asked for
        with output:
            for line in output:
                with self._changed:
                    self._progress.take(line)
                    self._changed.notify_all()
        self._process.wait()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _has_news(self, resource_type: str, known: int) -> bool:
        return self._ended or len(self._progress.ids(resource_type)) > known

    def _raise_if_failed(self) -> None:
        if self._ended and self._process.returncode != 0:
            said = self._progress.errors or self._progress.other_lines
            raise DemoFailed(f"terraform apply failed: {' / '.join(said) or f'exit code {self._process.returncode}'}")
