"""What each stage runs on this server: immutable, so that a request keeps what it began with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from seamark.serving.models import View
from seamark.settings import StageSettings

Role = Literal["champion", "canary"]


@dataclass(frozen=True, slots=True)
class Running:
    """A version that a stage runs.

    Attributes:
        view: the model as the stage uses it.
        since: when it took over on this server, in UTC.
        share: percentage of the requests that it sees; 100 for the stage's own version.
        promotion_id: what put it there; None where nobody knows.
    """

    view: View
    since: datetime
    share: float = 100.0
    promotion_id: str | None = None


@dataclass(frozen=True, slots=True)
class StageState:
    """A stage on this server.

    Attributes:
        stage: its name.
        settings: how it is served.
        wanted: the version that it should run; None: it is empty.
        champion: what answers; None while nothing can.
        canary: what answers its share.
        shadow: what sees its share without answering.
        error: why it does not run what it should, in one line; empty while all is well.
        loading: whether what it should run is being loaded.
    """

    stage: str
    settings: StageSettings
    wanted: str | None = None
    champion: Running | None = None
    canary: Running | None = None
    shadow: Running | None = None
    error: str = ""
    loading: bool = False

    def choose(self, request_id: str) -> tuple[Role, Running | None]:
        """What answers a request: the canary its share of them, the champion the others."""
        if self.canary is not None and draw(request_id, "canary") < self.canary.share:
            return "canary", self.canary
        return "champion", self.champion

    def is_shadowed(self, prediction_id: str) -> bool:
        """Whether the shadow sees a prediction's text too."""
        return self.shadow is not None and draw(prediction_id, "shadow") < self.shadow.share

    def describe(self) -> dict[str, Any]:
        """What runs, for the server's row and for people."""
        return {
            "version": self.champion.view.version if self.champion else None,
            "since": self.champion.since.isoformat(timespec="seconds") if self.champion else None,
            "canary": self.canary.view.version if self.canary else None,
            "shadow": self.shadow.view.version if self.shadow else None,
            "error": self.error,
        }


def draw(name: str, purpose: str) -> float:
    """A number from 0 to below 100 that is always the same for a name, and another for another purpose."""
    digest = hashlib.sha256(f"{purpose}:{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * 100
