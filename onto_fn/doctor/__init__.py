"""Find what will not work in production before it is deployed, from an app's declarations.

Each finding has a place and a remedy; see docs/doctor.md.
"""

from onto_fn.doctor.check import Check
from onto_fn.doctor.diagnosis import CHECKS, diagnose
from onto_fn.doctor.finding import Finding, Place, Severity
from onto_fn.doctor.project import Measured, Project

__all__ = ["CHECKS", "Check", "Finding", "Measured", "Place", "Project", "Severity", "diagnose"]
