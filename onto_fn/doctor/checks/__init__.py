"""The checks, one file for each subject. All are pure: they read what a `Project` has."""
