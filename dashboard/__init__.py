"""The public page and its API: read-only, 60 minutes behind in all that concerns trades."""
