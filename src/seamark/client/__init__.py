"""A typed client of the prediction service, sync and async."""

from seamark.client.answers import BatchJob, FoundSkill, Health, ServedVersion
from seamark.client.asynchronous import AsyncClient
from seamark.client.blocking import Client

__all__ = ["AsyncClient", "BatchJob", "Client", "FoundSkill", "Health", "ServedVersion"]
