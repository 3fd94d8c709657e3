"""A hello world of FastAPI: ready when it has a connection to the database."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI


@asynccontextmanager
async def connected(_: FastAPI) -> AsyncGenerator[None]:
    """Hold one connection."""
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1)
    yield
    await pool.close()


app = FastAPI(lifespan=connected)


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    """It is."""
    return {"ok": True}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error")
