"""The command line: `python -m hoso_dossier serve|migrate|check`; starts what app.py builds."""

from hoso_chassis.cli import run
from hoso_dossier.app import service

if __name__ == "__main__":
    run(service)
