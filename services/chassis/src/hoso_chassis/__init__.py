"""The microservice chassis of Hoso: delivery, HTTP and operations, without one business word."""
