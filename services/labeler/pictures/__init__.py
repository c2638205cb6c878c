"""Display derivatives: what a browser shows in the place of an image file."""
