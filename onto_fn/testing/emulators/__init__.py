"""Find, configure, start and stop the Firebase emulators."""
