"""The settings of the site, with the workflows in `flows`."""

from blazen_site.settings import *  # noqa: F403
from blazen_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.e2e.versions.hanging_steps"]
