"""A job as a SageMaker Processing job: how it is asked for, what its status means, the calls to AWS, the handle."""
