"""The web side of the labeler: a page, and the small JSON that it speaks."""
