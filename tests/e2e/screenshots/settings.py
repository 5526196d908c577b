"""The settings of the site, without DEBUG, with the workflows of the gallery."""

from blazen_site.settings import *  # noqa: F403
from blazen_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.e2e.screenshots"]

# The password hasher of production is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
