"""The loop, its journal, the command line, and the launcher."""
