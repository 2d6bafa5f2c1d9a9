#!/bin/sh
# The broker as a sidecar: it alone mounts the Workload API's socket. Uid 10001 is the application's,
# and nobody else's in the pod. KEY_FILE holds the private key of broker-1, mode 0600.
export SPIFFE_ENDPOINT_SOCKET="${SPIFFE_ENDPOINT_SOCKET:-unix:///spiffe-workload-api/spire-agent.sock}"
exec trustplane-broker serve --socket "${SOCKET:-/run/trustplane/issue/broker.sock}" --socket-mode 660 \
    --policy "$(dirname "$0")/broker-policy.json" --key-file "$KEY_FILE" \
    --spiffe-profile trustplane-spiffe-spire-k8s-v1 --spiffe-trust-domain shop.example \
    --spiffe-allowed-id spiffe://shop.example/ns/shop/sa/orders --spiffe-bind uid=10001 "$@"
