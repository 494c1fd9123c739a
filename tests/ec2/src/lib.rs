//! A local EC2 endpoint for tests: fleets whose instances are processes on this machine.
