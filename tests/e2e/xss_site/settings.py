"""The settings of the site, with the application of the workflows in `flows`."""

from blazen_site.settings import *  # noqa: F403
from blazen_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.e2e.xss_site"]

# The password hasher of production is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
