"""Classes and objects of ordinary modules: nothing in here is a hazard to pickle."""
