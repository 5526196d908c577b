"""Who may decide a request at this moment."""
