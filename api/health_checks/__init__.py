"""The health checks of the platform: one declaration each, measured at the same time and within a bound."""
