"""What storage is told by its environment; it reads nothing itself."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from hoso_chassis.settings import ServiceSettings

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class StorageSettings(ServiceSettings):
    """The settings of every service and storage's own."""

    s3_endpoint: str = Field(
        pattern=r"^(https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$",
        description="The object store: http(s)://host:port, or host:port for plain HTTP.",
    )
    s3_access_key: SecretStr = Field(description="Account at the object store.")
    s3_secret_key: SecretStr = Field(description="Its secret.")
    s3_bucket: str = Field(description="The bucket, which must exist; storage does not make it.")
    s3_region: str = Field("us-east-1", description="Region that requests are signed for.")
    s3_threads: Count = Field(8, description="Calls to the object store at a time in one process.")
    scans_at_once: Count = Field(16, description="Scans at a time in all workers together.")
    receipt_private_key_file: Path = Field(description="JWK (Ed25519, private, with kid) that signs receipts.")
    uploads_at_once: Count = Field(16, description="Uploads in memory at a time in one process, 6 MB each.")
    uploads_at_once_per_subject: Count = Field(6, description="Uploads of one citizen under way in one process.")
    uploads_waiting: Count = Field(
        64, description="Uploads that wait for a place, 100 KB each; one more ends the oldest."
    )
    upload_wait_seconds: Seconds = Field(10, description="How long an upload waits for a place.")
    upload_least_rate: Count = Field(
        32_768, description="Bytes a second an upload brings on average while others wait."
    )
    upload_pace_seconds: Seconds = Field(
        4, description="Time it has before that is looked at, and until each next look."
    )
    upload_idle_seconds: Seconds = Field(15, description="Longest pause between two pieces of an upload.")
    upload_seconds: Seconds = Field(300, description="Longest time for a whole upload.")
    unbound_files_per_draft: Count = Field(20, description="Files of one citizen in one draft that no dossier has yet.")
    files_per_subject_per_day: Count = Field(200, description="Files that one citizen may send in 24 hours.")
