"""The command line. Importing it loads neither JAX nor the service nor training."""
