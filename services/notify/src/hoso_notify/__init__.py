"""The service notify: tells citizens by e-mail and SMS what happened to their dossiers; it decides nothing."""
