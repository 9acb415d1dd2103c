"""Processes of the provider, and which of them answers which call of Terraform."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import grpc

from scripts.warm_provider.protobuf import text, without_unknown

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
# Without it, the provider tells the person who started it that it is no program of theirs (go-plugin's handshake).
COOKIE = {"TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"}
PROTOCOLS = {"PLUGIN_PROTOCOL_VERSIONS": "6,5"}
START_SECONDS = 60

# Calls of protocol 5 or 6; their meaning is in Terraform's docs/plugin-protocol.
CONFIGURE = {"Configure", "ConfigureProvider"}
# Answers that are maps by the names of resources, data sources, ephemeral resources: the fields' numbers.
DESCRIBE = {"GetSchema": {2, 3, 8}, "GetProviderSchema": {2, 3, 8}, "GetResourceIdentitySchemas": {1}}
# They say whether a configuration is well-formed, before the provider has credentials: the same every time.
VALIDATE = ("Prepare", "Validate")
READ = "ReadDataSource"
# Data sources that ask nobody: what they give follows from their arguments and the provider's configuration.
COMPUTED = {"aws_iam_policy_document", "aws_partition", "aws_service"}


class ProviderError(RuntimeError):
    """The provider did not start as a plugin of Terraform; the message says what it did."""


class Provider:
    """One running process of the provider."""

    def __init__(self, process: asyncio.subprocess.Process, protocol: int, target: str) -> None:
        self._process = process
        self.protocol = protocol
        self._channel = grpc.aio.insecure_channel(target, UNLIMITED)
        self._methods: dict[str, Callable[[bytes], Awaitable[bytes]]] = {}

    @classmethod
    async def start(cls, executable: str, directory: str) -> Provider:
        """Start the executable in a directory, in this process's environment, and wait until it listens.

        Raises
        ------
        ProviderError
            it ended, said something else than a plugin does, or did not answer in time.
        """
        process = await asyncio.create_subprocess_exec(
            executable,
            cwd=directory,
            env=os.environ | COOKIE | PROTOCOLS,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said = ""
        try:
            if process.stdout is not None:
                said = (await asyncio.wait_for(process.stdout.readline(), START_SECONDS)).decode()
            # For example 1|5|unix|/tmp/plugin123|grpc|: go-plugin's version, Terraform's, where it listens, how.
            _, protocol, network, address, kind, *_ = said.strip().split("|")
            if kind != "grpc":
                raise ValueError(f"it speaks {kind}")
            return cls(process, int(protocol), f"unix:{address}" if network == "unix" else address)
        except (TimeoutError, ValueError) as error:
            process.kill()
            raise ProviderError(f"{executable} did not start as a plugin of Terraform: {said!r} ({error})") from error

    async def call(self, method: str, request: bytes) -> bytes:
        """Pass a call on and return the answer."""
        if method not in self._methods:
            self._methods[method] = self._channel.unary_unary(method)
        return await self._methods[method](request)

    async def end(self) -> None:
        await self._channel.close()
        self._process.kill()
        await self._process.wait()


class Pool:
    """Answers Terraform's calls: each by the process that has the configuration which its connection gave.

    Processes are shared by connections of one configuration, to the byte, and by no others: Terraform has a connection
    for every start that it takes for one of the provider, and an alias is such a start.
    """

    def __init__(self, start: Callable[[], Awaitable[Provider]], first: Provider, known: Collection[str]) -> None:
        self._start = start
        self._first = first
        self._known = known
        self._configuring = asyncio.Lock()
        self._configured: dict[bytes, tuple[Provider, bytes]] = {}
        self._of_connection: dict[str, Provider] = {}
        self._remembered: dict[tuple[Provider, str, bytes], bytes] = {}

    def service(self, call: Any) -> Any:
        """Return what handles a call (grpc asks by this name); go-plugin's own services are done without."""
        service, _, method = call.method.rpartition("/")
        if not service.endswith(".Provider"):
            return None
        handle = self._configure if method in CONFIGURE else self._answer

        async def handler(request: bytes, context: Any) -> bytes:
            try:
                return await handle(call.method, request, context.peer())
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "")
                raise

        return grpc.unary_unary_rpc_method_handler(handler)

    async def _configure(self, path: str, request: bytes, connection: str) -> bytes:
        async with self._configuring:
            if request not in self._configured:
                provider = await self._start() if self._configured else self._first
                self._configured[request] = provider, await provider.call(path, request)
        self._of_connection[connection], answer = self._configured[request]
        return answer

    async def _answer(self, path: str, request: bytes, connection: str) -> bytes:
        provider = self._of_connection.get(connection, self._first)
        method = path.rpartition("/")[2]
        if not _is_same_every_time(method, request):
            return await provider.call(path, request)
        key = provider, path, request
        if key not in self._remembered:
            answer = await provider.call(path, request)
            if method in DESCRIBE:
                answer = without_unknown(answer, DESCRIBE[method], self._known)
            self._remembered[key] = answer
        return self._remembered[key]

    async def end(self) -> None:
        """End all processes."""
        for provider in {self._first, *(provider for provider, _ in self._configured.values())}:
            await provider.end()


def _is_same_every_time(method: str, request: bytes) -> bool:
    return method in DESCRIBE or method.startswith(VALIDATE) or (method == READ and text(request) in COMPUTED)
