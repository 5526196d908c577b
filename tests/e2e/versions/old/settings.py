"""The settings of the site, with the old version of the workflows."""

from blazen_site.settings import *  # noqa: F403
from blazen_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.e2e.versions.old"]
