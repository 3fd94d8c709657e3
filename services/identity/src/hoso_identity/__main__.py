"""`python -m hoso_identity`: serve, migrate or check; it holds no rule."""

from hoso_chassis.cli import run
from hoso_identity.app import service

if __name__ == "__main__":
    run(service)
