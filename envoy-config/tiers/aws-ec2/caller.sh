#!/bin/sh
# GET /orders/7 as one machine of the fleet: prints the headers, with --curl a ready command.
# PRIVATE_KEY_FILE is the key that the machine was given.
exec trustplane sign --private-key-file "$PRIVATE_KEY_FILE" \
    --issuer https://fleet.shop.example --kid fleet-us-east-1 --trust-domain shop.example \
    --subject "aws:ec2:us-east-1:${INSTANCE_ID:-i-0123456789abcdef0}" \
    --audience orders-api --route-id orders.read \
    --url "${BASE_URL:-https://orders.example}/orders/7" "$@"
