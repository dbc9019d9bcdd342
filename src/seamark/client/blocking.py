"""The client for ordinary programs: every method waits for its answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

import httpx

from seamark.client import connection, operations
from seamark.client.answers import BatchJob, FoundSkill, Health, ServedVersion
from seamark.client.retrying import Patience
from seamark.client.steps import Answer, Call, Lost, Send, Steps, Wait
from seamark.errors import InputError
from seamark.extraction.document import Document
from seamark.extraction.result import Prediction

Result = TypeVar("Result")


class Client:
    """A prediction service, as ordinary functions; may be used from several threads at once.

    Close it, or use it in a ``with`` statement.

    >>> with Client("http://127.0.0.1:8080", "smk_…") as client:  # doctest: +SKIP
    ...     client.extract("You will build dashboards in SQL.").skills[0].title
    'SQL'

    Args:
        url: the service's address, such as ``http://127.0.0.1:8080``.
        token: of a person; empty where the service predicts for anybody.
        timeout: seconds that one request may take, with its tries and the waits between them; where a file is
            sent or fetched, seconds that the network may stand still.
        retries: tries after the first, where the connection fails, the service is busy (429, 503) or something
            between here and there gave up (502, 504). What was refused for another reason is not tried again.
        transport: another way to send requests, for tests.

    Raises:
        UsageError: an argument can't be what it should be.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 30.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = connection.check_address(url)
        self._patience = Patience(timeout, retries)
        self._http = httpx.Client(
            headers=connection.make_headers(token),
            transport=transport,
            trust_env=connection.heeds_environment(self.url),
        )

    def extract(
        self,
        text: str | Document,
        *,
        stage: str | None = None,
        doc_id: str = "",
        kind: str = "",
        sector: str = "",
    ) -> Prediction:
        """The prediction for one text.

        Args:
            text: the text, or a document.
            stage: ``dev``, ``uat`` or ``prod``; default: the service's own.
            doc_id: your name for the text; kept with what is captured.
            kind: ``posting``, ``course`` or ``other``.
            sector: the sector that it comes from.

        Raises:
            InputError: the text is too long, or is none.
            SignInError, NotAllowedError: the token is not good, or not for this.
            NotFoundError: there is no such stage, or nothing on it.
            ServiceError: the service can't be reached, is too busy, or failed.
        """
        return self._run(
            operations.extract(self._patience, text, stage=stage, doc_id=doc_id, kind=kind, sector=sector)
        )

    def extract_many(self, texts: Iterable[str | Document], *, stage: str | None = None) -> list[Prediction]:
        """The predictions for texts, in their order; as many requests as that takes, one after the other.

        Raises as :meth:`extract` does; the time-out is that of each request.
        """
        return self._run(operations.extract_many(self._patience, texts, stage=stage))

    def search_skills(self, query: str, *, stage: str | None = None, limit: int = 10) -> list[FoundSkill]:
        """The skills of the version's taxonomy that have to do with ``query``, best first."""
        return self._run(operations.search_skills(self._patience, query, stage=stage, limit=limit))

    def describe_version(self, *, stage: str | None = None) -> ServedVersion:
        """The version that answers at a stage."""
        return self._run(operations.describe_version(self._patience, stage=stage))

    def health(self) -> Health:
        """Whether the service can answer; needs no token.

        Raises:
            ServiceError: it can't be reached.
        """
        return self._run(operations.check_health(self._patience))

    def submit_batch(
        self,
        file: Path | str,
        *,
        text_column: str,
        id_column: str | None = None,
        stage: str | None = None,
        filename: str | None = None,
    ) -> BatchJob:
        """The job that works on a file of texts from now on.

        Where the connection breaks after the file was sent it is not sent again, for there may be a job by then.

        Args:
            file: CSV, JSON Lines, Parquet or Excel.
            text_column: the column with the texts.
            id_column: the column with their names; default: the row's number.
            stage: whose version works on it; default: the service's own.
            filename: by whose ending the format is told; default: the file's.

        Raises:
            InputError: the file can't be read, or is larger than the service takes.
        """
        return self._run(
            operations.submit_batch(
                self._patience,
                Path(file),
                text_column=text_column,
                id_column=id_column,
                stage=stage,
                filename=filename,
            )
        )

    def get_batch(self, job_id: str) -> BatchJob:
        """How a job stands."""
        return self._run(operations.get_batch(self._patience, job_id))

    def wait_for_batch(
        self, job_id: str, *, poll_seconds: float = 1.0, timeout: float | None = None
    ) -> BatchJob:
        """The job when it has ended, however; with ``timeout``, a :class:`ServiceError` after so many seconds."""
        return self._run(
            operations.wait_for_batch(self._patience, job_id, poll_seconds=poll_seconds, timeout=timeout)
        )

    def fetch_batch_result(self, job_id: str, output: Path | str, *, quarantine: bool = False) -> Path:
        """The file ``output`` with a job's predictions as JSON Lines, or with the rows that it set aside.

        The file is there when it is whole, and takes the place of one that was there.

        Raises:
            NotFoundError: there is no such job, or nothing was set aside.
            ConflictError: the job has not ended.
            StorageError: the file can't be written.
        """
        return self._run(
            operations.fetch_batch_result(self._patience, job_id, Path(output), quarantine=quarantine)
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def _run(self, steps: Steps[Result]) -> Result:
        result: Answer | Lost | None = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                value: Result = end.value
                return value
            result = self._take(step)

    def _take(self, step: Send | Wait) -> Answer | Lost | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        return self._send(step)

    def _send(self, send: Send) -> Answer | Lost:
        call = send.call
        headers = connection.make_call_headers(call)
        timeout = connection.make_timeout(send)
        try:
            with _open_body(call) as body:
                request = self._http.build_request(
                    call.method,
                    self.url + call.path,
                    params=call.query or None,
                    content=body,
                    headers=headers,
                    timeout=timeout,
                )
                with closing(self._http.send(request, stream=True)) as response:
                    return _read(response, send)
        except httpx.RequestError as error:
            return connection.lose(error)


@contextmanager
def _open_body(call: Call) -> Iterator[bytes | BinaryIO | None]:
    if call.file is None:
        yield call.body or None
        return
    try:
        stream = call.file.open("rb")
    except OSError as error:
        raise InputError(f"the file {call.file} can't be read: {error.strerror or error}") from error
    with stream:
        yield stream


def _read(response: httpx.Response, send: Send) -> Answer | Lost:
    if send.call.into is not None and response.is_success:
        _write(response, send.call.into)
        return connection.make_answer(response, b"")
    end = time.monotonic() + send.seconds
    chunks = []
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        # The time-out of httpx is that of one wait: a byte a second would never meet it.
        if time.monotonic() > end:
            return connection.lose(httpx.ReadTimeout(f"the answer took longer than {send.seconds:.0f} s"))
    return connection.make_answer(response, b"".join(chunks))


def _write(response: httpx.Response, output: Path) -> None:
    part = connection.name_part(output)
    try:
        with part.open("wb") as stream:
            for chunk in response.iter_bytes():
                stream.write(chunk)
        part.replace(output)
    except OSError as error:
        raise connection.explain_writing(output, error) from error
    finally:
        part.unlink(missing_ok=True)
