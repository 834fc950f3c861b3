"""The dashboards' uids: those that links, bookmarks and Kiali know Istio's dashboards by."""

MESH = "G8wLrJIMk"
SERVICE = "LJ_uJAvmk"
WORKLOAD = "UbsSZTDik"
PERFORMANCE = "vu8e0VWZk"
CONTROL_PLANE = "3--MLVZZk"
