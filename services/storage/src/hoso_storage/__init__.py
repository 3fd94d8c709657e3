"""The service storage: files of citizens, from upload to verdict."""
