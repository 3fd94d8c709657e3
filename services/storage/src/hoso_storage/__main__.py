"""Command line of the service: python -m hoso_storage serve|migrate|check."""

from hoso_chassis.cli import run
from hoso_storage.app import service

if __name__ == "__main__":
    run(service)
