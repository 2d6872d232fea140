"""HTTP below the routes: connections, load shedding, middleware, error responses."""
