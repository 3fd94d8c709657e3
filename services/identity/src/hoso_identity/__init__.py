"""The service identity: compares declared identities with the population register; tells only whether they match."""
