"""Base models from the model hub."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seamark.base_models._http import NotThereError, download, open_client
from seamark.base_models._intake import Intake, SourceError
from seamark.base_models.catalogue import BaseFile

if TYPE_CHECKING:
    import httpx

_ENDPOINT = "https://huggingface.co"


class HubSource:
    """Downloads a model's files one by one from the model hub.

    Args:
        endpoint: the hub's address; by default the environment variable ``HF_ENDPOINT``, or
            ``https://huggingface.co``.
    """

    name = "hub"
    downloads = True

    def __init__(self, endpoint: str | None = None) -> None:
        address = os.environ.get("HF_ENDPOINT", "") if endpoint is None else endpoint
        self._endpoint = (address or _ENDPOINT).rstrip("/")

    def fetch(self, intake: Intake) -> None:
        """Download what is wanted."""
        if not intake.model.hub_repo:
            raise SourceError("it is not on the model hub")
        with open_client() as client:
            for file in list(intake.wanted):
                self._fetch_file(client, intake, file)

    def _fetch_file(self, client: httpx.Client, intake: Intake, file: BaseFile) -> None:
        try:
            self._bring(client, intake, file, file.path)
        except NotThereError:
            if file.alternative:
                self._bring(client, intake, file, file.alternative)
            elif file.required:
                raise
            else:
                intake.skip(file)

    def _bring(self, client: httpx.Client, intake: Intake, file: BaseFile, name: str) -> None:
        url = f"{self._endpoint}/{intake.model.hub_repo}/resolve/main/{name}"
        part = intake.make_part(name)
        size = file.size if name == file.path else 0
        while True:
            promised, resumed = download(client, url, part, label=name, size=size, progress=intake.progress)
            try:
                return intake.accept(file, part, source=url, name=name, sha256=promised)
            except SourceError:
                # Bytes left by an earlier try may be of another file: begin again, once.
                if not resumed:
                    raise
