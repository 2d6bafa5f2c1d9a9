#!/bin/sh
# GET /orders/7 under the passport on standard input: prints the headers, with --curl a ready
# command. PRIVATE_KEY_FILE is the caller's key, which signs the proof and no passport.
exec trustplane sign --token - --private-key-file "$PRIVATE_KEY_FILE" --route-id orders.read \
    --url "${BASE_URL:-https://orders.example}/orders/7" "$@"
