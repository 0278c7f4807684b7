"""The Firebase emulators: finding, configuring, starting and stopping them."""
