"""One module a page: it asks for a snapshot and puts components in their places."""
