#!/bin/sh
# GET /orders/7 as service:orders-web: prints the headers, with --curl a ready command.
# PRIVATE_KEY_FILE is the service's key, which signs passport and proof.
exec trustplane sign --private-key-file "$PRIVATE_KEY_FILE" \
    --issuer https://orders-web.shop.example --kid orders-web-1 --trust-domain shop.example \
    --subject service:orders-web --audience orders-api --route-id orders.read \
    --url "${BASE_URL:-https://orders.example}/orders/7" "$@"
