"""What the tests that attack the HTTP door share."""
