"""The real parts that integration tests run on, started once a test run."""

import os


def postgres_url() -> str:
    return os.environ["HOSO_TEST_POSTGRES_URL"]


def kafka_servers() -> str:
    return os.environ["HOSO_TEST_KAFKA"]
