"""What was measured, one file a topic; judgement is made from these alone."""
