"""Many texts at a time: tables in, tables with predictions out, resumable.

:func:`plan_batch` looks at the input and the output's place before anything heavy is loaded;
:func:`run_batch` does the work. :func:`read_source` reads what `seamark extract` is given.
"""

from __future__ import annotations

from seamark.extraction.batch._plan import BatchOptions, BatchPlan, plan_batch
from seamark.extraction.batch._run import BatchExtractor, BatchReport, run_batch
from seamark.extraction.batch._sources import Source, read_source
from seamark.extraction.batch._storage import replace_file

__all__ = [
    "BatchExtractor",
    "BatchOptions",
    "BatchPlan",
    "BatchReport",
    "Source",
    "plan_batch",
    "read_source",
    "replace_file",
    "run_batch",
]
