"""A job as a Kubernetes pod: how the pod is made, what its status means, the calls to the cluster, the handle."""
