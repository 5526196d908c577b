"""The settings of production, from the environment, with a workflow whose steps do nothing."""

from blazen_site.settings import *  # noqa: F403
from blazen_site.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "tests.benchmarks",
]  # its `flows` are found like those of any application
