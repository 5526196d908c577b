"""Production's settings, from the environment, and one workflow that does no work of its own."""

from blazen_site.settings import *  # noqa: F403
from blazen_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.benchmarks"]  # its `flows` are found as any other's
