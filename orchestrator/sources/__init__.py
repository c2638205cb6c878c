"""Where the images of a run come from: a folder, a list of files, or a place elsewhere that fsspec reaches."""
