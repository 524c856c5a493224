"""Which patterns match which events, by moto's matcher of EventBridge patterns. Its server has no TestEventPattern.

Standard input: {"patterns": [...], "events": [...]}. Standard output: for each pattern, the positions of the events it matches.
"""

import json
import sys

from moto.events.models import EventPattern

asked = json.load(sys.stdin)
matchers = [EventPattern(json.dumps(pattern), pattern) for pattern in asked["patterns"]]
json.dump([[i for i, event in enumerate(asked["events"]) if each.matches_event(event)] for each in matchers], sys.stdout)
