"""One decode: every source frame once, to working frames, shots and candidate clips."""
