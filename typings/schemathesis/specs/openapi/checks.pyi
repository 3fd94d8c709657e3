"""The checks of an API that is described by OpenAPI."""

from schemathesis import Check

content_type_conformance: Check
negative_data_rejection: Check
response_headers_conformance: Check
response_schema_conformance: Check
status_code_conformance: Check
