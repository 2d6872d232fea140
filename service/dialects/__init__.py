"""APIs of other services, each as a `Dialect`."""
