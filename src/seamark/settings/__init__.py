"""One typed settings object, read once at the edge: environment over file over default."""

from __future__ import annotations

from seamark.settings.reading import change_stage_settings, list_variables, read_settings
from seamark.settings.rendering import render_default_file
from seamark.settings.sections import (
    METRICS,
    SETTINGS_FILE,
    CaptureSettings,
    ChampionSettings,
    ChecksSettings,
    DatabaseSettings,
    DataSettings,
    PipelineSettings,
    ServiceSettings,
    Settings,
    StageSettings,
    StoreSettings,
    TaxonomySettings,
    TrainingSettings,
)

__all__ = [
    "METRICS",
    "SETTINGS_FILE",
    "CaptureSettings",
    "ChampionSettings",
    "ChecksSettings",
    "DataSettings",
    "DatabaseSettings",
    "PipelineSettings",
    "ServiceSettings",
    "Settings",
    "StageSettings",
    "StoreSettings",
    "TaxonomySettings",
    "TrainingSettings",
    "change_stage_settings",
    "list_variables",
    "read_settings",
    "render_default_file",
]
