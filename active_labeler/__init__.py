"""Active Labeler from a notebook or a script."""
