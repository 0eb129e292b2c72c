"""What people read of a run: a short text and a page with a timeline, both made of a Record and the
problems that checkers found in it, so that a saved one is drawn as well as a fresh one."""
