"""The limits: the shortest honest scripts that do the same durable work with the bare drivers."""
