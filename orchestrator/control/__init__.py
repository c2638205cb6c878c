"""The control service: runs as a daemon holds them, for the command line and the web page."""
