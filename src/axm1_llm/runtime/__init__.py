"""What the vendor's executable says and reads: bytes in, events out; no I/O, no clock, no log."""
