"""The installed command, except that its pipelines are the made-up one."""

import made_up_pipeline

from seamark.cli.main import main

made_up_pipeline.install()
main()
