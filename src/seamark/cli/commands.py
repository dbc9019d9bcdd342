"""Every sub-command, in the order in which `seamark --help` lists them."""

from __future__ import annotations

import importlib

import typer

# name → module with a function `register(app)`; a missing module is a programming error.
_MODULES = (
    "init",
    "login",
    "people",
    "token",
    "audit",
    "extract",
    "extract_batch",
    "taxonomy",
    "examples",
    "evaluate",
    "base_model",
    "train",
    "build",
    "versions",
    "experiments",
    "promote",
    "promotions",
    "stages",
    "shadow",
    "capture",
    "trigger",
    "runs",
    "worker",
    "serve",
    "up",
    "demo",
    "doctor",
)


def register(app: typer.Typer) -> None:
    """Add every sub-command to ``app``."""
    for name in _MODULES:
        importlib.import_module(f"seamark.cli.{name}").register(app)
