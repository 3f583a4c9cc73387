"""The operations of Scheduler, by what they are about."""
