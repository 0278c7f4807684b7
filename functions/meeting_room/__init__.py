"""A meeting room: users hold tickets to meetings, meetings take place at locations."""
