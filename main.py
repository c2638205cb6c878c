"""Starts Active Labeler the way its users' notebooks do: ``python main.py --config_path pipeline_config.yaml``."""

import sys

from orchestrator.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
