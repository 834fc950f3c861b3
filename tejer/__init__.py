"""Tejer: a service mesh with Istio's API."""

__version__ = "0.1.0"
