"""What the tests of access share: the SDK, its users, and the cases that they try."""
