"""Codes of the analyzers' messages: name and level, as Istio and Kiali document them.

Source: istio.io/docs/reference/config/analysis; Istio's pkg/config/analysis/msg/messages.yaml; Kiali's
models/istio_validation.go (the codes of what Istio's analyzers do not look at; Kiali has no short names).
"""

from __future__ import annotations

from typing import NamedTuple

from tejer.kube.problem import Severity

_ISTIO_PAGE = "https://istio.io/latest/docs/reference/config/analysis/{}/"
_KIALI_PAGE = "https://kiali.io/docs/features/validations/"


def page(code: str) -> str:
    """Where a code is documented; "" for our own."""
    if code.startswith("KIA"):
        return _KIALI_PAGE
    return _ISTIO_PAGE.format(code.lower()) if code.startswith("IST") else ""


class Code(NamedTuple):
    name: str
    severity: Severity


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CODES: dict[str, Code] = {
    "IST0001": Code("InternalError", _E),
    "IST0002": Code("Deprecated", _W),
    "IST0101": Code("ReferencedResourceNotFound", _E),
    "IST0102": Code("NamespaceNotInjected", _I),
    "IST0103": Code("PodMissingProxy", _W),
    "IST0106": Code("SchemaValidationError", _E),
    "IST0107": Code("MisplacedAnnotation", _W),
    "IST0108": Code("UnknownAnnotation", _W),
    "IST0109": Code("ConflictingMeshGatewayVirtualServiceHosts", _E),
    "IST0110": Code("ConflictingSidecarWorkloadSelectors", _E),
    "IST0111": Code("MultipleSidecarsWithoutWorkloadSelectors", _E),
    "IST0112": Code("VirtualServiceDestinationPortSelectorRequired", _E),
    "IST0116": Code("DeploymentAssociatedToMultipleServices", _W),
    "IST0118": Code("PortNameIsNotUnderNamingConvention", _I),
    "IST0123": Code("NamespaceMultipleInjectionLabels", _W),
    "IST0125": Code("InvalidAnnotation", _W),
    "IST0126": Code("UnknownMeshNetworksServiceRegistry", _E),
    "IST0127": Code("NoMatchingWorkloadsFound", _W),
    "IST0128": Code("NoServerCertificateVerificationDestinationLevel", _W),
    "IST0129": Code("NoServerCertificateVerificationPortLevel", _W),
    "IST0130": Code("VirtualServiceUnreachableRule", _W),
    "IST0131": Code("VirtualServiceIneffectiveMatch", _I),
    "IST0132": Code("VirtualServiceHostNotFoundInGateway", _W),
    "IST0133": Code("SchemaWarning", _W),
    "IST0134": Code("ServiceEntryAddressesRequired", _W),
    "IST0135": Code("DeprecatedAnnotation", _I),
    "IST0136": Code("AlphaAnnotation", _I),
    "IST0137": Code("DeploymentConflictingPorts", _W),
    "IST0138": Code("GatewayDuplicateCertificate", _W),
    "IST0139": Code("InvalidWebhook", _E),
    "IST0140": Code("IngressRouteRulesNotAffected", _W),
    "IST0141": Code("InsufficientPermissions", _E),
    "IST0142": Code("UnsupportedKubernetesVersion", _E),
    "IST0144": Code("InvalidApplicationUID", _W),
    "IST0145": Code("ConflictingGateways", _E),
    "IST0146": Code("ImageAutoWithoutInjectionWarning", _W),
    "IST0147": Code("ImageAutoWithoutInjectionError", _E),
    "IST0148": Code("NamespaceInjectionEnabledByDefault", _I),
    "IST0149": Code("JwtClaimBasedRoutingWithoutRequestAuthN", _E),
    "IST0150": Code("ExternalNameServiceTypeInvalidPortName", _W),
    "IST0151": Code("EnvoyFilterUsesRelativeOperation", _W),
    "IST0152": Code("EnvoyFilterUsesReplaceOperationIncorrectly", _E),
    "IST0153": Code("EnvoyFilterUsesAddOperationIncorrectly", _E),
    "IST0154": Code("EnvoyFilterUsesRemoveOperationIncorrectly", _E),
    "IST0155": Code("EnvoyFilterUsesRelativeOperationWithProxyVersion", _W),
    "IST0157": Code("InvalidTelemetryProvider", _W),
    "IST0158": Code("PodsIstioProxyImageMismatchInNamespace", _W),
    "IST0159": Code("ConflictingTelemetryWorkloadSelectors", _E),
    "IST0160": Code("MultipleTelemetriesWithoutWorkloadSelectors", _E),
    "IST0161": Code("InvalidGatewayCredential", _E),
    "IST0162": Code("GatewayPortNotDefinedOnService", _W),
    "IST0163": Code("InvalidExternalControlPlaneConfig", _W),
    "IST0164": Code("ExternalControlPlaneAddressIsNotAHostname", _I),
    "IST0165": Code("ReferencedInternalGateway", _W),
    "IST0166": Code("IneffectiveSelector", _W),
    "IST0167": Code("IneffectivePolicy", _W),
    "IST0171": Code("NegativeConditionStatus", _W),
    "IST0173": Code("DestinationRuleSubsetNotSelectPods", _E),
    "IST0174": Code("UnknownDestinationRuleHost", _W),
    "IST0175": Code("JwksUriFetchUnrestricted", _W),
    "IST0176": Code("GatewayAPICRDVersionBelowMinimum", _W),
    "IST0177": Code("ConflictingServiceEntryProtocol", _W),
    "KIA0002": Code("MultipleSelectorless", _E),
    "KIA0003": Code("MultipleForOneWorkload", _E),
    "KIA0004": Code("NoWorkloadForSelector", _W),
    "KIA0005": Code("ExportToUnknownNamespace", _E),
    "KIA0102": Code("UnknownMethod", _W),
    "KIA0104": Code("UnknownServiceInHosts", _E),
    "KIA0105": Code("NeedsMutualTLS", _E),
    "KIA0106": Code("UnknownServiceAccount", _E),
    "KIA0108": Code("UnknownTrustDomain", _W),
    "KIA0201": Code("MultipleRulesForOneHost", _W),
    "KIA0207": Code("PlaintextToStrict", _E),
    "KIA0209": Code("SubsetWithoutLabels", _W),
    "KIA0505": Code("MutualTLSToDisabled", _E),
    "KIA0701": Code("UnknownTargetPort", _W),
    "KIA1004": Code("UnknownHostInSidecar", _W),
    "KIA1006": Code("DefaultSidecarWithSelector", _W),
    "KIA1007": Code("PolicyWithoutMode", _I),
    "KIA1104": Code("WeightNotUsed", _W),
    "KIA1105": Code("RepeatedDestination", _W),
    "KIA1211": Code("MultipleEntriesForOneHost", _W),
    "KIA1701": Code("UnknownServiceAccount", _W),
    "KIA1702": Code("RepeatedLabels", _W),
    "TEJ0001": Code("NoEffectYet", _W),
}
