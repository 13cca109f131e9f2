"""Packages the app, deploys it to an AWS account, takes a deployment back, and takes it down."""
