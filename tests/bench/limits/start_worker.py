"""A hello world of FastStream with a subscriber: ready when it has joined its group; asked over HTTP as ours are."""

import os

import uvicorn
from faststream.asgi import AsgiFastStream, make_ping_asgi
from faststream.kafka import KafkaBroker

broker = KafkaBroker(os.environ["KAFKA_BOOTSTRAP_SERVERS"], logger=None)


@broker.subscriber("identity.verifications.v1", group_id="bench.hello")
async def hello(message: bytes) -> None:
    """Take it."""


app = AsgiFastStream(broker, asgi_routes=[("/readyz", make_ping_asgi(broker, timeout=5.0))])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error")
