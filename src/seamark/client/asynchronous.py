"""The client for programs on asyncio; the same methods as :class:`~seamark.client.blocking.Client`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx

from seamark.client import connection, operations
from seamark.client.answers import BatchJob, FoundSkill, Health, ServedVersion
from seamark.client.retrying import Patience
from seamark.client.steps import Answer, Call, Lost, Send, Steps, Wait
from seamark.errors import InputError
from seamark.extraction.document import Document
from seamark.extraction.result import Prediction

Result = TypeVar("Result")

_PIECE = 1 << 20  # bytes of a file read at a time


class AsyncClient:
    """A prediction service, as coroutines; arguments and errors are those of :class:`~seamark.client.Client`.

    >>> async with AsyncClient("http://127.0.0.1:8080", "smk_…") as client:  # doctest: +SKIP
    ...     await asyncio.gather(*map(client.extract, texts))
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 30.0,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = connection.check_address(url)
        self._patience = Patience(timeout, retries)
        self._http = httpx.AsyncClient(
            headers=connection.make_headers(token),
            transport=transport,
            trust_env=connection.heeds_environment(self.url),
        )

    async def extract(
        self,
        text: str | Document,
        *,
        stage: str | None = None,
        doc_id: str = "",
        kind: str = "",
        sector: str = "",
    ) -> Prediction:
        """The prediction for one text; see :meth:`seamark.client.Client.extract`."""
        return await self._run(
            operations.extract(self._patience, text, stage=stage, doc_id=doc_id, kind=kind, sector=sector)
        )

    async def extract_many(
        self, texts: Iterable[str | Document], *, stage: str | None = None
    ) -> list[Prediction]:
        """The predictions for texts, in their order; see :meth:`seamark.client.Client.extract_many`."""
        return await self._run(operations.extract_many(self._patience, texts, stage=stage))

    async def search_skills(
        self, query: str, *, stage: str | None = None, limit: int = 10
    ) -> list[FoundSkill]:
        """The skills that have to do with ``query``; see :meth:`seamark.client.Client.search_skills`."""
        return await self._run(operations.search_skills(self._patience, query, stage=stage, limit=limit))

    async def describe_version(self, *, stage: str | None = None) -> ServedVersion:
        """The version that answers at a stage."""
        return await self._run(operations.describe_version(self._patience, stage=stage))

    async def health(self) -> Health:
        """Whether the service can answer; see :meth:`seamark.client.Client.health`."""
        return await self._run(operations.check_health(self._patience))

    async def submit_batch(
        self,
        file: Path | str,
        *,
        text_column: str,
        id_column: str | None = None,
        stage: str | None = None,
        filename: str | None = None,
    ) -> BatchJob:
        """The job that works on a file of texts; see :meth:`seamark.client.Client.submit_batch`."""
        return await self._run(
            operations.submit_batch(
                self._patience,
                Path(file),
                text_column=text_column,
                id_column=id_column,
                stage=stage,
                filename=filename,
            )
        )

    async def get_batch(self, job_id: str) -> BatchJob:
        """How a job stands."""
        return await self._run(operations.get_batch(self._patience, job_id))

    async def wait_for_batch(
        self,
        job_id: str,
        *,
        poll_seconds: float = 1.0,
        timeout: float | None = None,
    ) -> BatchJob:
        """The job when it has ended; see :meth:`seamark.client.Client.wait_for_batch`."""
        return await self._run(
            operations.wait_for_batch(self._patience, job_id, poll_seconds=poll_seconds, timeout=timeout)
        )

    async def fetch_batch_result(self, job_id: str, output: Path | str, *, quarantine: bool = False) -> Path:
        """A job's predictions as a file; see :meth:`seamark.client.Client.fetch_batch_result`."""
        return await self._run(
            operations.fetch_batch_result(self._patience, job_id, Path(output), quarantine=quarantine)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.url!r})"

    async def _run(self, steps: Steps[Result]) -> Result:
        result: Answer | Lost | None = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                value: Result = end.value
                return value
            result = await self._take(step)

    async def _take(self, step: Send | Wait) -> Answer | Lost | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        limit = None if step.call.moves_file else step.seconds
        try:
            async with asyncio.timeout(limit):
                return await self._send(step)
        except TimeoutError:
            return connection.lose(httpx.ReadTimeout(f"the answer took longer than {step.seconds:.0f} s"))

    async def _send(self, send: Send) -> Answer | Lost:
        call = send.call
        request = self._http.build_request(
            call.method,
            self.url + call.path,
            params=call.query or None,
            content=_read_file(call.file) if call.file else call.body or None,
            headers=connection.make_call_headers(call),
            timeout=connection.make_timeout(send),
        )
        try:
            response = await self._http.send(request, stream=True)
            async with aclosing(response):
                return await _read(response, call)
        except httpx.RequestError as error:
            return connection.lose(error)


async def _read_file(file: Path) -> AsyncIterator[bytes]:
    """The file's bytes, read in threads so that a slow disk holds up nothing else."""
    try:
        stream = await asyncio.to_thread(file.open, "rb")
    except OSError as error:
        raise InputError(f"the file {file} can't be read: {error.strerror or error}") from error
    with stream:
        while piece := await asyncio.to_thread(stream.read, _PIECE):
            yield piece


async def _read(response: httpx.Response, call: Call) -> Answer:
    if call.into is not None and response.is_success:
        await _write(response, call.into)
        return connection.make_answer(response, b"")
    return connection.make_answer(response, await response.aread())


async def _write(response: httpx.Response, output: Path) -> None:
    part = connection.name_part(output)
    try:
        with part.open("wb") as stream:
            async for chunk in response.aiter_bytes():
                await asyncio.to_thread(stream.write, chunk)
        part.replace(output)
    except OSError as error:
        raise connection.explain_writing(output, error) from error
    finally:
        part.unlink(missing_ok=True)
