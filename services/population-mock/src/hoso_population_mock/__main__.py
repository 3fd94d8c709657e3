"""``python -m hoso_population_mock`` serves the synthetic register over HTTP."""

from hoso_population_mock.app import main

if __name__ == "__main__":
    main()
