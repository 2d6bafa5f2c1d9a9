#!/bin/sh
# GET /orders/7 as the workload, which holds no key: prints the headers, with --curl a ready command.
exec trustplane broker issue --socket "${SOCKET:-/run/trustplane/issue/broker.sock}" \
    --key-binding attested_workload --audience orders-api --route-id orders.read \
    --url "${BASE_URL:-https://orders.example}/orders/7" "$@"
